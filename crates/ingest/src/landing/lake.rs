//! Landing with `durability = "lake"`: 226 only when the raw object is in the lake and its event in the queue.
//!
//! 1. the bytes lie in `spool/<ulid>`, synced, and the upload is put into the outbox as `steps.rs` has it, but not into the home;
//! 2. its entry leaves the outbox: *the upload is delivered*;
//! 3. the bytes come to their name in the home, as if the upload were for the home alone; 226.
//!
//! **When 2 does not come about in time**, the entry is taken back, its record first, and the device is told 451. It has seen
//! nothing of the upload: its home is as it was. It will send the same bytes under the same path again, as another upload. What
//! may the first one have come to by then?
//!
//! - *Nothing, or a raw object without an event.* The watcher looks for the entry before it publishes, and leaves an upload that
//!   was taken back. An object that no event tells of is loaded by nobody.
//! - *An event, because the watcher had looked already and the queue took the event while the entry was taken back, or before and
//!   the watcher could not remove the entry.* Then the upload is loaded although the device was told otherwise. What it sends
//!   again has the same device, path, offset and bytes, and with that the same id in the ETL's ledger: whichever comes second is
//!   a duplicate and adds no row. If it never sends it again, its rows are there once, and they are rows that it has measured.
//! - *Delivered after all:* the record is gone when it is to be taken back. Then the upload goes on with 3.
//!
//! So there is a moment in which it cannot be known whether the upload is loaded, as with a 226 that is lost on its way to the
//! device; the ledger settles both alike. Offsets are part of an id, hence an append must be at the same offset when it comes
//! again. It is, since the home's file grows only in 3, and of two appends to one file at a time the second is told 450.
//!
//! **A crash** in 2 leaves an entry in the outbox that was not acknowledged: delivered, it is one of the cases above. A crash in 3
//! leaves an upload that is loaded and not in the home, which the device sends again: a duplicate. When the disk is gone with the
//! machine, all that was acknowledged is in the lake.
//!
//! A file whose last line has no end is closed by an entry that nobody waits for. When the disk is gone before that, such a line stays
//! unread, as it does when the device never ends it.
//!
//! **A rename from a temporary name** goes the same way, with the bytes where they are, and its 250 in the place of the 226. Under a
//! temporary name an upload concerns the home alone, and lasts as long as this disk does: only the final name publishes it.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tracing::info;

use super::error::Failure;
use super::rename::Rename;
use super::steps::{self, Goal};
use super::upload::Upload;
use super::{Landing, blocking, metrics};
use crate::delivery::{Deliveries, Expected};
use crate::outbox;
use crate::spool::{Claim, Sealed, Spool};

/// What landing needs for it, shared by all sessions.
#[derive(Debug)]
pub(crate) struct Lake {
    deliveries: Deliveries,
    /// Files that are appended to, by account and path.
    appended: Mutex<HashSet<(String, String)>>,
}

/// The right to append to a file, until it is dropped.
#[derive(Debug)]
struct Appending<'a> {
    lake: &'a Lake,
    file: (String, String),
}

impl Lake {
    pub(crate) fn new(deliveries: Deliveries) -> Arc<Self> {
        Arc::new(Self { deliveries, appended: Mutex::default() })
    }

    fn append(&self, upload: &Upload) -> Result<Appending<'_>, Failure> {
        let file = (upload.arrival.account.name.clone(), upload.arrival.path.as_str().to_owned());
        let is_free = self.appended.lock().unwrap_or_else(PoisonError::into_inner).insert(file.clone());
        if is_free { Ok(Appending { lake: self, file }) } else { Err(Failure::Busy) }
    }

    /// Lands an upload whose bytes are on the disk, and says how many they are.
    pub(super) async fn land(&self, upload: Arc<Upload>, sealed: Sealed, claim: Claim) -> Result<u64, Failure> {
        let _appending = if upload.grows(&sealed) { Some(self.append(&upload)?) } else { None };
        let expected = self.deliveries.expect(upload.arrival.upload);
        let offered = Arc::clone(&upload);
        let (sealed, offered) = blocking(move || steps::offer(&offered, &sealed).map(|offered| (sealed, offered))).await?;
        self.confirm(expected, &upload.spool, upload.session.broken()).await?;
        blocking(move || steps::land(&upload, &sealed, claim, &Goal::Delivered(Box::new(offered)))).await
    }

    /// Renames, and if that publishes the file, waits until it is delivered before it has its name.
    pub(super) async fn rename(&self, landing: &Landing, rename: Rename) -> Result<(), Failure> {
        let home = landing.home.clone().ok_or_else(|| Failure::Sought(io::ErrorKind::PermissionDenied.into()))?;
        let expected = self.deliveries.expect(rename.upload());
        let rename = Arc::new(rename);
        let (folder, offered) = (Arc::clone(&home), Arc::clone(&rename));
        let Some(offered) = blocking(move || offered.offer(&folder)).await? else { return Ok(()) };
        self.confirm(expected, &landing.spool, std::future::pending()).await?;
        blocking(move || rename.finish(&home, &offered)).await
    }

    /// Waits until an upload has left the outbox, or takes it back: when it has been there for too long, and when the device is
    /// gone, which hears no reply and sends its file again.
    async fn confirm(&self, expected: Expected<'_>, spool: &Arc<Spool>, gone: impl Future<Output = ()>) -> Result<(), Failure> {
        let began = Instant::now();
        let (delivered, failure) = tokio::select! {
            biased;
            delivered = expected.delivered() => (delivered, Failure::Undelivered(self.deliveries.patience())),
            () = gone => (false, Failure::Broken(None)),
        };
        let withdrawn = if delivered {
            false
        } else {
            let (spool, upload) = (Arc::clone(spool), expected.upload);
            blocking(move || outbox::withdraw(&spool, upload).map_err(Failure::Disk)).await?
        };
        metrics::waited(if withdrawn { "withdrawn" } else { "delivered" }, began.elapsed());
        if withdrawn {
            info!(upload = %expected.upload, "taken back from the outbox, not delivered");
            return Err(failure);
        }
        Ok(())
    }
}

impl Drop for Appending<'_> {
    fn drop(&mut self) {
        self.lake.appended.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.file);
    }
}

#[cfg(test)]
mod tests;
