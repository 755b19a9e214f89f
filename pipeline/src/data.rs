//! The data directory: where this machine's state is kept, one process of a kind at a time.
//!
//! ```text
//! accounts.toml  demo-password  homes/  spool/  outbox/      what ingest keeps
//! lake/  warehouse/  queue.db  catalog.db                    the embedded lake, tables, queue and catalog
//! ```

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// The data directory, made if it was not there.
#[derive(Clone, Debug)]
pub struct Data(PathBuf);

/// Holds a role in the data directory for as long as it lives.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock is the open file")] File);

impl Data {
    /// Makes the directory if it is not there. Its path is absolute from here on: tables write it down.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(path).with_context(|| format!("data: make directory {}", path.display()))?;
        let path = path.canonicalize().with_context(|| format!("data: {}", path.display()))?;
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
