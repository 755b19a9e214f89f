//! What the ETL counts. Never a file name or a device as a label.

use std::time::Duration;

/// Rows and bytes of Parquet that one commit added to a table, and how long the catalog took.
pub(crate) fn committed(rows: u64, bytes: u64, took: Duration) {
    metrics::counter!("inlet_committed_rows_total").increment(rows);
    metrics::counter!("inlet_committed_bytes_total").increment(bytes);
    metrics::counter!("inlet_commits_total").increment(1);
    metrics::histogram!("inlet_commit_seconds").record(took);
}

/// A commit that had to be tried again, after a conflict or an outage.
pub(crate) fn commit_repeated() {
    metrics::counter!("inlet_commits_repeated_total").increment(1);
}

/// An upload that is done, by its outcome.
pub(crate) fn settled(outcome: &'static str) {
    metrics::counter!("inlet_uploads_settled_total", "outcome" => outcome).increment(1);
}

/// Rows that went to quarantine from files whose other rows were good.
pub(crate) fn refused_rows(rows: u64) {
    metrics::counter!("inlet_refused_rows_total").increment(rows);
}

/// A message that was left in the queue because of an error.
pub(crate) fn message_left() {
    metrics::counter!("inlet_messages_left_total").increment(1);
}

/// How long it took from the moment an upload was safe to the moment its rows were in their tables.
pub(crate) fn latency(from_landed: Duration) {
    metrics::histogram!("inlet_landed_to_committed_seconds").record(from_landed);
}
