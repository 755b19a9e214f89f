//! Why the watcher cannot run. What goes wrong with one upload is not here: it is logged, counted and tried again.

use std::io;
use std::path::PathBuf;

/// Why the watcher did not start, or ended before its shutdown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The outbox cannot be made or read.
    #[error("open the outbox {}", directory.display())]
    Outbox {
        /// The directory.
        directory: PathBuf,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
    /// The scan of the outbox ended in a panic.
    #[error("scan the outbox")]
    Scan(#[source] tokio::task::JoinError),
}
