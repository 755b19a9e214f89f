//! What landing counts: one function a fact. How transfers end is counted by the edge.

use std::time::Duration;

use metrics::{counter, histogram};

/// An upload's bytes are safe under their name; it took so long from its first byte.
pub(super) fn landed(bytes: u64, took: Duration) {
    counter!("inlet_ingest_landed_uploads_total").increment(1);
    counter!("inlet_ingest_landed_bytes_total").increment(bytes);
    histogram!("inlet_ingest_landing_seconds").record(took);
}

/// An entry came to the outbox.
pub(super) fn published() {
    counter!("inlet_ingest_outbox_entries_total").increment(1);
}

/// An upload was over a limit: `size`, `quota`.
pub(super) fn refused(limit: &'static str) {
    counter!("inlet_ingest_refused_uploads_total", "limit" => limit).increment(1);
}

/// An upload waited for the lake: it was `delivered`, or `withdrawn`.
pub(super) fn waited(outcome: &'static str, took: Duration) {
    counter!("inlet_ingest_lake_waits_total", "outcome" => outcome).increment(1);
    histogram!("inlet_ingest_lake_wait_seconds").record(took);
}

/// The disk failed an upload: full, over quota or out of order.
pub(super) fn failed() {
    counter!("inlet_ingest_failed_uploads_total").increment(1);
}
