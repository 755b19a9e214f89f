//! Bytes on their way to becoming an object: a file of their own, durable before anything refers to it.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bytes::Bytes;
use tempfile::TempPath;

/// Analysts read the lake with accounts of their own, as far as the process's umask lets them.
const MODE: u32 = 0o666;

/// Where an object may be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Where none is.
    New,
    /// Where none is, or in the place of another.
    Any,
}

/// A staged file; removed when dropped, unless it was moved.
#[derive(Debug)]
pub(super) struct Staged {
    file: File,
    path: TempPath,
}

impl Staged {
    /// Makes the file in `directory` and lets `fill` write it. Blocks.
    pub(super) fn write(directory: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<Self> {
        let staged = tempfile::Builder::new().prefix("").permissions(Permissions::from_mode(MODE)).tempfile_in(directory)?;
        let (mut file, path) = staged.into_parts();
        fill(&mut file)?;
        Ok(Self { file, path })
    }

    /// Appends bytes.
    pub(super) async fn push(mut self, bytes: Bytes) -> io::Result<Self> {
        blocking(move || self.file.write_all(&bytes).map(|()| self)).await
    }

    /// Makes the bytes durable.
    pub(super) async fn sync(self) -> io::Result<Self> {
        blocking(move || self.file.sync_all().map(|()| self)).await
    }

    /// The file's name within its directory.
    pub(super) fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }
}

/// Runs what blocks off the reactor.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
