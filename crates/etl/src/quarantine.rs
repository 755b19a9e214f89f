//! What cannot be used is kept: the bytes, the reason, and the row.
//!
//! `quarantine/dt=<date of landing>/<upload>/` holds `reason.json` and, for a whole file, `file` (its bytes as uploaded), for single
//! rows `rows.ndjson`. A message that is no event is kept under `quarantine/messages/<hash>/`. All keys follow from the upload, so
//! that keeping it again writes the same objects; `reason.json` is written last, and what has none is not in quarantine.
//!
//! What was released stays, marked by `released.json`. What of it was refused again is an entry of its own beside it, under
//! `<upload>/2/`, `<upload>/3/` and so on, so that an upload has at most one entry that is not released.

mod list;
mod rows;

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::facts::Upload;
use crate::lake::{Address, Lake, LakeError};
use crate::lines::Lines;
use crate::offload;
use crate::rows::Refused;
use crate::unwrapped::Unwrapped;

pub use list::list;
pub use rows::{Row, rows};

/// Where the quarantine is in its bucket.
pub(crate) const ROOT: &str = "quarantine/";

const REASON: &str = "reason.json";
const FILE: &str = "file";
const ROWS: &str = "rows.ndjson";
const RELEASED: &str = "released.json";
const VERSION: u32 = 1;
const CHUNK_BYTES: u64 = 8 << 20;
/// The longest `reason.json` and `released.json` that are read. It is the lines that make them long, with about 35 bytes for each run: as
/// many as this takes are eight million, of a file of sixteen million lines of which every second one was refused.
const REASON_BYTES_MAX: u64 = 256 << 20;

/// One case in quarantine: `reason.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The form of this object; 1.
    pub version: u32,
    /// Where its objects are: a key that ends with a slash.
    pub at: String,
    /// The upload; `None` for a message that is no event.
    pub upload: Option<Upload>,
    /// The format that claimed the file, if one did.
    pub format: Option<String>,
    /// The tables that its rows were meant for, as far as that was known.
    pub tables: Vec<String>,
    /// Why it is here, in words.
    pub reason: String,
    /// How many rows are here; the others are in their tables.
    pub rows_refused: u64,
    /// Whether the whole file is here.
    pub whole: bool,
    /// The lines that are in no table, when other lines of the file are; without it nothing of the file is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<Lines>>,
    /// The tables that other lines of the file are in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loaded: Vec<String>,
    /// What came of its release, once it was released. Not in `reason.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<Released>,
    /// The entries of the same upload before this one, which were released. Not in `reason.json`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Entry>,
    /// Why nothing is known of this entry but where it is; it cannot be released. Not in `reason.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Entry {
    /// An entry whose objects cannot be read.
    fn unreadable(at: &str, problem: String) -> Self {
        Self {
            version: VERSION,
            at: at.to_owned(),
            upload: None,
            format: None,
            tables: Vec::new(),
            reason: "not known".to_owned(),
            rows_refused: 0,
            whole: false,
            lines: None,
            loaded: Vec::new(),
            released: None,
            before: Vec::new(),
            problem: Some(problem),
        }
    }
}

/// What came of a release: `released.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// The form of this object; 1.
    pub version: u32,
    /// The job that did it.
    pub job: String,
    /// When.
    #[serde(with = "crate::facts::text")]
    pub at: Timestamp,
    /// The format that claimed the file this time.
    pub format: Option<String>,
    /// How many rows of the entry are in tables now.
    pub rows: u64,
    /// In which tables.
    pub tables: Vec<String>,
    /// The entry with what was refused again.
    pub again: Option<String>,
}

/// What is to be kept of one upload.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) upload: Arc<Upload>,
    pub(crate) format: Option<String>,
    pub(crate) tables: Vec<String>,
    pub(crate) reason: String,
    /// Single rows, and the unwrapped file that they stand in.
    pub(crate) rows: Vec<Refused>,
    pub(crate) unwrapped: Unwrapped,
    /// Whether the whole file is to be kept, and where its bytes are.
    pub(crate) whole: bool,
    pub(crate) bytes_at: Address,
    /// The lines that are in no table, when other lines of the file are.
    pub(crate) lines: Option<Vec<Lines>>,
    /// The tables that these are in.
    pub(crate) loaded: Vec<String>,
}

/// Where an upload's first entry is.
pub(crate) fn dir(upload: &Upload) -> String {
    let date = upload.landed_at.to_zoned(TimeZone::UTC).date();
    format!("{ROOT}dt={date}/{}/", upload.id)
}

/// Where the entry is that follows this one of the same upload.
pub(crate) fn next_dir(dir: &str) -> String {
    let (first, number) = numbered(dir);
    format!("{first}{}/", number.saturating_add(1))
}

/// Where the first entry of the same upload is, and which of them this one is.
fn numbered(dir: &str) -> (String, u32) {
    let (before, last) = dir.trim_end_matches('/').rsplit_once('/').unwrap_or(("", dir));
    match last.parse::<u32>() {
        // An upload's own directory lies right under its date, whatever the upload is called.
        Ok(number) if before.matches('/').count() > 1 => (format!("{before}/"), number),
        _ => (dir.to_owned(), 1),
    }
}

/// Keeps an upload, or some of its rows, under `dir`. The bytes are copied from the entry before it, or else from the raw object.
pub(crate) async fn keep(lake: &dyn Lake, bucket: &str, dir: &str, case: &Case) -> Result<(), Error> {
    let at = |name: &str| Address { bucket: bucket.to_owned(), key: format!("{dir}{name}") };
    // What is kept there already needs no copy.
    if case.whole && case.bytes_at != at(FILE) {
        copy(lake, &case.bytes_at, case.upload.bytes, &at(FILE)).await?;
    }
    if !case.rows.is_empty() {
        rows::write(lake, &at(ROWS), case).await?;
    }
    let entry = Entry {
        version: VERSION,
        at: dir.to_owned(),
        upload: Some(case.upload.as_ref().clone()),
        format: case.format.clone(),
        tables: case.tables.clone(),
        reason: case.reason.clone(),
        rows_refused: u64::try_from(case.rows.len()).unwrap_or(u64::MAX),
        whole: case.whole,
        lines: case.lines.clone(),
        loaded: case.loaded.clone(),
        released: None,
        before: Vec::new(),
        problem: None,
    };
    write_reason(lake, &at(REASON), &entry).await
}

/// Keeps a message that is no event.
pub(crate) async fn keep_message(lake: &dyn Lake, bucket: &str, body: &str, reason: String) -> Result<(), Error> {
    let hash: String = Sha256::digest(body.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let dir = format!("{ROOT}messages/{hash}/");
    let at = |name: &str| Address { bucket: bucket.to_owned(), key: format!("{dir}{name}") };
    lake.replace(&at(FILE), Bytes::copy_from_slice(body.as_bytes())).await.map_err(Error::lake("quarantine a message"))?;
    let entry = Entry {
        version: VERSION,
        at: dir.clone(),
        upload: None,
        format: None,
        tables: Vec::new(),
        reason,
        rows_refused: 0,
        whole: true,
        lines: None,
        loaded: Vec::new(),
        released: None,
        before: Vec::new(),
        problem: None,
    };
    write_reason(lake, &at(REASON), &entry).await
}

/// One entry as it is now, when there is one at `dir`. One whose objects are damaged or too long says so in its problem; an
/// error may pass.
pub(crate) async fn entry(lake: &dyn Lake, bucket: &str, dir: &str) -> Result<Option<Entry>, Error> {
    match read(lake, bucket, dir).await {
        Err(error @ (Error::Damaged { .. } | Error::Lake { source: LakeError::TooLong { .. }, .. })) => {
            Ok(Some(Entry::unreadable(dir, error.chain())))
        }
        read => read,
    }
}

async fn read(lake: &dyn Lake, bucket: &str, dir: &str) -> Result<Option<Entry>, Error> {
    let Some(reason) = object::<Entry>(lake, bucket, dir, REASON).await? else { return Ok(None) };
    let released = object(lake, bucket, dir, RELEASED).await?;
    Ok(Some(Entry { released, ..reason }))
}

async fn object<T>(lake: &dyn Lake, bucket: &str, dir: &str, name: &str) -> Result<Option<T>, Error>
where
    T: serde::de::DeserializeOwned + Send + 'static,
{
    let at = Address { bucket: bucket.to_owned(), key: format!("{dir}{name}") };
    match lake.get(&at, REASON_BYTES_MAX).await {
        Ok((_, text)) => {
            let object = offload::run("read a quarantine", move || serde_json::from_slice(&text)).await?;
            object.map(Some).map_err(|error| Error::Damaged { key: at.key, problem: error.to_string() })
        }
        Err(LakeError::NotFound(_)) => Ok(None),
        Err(error) => Err(Error::lake("read a quarantine")(error)),
    }
}

/// Marks an entry as released.
pub(crate) async fn mark(lake: &dyn Lake, bucket: &str, entry: &Entry, released: &Released) -> Result<(), Error> {
    let at = Address { bucket: bucket.to_owned(), key: format!("{}{RELEASED}", entry.at) };
    lake.replace(&at, json(&at.key, released)?.into()).await.map_err(Error::lake("mark a release"))
}

/// Where the bytes of an entry are: in quarantine for whole files, else in the raw object.
pub(crate) fn bytes_at(bucket: &str, entry: &Entry) -> Option<Address> {
    let kept = Address { bucket: bucket.to_owned(), key: format!("{}{FILE}", entry.at) };
    if entry.whole { Some(kept) } else { entry.upload.as_ref().map(|upload| upload.source.at()) }
}

async fn copy(lake: &dyn Lake, from: &Address, bytes: u64, to: &Address) -> Result<(), Error> {
    let failed = Error::lake("copy an upload to quarantine");
    let mut write = lake.write(to).await.map_err(&failed)?;
    let mut at = 0;
    while at < bytes {
        let end = bytes.min(at.saturating_add(CHUNK_BYTES));
        write.push(lake.get_range(from, at..end).await.map_err(&failed)?).await.map_err(&failed)?;
        at = end;
    }
    write.finish().await.map_err(&failed)
}

async fn write_reason(lake: &dyn Lake, at: &Address, entry: &Entry) -> Result<(), Error> {
    lake.replace(at, json(&at.key, entry)?.into()).await.map_err(Error::lake("write the reason of a quarantine"))
}

fn json(key: &str, value: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| Error::Damaged { key: key.to_owned(), problem: error.to_string() })
}

#[cfg(test)]
mod tests;
