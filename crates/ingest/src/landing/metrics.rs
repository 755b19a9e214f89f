//! What is counted of uploads: one function a fact.

use std::time::Duration;

use metrics::{counter, histogram};

/// An upload landed: its bytes are safe under their name.
pub(super) fn landed(bytes: u64, took: Duration) {
    counter!("inlet_landed_uploads_total").increment(1);
    counter!("inlet_landed_bytes_total").increment(bytes);
    histogram!("inlet_landing_seconds").record(took);
}

/// An entry came to the outbox.
pub(super) fn published() {
    counter!("inlet_outbox_entries_total").increment(1);
}

/// A device broke an upload off, or its connection was lost.
pub(super) fn broken() {
    counter!("inlet_broken_uploads_total").increment(1);
}

/// An upload was refused for its name, its place or its offset.
pub(super) fn refused() {
    counter!("inlet_refused_uploads_total").increment(1);
}

/// The disk failed an upload.
pub(super) fn failed() {
    counter!("inlet_failed_uploads_total").increment(1);
}
