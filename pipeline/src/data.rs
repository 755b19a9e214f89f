//! The data directory: where this machine's state is kept, one process of a kind at a time.
//!
//! ```text
//! accounts.toml  demo-password  homes/  spool/  outbox/      what ingest keeps
//! lake/  warehouse/  queue.db  catalog.db                    the embedded lake, tables, queue and catalog
//! scratch/                                                   rows of long files until they are written, without names
//! ```

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// What devices sent is for this service and its group, for nobody else on the machine.
const FOLDER_MODE: u32 = 0o750;

/// The data directory, made if it was not there.
#[derive(Clone, Debug)]
pub struct Data(PathBuf);

/// Holds a role in the data directory for as long as it lives.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock is the open file")] File);

impl Data {
    /// Makes the directory if it is not there. Its path is absolute from here on: tables write it down.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut builder = DirBuilder::new();
        let made = builder.recursive(true).mode(FOLDER_MODE).create(path);
        made.with_context(|| format!("data: make directory {}", path.display()))?;
        let path = path.canonicalize().with_context(|| format!("data: {}", path.display()))?;
        Ok(Self(path))
    }

    /// The directory, for commands that only ask: a mistyped path is an error, and nothing is made.
    pub fn existing(path: &Path) -> anyhow::Result<Self> {
        let found = path.canonicalize();
        let path = found.with_context(|| format!("data: no directory {}; `inlet up` makes one", path.display()))?;
        Ok(Self(path))
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A file or directory in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Takes a role that only one process may have at a time. The lock goes with the process, however it ends.
    pub fn lock(&self, role: &str) -> anyhow::Result<Lock> {
        let path = self.join(&format!("{role}.lock"));
        let file = File::create(&path).with_context(|| format!("make {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => {
                bail!("another process does `{role}` on {}; stop it, or give this one its own `--data DIR`", self.0.display())
            }
            Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("lock {}", path.display())),
        }
    }
}

#[cfg(test)]
mod tests;
