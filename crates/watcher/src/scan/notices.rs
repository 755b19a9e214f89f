//! What the file system tells of the outbox (inotify, by the `notify` crate).

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tracing::warn;
use ulid::Ulid;

use crate::outbox::upload_of;

/// Notices that wait to be read. More are not kept: the whole outbox is read instead.
const NOTICES_MAX: usize = 1024;

/// Something is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// This upload's entry.
    Upload(Ulid),
    /// Nobody knows what: notices were lost.
    Missed,
}

/// A stream of notices that never ends; it is silent when the file system will not tell.
#[derive(Debug)]
pub(super) struct Notices {
    waiting: mpsc::Receiver<Notice>,
    /// Some found no room to wait.
    overrun: Arc<AtomicBool>,
    /// Listens for as long as it lives.
    _watcher: Option<RecommendedWatcher>,
}

impl Notices {
    pub(super) fn listen(directory: &Path) -> Self {
        let (sender, waiting) = mpsc::channel(NOTICES_MAX);
        let overrun = Arc::new(AtomicBool::new(false));
        let tell = teller(sender, Arc::clone(&overrun));
        let watcher = notify::recommended_watcher(tell).and_then(|mut watcher| {
            watcher.watch(directory, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        if let Err(failure) = &watcher {
            warn!(error = failure as &dyn std::error::Error, "no notices from the file system; uploads wait for the next rescan");
        }
        Self { waiting, overrun, _watcher: watcher.ok() }
    }

    pub(super) async fn next(&mut self) -> Notice {
        // Those that found room come first; the others are found by the scan that follows.
        if self.waiting.is_empty() && self.overrun.swap(false, Ordering::AcqRel) {
            return Notice::Missed;
        }
        match self.waiting.recv().await {
            Some(notice) => notice,
            None => std::future::pending().await,
        }
    }
}

/// Called on `notify`'s own thread, so it never waits.
fn teller(sender: mpsc::Sender<Notice>, overrun: Arc<AtomicBool>) -> impl Fn(notify::Result<Event>) + Send {
    let tell = move |notice| {
        if sender.try_send(notice).is_err() {
            overrun.store(true, Ordering::Release);
        }
    };
    move |event| match event {
        Ok(event) if event.need_rescan() => tell(Notice::Missed),
        // An entry is renamed into place; one that is written in place is met by the next rescan at the latest.
        Ok(event) if matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_)) => {
            let uploads = event.paths.iter().filter_map(|path| upload_of(path.file_name()?, "json"));
            uploads.map(Notice::Upload).for_each(&tell);
        }
        Ok(_) => {}
        Err(_) => tell(Notice::Missed),
    }
}

#[cfg(test)]
mod tests;
