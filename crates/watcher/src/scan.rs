//! Finding uploads: the whole outbox on start and from time to time, and what the file system tells in between.
//!
//! The file system's notices are for speed only. They may fail or be lost; the rescan is the net under them.
//!
//! Looking does not wait for hands: while lake or queue are out of reach and every hand holds an upload that is tried again, the
//! outbox is listed and counted all the same.

mod notices;

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::{self, OwnedPermit};
use tokio::time::{Interval, MissedTickBehavior};
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
    /// What was seen and is to be handed over, oldest first.
    waiting: BTreeSet<Ulid>,
    /// Notices were lost since the last look.
    missed: bool,
    /// Entries that could not be read, so that each is logged once.
    unreadable: HashSet<Ulid>,
}

impl Scan {
    pub(crate) fn new(outbox: Outbox, rescan: Duration, found: mpsc::Sender<Found>) -> Self {
        Self {
            outbox,
            rescan,
            found,
            claimed: Claimed::default(),
            waiting: BTreeSet::new(),
            missed: false,
            unreadable: HashSet::new(),
        }
    }

    /// Scans until shutdown, or until nobody takes what is found.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        // Listening begins before looking, so that nothing falls between the two.
        let mut notices = Notices::listen(self.outbox.directory());
        let mut rescans = tokio::time::interval(self.rescan);
        rescans.set_missed_tick_behavior(MissedTickBehavior::Delay);
        shutdown.run_until_cancelled(async { while let Some(()) = self.step(&mut rescans, &mut notices).await {} }).await;
    }

    /// Looks, hears or hands over, whichever can be done first. `None` when nobody takes what is found.
    async fn step(&mut self, rescans: &mut Interval, notices: &mut Notices) -> Option<()> {
        // What was missed is found by a look; while others wait to be handed over, it comes after them or with the next rescan.
        if self.missed && self.waiting.is_empty() {
            self.look().await;
            rescans.reset();
            return Some(());
        }
        tokio::select! {
            _ = rescans.tick() => self.look().await,
            notice = notices.next() => match notice {
                Notice::Upload(upload) => { self.waiting.insert(upload); }
                Notice::Missed => self.missed = true,
            },
            hand = self.found.clone().reserve_owned(), if !self.waiting.is_empty() => self.hand_over(hand.ok()?).await,
        }
        Some(())
    }

    /// Lists the whole outbox: all that is in it is to be handed over.
    async fn look(&mut self) {
        self.missed = false;
        let listing = match self.outbox.list().await {
            Ok(listing) => listing,
            Err(failure) => return error!(error = &failure as &dyn std::error::Error, "cannot read the outbox"),
        };
        let now = Timestamp::now();
        self.unreadable.retain(|upload| listing.entries.contains(upload));
        metrics::scanned(listing.entries.len(), listing.entries.first().map(|upload| age(*upload, now)));
        metrics::unreadable(self.unreadable.len());
        self.sweep(listing.orphans, now).await;
        self.waiting = listing.entries;
    }

    /// Hands over the oldest upload that waits, unless somebody has it already or it cannot be read.
    async fn hand_over(&mut self, hand: OwnedPermit<Found>) {
        let Some(upload) = self.waiting.pop_first() else { return };
        let Some(claim) = Claim::take(upload, &self.claimed) else { return };
        match self.outbox.read(upload).await {
            Ok(Some(entry)) => {
                self.unreadable.remove(&upload);
                hand.send(Found { entry, claim });
            }
            Ok(None) => {}
            // It stays where it is: a person may mend it, and the others go on.
            Err(failure) => {
                if self.unreadable.insert(upload) {
                    metrics::unreadable(self.unreadable.len());
                    error!(%upload, error = &failure as &dyn std::error::Error, "cannot read an outbox entry, left in place");
                }
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
