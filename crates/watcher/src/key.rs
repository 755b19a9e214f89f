//! The key of a raw object, and how S3's events write keys.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ulid::Ulid;

use crate::entry::{Entry, Previous};

/// The longest file name within a key. File systems take 255 bytes, and lakes on them need some for names of their own.
const FILE_NAME_BYTES_MAX: usize = 240;

/// What S3's events leave as it is, besides the space, which they write as `+`.
const EVENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*').remove(b'/').remove(b' ');

/// The key of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key(String);

impl Key {
    /// `raw/dt=<UTC date of landing>/device=<device>/<upload>/<file name>`. It follows from the entry alone, so that an upload
    /// that is carried twice is stored once.
    pub(crate) fn raw(entry: &Entry) -> Self {
        let folder = folder(entry.landed_at, &entry.device, entry.upload);
        Self(format!("{folder}{}", shortened(entry.file_name())))
    }

    /// As requests carry it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// As event notifications carry it: form encoding, with slashes.
    pub(crate) fn in_event(&self) -> String {
        utf8_percent_encode(&self.0, EVENT).to_string().replace(' ', "+")
    }
}

/// Where the raw object of an earlier upload to the same file is, under whatever name: the file may have been renamed since.
pub(crate) fn folder_of(previous: &Previous) -> String {
    folder(previous.landed_at, &previous.device, previous.upload)
}

fn folder(landed_at: Timestamp, device: &str, upload: Ulid) -> String {
    let date = landed_at.to_zoned(TimeZone::UTC).date();
    format!("raw/dt={date}/device={device}/{upload}/")
}

/// The end of a name that is too long: it tells more than the beginning, and the whole path is among the object's facts.
fn shortened(name: &str) -> &str {
    let start = name.len().saturating_sub(FILE_NAME_BYTES_MAX);
    let start = (start..name.len()).find(|&start| name.is_char_boundary(start)).unwrap_or_default();
    name.get(start..).unwrap_or(name)
}

#[cfg(test)]
mod tests;
