//! Outbox in, raw objects and events out: what ingest has put on the disk reaches the lake and the queue at least once.
//!
//! For each upload: scan → upload → publish → forget. The disk is the buffer: whatever fails is tried again for ever, and an
//! upload leaves the outbox only after the queue has its event. So a crash at any point costs a duplicate event and never an
//! upload; the object's key follows from the upload, and storing it again changes nothing.

mod backoff;
mod batch;
mod config;
mod entry;
mod error;
mod event;
mod facts;
mod key;
mod lake;
mod metrics;
mod outbox;
mod publish;
mod scan;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};
use ulid::Ulid;

use backoff::Backoff;
use batch::Batcher;
pub use config::Config;
pub use error::Error;
use key::Key;
pub use lake::{Lake, LakeError, Object, S3Lake, Stored};
use outbox::Outbox;
pub use publish::{Publish, PublishError, SqsQueue};
use scan::{Found, Scan};

/// Uploads in hand for each that may be attempted at a time. Those that wait to be tried again hold no attempt, so that some
/// that fail again and again do not keep the others back.
const IN_HAND_PER_ATTEMPT: usize = 16;
/// How long a shutdown waits for calls to the lake and the queue that are under way.
const DRAIN: Duration = Duration::from_secs(10);
/// How often the outbox is looked at by who waits for its end.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What the watcher works with.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The directory that ingest puts uploads into.
    pub outbox: PathBuf,
    /// Where raw objects go.
    pub lake: Arc<dyn Lake>,
    /// Where events go.
    pub publish: Arc<dyn Publish>,
    /// The region that events name, as S3's do.
    pub region: String,
}

/// Carries uploads from the outbox to the lake and the queue until `shutdown`; then finishes what is under way, for at most ten
/// seconds, and returns. What is left stays in the outbox for the next start.
pub async fn run(config: Config, parts: Parts, shutdown: CancellationToken) -> Result<(), Error> {
    let outbox = Outbox::open(parts.outbox)?;
    let in_hand = Arc::new(Semaphore::new(config.concurrency.saturating_mul(IN_HAND_PER_ATTEMPT)));
    let (found, mut finds) = mpsc::channel(1);
    let scan = tokio::spawn(Scan::new(outbox.clone(), config.rescan, found).run(shutdown.clone()));
    let road = Arc::new(Road {
        batcher: Batcher::start(parts.publish, outbox.clone()),
        outbox,
        lake: parts.lake,
        region: parts.region,
        attempts: Semaphore::new(config.concurrency),
        retry_max: config.retry_max,
        shutdown: shutdown.clone(),
    });

    let mut uploads = JoinSet::new();
    while let Some((slot, found)) = shutdown.run_until_cancelled(next(&in_hand, &mut finds)).await.flatten() {
        let road = Arc::clone(&road);
        uploads.spawn(async move {
            road.carry(found).await;
            drop(slot);
        });
        while let Some(ended) = uploads.try_join_next() {
            report(ended);
        }
    }
    let drained = timeout(DRAIN, async {
        while let Some(ended) = uploads.join_next().await {
            report(ended);
        }
    });
    if drained.await.is_err() {
        warn!(uploads = uploads.len(), "stopped with calls under way; their uploads stay in the outbox");
    }
    scan.await.map_err(Error::Scan)
}

/// Does the same until nothing is left in the outbox but entries that cannot be read, and says how many of those there are.
pub async fn run_until_empty(config: Config, parts: Parts, shutdown: CancellationToken) -> Result<usize, Error> {
    let outbox = Outbox::open(parts.outbox.clone())?;
    let stop = shutdown.child_token();
    let until_empty = async {
        let unreadable = stop.run_until_cancelled(emptied(&outbox)).await.transpose()?;
        stop.cancel();
        Ok(unreadable.unwrap_or_default())
    };
    let ((), unreadable) = tokio::try_join!(run(config, parts, stop.clone()), until_empty)?;
    Ok(unreadable)
}

/// Waits until the outbox has no entry that can be read, and says which it has that cannot, and how many.
async fn emptied(outbox: &Outbox) -> Result<usize, Error> {
    loop {
        match outbox.unreadable().await {
            Ok(Some(entries)) => {
                for (upload, bad) in &entries {
                    error!(%upload, error = bad as &dyn std::error::Error, "an outbox entry that cannot be read stays");
                }
                return Ok(entries.len());
            }
            Ok(None) => tokio::time::sleep(LOOK_EVERY).await,
            Err(source) => return Err(Error::Outbox { directory: outbox.directory().to_owned(), source }),
        }
    }
}

/// The next upload, when there is a hand free for it.
async fn next(in_hand: &Arc<Semaphore>, finds: &mut mpsc::Receiver<Found>) -> Option<(OwnedSemaphorePermit, Found)> {
    let slot = Arc::clone(in_hand).acquire_owned().await.ok()?;
    Some((slot, finds.recv().await?))
}

/// A panic costs its own upload an attempt: its claim is gone, and the next scan finds it again.
fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(failure) = ended {
        error!(error = &failure as &dyn std::error::Error, "carrying an upload ended in a panic");
    }
}

/// The way from the outbox to the lake and the queue.
#[derive(Debug)]
struct Road {
    outbox: Outbox,
    lake: Arc<dyn Lake>,
    batcher: Batcher,
    region: String,
    attempts: Semaphore,
    retry_max: Duration,
    shutdown: CancellationToken,
}

impl Road {
    /// Takes one upload the whole way, or as far as it comes before shutdown.
    async fn carry(&self, found: Found) -> Option<()> {
        let Found { mut entry, claim } = found;
        if entry.sha256.is_none() {
            entry.sha256 = Some(self.sha256(entry.upload).await?);
        }
        let key = Key::raw(&entry);
        let facts = facts::of(&entry);
        let file = self.outbox.data(entry.upload);
        let object = Object { key: key.as_str(), file: &file, facts: &facts };

        let stored = self
            .until_done("upload", entry.upload, || async move {
                let _attempt = self.shutdown.run_until_cancelled(self.attempts.acquire()).await?;
                Some(self.lake.put_new(object).await)
            })
            .await?;
        metrics::uploaded(stored.bytes);

        let event = event::created(&entry, self.lake.bucket(), &self.region, &key, &stored);
        self.until_done("publish", entry.upload, || async { Some(self.batcher.publish(entry.upload, event.clone()).await) })
            .await?;
        metrics::published();

        // Forgotten only after the queue has taken the event: a crash here costs a duplicate event, never an upload.
        self.until_done("forget", entry.upload, || async { Some(self.outbox.forget(entry.upload).await) }).await?;
        debug!(upload = %entry.upload, key = key.as_str(), bytes = stored.bytes, "carried an upload to the lake");
        drop(claim);
        Some(())
    }

    /// What ingest did not count, so that no 226 waits for it.
    async fn sha256(&self, upload: Ulid) -> Option<String> {
        self.until_done("hash", upload, || async move {
            let _attempt = self.shutdown.run_until_cancelled(self.attempts.acquire()).await?;
            Some(self.outbox.sha256(upload).await)
        })
        .await
    }

    /// Tries until it succeeds, ever more slowly; `None` when the watcher shuts down first, or ingest has taken the upload back, since
    /// the device was told that it failed. Every step is tried once all the same, unless it gives up itself, so that an upload whose object is stored gets its event before the end.
    async fn until_done<T, E, F>(&self, step: &'static str, upload: Ulid, attempt: impl Fn() -> F) -> Option<T>
    where
        E: std::error::Error + 'static,
        F: Future<Output = Option<Result<T, E>>>,
    {
        let mut backoff = Backoff::new(self.retry_max);
        loop {
            match attempt().await? {
                Ok(done) => return Some(done),
                Err(failure) => {
                    metrics::failed(step);
                    if !self.outbox.holds(upload).await {
                        metrics::withdrawn();
                        info!(%upload, step, "taken back by ingest, not carried any further");
                        return None;
                    }
                    warn!(%upload, step, error = &failure as &dyn std::error::Error, "step failed, trying again");
                }
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return None,
                () = tokio::time::sleep(backoff.next()) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
