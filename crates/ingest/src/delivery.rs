//! Waiting until an upload has been delivered: `durability = "lake"`.
//!
//! Whoever delivers uploads removes an entry from the outbox when the raw object is in the lake and its event in the queue, and
//! not before. So the entry's end is what is waited for, and it does not matter which process brings it about. The file system
//! tells of it (inotify); that may fail or be lost, and each waiter looks for itself from time to time.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use serde::Deserialize;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tracing::warn;
use ulid::Ulid;

/// How often a waiter looks for itself.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a 226 stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// The upload is whole on this machine's disk, and in the outbox.
    Disk,
    /// Its raw object is in the lake, and its event in the queue.
    Lake,
}

/// Tells when entries leave the outbox.
#[derive(Debug)]
pub(crate) struct Deliveries {
    outbox: PathBuf,
    /// How long an upload waits.
    patience: Duration,
    waiting: Waiting,
    /// Listens for as long as it lives.
    _watcher: Option<RecommendedWatcher>,
}

type Waiting = Arc<Mutex<HashMap<Ulid, Arc<Notify>>>>;

/// An upload whose delivery is expected, until it is dropped.
#[derive(Debug)]
pub(crate) struct Expected<'a> {
    deliveries: &'a Deliveries,
    pub(crate) upload: Ulid,
    left: Arc<Notify>,
}

impl Deliveries {
    /// Listens on an outbox.
    pub(crate) fn listen(outbox: &Path, patience: Duration) -> Self {
        let waiting = Waiting::default();
        let tell = teller(Arc::clone(&waiting));
        let watcher = notify::recommended_watcher(tell).and_then(|mut watcher| {
            watcher.watch(outbox, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        if let Err(failure) = &watcher {
            warn!(error = failure as &dyn std::error::Error, "no notices from the file system; uploads are acknowledged later");
        }
        Self { outbox: outbox.to_owned(), patience, waiting, _watcher: watcher.ok() }
    }

    /// How long an upload waits.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// To be called before the upload is put into the outbox, so that its end is not missed.
    pub(crate) fn expect(&self, upload: Ulid) -> Expected<'_> {
        let left = Arc::new(Notify::new());
        expected(&self.waiting).insert(upload, Arc::clone(&left));
        Expected { deliveries: self, upload, left }
    }
}

impl Expected<'_> {
    /// Waits until the entry has left the outbox. Says whether it has, in time.
    pub(crate) async fn delivered(&self) -> bool {
        let record = self.deliveries.outbox.join(format!("{}.json", self.upload));
        let deadline = Instant::now() + self.deliveries.patience;
        loop {
            // What cannot be looked at is not known to be delivered.
            if matches!(tokio::fs::try_exists(&record).await, Ok(false)) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            // A notice and the end of the wait come to the same: one more look.
            let _ = timeout(left.min(LOOK_EVERY), self.left.notified()).await;
        }
    }
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        expected(&self.deliveries.waiting).remove(&self.upload);
    }
}

fn expected(waiting: &Waiting) -> MutexGuard<'_, HashMap<Ulid, Arc<Notify>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Called on `notify`'s own thread, so it never waits for more than the lock.
fn teller(waiting: Waiting) -> impl Fn(notify::Result<Event>) + Send {
    move |event| {
        let waiting = expected(&waiting);
        match event {
            Ok(event) if matches!(event.kind, EventKind::Remove(_) | EventKind::Modify(_)) => {
                let uploads = event.paths.iter().filter_map(|path| path.file_name()?.to_str()?.strip_suffix(".json"));
                let left = uploads.filter_map(|upload| waiting.get(&upload.parse().ok()?));
                left.for_each(|left| left.notify_one());
            }
            Ok(event) if !event.need_rescan() => {}
            // Some notices were lost: everybody looks.
            Ok(_) | Err(_) => waiting.values().for_each(|left| left.notify_one()),
        }
    }
}

#[cfg(test)]
mod tests;
