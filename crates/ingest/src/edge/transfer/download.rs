//! A download or a list: libunftp opens its side on loopback, and its bytes are moved to the device's data connection.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{ABORTED, STOPPING, aborted};
use crate::edge::command::{Transfer, Verb};
use crate::edge::relay::{self, Broken};
use crate::edge::reply::Reply;
use crate::edge::session::{Connection, End};
use crate::edge::stream::Stream;
use crate::edge::upstream::{Answer, Upstream, command};
use crate::edge::watch::Interruption;
use crate::metrics;
use crate::session::Mode;

/// How long libunftp may take to say how a transfer ended, once it has closed its data connection. It never takes that long
/// unless it failed without a word.
const LAST_REPLY: Duration = Duration::from_secs(60);

/// How a download ended.
#[derive(Debug)]
enum Outcome {
    /// libunftp has the last word: 226, or why it refuses.
    Answered(Answer),
    /// It broke off, or never began: the reply that says why.
    Broken(Reply),
}

/// The two data connections of a transfer.
#[derive(Debug)]
struct Sides<'m> {
    device: Stream,
    local: TcpStream,
    moved: &'m AtomicU64,
}

impl Connection {
    /// Has libunftp open its side, moves the bytes, and tells the device how it ended.
    pub(super) async fn fetch(&mut self, transfer: Transfer<'_>, mode: Mode, offset: u64, device: TcpStream) -> Result<(), End> {
        let mut upstream = self.take_upstream().await?;
        let (answer, local) = open(&mut upstream, transfer, offset).await.map_err(End::Upstream)?;
        let Some(local) = local else {
            drop(device);
            self.pass_on(&answer).await?;
            return self.settle(upstream, offset, false).await;
        };
        // The data connection stands on both sides: from here on the device may receive, after its handshake with TLS.
        self.pass_on(&answer).await?;

        let moved = AtomicU64::new(0);
        let outcome = match self.protect(device, transfer.verb).await {
            Ok(device) => self.download(&mut upstream, Sides { device, local, moved: &moved }, transfer.verb).await,
            Err(failed) => {
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

    async fn download(&mut self, upstream: &mut Upstream, sides: Sides<'_>, verb: Verb) -> Result<Outcome, End> {
        let rules = self.rules(verb);
        let Sides { mut device, mut local, moved } = sides;
        let work = relay::download(&mut device, &mut local, rules, moved);
        let cause = match self.watch(moved, false).during(work).await {
            Ok(Ok(()) | Err(Broken::Ours(()))) => {
                drop(device);
                let answer = last_reply(upstream, Some(local)).await;
                return answer.map(Outcome::Answered).map_err(End::Upstream);
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

/// Ends libunftp's side of a transfer that the device's side has no use for. Its own reply to this is not for the device.
async fn abandon(upstream: &mut Upstream, local: TcpStream, verb: Verb) -> Result<(), End> {
    // A listing is read to its end: libunftp gives no reply at all when it cannot send one. A file is not: it may be long.
    let local = Some(local).filter(|_| matches!(verb, Verb::List | Verb::Nlst | Verb::Mlsd));
    last_reply(upstream, local).await.map(drop).map_err(End::Upstream)
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
