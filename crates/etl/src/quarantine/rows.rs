//! `rows.ndjson`: the refused rows of an entry, one a line, each with its place, its bytes and the reason.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::{CHUNK_BYTES, Case, Entry, ROWS, json};
use crate::error::Error;
use crate::lake::{Address, Lake, LakeError};

/// One refused row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The member of the archive, when the file is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// The 1-based line.
    pub row: u64,
    /// Where its bytes begin in the unwrapped file.
    pub offset: usize,
    /// Why it was refused.
    pub reason: String,
    /// Its bytes in base64.
    pub bytes: String,
    /// Its bytes as text, when they are UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The first `rows_max` refused rows of an entry.
pub async fn rows(lake: &dyn Lake, bucket: &str, entry: &Entry, rows_max: usize) -> Result<Vec<Row>, Error> {
    let at = Address { bucket: bucket.to_owned(), key: format!("{}{ROWS}", entry.at) };
    let (mut rows, mut text, mut read) = (Vec::new(), Vec::new(), 0);
    while rows.len() < rows_max {
        let chunk = match lake.get_range(&at, read..read.saturating_add(CHUNK_BYTES)).await {
            Ok(chunk) => chunk,
            Err(LakeError::NotFound(_)) => break,
            Err(error) => return Err(Error::lake("read rows in quarantine")(error)),
        };
        if chunk.is_empty() {
            break;
        }
        read = read.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        text.extend_from_slice(&chunk);
        let Some(end) = text.iter().rposition(|byte| *byte == b'\n') else { continue };
        let rest = text.split_off(end + 1);
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).take(rows_max - rows.len()) {
            let row = serde_json::from_slice(line);
            rows.push(row.map_err(|error| Error::Damaged { key: at.key.clone(), problem: error.to_string() })?);
        }
        text = rest;
    }
    Ok(rows)
}

pub(super) async fn write(lake: &dyn Lake, to: &Address, case: &Case) -> Result<(), Error> {
    let failed = Error::lake("write rows to quarantine");
    let mut write = lake.write(to).await.map_err(&failed)?;
    let mut lines: Vec<u8> = Vec::new();
    for refused in &case.rows {
        let bytes = case.unwrapped.get(refused.bytes.clone());
        let row = Row {
            member: refused.member.clone(),
            row: refused.row,
            offset: refused.bytes.start,
            reason: refused.reason.clone(),
            bytes: BASE64.encode(bytes),
            text: std::str::from_utf8(bytes).ok().map(str::to_owned),
        };
        lines.extend(json(&to.key, &row)?);
        lines.push(b'\n');
        if u64::try_from(lines.len()).is_ok_and(|bytes| bytes >= CHUNK_BYTES) {
            write.push(std::mem::take(&mut lines).into()).await.map_err(&failed)?;
        }
    }
    write.push(lines.into()).await.map_err(&failed)?;
    write.finish().await.map_err(&failed)
}
