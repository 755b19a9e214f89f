//! An upload: from the device's data connection to landing, through no socket of ours.
//!
//! libunftp would take it over a connection of its own, on loopback: for the few kilobytes of most uploads that is more work than all the
//! rest. So the edge hands the bytes to the same piece of landing that libunftp's storage is made of.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::TcpStream;
use ulid::Ulid;

use super::{ABORTED, STOPPING, aborted};
use crate::edge::command::{Transfer, Verb};
use crate::edge::relay::{self, Broken};
use crate::edge::reply::Reply;
use crate::edge::session::{Connection, End};
use crate::edge::stream::Stream;
use crate::edge::watch::Interruption;
use crate::landing::{Failure, Receiving};
use crate::metrics;
use crate::session::{self, Fate, Mode, Session};

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

impl Connection {
    /// Takes an upload over a data connection that stands, and tells the device how it ended.
    pub(super) async fn store(
        &mut self,
        transfer: Transfer<'_>,
        announced: session::Verb,
        mode: Mode,
        offset: u64,
        device: TcpStream,
    ) -> Result<(), End> {
        let Some(account) = self.account.clone() else { return Err(End::Lost) };
        let pledge = Pledge::begin(&self.session, mode, announced);
        let (path, ready) = match transfer.verb {
            // RFC 1123 section 4.1.2.9: the reply names the file in this form.
            Verb::Stou => {
                let name = Ulid::generate().to_string();
                (self.whole(&name), Reply::new(150, format!("FILE: {name}")))
            }
            _ => (self.whole(transfer.path), Reply::new(150, "Ready to receive data")),
        };
        // The data connection stands: from here on the device may send, after its handshake with TLS.
        let outlives = self.outlives(transfer.verb);
        let told = self.reply(&ready).await;
        if !outlives {
            told?;
        }

        let moved = AtomicU64::new(0);
        let outcome = match self.protect(device, transfer.verb).await {
            Ok(device) => match self.shared.landing(&self.session).receive(&account, path.as_ref(), offset) {
                Ok(landing) => self.receive(device, landing, &pledge, &moved, outlives).await,
                Err(failure) => Ok(refused(&failure)),
            },
            Err(failed) => {
                metrics::data_connection_failed(mode);
                failed
            }
        };
        let ended = match &outcome {
            Ok(reply) if reply.code == 226 => "whole",
            Err(_) | Ok(Reply { code: 425 | 426 | 522, .. }) => "broken",
            Ok(_) => "refused",
        };
        metrics::transferred(transfer.verb.as_str(), mode, ended, moved.load(Ordering::Relaxed));
        // The data connection is closed by now: the device hears what has already happened.
        self.reply(&outcome?).await
    }

    async fn receive(
        &mut self,
        mut device: Stream,
        mut landing: Receiving,
        pledge: &Pledge,
        moved: &AtomicU64,
        outlives: bool,
    ) -> Result<Reply, End> {
        let work = relay::upload(&mut device, &mut landing, self.rules(Verb::Stor), moved);
        let mut end = self.watch(moved, outlives).during(work).await;
        if matches!(end, Ok(Ok(_)))
            && let Err(before) = self.watch(moved, outlives).by_now().await
        {
            // A device that aborts or dies ends both connections, and the data connection's end may be heard of first.
            end = Err(before);
        }
        let broken = match end {
            Ok(Ok(last)) => {
                pledge.complete();
                return self.confirm(landing.finish(last), pledge, moved, outlives).await;
            }
            Ok(Err(Broken::Ours(failure))) => return Ok(refused(&failure)),
            Ok(Err(Broken::Device(cause))) => Ok(aborted(cause)),
            Err(Interruption::Lost) => Err(End::Lost),
            Err(Interruption::Halted) => Ok(aborted(STOPPING)),
            Err(Interruption::Aborted) => Ok(aborted(ABORTED)),
        };
        drop(device);
        // Its failure is what is said here; the device hears of it when nothing is left of the upload.
        landing.break_off(None).await;
        broken
    }

    /// All bytes are here. Until landing has answered, the upload is whole only as long as the device stands by it.
    async fn confirm(
        &mut self,
        landing: impl Future<Output = Result<u64, Failure>>,
        pledge: &Pledge,
        moved: &AtomicU64,
        outlives: bool,
    ) -> Result<Reply, End> {
        let mut landing = pin!(landing);
        match self.watch(moved, outlives).during(&mut landing).await {
            Ok(landed) => Ok(answer(landed)),
            Err(Interruption::Halted) => Ok(answer(landing.await)),
            Err(interruption) => {
                pledge.broken();
                // Landing may have been quicker, and says so with 226.
                let reply = answer(landing.await);
                if interruption == Interruption::Lost { Err(End::Lost) } else { Ok(reply) }
            }
        }
    }
}

/// What the device is told.
fn answer(landed: Result<u64, Failure>) -> Reply {
    match landed {
        Ok(_) => Reply::new(226, "File successfully written"),
        Err(failure) => refused(&failure),
    }
}

fn refused(failure: &Failure) -> Reply {
    Reply::new(failure.code(), failure.said())
}
