//! What is cleared away at a start, after a crash at any point.

use std::io;

use cap_std::fs::{Dir, MetadataExt, OpenOptions};
use serde::Deserialize;
use tracing::{info, warn};
use ulid::Ulid;

use super::{Spool, sync};
use crate::closing;
use crate::names::HomePath;
use crate::session::Verb;

/// What must be known to take back an append: where it went, and how long the file was.
#[derive(Debug, Deserialize)]
struct Intent {
    account: String,
    path: String,
    upload: Ulid,
    verb: Verb,
    offset: u64,
    bytes: u64,
}

/// Clears the directories. Nothing that it removes was ever acknowledged. A close whose file bears its mark is finished.
pub(super) fn clear(spool: &Spool) -> io::Result<()> {
    let left = names(&spool.under_way)?;
    for name in left.iter().filter(|name| name.ends_with(".json")) {
        // A record that cannot be read was never whole on the disk, and nothing is done before it is.
        if let Ok(intent) = serde_json::from_slice::<Intent>(&spool.under_way.read(name)?) {
            take_back(spool, &intent)?;
            finish_close(spool, &intent, name)?;
        }
    }
    for name in &left {
        remove_if_there(&spool.under_way, name)?;
    }
    let outbox = names(&spool.outbox)?;
    let mut orphans = 0_usize;
    for upload in outbox.iter().filter_map(|name| name.strip_suffix(".data")) {
        if !outbox.contains(&format!("{upload}.json")) {
            remove_if_there(&spool.outbox, &format!("{upload}.data"))?;
            orphans += 1;
        }
    }
    if !left.is_empty() || orphans > 0 {
        info!(spool = left.len(), outbox = orphans, "cleared what a crash left half-done");
    }
    sync(&spool.under_way)?;
    sync(&spool.outbox)
}

/// An append that was under way is taken back as a whole. Its record moves to the outbox in the step that completes it, so a
/// record that is still here says that the device has had no 226 for it, and will send it again.
fn take_back(spool: &Spool, intent: &Intent) -> io::Result<()> {
    if intent.verb != Verb::Appe && (intent.verb == Verb::Close || intent.offset == 0) {
        return Ok(());
    }
    let Ok(path) = HomePath::parse_entry(intent.path.as_ref()) else { return Ok(()) };
    let home = spool.home(&intent.account)?;
    let file = match home.open_with(path.relative(), OpenOptions::new().read(true).write(true)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let facts = file.metadata()?;
    let grown = facts.len() > intent.offset && facts.len() <= intent.offset.saturating_add(intent.bytes);
    // A file that shares its bytes with the outbox has not been appended to, and must not be changed.
    if grown && facts.nlink() == 1 {
        warn!(account = intent.account, path = intent.path, bytes = intent.offset, "took back an append that a crash cut off");
        file.set_len(intent.offset)?;
        file.sync_all()?;
    }
    Ok(())
}

fn finish_close(spool: &Spool, intent: &Intent, record: &str) -> io::Result<()> {
    let Ok(path) = HomePath::parse_entry(intent.path.as_ref()) else { return Ok(()) };
    if intent.verb == Verb::Close && closing::is_marked(spool, &intent.account, &path, intent.upload)? {
        spool.outbox.write(format!("{}.data", intent.upload), [])?;
        spool.under_way.rename(record, &spool.outbox, record)?;
    }
    Ok(())
}

fn names(folder: &Dir) -> io::Result<std::collections::BTreeSet<String>> {
    // Only names of our own making are looked at; they are ASCII.
    folder.entries()?.map(|entry| Ok(entry?.file_name().into_string().ok())).filter_map(io::Result::transpose).collect()
}

fn remove_if_there(folder: &Dir, name: &str) -> io::Result<()> {
    match folder.remove_file(name) {
        // The watcher may forget an entry at the same moment.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
