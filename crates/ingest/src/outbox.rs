//! The outbox: what ingest hands to the watcher. An upload is there when, and only when, `<ulid>.json` is. It leaves when it has been
//! delivered, or when it is taken back.
//!
//! `<ulid>.data` holds the bytes and never changes; `<ulid>.json` is the record, in the form of `tests/golden/outbox-entry.json`.

use std::io::{self, Write};
use std::net::SocketAddr;

use cap_std::fs::Dir;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use ulid::Ulid;

use crate::session::{Mode, Verb};
use crate::spool::{Spool, create};

/// The form of the record, for readers that may be older or newer than the writer.
pub(crate) const VERSION: u32 = 1;

/// What is known of one upload.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) version: u32,
    pub(crate) upload: Ulid,
    pub(crate) session: Ulid,
    pub(crate) account: String,
    pub(crate) device: String,
    /// Absolute within the account's home.
    pub(crate) path: String,
    pub(crate) verb: Verb,
    /// Absent where no data connection was made: a session that only renames.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<Mode>,
    pub(crate) client: SocketAddr,
    /// How long the file was before these bytes were appended; 0 for a whole file.
    pub(crate) offset: u64,
    /// The upload whose bytes end where these begin. Absent for a whole file, and where the file's past is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<Previous>,
    /// Whether the file now ends within a line, and another entry will come for it: the next segment's, or the file's close.
    pub(crate) open: bool,
    pub(crate) bytes: u64,
    /// Of these bytes, in hexadecimal. Absent where they are so many that nobody has counted it yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<String>,
    /// The IANA zone of the account's device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) zone: Option<String>,
    #[serde(serialize_with = "microseconds")]
    pub(crate) received_at: Timestamp,
    #[serde(serialize_with = "microseconds")]
    pub(crate) landed_at: Timestamp,
}

/// An earlier upload to the same file, by what the key of its raw object is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Previous {
    pub(crate) upload: Ulid,
    pub(crate) device: String,
    #[serde(serialize_with = "microseconds")]
    pub(crate) landed_at: Timestamp,
}

impl Entry {
    fn to_json(&self) -> io::Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        Ok(json)
    }
}

/// RFC 3339 in UTC, always with six digits, so that texts sort as times do.
fn microseconds<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.6}"))
}

/// A record that is on the disk and not yet in the outbox: removed, with the bytes' link, when dropped unpublished.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    spool: &'a Spool,
    upload: Ulid,
    done: bool,
}

impl<'a> Draft<'a> {
    /// Writes the record into `spool/`, where it also says to the next start what was under way.
    pub(crate) fn write(spool: &'a Spool, entry: &Entry) -> io::Result<Self> {
        let mut file = create(&spool.under_way, &record(entry.upload))?;
        let draft = Self { spool, upload: entry.upload, done: false };
        file.write_all(&entry.to_json()?)?;
        file.sync_data()?;
        Ok(draft)
    }

    /// Links the bytes into the outbox, under a name that counts for nothing until the record is there.
    pub(crate) fn link(&self, folder: &Dir, name: &str) -> io::Result<()> {
        folder.hard_link(name, &self.spool.outbox, data(self.upload))
    }

    /// As `link`, for an entry that brings no bytes.
    pub(crate) fn link_nothing(&self) -> io::Result<()> {
        create(&self.spool.outbox, &data(self.upload)).map(drop)
    }

    /// Moves the record into the outbox: from here on the upload has landed. The caller makes the names durable.
    pub(crate) fn publish(&mut self) -> io::Result<()> {
        self.spool.under_way.rename(record(self.upload), &self.spool.outbox, record(self.upload))?;
        self.done = true;
        Ok(())
    }

    /// Removes the record, for an upload that landed in its home and is not for the outbox.
    pub(crate) fn withdraw(&mut self) -> io::Result<()> {
        self.spool.under_way.remove_file(record(self.upload))?;
        self.done = true;
        Ok(())
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.done {
            // What cannot be removed now is removed at the next start.
            let _ = self.spool.outbox.remove_file(data(self.upload));
            let _ = self.spool.under_way.remove_file(record(self.upload));
        }
    }
}

/// Takes an entry back that is to be delivered no more. Says whether it was there; when it was not, it has been delivered.
pub(crate) fn withdraw(spool: &Spool, upload: Ulid) -> io::Result<bool> {
    // The record first: the entry is there as long as its record is.
    match spool.outbox.remove_file(record(upload)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        removed => removed?,
    }
    match spool.outbox.remove_file(data(upload)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => spool.sync_outbox()?,
    }
    Ok(true)
}

fn data(upload: Ulid) -> String {
    format!("{upload}.data")
}

fn record(upload: Ulid) -> String {
    format!("{upload}.json")
}

#[cfg(test)]
mod tests;
