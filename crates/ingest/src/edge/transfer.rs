//! One data transfer: the device's side is connected first, then bytes move while the control connection is watched. The device
//! gets 425 or 426 with the cause, never silence, and 226 only for what arrived whole.
//!
//! Uploads go from here to landing (`upload.rs`), downloads and lists come from libunftp (`download.rs`).

mod download;
mod upload;

use std::sync::atomic::AtomicU64;

use tokio::net::TcpStream;
use tracing::warn;

use super::active::{self, Dial};
use super::command::{Transfer, Type, Verb};
use super::relay::Rules;
use super::reply::Reply;
use super::session::{Connection, DataPath, End};
use super::stream::Stream;
use super::tls::HandshakeError;
use super::watch::Interruption;
use crate::config::HangUp;
use crate::session;
use crate::{limits, metrics};

const STOPPING: &str = "the server is stopping";
const ABORTED: &str = "the device sent ABOR";

impl Connection {
    pub(super) async fn transfer(&mut self, transfer: Transfer<'_>) -> Result<(), End> {
        // REST holds for one transfer only, however that ends (RFC 3659 section 5.3).
        let offset = std::mem::take(&mut self.offset);
        if offset > 0 && !self.may_start_at_an_offset(transfer.verb) {
            return self.reply(&Reply::new(554, "REST goes before STOR and RETR only, and needs TYPE I")).await;
        }
        if transfer.verb == Verb::Mlsd && !transfer.path.is_empty() && self.is_a("file", transfer.path).await? {
            return self.reply(&Reply::new(501, "MLSD lists directories; MLST tells of a file")).await;
        }
        let Some(path) = self.data.take() else {
            return self.reply(&Reply::new(425, "Send PASV, EPSV, PORT or EPRT first")).await;
        };
        if transfer.verb.announced().is_some() && !self.has_room() {
            metrics::disk_full();
            let account = self.account.as_ref().map(|account| account.name.as_str());
            warn!(session = %self.session.id, account, path = transfer.path, "upload refused, the disk is nearly full");
            return self.reply(&Reply::new(452, "The server's disk is nearly full, try again later")).await;
        }
        let mode = path.mode();
        let outlives = self.outlives(transfer.verb);
        let cause = match self.connect(path, outlives).await {
            Ok(Ok(device)) => {
                return match transfer.verb.announced() {
                    Some(announced) => self.store(transfer, announced, mode, offset, device).await,
                    None => self.fetch(transfer, mode, offset, device).await,
                };
            }
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
            facts: Some(self.facts).filter(|_| verb == Verb::Mlsd),
            close_notify: self.shared.config.tls.close_notify,
        }
    }
}

/// The reply to a transfer that broke off.
fn aborted(cause: impl std::fmt::Display) -> Reply {
    Reply::new(426, format!("Transfer aborted: {cause}"))
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

#[cfg(test)]
mod tests;
