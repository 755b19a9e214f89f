//! What the watcher counts.

use std::time::Duration;

use ::metrics::{counter, gauge};

/// An object is stored, now or before.
pub(crate) fn uploaded(bytes: u64) {
    counter!("inlet_uploaded_objects_total").increment(1);
    counter!("inlet_uploaded_bytes_total").increment(bytes);
}

/// The queue has taken an event.
pub(crate) fn published() {
    counter!("inlet_published_events_total").increment(1);
}

/// An upload was taken back by ingest before the queue had its event.
pub(crate) fn withdrawn() {
    counter!("inlet_withdrawn_uploads_total").increment(1);
}

/// A step (`hash`, `upload`, `publish`, `forget`) failed and will be tried again.
pub(crate) fn failed(step: &'static str) {
    counter!("inlet_watcher_failures_total", "step" => step).increment(1);
}

/// What the last scan of the whole outbox found, and how long its oldest upload has been there.
pub(crate) fn scanned(entries: usize, oldest: Option<Duration>) {
    gauge!("inlet_outbox_entries").set(float(entries));
    gauge!("inlet_outbox_oldest_age_seconds").set(oldest.unwrap_or_default().as_secs_f64());
}

/// Entries of the outbox that a person has to look at.
pub(crate) fn unreadable(entries: usize) {
    gauge!("inlet_outbox_unreadable_entries").set(float(entries));
}

/// Bytes without an entry that were removed from the outbox.
pub(crate) fn swept(files: u64) {
    counter!("inlet_outbox_swept_total").increment(files);
}

/// Exact up to 2^32, which no directory reaches.
fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
