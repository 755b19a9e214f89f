//! One data transfer: the device's side is connected first, then libunftp's, then bytes move while the control connection is
//! watched. The device gets 425 or 426 with the cause, never silence, and 226 only for what arrived whole.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::active::{self, Dial};
use super::command::{Transfer, Type, Verb};
use super::relay::{self, Broken, Rules};
use super::reply::Reply;
use super::session::{Connection, DataPath, End};
use super::stream::Stream;
use super::tls::HandshakeError;
use super::upstream::{Answer, Upstream, command};
use super::watch::Interruption;
use crate::config::HangUp;
use crate::session::{self, Fate, Mode, Session};
use crate::{limits, metrics};

/// How long libunftp may take to say how a transfer ended, once it has closed its data connection. It never takes that long
/// unless it failed without a word.
const LAST_REPLY: Duration = Duration::from_secs(60);

const STOPPING: &str = "the server is stopping";
const ABORTED: &str = "the device sent ABOR";

/// How a transfer ended.
#[derive(Debug)]
enum Outcome {
    /// libunftp has the last word: 226, or why it refuses.
    Answered(Answer),
    /// It broke off, or never began: the reply that says why.
    Broken(Reply),
}

impl Connection {
    pub(super) async fn transfer(&mut self, transfer: Transfer<'_>) -> Result<(), End> {
        // REST holds for one transfer only, however that ends (RFC 3659 section 5.3).
        let offset = std::mem::take(&mut self.offset);
        if offset > 0 && !self.may_start_at_an_offset(transfer.verb) {
            return self.reply(&Reply::new(554, "REST goes before STOR and RETR only, and needs TYPE I")).await;
        }
        let Some(path) = self.data.take() else {
            return self.reply(&Reply::new(425, "Send PASV, EPSV, PORT or EPRT first")).await;
        };
        if transfer.verb.announced().is_some() && !self.has_room() {
            metrics::disk_full();
            return self.reply(&Reply::new(452, "The server's disk is nearly full, try again later")).await;
        }
        let mode = path.mode();
        let outlives = self.outlives(transfer.verb);
        let cause = match self.connect(path, outlives).await {
            Ok(Ok(device)) => return self.carry(transfer, mode, offset, device).await,
            Ok(Err(cause)) => cause,
            Err(Interruption::Lost) => return Err(End::Lost),
            Err(Interruption::Halted) => STOPPING.to_owned(),
            Err(Interruption::Aborted) => ABORTED.to_owned(),
        };
        metrics::data_connection_failed(mode);
        self.reply(&Reply::new(425, format!("No data connection: {cause}"))).await
    }

    /// Whether the disk has room for uploads. Asked before each, since it is one system call; a disk that cannot tell is tried.
    fn has_room(&self) -> bool {
        let free = limits::free(&self.shared.spool.under_way);
        free.inspect(|bytes| metrics::disk_free(*bytes)).is_none_or(|bytes| bytes >= self.shared.config.limits.disk_free.as_u64())
    }

    /// REST is for one file that goes on where it stopped. What is appended goes to the end of the file, wherever that is.
    fn may_start_at_an_offset(&self, verb: Verb) -> bool {
        match verb {
            Verb::Stor | Verb::Retr => self.form == Type::Image,
            Verb::Appe | Verb::Stou => false,
            Verb::List | Verb::Nlst | Verb::Mlsd => true,
        }
    }

    /// Whether a transfer goes on when the control connection is gone.
    fn outlives(&self, verb: Verb) -> bool {
        verb.announced().is_some() && self.shared.config.hang_up == HangUp::Keep
    }

    /// Connects the device's side: in passive mode the device comes, in active mode it is dialled now and not before.
    async fn connect(&mut self, path: DataPath, outlives: bool) -> Result<Result<TcpStream, String>, Interruption> {
        let config = &self.shared.config.active;
        let dial = Dial { from: config.bind.unwrap_or(self.local), port: config.source_port, limit: config.connect };
        let connecting = async {
            match path {
                DataPath::Passive(lease) => lease.connected().await,
                DataPath::Active(target) => active::dial(target, dial).await,
            }
        };
        self.watch(&AtomicU64::new(0), outlives).during(connecting).await
    }

    /// Has libunftp open its side, moves the bytes, and tells the device how it ended.
    async fn carry(&mut self, transfer: Transfer<'_>, mode: Mode, offset: u64, device: TcpStream) -> Result<(), End> {
        let pledge = transfer.verb.announced().map(|verb| Pledge::begin(&self.session, mode, verb));
        let mut upstream = self.take_upstream().await?;
        let (answer, local) = open(&mut upstream, transfer, offset).await.map_err(End::Upstream)?;
        let Some(local) = local else {
            drop(device);
            self.pass_on(&answer).await?;
            return self.settle(upstream, offset, false).await;
        };
        // The data connection stands on both sides: from here on the device may send or receive, after its handshake with TLS.
        let told = match transfer.verb {
            // RFC 1123 section 4.1.2.9: the reply names the file in this form.
            Verb::Stou => self.reply(&Reply::new(150, format!("FILE: {}", answer.text()))).await,
            _ => self.pass_on(&answer).await,
        };
        let outlives = self.outlives(transfer.verb);
        if !outlives {
            told?;
        }

        let moved = AtomicU64::new(0);
        let outcome = match self.protect(device, transfer.verb).await {
            Ok(device) => {
                let sides = Sides { device, local, moved: &moved };
                match &pledge {
                    Some(pledge) => self.upload(&mut upstream, sides, pledge, outlives).await,
                    None => self.download(&mut upstream, sides, transfer.verb).await,
                }
            }
            Err(failed) => {
                if let Some(pledge) = &pledge {
                    pledge.broken();
                }
                metrics::data_connection_failed(mode);
                let refusal = failed?;
                abandon(&mut upstream, local, transfer.verb).await.map(|()| Outcome::Broken(refusal))
            }
        };
        let (whole, ended) = match &outcome {
            Ok(Outcome::Answered(answer)) if answer.code == 226 => (true, "whole"),
            Ok(Outcome::Answered(answer)) if answer.code != 426 => (false, "refused"),
            _ => (false, "broken"),
        };
        metrics::transferred(transfer.verb.as_str(), mode, ended, moved.load(Ordering::Relaxed));
        // Both sides of the data connection are closed by now: the device hears what has already happened.
        match outcome? {
            Outcome::Answered(answer) => self.pass_on(&answer).await?,
            Outcome::Broken(reply) => self.reply(&reply).await?,
        }
        self.settle(upstream, offset, whole).await
    }

    /// Does the handshake on a data connection that is to be protected. Otherwise gives the reply that says why there is none, or
    /// the session's end.
    async fn protect(&mut self, device: TcpStream, verb: Verb) -> Result<Stream, Result<Reply, End>> {
        // Lent for the handshake, while the control connection is watched.
        let Some(protection) = self.protection.take_if(|protection| protection.data) else { return Ok(Stream::Plain(device)) };
        let (upload, limit) = (verb.announced().is_some(), self.shared.config.tls.handshake);
        let outlives = self.outlives(verb);
        let shaken = self.watch(&AtomicU64::new(0), outlives).during(protection.of_data(device, upload, limit)).await;
        self.protection = Some(protection);
        match shaken {
            Ok(Ok(stream)) => Ok(Stream::Tls(stream)),
            // Trying again may help, or it will not (RFC 4217 section 9).
            Ok(Err(failed @ (HandshakeError::Stalled(_) | HandshakeError::Lost(_)))) => {
                Err(Ok(Reply::new(425, format!("No data connection: {failed}"))))
            }
            Ok(Err(failed)) => Err(Ok(Reply::new(522, format!("No data connection: {failed}")))),
            Err(Interruption::Lost) => Err(Err(End::Lost)),
            Err(Interruption::Halted) => Err(Ok(aborted(STOPPING))),
            Err(Interruption::Aborted) => Err(Ok(aborted(ABORTED))),
        }
    }

    fn rules(&self, verb: Verb) -> Rules {
        Rules {
            stall: self.shared.config.limits.stall,
            // Lists have CRLF at their line ends in any type.
            ascii: self.form == Type::Ascii && (verb.announced().is_some() || verb == Verb::Retr),
            close_notify: self.shared.config.tls.close_notify,
        }
    }

    /// Keeps libunftp for the next command.
    async fn settle(&mut self, mut upstream: Upstream, offset: u64, whole: bool) -> Result<(), End> {
        // What landing said of this transfer is for no other reply.
        self.session.take_refusal();
        if offset > 0 && !whole {
            // It would apply the offset to the next transfer, too.
            upstream.ask("REST", "0").await.map_err(End::Upstream)?;
        }
        self.put_back(upstream);
        Ok(())
    }

    async fn upload(
        &mut self,
        upstream: &mut Upstream,
        sides: Sides<'_>,
        pledge: &Pledge,
        outlives: bool,
    ) -> Result<Outcome, End> {
        let rules = self.rules(Verb::Stor);
        let Sides { mut device, mut local, moved } = sides;
        let work = async {
            tokio::select! {
                biased;
                // A refusal need not wait for the end of the data.
                answer = upstream.reply() => Err(answer),
                end = relay::upload(&mut device, &mut local, rules, moved) => Ok(end),
            }
        };
        let mut end = self.watch(moved, outlives).during(work).await;
        if matches!(end, Ok(Ok(Ok(()))))
            && let Err(before) = self.watch(moved, outlives).by_now().await
        {
            // A device that aborts or dies ends both connections, and the data connection's end may be heard of first.
            end = Err(before);
        }
        let cause = match end {
            Ok(Ok(Ok(()))) => return self.complete(upstream, local, moved, pledge, outlives).await,
            Ok(Ok(Err(Broken::Local))) => return answered(last_reply(upstream, Some(local)).await),
            Ok(Ok(Err(Broken::Device(cause)))) => cause,
            Ok(Err(refusal)) => return answered(refusal),
            Err(Interruption::Lost) => return Err(End::Lost),
            Err(Interruption::Halted) => STOPPING.to_owned(),
            Err(Interruption::Aborted) => ABORTED.to_owned(),
        };
        // Said before libunftp's side is closed: landing must not take the end of the bytes for the end of the file.
        pledge.broken();
        drop(local);
        // libunftp's own reply to this is not for the device.
        answered(last_reply(upstream, None).await)?;
        Ok(Outcome::Broken(aborted(cause)))
    }

    /// All bytes are here. Until libunftp has answered, the upload is whole only as long as the device stands by it.
    async fn complete(
        &mut self,
        upstream: &mut Upstream,
        mut local: TcpStream,
        moved: &AtomicU64,
        pledge: &Pledge,
        outlives: bool,
    ) -> Result<Outcome, End> {
        pledge.complete();
        // A failure means that libunftp has closed its side and says why.
        let _ = local.shutdown().await;
        let mut reply = pin!(last_reply(upstream, Some(local)));
        match self.watch(moved, outlives).during(&mut reply).await {
            Ok(answer) => answered(answer),
            Err(Interruption::Halted) => answered(reply.await),
            Err(interruption) => {
                pledge.broken();
                // Landing may have been quicker, and says so with 226.
                let answer = reply.await;
                if interruption == Interruption::Lost { Err(End::Lost) } else { answered(answer) }
            }
        }
    }

    async fn download(&mut self, upstream: &mut Upstream, sides: Sides<'_>, verb: Verb) -> Result<Outcome, End> {
        let rules = self.rules(verb);
        let Sides { mut device, mut local, moved } = sides;
        let work = relay::download(&mut device, &mut local, rules, moved);
        let cause = match self.watch(moved, false).during(work).await {
            Ok(Ok(()) | Err(Broken::Local)) => {
                drop(device);
                return answered(last_reply(upstream, Some(local)).await);
            }
            Ok(Err(Broken::Device(cause))) => cause,
            Err(Interruption::Lost) => return Err(End::Lost),
            Err(Interruption::Halted) => STOPPING.to_owned(),
            Err(Interruption::Aborted) => ABORTED.to_owned(),
        };
        drop(device);
        abandon(upstream, local, verb).await?;
        Ok(Outcome::Broken(aborted(cause)))
    }
}

/// The reply to a transfer that broke off.
fn aborted(cause: impl std::fmt::Display) -> Reply {
    Reply::new(426, format!("Transfer aborted: {cause}"))
}

/// Ends libunftp's side of a transfer that the device's side has no use for. Its own reply to this is not for the device.
async fn abandon(upstream: &mut Upstream, local: TcpStream, verb: Verb) -> Result<(), End> {
    // A listing is read to its end: libunftp gives no reply at all when it cannot send one. A file is not: it may be long.
    let local = Some(local).filter(|_| matches!(verb, Verb::List | Verb::Nlst | Verb::Mlsd));
    last_reply(upstream, local).await.map(drop).map_err(End::Upstream)
}

/// The two data connections of a transfer.
#[derive(Debug)]
struct Sides<'m> {
    device: Stream,
    local: TcpStream,
    moved: &'m AtomicU64,
}

/// What landing waits for before an upload lands: that the edge says how the device's side ended.
#[derive(Debug)]
struct Pledge(Arc<Session>);

impl Pledge {
    fn begin(session: &Arc<Session>, mode: Mode, verb: session::Verb) -> Self {
        session.begin(mode, verb);
        Self(Arc::clone(session))
    }

    fn complete(&self) {
        self.0.end(Fate::Complete);
    }

    fn broken(&self) {
        self.0.end(Fate::Broken);
    }
}

impl Drop for Pledge {
    /// However a session ends, landing is never left waiting. After an orderly end nobody asks any more.
    fn drop(&mut self) {
        self.broken();
    }
}

impl Verb {
    /// The command as an upload's record names it; nothing for a download.
    fn announced(self) -> Option<session::Verb> {
        match self {
            Self::Stor => Some(session::Verb::Stor),
            Self::Appe => Some(session::Verb::Appe),
            Self::Stou => Some(session::Verb::Stou),
            Self::Retr | Self::List | Self::Nlst | Self::Mlsd => None,
        }
    }
}

/// Has libunftp open a data port and start the transfer, all in one go. Gives its last reply, and the data connection unless
/// it refused.
async fn open(upstream: &mut Upstream, transfer: Transfer<'_>, offset: u64) -> io::Result<(Answer, Option<TcpStream>)> {
    let rest = if offset > 0 { format!("REST {offset}\r\n") } else { String::new() };
    let start = command(transfer.verb.as_str(), transfer.path);
    upstream.send(&format!("EPSV\r\n{rest}{start}")).await?;

    let port = upstream.reply().await?;
    let local = if port.code == 229 { Some(upstream.data().await?) } else { None };
    if offset > 0 {
        upstream.reply().await?;
    }
    let answer = upstream.reply().await?;
    let local = local.filter(|_| answer.code == 150);
    Ok((answer, local))
}

/// libunftp's reply at the end of a transfer. When it has closed the data connection, or that is closed already, the reply is
/// due: a failure without a word must not leave the device waiting for ever.
async fn last_reply(upstream: &mut Upstream, local: Option<TcpStream>) -> io::Result<Answer> {
    if let Some(mut local) = local {
        let closed = async {
            let mut left = [0; 1024];
            while matches!(local.read(&mut left).await, Ok(1..)) {}
        };
        tokio::select! {
            biased;
            answer = upstream.reply() => return answer,
            () = closed => {}
        }
    }
    timeout(LAST_REPLY, upstream.reply()).await?
}

fn answered(answer: io::Result<Answer>) -> Result<Outcome, End> {
    answer.map(Outcome::Answered).map_err(End::Upstream)
}

#[cfg(test)]
mod tests;
