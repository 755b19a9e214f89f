//! The queue's messages in, loaded deliveries out, many at a time.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::budget::Budget;
use crate::delivery::{Delivery, InFlight, Ticket};
use crate::error::{Error, Fate};
use crate::event::Created;
use crate::job::{Job, Runner};
use crate::ledger::Ledgers;
use crate::load::Loader;
use crate::pieces::PIECE_BYTES;
use crate::queue::{Message, Queue};
use crate::retry::{Backoff, retry};
use crate::{clock, event, metrics, quarantine};

/// What one call asks for; SQS gives ten messages at most, and waits for 20 s.
const MESSAGES_MAX: u32 = 64;
const WAIT: Duration = Duration::from_secs(20);
/// How long to wait for a message before the queue counts as empty. Any wait at all makes SQS ask all of its servers.
const EMPTY_AFTER: Duration = Duration::from_secs(1);
/// What an upload counts at least, however short it is: its facts, its arrays, its place in the queue.
const UPLOAD_BYTES_MIN: u64 = 4 << 10;
/// Uploads of one message that are read at the same time.
const UPLOADS_AT_ONCE: usize = 4;

/// How often a segment is delivered before what is missing before it is taken as lost: over about ten minutes.
const EARLY_DELIVERIES: u32 = 7;
/// How often a queue must deliver a message, at least, before it gives the message up: once more than that.
pub const DELIVERIES_MIN: u32 = EARLY_DELIVERIES + 1;
const EARLY_PAUSE: Duration = Duration::from_secs(5);
const EARLY_PAUSE_MAX: Duration = Duration::from_secs(300);

/// How long a message is hidden whose upload came before the one that it follows.
fn early_pause(deliveries: u32) -> Duration {
    EARLY_PAUSE.saturating_mul(2_u32.saturating_pow(deliveries.saturating_sub(1))).min(EARLY_PAUSE_MAX)
}

/// When to receive no more, beside a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    Shutdown,
    /// The queue has nothing to deliver.
    Empty,
}

/// Receives messages and reads what they tell of.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) visibility: Duration,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) loader: Arc<Loader>,
    pub(crate) ledgers: Arc<Ledgers>,
    pub(crate) jobs: Runner,
    /// The bucket of the quarantine.
    pub(crate) bucket: String,
    pub(crate) budget: Arc<Budget>,
    /// How many messages are read at the same time.
    pub(crate) concurrency: usize,
    pub(crate) backoff: Backoff,
    pub(crate) until: Until,
    pub(crate) now: fn() -> Timestamp,
}

impl Intake {
    /// Receives until `shutdown`, or until the queue is empty when that is asked for, then ends once what was received has been read.
    pub(crate) async fn run(self: Arc<Self>, to: mpsc::Sender<Delivery>, shutdown: CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.concurrency));
        let mut reads = JoinSet::new();
        let mut backoff = self.backoff;
        loop {
            let received = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                received = self.receive(&slots) => received,
            };
            let mut trouble = false;
            match received {
                Ok(messages) if messages.is_empty() && self.until == Until::Empty => break,
                Ok(messages) => {
                    for (ticket, message, slot) in messages {
                        match Job::read(&message.body) {
                            // Not counted among the messages that are read at once: a job may take hours.
                            Some(Ok(job)) => reads.spawn(self.clone().work(job, ticket, shutdown.clone())),
                            no_job => {
                                let problem = no_job.and_then(Result::err);
                                reads.spawn(self.clone().read(message, problem, ticket, slot, to.clone()))
                            }
                        };
                    }
                }
                Err(error) => {
                    warn!(error = error.chain(), "no messages");
                    trouble = true;
                }
            }
            while let Some(read) = reads.try_join_next() {
                trouble |= matches!(ended(read), Some(Fate::Retry));
            }
            if !trouble {
                backoff = self.backoff;
                continue;
            }
            // While the lake or the queue is in trouble, to go on receiving would only use up the deliveries of every message.
            let pause = backoff.pause().unwrap_or(WAIT);
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                () = clock::sleep(pause) => {}
            }
        }
        while let Some(read) = reads.join_next().await {
            ended(read);
        }
    }

    /// As many messages as can be read at once now, at least one; none when none came.
    async fn receive(&self, slots: &Arc<Semaphore>) -> Result<Vec<(Ticket, Message, OwnedSemaphorePermit)>, Error> {
        // The semaphore is never closed.
        let first = slots.clone().acquire_owned().await.ok();
        let more = std::iter::from_fn(|| slots.clone().try_acquire_owned().ok());
        let slots: Vec<_> = first.into_iter().chain(more).zip(0..MESSAGES_MAX).map(|(slot, _)| slot).collect();
        let messages_max = u32::try_from(slots.len()).unwrap_or(MESSAGES_MAX);
        let wait = match self.until {
            Until::Shutdown => WAIT,
            Until::Empty => EMPTY_AFTER,
        };
        let messages = self.queue.receive(messages_max, wait, self.visibility).await?;
        let messages = messages.into_iter().zip(slots);
        Ok(messages.map(|(message, slot)| (self.in_flight.keep(&message.receipt), message, slot)).collect())
    }

    async fn work(self: Arc<Self>, job: Job, ticket: Ticket, shutdown: CancellationToken) -> Option<Fate> {
        self.jobs.run(job, ticket, &shutdown).await;
        None
    }

    /// Reads the uploads of one message, unless there is a `problem` with it, and hands them on. Whatever goes wrong, the message stays
    /// in the queue: it is delivered again when it is no longer hidden, and set aside by the queue when that has been often enough.
    async fn read(
        self: Arc<Self>,
        message: Message,
        problem: Option<String>,
        ticket: Ticket,
        slot: OwnedSemaphorePermit,
        to: mpsc::Sender<Delivery>,
    ) -> Option<Fate> {
        match self.delivery(&message, problem, ticket).await {
            Ok(delivery) => {
                // It fails only when the worker is gone already; then the message is delivered again.
                let _ = to.send(delivery).await;
                drop(slot);
                None
            }
            Err(failure @ Error::Early { .. }) => {
                let pause = early_pause(message.deliveries);
                let cause = failure.chain();
                info!(reason = cause, ?pause, "message left in the queue for a while");
                explain(self.queue.as_ref(), &message.receipt, &cause).await;
                // Hidden for less or more than a worker's failure would hide it; if that does not work, for as long as that.
                if let Err(error) = self.queue.extend(vec![message.receipt.clone()], pause).await {
                    warn!(error = Error::from(error).chain(), "message not hidden");
                }
                None
            }
            Err(failure) => {
                metrics::message_left();
                let cause = failure.chain();
                error!(error = cause, deliveries = message.deliveries, "message left in the queue");
                explain(self.queue.as_ref(), &message.receipt, &cause).await;
                Some(failure.fate())
            }
        }
    }

    async fn delivery(&self, message: &Message, problem: Option<String>, ticket: Ticket) -> Result<Delivery, Error> {
        let since = self.ledgers.remembered_since((self.now)());
        let decoded = match problem {
            Some(problem) => Err(problem),
            None => event::read(&message.body).map_err(|undecodable| undecodable.to_string()),
        };
        let created = match decoded {
            Ok(created) => created,
            Err(reason) => {
                warn!(reason, "quarantine a message");
                let keep = || quarantine::keep_message(self.loader.lake.as_ref(), &self.bucket, &message.body, reason.clone());
                retry(self.backoff, keep).await?;
                Vec::new()
            }
        };
        // All uploads of a message at once: to hold some while waiting for room for the others could be for ever.
        let bytes = created.iter().map(|object| bytes_at_once(object, self.loader.file_bytes_max)).sum();
        let mut hold = self.budget.hold(bytes).await;
        let waited = message.deliveries > EARLY_DELIVERIES;
        let loads = stream::iter(created).map(|object| async move { self.loader.load(&object, since, waited).await });
        let mut uploads: Vec<_> = loads.buffered(UPLOADS_AT_ONCE).try_collect().await?;
        uploads.retain(|upload| !upload.is_idle_close());
        // A message has one upload, as a rule, and a vector room for four; thousands of them wait for their batch.
        uploads.shrink_to_fit();
        hold.set(uploads.iter().map(|upload| upload.bytes().max(UPLOAD_BYTES_MIN)).sum());
        Ok(Delivery { ticket, uploads, hold })
    }
}

/// About how many bytes of an object are in memory while it is read.
fn bytes_at_once(object: &Created, file_bytes_max: u64) -> u64 {
    let bytes = object.bytes.unwrap_or_default();
    // What is longer than that is read in pieces or not at all.
    let bytes = if bytes > file_bytes_max { bytes.min(PIECE_BYTES) } else { bytes };
    bytes.max(UPLOAD_BYTES_MIN)
}

/// Writes a cause down with its message. It is in the log as well, so nothing depends on it.
pub(crate) async fn explain(queue: &dyn Queue, receipt: &str, cause: &str) {
    if let Err(failure) = queue.explain(receipt, cause).await {
        warn!(error = Error::from(failure).chain(), "cause not written down with its message");
    }
}

/// What to make of a read's end: its error's fate, if it had one.
fn ended(read: Result<Option<Fate>, tokio::task::JoinError>) -> Option<Fate> {
    read.unwrap_or_else(|source| {
        metrics::message_left();
        error!(error = Error::Task { doing: "read uploads", source }.chain(), "message left in the queue");
        Some(Fate::Abandon)
    })
}

#[cfg(test)]
mod tests;
