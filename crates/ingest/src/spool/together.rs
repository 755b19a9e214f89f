//! One sync of a directory for all who wait for it: uploads that land at the same time pay for it once.

use std::fs::File;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A directory in which many make their names durable at once.
#[derive(Debug)]
pub(crate) struct Together {
    folder: File,
    syncs: Mutex<Syncs>,
    ended: Condvar,
}

/// The syncs so far, numbered from 1. There is one at a time.
#[derive(Debug, Default)]
struct Syncs {
    begun: u64,
    ended: u64,
    /// The last one that failed, and how.
    failed: Option<(u64, io::ErrorKind)>,
}

impl Together {
    pub(super) fn new(folder: File) -> Self {
        Self { folder, syncs: Mutex::default(), ended: Condvar::new() }
    }

    /// Returns when all names that the directory has now are durable. Blocks: for blocking threads only.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.sync_by(|| self.folder.sync_all())
    }

    fn sync_by(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut syncs = self.syncs();
        // One that is under way may have passed over our names before they were there: the next one is ours, whoever does it.
        let ours = syncs.begun + 1;
        while syncs.begun > syncs.ended {
            syncs = self.ended.wait(syncs).unwrap_or_else(PoisonError::into_inner);
            if syncs.ended >= ours {
                return syncs.outcome(ours);
            }
        }
        syncs.begun += 1;
        drop(syncs);
        let synced = sync();
        let mut syncs = self.syncs();
        syncs.ended = syncs.begun;
        if let Err(error) = &synced {
            syncs.failed = Some((syncs.ended, error.kind()));
        }
        self.ended.notify_all();
        synced
    }

    fn syncs(&self) -> MutexGuard<'_, Syncs> {
        self.syncs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Syncs {
    /// How this one ended, or one after it. The system tells an error only once, so everybody who waited for it must hear of it.
    fn outcome(&self, number: u64) -> io::Result<()> {
        match self.failed {
            Some((failed, kind)) if failed >= number => Err(kind.into()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
