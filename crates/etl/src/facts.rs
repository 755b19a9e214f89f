//! What is known of an upload: the facts that travel as the raw object's user metadata, or what the object itself tells when
//! somebody else put it into the bucket.

use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use crate::event::Created;
use crate::lake::{Address, Head};
use crate::ledger::Id;

/// One upload: who sent what, when and how, and where its bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Names the upload, and every row that it gives (`_upload`): the edge's ULID, or the source id in hexadecimal.
    #[serde(rename = "upload")]
    pub id: String,
    /// The account that logged in.
    pub account: Option<String>,
    /// The device that the account stands for.
    pub device: String,
    /// The path as the device named it, absolute within its account's home.
    pub path: String,
    /// The command that brought it: `STOR`, `APPE`, `STOU`, `RNTO`.
    pub verb: Option<String>,
    /// `active` or `passive`.
    pub mode: Option<String>,
    /// The device's address and port.
    pub client: Option<String>,
    /// The control connection's id.
    pub session: Option<String>,
    /// Where the bytes stand in the device's file: the length before it for `APPE`, else zero.
    pub offset: u64,
    /// Where the raw object of the upload is whose bytes end where these begin: its folder, which holds nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// Whether the file ended within a line, so that a segment or the file's close will say what that line is.
    #[serde(default)]
    pub open: bool,
    /// How many bytes were uploaded.
    pub bytes: u64,
    /// Their SHA-256 in hexadecimal; `None` when nobody has counted it yet.
    pub sha256: Option<String>,
    /// The zone that the account declares for times without one.
    pub zone: Option<String>,
    /// When the transfer began.
    #[serde(with = "text_if_any")]
    pub received_at: Option<Timestamp>,
    /// When the upload was whole and safe.
    #[serde(with = "text")]
    pub landed_at: Timestamp,
    /// The raw object.
    pub source: Source,
}

/// An object, and which one of those that were ever at its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key.
    pub key: String,
    /// Its version or entity tag.
    pub version: String,
}

impl Source {
    pub(crate) fn at(&self) -> Address {
        Address { bucket: self.bucket.clone(), key: self.key.clone() }
    }
}

/// Facts that contradict the form they were promised in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upload's fact {name} is {problem}")]
pub(crate) struct BadFact {
    name: &'static str,
    problem: String,
}

impl Upload {
    /// The upload as its object's facts tell it; objects without our facts are uploads too.
    pub(crate) fn read(created: &Created, head: &Head) -> Result<Self, BadFact> {
        let bare = Self::bare(created, head);
        let facts = Facts(&head.facts);
        let Some(id) = facts.text("inlet-upload")? else { return Ok(bare) };
        if !is_name(&id) {
            return Err(BadFact { name: "inlet-upload", problem: "no name".to_owned() });
        }
        Ok(Self {
            id,
            account: facts.text("inlet-account")?,
            device: facts.text("inlet-device")?.unwrap_or(bare.device),
            path: facts.text("inlet-path")?.unwrap_or(bare.path),
            verb: facts.text("inlet-verb")?,
            mode: facts.text("inlet-mode")?,
            client: facts.text("inlet-client")?,
            session: facts.text("inlet-session")?,
            offset: facts.parsed("inlet-offset")?.unwrap_or(0),
            previous: facts.text("inlet-previous")?,
            open: facts.parsed("inlet-open")?.unwrap_or(false),
            bytes: head.bytes,
            sha256: facts.text("inlet-sha256")?,
            zone: facts.text("inlet-zone")?,
            received_at: facts.parsed("inlet-received-at")?,
            landed_at: facts.parsed("inlet-landed-at")?.unwrap_or(bare.landed_at),
            source: bare.source,
        })
    }

    /// The upload as far as its address tells it: the device from `device=` in the key, the moment from the event.
    pub(crate) fn bare(created: &Created, head: &Head) -> Self {
        let device = created.at.key.split('/').find_map(|part| part.strip_prefix("device=")).filter(|device| is_name(device));
        Self {
            id: Id::of_source(&created.at, &head.version).to_string(),
            account: None,
            device: device.unwrap_or("unknown").to_owned(),
            path: format!("/{}", created.at.key),
            verb: None,
            mode: None,
            client: None,
            session: None,
            offset: 0,
            previous: None,
            open: false,
            bytes: head.bytes,
            sha256: None,
            zone: None,
            received_at: None,
            landed_at: created.created_at,
            source: Source { bucket: created.at.bucket.clone(), key: created.at.key.clone(), version: head.version.clone() },
        }
    }
}

/// A device or an upload is named in letters that are safe in a key: `[A-Za-z0-9._-]{1,64}`.
fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && !text.bytes().all(|byte| byte == b'.')
}

/// User metadata: values are percent-encoded UTF-8, because S3 carries ASCII only.
struct Facts<'a>(&'a BTreeMap<String, String>);

impl Facts<'_> {
    fn text(&self, name: &'static str) -> Result<Option<String>, BadFact> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let text = percent_decode_str(value).decode_utf8();
        Ok(Some(text.map_err(|_| BadFact { name, problem: "no UTF-8".to_owned() })?.into_owned()))
    }

    fn parsed<T: FromStr<Err: ToString>>(&self, name: &'static str) -> Result<Option<T>, BadFact> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|error: T::Err| BadFact { name, problem: format!("{text}: {}", error.to_string()) })
    }
}

/// A moment as text (RFC 3339).
pub(crate) mod text {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(moment: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(moment)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A moment as text, or null.
mod text_if_any {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::ref_option, reason = "serde hands over a reference to the field")]
    pub(super) fn serialize<S: Serializer>(moment: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        moment.map(|moment| moment.to_string()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests;
