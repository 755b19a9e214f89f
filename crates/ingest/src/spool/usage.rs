//! How many bytes each home holds, so that an upload is refused before they are too many.
//!
//! A home is counted once, by the first upload into it or by the first sweep, and kept up to date from there on; each sweep sets
//! right what others have changed meanwhile.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cap_std::fs::Dir;

/// The homes, by account.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    homes: Mutex<HashMap<String, Arc<Home>>>,
}

/// What one home holds; nothing before it has been counted.
#[derive(Debug, Default)]
struct Home {
    bytes: Mutex<Option<Bytes>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bytes {
    /// Of the files.
    kept: u64,
    /// Of uploads under way.
    held: u64,
}

/// An upload's part of its home, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    home: Arc<Home>,
    held: u64,
    max: u64,
}

impl Usage {
    /// The claim of an upload that is to take the place of `replaced` bytes. Blocks while the home is counted.
    pub(crate) fn claim(&self, account: &str, home: &Dir, quota: u64, replaced: u64) -> io::Result<Claim> {
        let usage = self.home(account);
        let mut bytes = usage.bytes();
        if bytes.is_none() {
            *bytes = Some(Bytes { kept: counted(home)?, held: 0 });
        }
        drop(bytes);
        Ok(Claim { home: usage, held: 0, max: quota.saturating_add(replaced) })
    }

    /// Files of so many bytes are gone.
    pub(crate) fn freed(&self, account: &str, freed: u64) {
        if let Some(bytes) = self.home(account).bytes().as_mut() {
            bytes.kept = bytes.kept.saturating_sub(freed);
        }
    }

    /// What is known of a home before it is counted anew.
    pub(crate) fn before(&self, account: &str) -> Option<u64> {
        self.home(account).bytes().map(|bytes| bytes.kept)
    }

    /// The home was counted anew. What came and went while it was counted is taken into account.
    pub(crate) fn recounted(&self, account: &str, before: Option<u64>, counted: u64) {
        let home = self.home(account);
        let mut bytes = home.bytes();
        match (bytes.as_mut(), before) {
            (Some(bytes), Some(before)) => {
                bytes.kept =
                    counted.saturating_add(bytes.kept.saturating_sub(before)).saturating_sub(before.saturating_sub(bytes.kept));
            }
            // Counted by an upload meanwhile, just as well.
            (Some(_), None) => {}
            (None, _) => *bytes = Some(Bytes { kept: counted, held: 0 }),
        }
    }

    fn home(&self, account: &str) -> Arc<Home> {
        let mut homes = self.homes.lock().unwrap_or_else(PoisonError::into_inner);
        match homes.get(account) {
            Some(home) => Arc::clone(home),
            None => Arc::clone(homes.entry(account.to_owned()).or_default()),
        }
    }
}

impl Home {
    fn bytes(&self) -> MutexGuard<'_, Option<Bytes>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// Takes so many bytes more, unless the home would then hold too many.
    pub(crate) fn grow(&mut self, more: u64) -> bool {
        let mut home = self.home.bytes();
        let bytes = home.get_or_insert_default();
        if bytes.kept.saturating_add(bytes.held).saturating_add(more) > self.max {
            return false;
        }
        bytes.held += more;
        self.held += more;
        true
    }

    /// The upload's bytes are a file now, in the place of one of `replaced` bytes.
    pub(crate) fn keep(mut self, replaced: u64) {
        let held = std::mem::take(&mut self.held);
        let mut home = self.home.bytes();
        let bytes = home.get_or_insert_default();
        bytes.held = bytes.held.saturating_sub(held);
        bytes.kept = bytes.kept.saturating_add(held).saturating_sub(replaced);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.held > 0 {
            let mut home = self.home.bytes();
            let bytes = home.get_or_insert_default();
            bytes.held = bytes.held.saturating_sub(self.held);
        }
    }
}

/// The bytes of all files. A path's length is bounded when it is made, and with it how deep this goes.
fn counted(folder: &Dir) -> io::Result<u64> {
    let mut bytes: u64 = 0;
    for entry in folder.read_dir(".")? {
        let entry = entry?;
        let counted = match entry.file_type()? {
            kind if kind.is_dir() => entry.open_dir().and_then(|folder| self::counted(&folder)),
            kind if kind.is_file() => entry.metadata().map(|facts| facts.len()),
            _ => Ok(0),
        };
        match counted {
            // Removed by its device since it was seen.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            counted => bytes = bytes.saturating_add(counted?),
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
