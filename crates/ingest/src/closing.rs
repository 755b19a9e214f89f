//! The close of a file whose last line has no end: an entry in the outbox that says that the line is whole as it is.
//!
//! A line without an end waits for the segment that goes on with it. It is closed when none can come any more, because the file is
//! replaced, removed or leaves the home by retention, and when none came for long enough. A closed file may still be appended to; what
//! continues its last line then is refused by the ETL, which has loaded that line.
//!
//! **Order**: the record in `spool/`; the mark on the file, synced; the record moves to the outbox. A start that finds the record in
//! `spool/` moves it when the file bears the mark, and forgets it when not: so an append comes either before the close or after it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cap_std::fs::{Dir, OpenOptions};
use jiff::Timestamp;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use ulid::Ulid;

use crate::chain::{self, Link};
use crate::config::Append;
use crate::names::HomePath;
use crate::outbox::{self, Draft, Entry};
use crate::session::Verb;
use crate::spool::{Spool, sync};

/// How often it is seen whether a file has waited for long enough.
const PAUSE: Duration = Duration::from_secs(1);
/// More than these are left to the sweep of the homes, which finds them all.
const WAITING_MAX: usize = 100_000;
/// SHA-256 of no bytes.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The files that wait to be closed, as far as this process has seen them; oldest first.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<BTreeMap<(Timestamp, Ulid), Wait>>);

#[derive(Clone, Debug)]
struct Wait {
    account: String,
    path: HomePath,
    appended: bool,
}

impl Waiting {
    /// Notes that a file's last line has no end.
    pub(crate) fn add(&self, account: &str, path: &HomePath, link: &Link) {
        let mut waiting = self.lock();
        if link.open && waiting.len() < WAITING_MAX {
            let wait = Wait { account: account.to_owned(), path: path.clone(), appended: link.appended };
            waiting.insert((link.landed_at, link.upload), wait);
        }
    }

    /// Takes out those that have waited for long enough.
    fn due(&self, config: &Append, now: Timestamp) -> Vec<Wait> {
        let due = |(since, _): &(Timestamp, Ulid), wait: &mut Wait| is_due(config, *since, wait.appended, now);
        self.lock().extract_if(.., due).map(|(_, wait)| wait).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(Timestamp, Ulid), Wait>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_due(config: &Append, since: Timestamp, appended: bool, now: Timestamp) -> bool {
    let wait = if appended { config.wait } else { config.wait_stored };
    Duration::try_from(now.duration_since(since)).is_ok_and(|waited| waited >= wait)
}

/// Closes files that have waited for long enough, until the shutdown.
pub(crate) async fn run(spool: Arc<Spool>, config: Append, shutdown: CancellationToken) {
    let mut turns = tokio::time::interval(PAUSE);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while shutdown.run_until_cancelled(turns.tick()).await.is_some() {
        let due = spool.waiting.due(&config, Timestamp::now());
        if due.is_empty() {
            continue;
        }
        let spool = Arc::clone(&spool);
        let closed = tokio::task::spawn_blocking(move || {
            for Wait { account, path, .. } in due {
                if let Err(error) = overdue(&spool, &config, &account, &path, Timestamp::now()) {
                    error!(account, path = path.as_str(), %error, "cannot close a file");
                }
            }
        });
        if let Err(error) = closed.await {
            error!(%error, "closing files ended early");
        }
    }
}

/// Closes the file if it has waited for long enough, as it is now.
fn overdue(spool: &Spool, config: &Append, account: &str, path: &HomePath, now: Timestamp) -> io::Result<()> {
    let home = spool.home(account)?;
    let _held = spool.lock(account, path);
    let Some((file, link)) = open(&home, path)? else { return Ok(()) };
    if is_due(config, link.landed_at, link.appended, now) { close(spool, account, path, &file, &link) } else { Ok(()) }
}

/// As the sweep of the homes sees a file that stays: closes it when that is due, else notes that it waits. The path is held.
pub(crate) fn look(spool: &Spool, config: &Append, account: &str, home: &Dir, path: &HomePath, now: Timestamp) -> io::Result<()> {
    let Some((file, link)) = open(home, path)? else { return Ok(()) };
    if is_due(config, link.landed_at, link.appended, now) {
        return close(spool, account, path, &file, &link);
    }
    spool.waiting.add(account, path, &link);
    Ok(())
}

/// Closes a file that is about to go from its home, if its last line waits. The path is held.
pub(crate) fn before_removal(spool: &Spool, account: &str, home: &Dir, path: &HomePath) -> io::Result<()> {
    match open(home, path)? {
        Some((file, link)) => close(spool, account, path, &file, &link),
        None => Ok(()),
    }
}

/// As [`before_removal`], for a file in whose place another comes. If that one has the old file's end where the old one had it, it
/// brings the line itself, as a device does that sends a growing file again and again.
pub(crate) fn before_replacement(spool: &Spool, account: &str, home: &Dir, path: &HomePath, new: &File) -> io::Result<()> {
    match open(home, path)? {
        Some((old, link)) if !has_end_of(new, &old, link.end)? => close(spool, account, path, &old, &link),
        _ => Ok(()),
    }
}

/// The file, when its last line waits.
fn open(home: &Dir, path: &HomePath) -> io::Result<Option<(File, Link)>> {
    match home.symlink_metadata(path.relative()) {
        Ok(facts) if facts.is_file() => {}
        Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Err(error),
        _ => return Ok(None),
    }
    let file = home.open_with(path.relative(), OpenOptions::new().read(true))?.into_std();
    Ok(chain::last(&file)?.filter(|link| link.open).map(|link| (file, link)))
}

fn has_end_of(new: &File, old: &File, end: u64) -> io::Result<bool> {
    const COMPARED_BYTES: u64 = 64 << 10;
    use std::os::unix::fs::FileExt;
    let from = end.saturating_sub(COMPARED_BYTES);
    let length = usize::try_from(end - from).map_err(io::Error::other)?;
    let (mut here, mut there) = (vec![0; length], vec![0; length]);
    old.read_exact_at(&mut there, from)?;
    match new.read_exact_at(&mut here, from) {
        Ok(()) => Ok(here == there),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn close(spool: &Spool, account: &str, path: &HomePath, file: &File, link: &Link) -> io::Result<()> {
    let now = Timestamp::now();
    let entry = Entry {
        version: outbox::VERSION,
        upload: Ulid::generate(),
        session: link.session,
        account: account.to_owned(),
        device: link.device.clone(),
        path: path.as_str().to_owned(),
        verb: Verb::Close,
        mode: None,
        client: link.client,
        offset: link.end,
        previous: Some(link.as_previous()),
        open: false,
        bytes: 0,
        sha256: Some(EMPTY_SHA256.to_owned()),
        zone: link.zone.clone(),
        received_at: now,
        landed_at: now,
    };
    let mut draft = Draft::write(spool, &entry)?;
    draft.link_nothing()?;
    sync(&spool.under_way)?;
    spool.at("closing");
    chain::extend(file, link.end, Link::of(&entry, link.end))?;
    file.sync_all()?;
    spool.at("marked");
    draft.publish()?;
    spool.sync_outbox()?;
    spool.at("closed");
    info!(upload = %entry.upload, account, path = path.as_str(), "closed a file whose last line has no end");
    Ok(())
}

/// Whether a file bears the mark of a close, so that a start is to finish it.
pub(crate) fn is_marked(spool: &Spool, account: &str, path: &HomePath, upload: Ulid) -> io::Result<bool> {
    let home = spool.home(account)?;
    match home.open(path.relative()) {
        Ok(file) => Ok(chain::last(&file.into_std())?.is_some_and(|link| link.upload == upload)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
