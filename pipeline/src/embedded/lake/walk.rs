//! The keys of a bucket, in the order of their bytes, each page without the directories of the pages before it.

use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::path::{STAGING, key_of};

/// The first `keys_max` keys that begin with `prefix` and come after `after`, of the bucket in that directory. What is removed
/// meanwhile may be among them or not.
pub(super) fn keys(bucket: &Path, prefix: &str, after: &str, keys_max: usize) -> io::Result<Vec<String>> {
    if prefix.starts_with('/') {
        return Ok(Vec::new());
    }
    let mut walk = Walk { bucket, prefix, after, keys_max, found: Vec::new() };
    // A prefix is any beginning of a key; the directories in it are where to begin.
    walk.folder(prefix.rfind('/').map_or("", |slash| prefix.get(..=slash).unwrap_or_default()))?;
    Ok(walk.found)
}

struct Walk<'a> {
    bucket: &'a Path,
    prefix: &'a str,
    after: &'a str,
    keys_max: usize,
    found: Vec<String>,
}

impl Walk<'_> {
    /// Takes what a folder has; its path within the bucket ends in `/`, or is empty.
    fn folder(&mut self, folder: &str) -> io::Result<()> {
        let mut names = Vec::new();
        for entry in unless_gone(fs::read_dir(self.bucket.join(folder)))?.into_iter().flatten() {
            names.extend(name(folder, &entry?)?.filter(|name| self.is_wanted(name)));
        }
        // Sorted with its `/`, a folder comes where its keys do.
        names.sort_unstable();
        for name in names {
            if self.found.len() >= self.keys_max {
                break;
            }
            if name.ends_with('/') { self.folder(&name)? } else { self.found.push(name) }
        }
        Ok(())
    }

    /// Whether this is a key that is asked for, or a folder that may hold some.
    fn is_wanted(&self, name: &str) -> bool {
        let is_folder = name.ends_with('/');
        let is_within = name.starts_with(self.prefix) || is_folder && self.prefix.starts_with(name);
        is_within && (name > self.after || is_folder && self.after.starts_with(name))
    }
}

/// The key of a file, or the path of a folder; none for what holds no objects.
fn name(folder: &str, entry: &DirEntry) -> io::Result<Option<String>> {
    let Some(path) = entry.file_name().to_str().map(|name| format!("{folder}{name}")) else { return Ok(None) };
    let Some(mut kind) = unless_gone(entry.file_type())? else { return Ok(None) };
    if kind.is_symlink() {
        let Some(target) = unless_gone(fs::metadata(entry.path()))? else { return Ok(None) };
        kind = target.file_type();
    }
    Ok(if kind.is_dir() { Some(format!("{path}/")).filter(|_| path != STAGING) } else { key_of(&path) })
}

fn unless_gone<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        // The prefix may lead through a file.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        found => found.map(Some),
    }
}

#[cfg(test)]
mod tests;
