//! The queue in SQLite: what Amazon SQS promises, for one receiving process. Others may send.
//!
//! Calls that arrive together share one transaction and one fsync (`writer.rs`). Receivers that wait are woken by what
//! arrives, or by the clock when the next hidden message is due.

mod dead;
mod deliveries;
mod table;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use etl::{Message, QueueError};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use tokio::sync::Notify;
use tokio::time::Instant;
use watcher::PublishError;

pub use dead::{DeadLetter, DeadLetters};
pub use table::Depth;
use writer::Writer;

/// What one call gives at most, so that its transaction is short.
const MESSAGES_MAX: u32 = 100;
/// As long as SQS waits.
const WAIT_MAX: Duration = Duration::from_secs(20);
/// How often a receiver that waits looks for what another process, one of the commands, has sent.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The longest body that SQS takes.
const BODY_BYTES_MAX: usize = 256 << 10;

/// A queue in one file. Clones share it.
///
/// A message that was delivered `deliveries_max` times and comes due once more is put among the dead letters instead. A receipt is
/// good until its message is delivered again: an older one no longer deletes. Deleting a message that is gone is no failure. What a
/// process had received when it ended is delivered again by the next, at once, and that delivery does not count unless it was explained.
/// But behind a process that ended without [`SqliteQueue::end`], deliveries count from the first: a message that ends each process that
/// receives it becomes a dead letter too.
#[derive(Clone, Debug)]
pub struct SqliteQueue {
    writer: Writer,
    due: Arc<Notify>,
}

impl SqliteQueue {
    /// Opens the queue in that file, or makes it. Called within a Tokio runtime.
    pub async fn open(file: &Path, deliveries_max: u32) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        // In this mode every commit is on the disk before it is answered; NORMAL would lose the last ones with the power.
        let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
        let mut connection = options.connect().await?;
        table::create(&mut connection).await?;
        table::adopt(&mut connection).await?;
        let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        tokio::fs::File::open(directory).await?.sync_all().await?;
        let due = Arc::new(Notify::new());
        let writer = Writer::start(connection, deliveries_max, Arc::clone(&due));
        Ok(Self { writer, due })
    }

    /// Says that this process ends in order: nothing that it has in hand is what ended it. Nothing is to be received after that.
    pub async fn end(&self) -> Result<(), QueueError> {
        self.writer.end().await.map_err(|error| failed("end", error))
    }

    /// How much waits, and for how long. What another process has received counts as visible.
    pub async fn depth(&self) -> Result<Depth, QueueError> {
        self.writer.depth().await.map_err(|error| failed("count", error))
    }
}

#[async_trait]
impl watcher::Publish for SqliteQueue {
    async fn publish(&self, bodies: &[String]) -> Result<Vec<usize>, PublishError> {
        let (taken, refused): (Vec<_>, Vec<_>) =
            bodies.iter().enumerate().partition(|(_, body)| !body.is_empty() && body.len() <= BODY_BYTES_MAX);
        let taken = taken.into_iter().map(|(_, body)| body.clone()).collect();
        self.writer.send(taken).await.map_err(|error| PublishError { source: error.into() })?;
        Ok(refused.into_iter().map(|(index, _)| index).collect())
    }
}

#[async_trait]
impl etl::Queue for SqliteQueue {
    async fn receive(&self, messages_max: u32, wait: Duration, visibility: Duration) -> Result<Vec<Message>, QueueError> {
        let deadline = Instant::now() + wait.min(WAIT_MAX);
        loop {
            // Listening begins before looking: what arrives in between must not be slept through.
            let mut due = std::pin::pin!(self.due.notified());
            due.as_mut().enable();
            let received = self.writer.receive(messages_max.clamp(1, MESSAGES_MAX), visibility).await;
            let received = received.map_err(|error| failed("receive", error))?;
            if !received.messages.is_empty() || Instant::now() >= deadline {
                return Ok(received.messages);
            }
            let next = Instant::now() + received.next_in.map_or(LOOK_EVERY, |next_in| next_in.min(LOOK_EVERY));
            let next = next.min(deadline);
            tokio::select! {
                () = due => {}
                () = tokio::time::sleep_until(next) => {}
            }
        }
    }

    async fn delete(&self, receipts: Vec<String>) -> Result<Vec<String>, QueueError> {
        self.writer.delete(receipts).await.map_err(|error| failed("delete", error))
    }

    async fn extend(&self, receipts: Vec<String>, visibility: Duration) -> Result<Vec<String>, QueueError> {
        self.writer.extend(receipts, visibility).await.map_err(|error| failed("extend", error))
    }

    async fn explain(&self, receipt: &str, cause: &str) -> Result<(), QueueError> {
        self.writer.explain(receipt.to_owned(), cause.to_owned()).await.map_err(|error| failed("explain", error))
    }
}

fn failed(operation: &'static str, error: writer::Failed) -> QueueError {
    QueueError { operation, source: error.into() }
}

/// Milliseconds since the Unix epoch.
fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests;
