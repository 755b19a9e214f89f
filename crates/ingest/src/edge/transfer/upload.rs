//! An upload: from the device's data connection to landing, through no socket of ours.
//!
//! libunftp would take it over a connection of its own, on loopback: for the few kilobytes of most uploads that is more work than all the
//! rest. So the edge hands the bytes to the same piece of landing that libunftp's storage is made of.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::task::{JoinError, JoinHandle};
use ulid::Ulid;

use super::{ABORTED, STOPPING, aborted};
use crate::accounts::Account;
use crate::edge::command::{Transfer, Verb};
use crate::edge::relay::{self, Broken};
use crate::edge::reply::Reply;
use crate::edge::session::{Connection, End};
use crate::edge::stream::Stream;
use crate::edge::watch::Interruption;
use crate::landing::Failure;
use crate::metrics;
use crate::session::{self, Fate, Mode, Session};

/// How much may have come from the device and not have been taken by landing yet.
const PIPE_BYTES: usize = 256 * 1024;

/// What landing made of an upload: how many bytes it landed with, or why it did not.
type Landed = Result<Result<u64, Failure>, JoinError>;

/// Landing at work. It ends by itself, in one way or the other, even if nobody waits for it any more.
#[derive(Debug)]
struct Landing {
    bytes: DuplexStream,
    task: JoinHandle<Result<u64, Failure>>,
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
            Ok(device) => {
                let landing = self.land(account, path, offset);
                self.receive(device, landing, &pledge, &moved, outlives).await
            }
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

    fn land(&self, account: Account, path: String, offset: u64) -> Landing {
        let storage = self.shared.landing(&self.session);
        let (bytes, input) = duplex(PIPE_BYTES);
        let landing = async move { storage.take(&account, input, path.as_ref(), offset).await };
        Landing { bytes, task: self.shared.tasks.spawn(landing) }
    }

    async fn receive(
        &mut self,
        mut device: Stream,
        landing: Landing,
        pledge: &Pledge,
        moved: &AtomicU64,
        outlives: bool,
    ) -> Result<Reply, End> {
        let rules = self.rules(Verb::Stor);
        let Landing { mut bytes, mut task } = landing;
        let work = async {
            tokio::select! {
                biased;
                // A refusal need not wait for the end of the data.
                landed = &mut task => Err(landed),
                end = relay::upload(&mut device, &mut bytes, rules, moved) => Ok(end),
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
            Ok(Ok(Ok(()))) => {
                pledge.complete();
                drop(bytes);
                return self.confirm(task, pledge, moved, outlives).await;
            }
            Ok(Ok(Err(Broken::Local))) => return Ok(answer(task.await)),
            Ok(Ok(Err(Broken::Device(cause)))) => cause,
            Ok(Err(landed)) => return Ok(answer(landed)),
            Err(Interruption::Lost) => return Err(End::Lost),
            Err(Interruption::Halted) => STOPPING.to_owned(),
            Err(Interruption::Aborted) => ABORTED.to_owned(),
        };
        // Said before the pipe is closed: landing must not take the end of the bytes for the end of the file.
        pledge.broken();
        drop((device, bytes));
        // Its failure is what was just said; the device hears of it when nothing is left of the upload.
        let _ = task.await;
        Ok(aborted(cause))
    }

    /// All bytes are here. Until landing has answered, the upload is whole only as long as the device stands by it.
    async fn confirm(
        &mut self,
        mut task: JoinHandle<Result<u64, Failure>>,
        pledge: &Pledge,
        moved: &AtomicU64,
        outlives: bool,
    ) -> Result<Reply, End> {
        match self.watch(moved, outlives).during(&mut task).await {
            Ok(landed) => Ok(answer(landed)),
            Err(Interruption::Halted) => Ok(answer(task.await)),
            Err(interruption) => {
                pledge.broken();
                // Landing may have been quicker, and says so with 226.
                let reply = answer(task.await);
                if interruption == Interruption::Lost { Err(End::Lost) } else { Ok(reply) }
            }
        }
    }
}

/// What the device is told.
fn answer(landed: Landed) -> Reply {
    match landed {
        Ok(Ok(_)) => Reply::new(226, "File successfully written"),
        Ok(Err(failure)) => Reply::new(failure.code(), failure.said()),
        Err(_panicked) => Reply::new(451, "Internal failure"),
    }
}
