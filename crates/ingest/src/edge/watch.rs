//! The watch on a control connection while something else is under way.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;

use super::control::{Control, Event};
use super::reply::Reply;

/// Whom a session serves.
#[derive(Debug)]
pub(super) struct Who {
    pub(super) client: SocketAddr,
    /// As given with USER, whether or not it exists.
    pub(super) account: String,
}

/// What came before the end of the work.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Interruption {
    /// The device sent ABOR, which is still to be answered.
    Aborted,
    /// The control connection is gone.
    Lost,
    /// The server cannot wait any longer.
    Halted,
}

/// A control connection being watched.
#[derive(Debug)]
pub(super) struct Watch<'c> {
    pub(super) control: &'c mut Control,
    pub(super) halted: &'c CancellationToken,
    pub(super) who: &'c Who,
    /// The bytes that STAT tells.
    pub(super) moved: &'c AtomicU64,
    /// Whether the work goes on without the control connection.
    pub(super) outlives: bool,
}

impl Watch<'_> {
    /// Does the work unless something comes between. STAT is answered meanwhile (RFC 959 section 4.1.3).
    pub(super) async fn during<T>(mut self, work: impl Future<Output = T>) -> Result<T, Interruption> {
        let mut work = pin!(work);
        let mut lost = false;
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                event = self.control.watch(), if !lost => match self.meet(event).await {
                    Err(Interruption::Lost) if self.outlives => lost = true,
                    met => met?,
                },
                () = self.halted.cancelled() => return Err(Interruption::Halted),
            }
        }
    }

    /// Whether something had come already when the work was done.
    pub(super) async fn by_now(mut self) -> Result<(), Interruption> {
        while let Some(event) = self.control.event_by_now().await {
            match self.meet(event).await {
                Err(Interruption::Lost) if self.outlives => return Ok(()),
                met => met?,
            }
        }
        Ok(())
    }

    async fn meet(&mut self, event: Event) -> Result<(), Interruption> {
        match event {
            Event::Abort => Err(Interruption::Aborted),
            Event::Lost => Err(Interruption::Lost),
            Event::Status => {
                let moved = self.moved.load(Ordering::Relaxed);
                self.control.send(&self.who.status(Some(moved))).await.map_err(|_| Interruption::Lost)
            }
        }
    }
}

impl Who {
    /// The reply to STAT: who is served, and how many bytes the transfer under way has moved.
    pub(super) fn status(&self, moved: Option<u64>) -> Reply {
        let account = if self.account.is_empty() { "nobody" } else { &self.account };
        let transfer = moved.map_or_else(|| "No transfer".to_owned(), |bytes| format!("Transfer under way, {bytes} bytes moved"));
        Reply::new(
            211,
            format!("Inlet FTP server\nConnected from {}\nLogged in as {account}\n{transfer}\nEnd of status", self.client),
        )
    }
}
