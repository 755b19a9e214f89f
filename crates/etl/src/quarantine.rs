//! What cannot be used is kept: the bytes, the reason, and the row.
//!
//! `quarantine/dt=<date of landing>/<upload>/` holds `reason.json` and, for a whole file, `file` (its bytes as uploaded), for single
//! rows `rows.ndjson`. A message that is no event is kept under `quarantine/messages/<hash>/`. All keys follow from the upload, so
//! that keeping it again writes the same objects; `reason.json` is written last, and what has none is not in quarantine.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::facts::Upload;
use crate::lake::{Address, Lake};
use crate::rows::Refused;

/// Where the quarantine is in its bucket.
pub(crate) const ROOT: &str = "quarantine/";

const REASON: &str = "reason.json";
const FILE: &str = "file";
const ROWS: &str = "rows.ndjson";
const VERSION: u32 = 1;
const CHUNK_BYTES: u64 = 8 << 20;
const REASON_BYTES_MAX: u64 = 1 << 20;
const KEYS_AT_ONCE: usize = 1000;

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
}

/// What is to be kept of one upload.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) upload: Upload,
    pub(crate) format: Option<String>,
    pub(crate) tables: Vec<String>,
    pub(crate) reason: String,
    /// Single rows, and the unwrapped file that they stand in.
    pub(crate) rows: Vec<Refused>,
    pub(crate) unwrapped: Vec<u8>,
    pub(crate) whole: bool,
}

/// Keeps an upload, or some of its rows.
pub(crate) async fn keep(lake: &dyn Lake, bucket: &str, case: &Case) -> Result<(), Error> {
    let date = case.upload.landed_at.to_zoned(TimeZone::UTC).date();
    let dir = format!("{ROOT}dt={date}/{}/", case.upload.id);
    let at = |name: &str| Address { bucket: bucket.to_owned(), key: format!("{dir}{name}") };
    if case.whole {
        copy(lake, &case.upload.source.at(), case.upload.bytes, &at(FILE)).await?;
    }
    if !case.rows.is_empty() {
        write_rows(lake, &at(ROWS), case).await?;
    }
    let entry = Entry {
        version: VERSION,
        at: dir.clone(),
        upload: Some(case.upload.clone()),
        format: case.format.clone(),
        tables: case.tables.clone(),
        reason: case.reason.clone(),
        rows_refused: u64::try_from(case.rows.len()).unwrap_or(u64::MAX),
        whole: case.whole,
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
    };
    write_reason(lake, &at(REASON), &entry).await
}

/// Everything in quarantine, by date and upload, messages last.
pub async fn list(lake: &dyn Lake, bucket: &str) -> Result<Vec<Entry>, Error> {
    let listing = Error::lake("list quarantine");
    let under = Address { bucket: bucket.to_owned(), key: ROOT.to_owned() };
    let mut entries = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let keys = lake.list(&under, after.as_deref(), KEYS_AT_ONCE).await.map_err(&listing)?;
        let Some(last) = keys.last() else { return Ok(entries) };
        after = Some(last.clone());
        for key in keys.into_iter().filter(|key| key.ends_with(REASON)) {
            let at = Address { bucket: bucket.to_owned(), key };
            let (_, text) = lake.get(&at, REASON_BYTES_MAX).await.map_err(&listing)?;
            let entry = serde_json::from_slice(&text);
            entries.push(entry.map_err(|error| Error::Damaged { key: at.key, problem: error.to_string() })?);
        }
    }
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

/// One refused row as it stands in `rows.ndjson`.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<&'a str>,
    row: u64,
    offset: usize,
    reason: &'a str,
    bytes: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

async fn write_rows(lake: &dyn Lake, to: &Address, case: &Case) -> Result<(), Error> {
    let failed = Error::lake("write rows to quarantine");
    let mut write = lake.write(to).await.map_err(&failed)?;
    let mut lines: Vec<u8> = Vec::new();
    for refused in &case.rows {
        let bytes = case.unwrapped.get(refused.bytes.clone()).unwrap_or_default();
        let (bytes, text) = (BASE64.encode(bytes), std::str::from_utf8(bytes).ok());
        let (member, offset) = (refused.member.as_deref(), refused.bytes.start);
        let row = Row { member, row: refused.row, offset, reason: &refused.reason, bytes, text };
        lines.extend(json(&to.key, &row)?);
        lines.push(b'\n');
        if u64::try_from(lines.len()).is_ok_and(|bytes| bytes >= CHUNK_BYTES) {
            write.push(std::mem::take(&mut lines).into()).await.map_err(&failed)?;
        }
    }
    write.push(lines.into()).await.map_err(&failed)?;
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
