//! An outbox entry: what ingest says of one upload, in the form of `tests/golden/outbox-entry.json`.

use std::net::SocketAddr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use ulid::Ulid;

/// The version of the form that is read here.
const VERSION: u32 = 1;
/// The longest entry that is read; ingest's bounds on what it writes keep it under 4 KiB.
pub(crate) const ENTRY_BYTES_MAX: usize = 64 << 10;
/// The longest path that is read. Ingest takes no more than 384 bytes by now, so that the facts fit into S3's 2 KB; at first it took 512.
const PATH_BYTES_MAX: usize = 512;
/// Accounts and devices are named within this.
const NAME_BYTES_MAX: usize = 64;

/// One upload. Read only through [`Entry::parse`], so its device and path are fit for a key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) version: u32,
    pub(crate) upload: Ulid,
    pub(crate) session: Ulid,
    pub(crate) account: String,
    pub(crate) device: String,
    /// Absolute within the account's home.
    pub(crate) path: String,
    pub(crate) verb: Verb,
    /// Absent when no data connection was made: a session that only renames.
    pub(crate) mode: Option<Mode>,
    pub(crate) client: SocketAddr,
    /// How long the file was before these bytes were appended.
    pub(crate) offset: u64,
    /// The upload whose bytes end where these begin.
    pub(crate) previous: Option<Previous>,
    /// Whether the file now ends within a line, and another entry will come for it.
    #[serde(default)]
    pub(crate) open: bool,
    pub(crate) bytes: u64,
    /// Absent where the bytes are so many that nobody has counted it yet.
    pub(crate) sha256: Option<String>,
    pub(crate) zone: Option<String>,
    #[serde(deserialize_with = "timestamp")]
    pub(crate) received_at: Timestamp,
    #[serde(deserialize_with = "timestamp")]
    pub(crate) landed_at: Timestamp,
}

/// An earlier upload to the same file, by what the key of its raw object is made of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Previous {
    pub(crate) upload: Ulid,
    pub(crate) device: String,
    #[serde(deserialize_with = "timestamp")]
    pub(crate) landed_at: Timestamp,
}

/// The command that published the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Verb {
    Stor,
    Stou,
    Appe,
    Rnto,
    /// None: the file gets no more bytes, so its last line is whole as it is.
    Close,
}

/// How the data connection was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    Active,
    Passive,
}

/// Why an entry cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadEntry {
    #[error("longer than {ENTRY_BYTES_MAX} bytes")]
    Long,
    #[error("not an entry")]
    Json(#[from] serde_json::Error),
    #[error("of version {0}; this program reads {VERSION}")]
    Version(u32),
    #[error("speaks of another upload, {0}")]
    Upload(Ulid),
    #[error("bad {0}")]
    Field(&'static str),
    #[error("its data has {found} bytes, not {expected}")]
    Length { expected: u64, found: u64 },
    #[error("its files cannot be read")]
    Io(#[from] std::io::Error),
}

impl Entry {
    /// Reads the entry of that upload.
    pub(crate) fn parse(upload: Ulid, json: &[u8]) -> Result<Self, BadEntry> {
        if json.len() > ENTRY_BYTES_MAX {
            return Err(BadEntry::Long);
        }
        let entry: Self = serde_json::from_slice(json)?;
        if entry.version != VERSION {
            return Err(BadEntry::Version(entry.version));
        }
        if entry.upload != upload {
            return Err(BadEntry::Upload(entry.upload));
        }
        entry.check().map_err(BadEntry::Field).map(|()| entry)
    }

    fn check(&self) -> Result<(), &'static str> {
        let zone = self.zone.as_deref();
        let checks = [
            ("account", is_text(&self.account, NAME_BYTES_MAX)),
            ("device", is_device(&self.device)),
            ("previous", self.previous.as_ref().is_none_or(|previous| is_device(&previous.device))),
            ("path", is_path(&self.path)),
            ("sha256", self.sha256.as_deref().is_none_or(is_digest)),
            ("zone", zone.is_none_or(|zone| is_text(zone, NAME_BYTES_MAX))),
        ];
        checks.into_iter().find(|(_, good)| !good).map_or(Ok(()), |(field, _)| Err(field))
    }

    /// The last component of the path.
    pub(crate) fn file_name(&self) -> &str {
        self.path.rsplit_once('/').map_or(self.path.as_str(), |(_, name)| name)
    }
}

/// RFC 3339, as ingest writes it.
fn timestamp<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Timestamp, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

fn is_text(text: &str, bytes_max: usize) -> bool {
    !text.is_empty() && text.len() <= bytes_max && !text.chars().any(char::is_control)
}

fn is_device(device: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !device.is_empty() && device.len() <= NAME_BYTES_MAX && device.bytes().all(good)
}

/// Absolute, and made of names: no part is empty, `.` or `..`.
fn is_path(path: &str) -> bool {
    is_text(path, PATH_BYTES_MAX)
        && path.strip_prefix('/').is_some_and(|path| path.split('/').all(|part| !matches!(part, "" | "." | "..")))
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
pub(crate) mod tests;
