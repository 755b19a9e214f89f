//! Files linger in the homes, so that devices find what they left; after the time of retention they go.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use cap_std::fs::{Dir, MetadataExt};
use jiff::Timestamp;
use metrics::counter;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::chain;
use crate::closing;
use crate::config::Append;
use crate::names::{HomePath, Temporary};
use crate::spool::Spool;

/// How often the homes are walked at least and at most.
const PAUSE_MAX: Duration = Duration::from_secs(600);
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many files.
    pub files: u64,
    /// How long they were together.
    pub bytes: u64,
}

/// How long files stay.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Those that were uploaded whole.
    pub retention: Duration,
    /// Those that are appended to, and those whose last line has no end.
    pub append: Append,
}

/// Removes old files from the homes every tenth of the time of retention, until the shutdown.
pub async fn run(spool: Arc<Spool>, temporary: Arc<Temporary>, keep: Keep, shutdown: CancellationToken) {
    let mut turns = tokio::time::interval((keep.retention / 10).clamp(PAUSE_MIN, PAUSE_MAX));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while shutdown.run_until_cancelled(turns.tick()).await.is_some() {
        let (spool, temporary) = (Arc::clone(&spool), Arc::clone(&temporary));
        let swept = tokio::task::spawn_blocking(move || sweep(&spool, &temporary, &keep, Timestamp::now())).await;
        match swept.map_err(io::Error::other) {
            Ok(Ok(Swept { files: 0, .. })) => {}
            Ok(Ok(Swept { files, bytes })) => info!(files, bytes, "removed old files from the homes"),
            Ok(Err(error)) | Err(error) => error!(%error, "cannot remove old files from the homes"),
        }
    }
}

/// Removes the files in all homes that were changed last too long before `now`, and closes those that have waited too long for
/// the rest of their last line. Directories stay, since devices expect them; uploads under way are not in the homes, and what is
/// in the outbox has a link of its own there.
pub fn sweep(spool: &Spool, temporary: &Temporary, keep: &Keep, now: Timestamp) -> io::Result<Swept> {
    let mut swept = Swept::default();
    for account in spool.accounts()? {
        let home = spool.home(&account)?;
        let before = spool.usage.before(&account);
        let mut sweep = Sweep { spool, temporary, account: &account, home: &home, keep, now, swept: &mut swept, left: 0 };
        match sweep.folder("") {
            Ok(()) => spool.usage.recounted(&account, before, sweep.left),
            // One home that cannot be walked does not keep the others from being swept.
            Err(error) => error!(account, %error, "cannot remove old files from a home"),
        }
    }
    counter!("inlet_ingest_swept_files_total").increment(swept.files);
    Ok(swept)
}

struct Sweep<'a> {
    spool: &'a Spool,
    temporary: &'a Temporary,
    account: &'a str,
    home: &'a Dir,
    keep: &'a Keep,
    now: Timestamp,
    swept: &'a mut Swept,
    /// The bytes of the files that stay.
    left: u64,
}

impl Sweep<'_> {
    /// A path's length is bounded when it is made, and with it how deep this goes.
    fn folder(&mut self, folder: &str) -> io::Result<()> {
        let entries = match self.home.read_dir(if folder.is_empty() { "." } else { folder }) {
            // Removed by its device since it was seen.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = format!("{folder}/{name}");
            match entry.file_type()? {
                kind if kind.is_dir() => self.folder(path.trim_start_matches('/'))?,
                kind if kind.is_file() => self.file(&path)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &str) -> io::Result<()> {
        // A name that a device could not have given is not ours to remove.
        let Ok(path) = HomePath::parse_entry(path.as_ref()) else { return Ok(()) };
        // Under the lock nothing appends to it or puts a new file in its place between the look and the removal.
        let _held = self.spool.lock(self.account, &path);
        let facts = match self.home.symlink_metadata(path.relative()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            facts => facts?,
        };
        // Devices set the time of modification as they like (MFMT), also one that is to come; the time of the last change is the kernel's.
        let changed = Timestamp::new(facts.ctime(), i32::try_from(facts.ctime_nsec()).unwrap_or(0)).map_err(io::Error::other)?;
        let age = Duration::try_from(self.now.duration_since(changed)).unwrap_or_default();
        if age <= self.keep.retention || age <= self.keep.append.retention && self.is_appended(&path)? {
            self.left += facts.len();
            return closing::look(self.spool, &self.keep.append, self.account, self.home, &path, self.now);
        }
        if self.temporary.holds(&path) {
            warn!(
                account = self.account,
                path = path.as_str(),
                bytes = facts.len(),
                "an upload was never renamed to its final name"
            );
        }
        closing::before_removal(self.spool, self.account, self.home, &path)?;
        self.home.remove_file(path.relative())?;
        self.swept.files += 1;
        self.swept.bytes += facts.len();
        Ok(())
    }

    fn is_appended(&self, path: &HomePath) -> io::Result<bool> {
        let file = self.home.open(path.relative())?.into_std();
        Ok(chain::last(&file)?.is_some_and(|link| link.appended))
    }
}

#[cfg(test)]
mod tests;
