//! Finding uploads: the whole outbox on start and from time to time, and what the file system tells in between.
//!
//! The file system's notices are for speed only. They may fail or be lost; the rescan is the net under them.

mod notices;

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use ulid::Ulid;

use crate::entry::Entry;
use crate::metrics;
use crate::outbox::Outbox;
use notices::{Notice, Notices};

/// An upload to carry. As long as the claim lives, it is not found again.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) entry: Entry,
    pub(crate) claim: Claim,
}

/// The uploads that somebody is carrying.
type Claimed = Arc<Mutex<HashSet<Ulid>>>;

/// Says that an upload is being carried, until it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    upload: Ulid,
    claimed: Claimed,
}

impl Claim {
    fn take(upload: Ulid, claimed: &Claimed) -> Option<Self> {
        let free = claimed.lock().unwrap_or_else(PoisonError::into_inner).insert(upload);
        free.then(|| Self { upload, claimed: Arc::clone(claimed) })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.upload);
    }
}

/// Looks for uploads and hands each over once.
#[derive(Debug)]
pub(crate) struct Scan {
    outbox: Outbox,
    rescan: Duration,
    found: mpsc::Sender<Found>,
    claimed: Claimed,
    /// Entries that could not be read, so that each is logged once.
    unreadable: HashSet<Ulid>,
}

impl Scan {
    pub(crate) fn new(outbox: Outbox, rescan: Duration, found: mpsc::Sender<Found>) -> Self {
        Self { outbox, rescan, found, claimed: Claimed::default(), unreadable: HashSet::new() }
    }

    /// Scans until shutdown, or until nobody takes what is found.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        // Listening begins before looking, so that nothing falls between the two.
        let mut notices = Notices::listen(self.outbox.directory());
        while let Some(()) = shutdown.run_until_cancelled(self.pass(&mut notices)).await.flatten() {}
    }

    /// The whole outbox once, and then what arrives until the next time.
    async fn pass(&mut self, notices: &mut Notices) -> Option<()> {
        let next = Instant::now() + self.rescan;
        self.everything().await?;
        loop {
            match tokio::time::timeout_at(next, notices.next()).await {
                Ok(Notice::Upload(upload)) => self.offer(upload).await?,
                Ok(Notice::Missed) | Err(_) => return Some(()),
            }
        }
    }

    async fn everything(&mut self) -> Option<()> {
        let listing = match self.outbox.list().await {
            Ok(listing) => listing,
            Err(failure) => {
                error!(error = &failure as &dyn std::error::Error, "cannot read the outbox");
                return Some(());
            }
        };
        let now = Timestamp::now();
        self.unreadable.retain(|upload| listing.entries.contains(upload));
        self.sweep(listing.orphans, now).await;
        metrics::scanned(listing.entries.len(), listing.entries.first().map(|upload| age(*upload, now)));
        metrics::unreadable(self.unreadable.len());
        for upload in listing.entries {
            self.offer(upload).await?;
        }
        Some(())
    }

    /// Hands an upload over, unless somebody has it already or it cannot be read. `None` when nobody takes it.
    async fn offer(&mut self, upload: Ulid) -> Option<()> {
        let Some(claim) = Claim::take(upload, &self.claimed) else { return Some(()) };
        match self.outbox.read(upload).await {
            Ok(Some(entry)) => {
                self.unreadable.remove(&upload);
                self.found.send(Found { entry, claim }).await.ok()
            }
            Ok(None) => Some(()),
            // It stays where it is: a person may mend it, and the others go on.
            Err(failure) => {
                if self.unreadable.insert(upload) {
                    metrics::unreadable(self.unreadable.len());
                    error!(%upload, error = &failure as &dyn std::error::Error, "cannot read an outbox entry, left in place");
                }
                Some(())
            }
        }
    }

    async fn sweep(&self, orphans: BTreeSet<Ulid>, now: Timestamp) {
        match self.outbox.sweep(orphans, now).await {
            Ok(0) => {}
            Ok(swept) => {
                metrics::swept(swept);
                info!(swept, "removed bytes without an entry from the outbox");
            }
            Err(failure) => warn!(error = &failure as &dyn std::error::Error, "cannot sweep the outbox"),
        }
    }
}

/// How long ago the upload was named.
fn age(upload: Ulid, now: Timestamp) -> Duration {
    let then = i64::try_from(upload.timestamp_ms()).unwrap_or(i64::MAX);
    Duration::from_millis(u64::try_from(now.as_millisecond().saturating_sub(then)).unwrap_or(0))
}

#[cfg(test)]
mod tests;
