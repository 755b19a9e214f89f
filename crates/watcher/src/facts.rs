//! An upload's facts as user metadata of its raw object, in the form of `tests/golden/object-facts.json`.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::entry::Entry;
use crate::key::folder_of;

/// What stays as it is. HTTP headers carry ASCII only.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b':');

/// All that is known of the upload. What is unknown is absent.
pub(crate) fn of(entry: &Entry) -> BTreeMap<String, String> {
    let facts = [
        ("inlet-upload", Some(entry.upload.to_string())),
        ("inlet-session", Some(entry.session.to_string())),
        ("inlet-account", Some(entry.account.clone())),
        ("inlet-device", Some(entry.device.clone())),
        ("inlet-path", Some(entry.path.clone())),
        ("inlet-verb", word(&entry.verb)),
        ("inlet-mode", entry.mode.as_ref().and_then(word)),
        ("inlet-client", Some(entry.client.to_string())),
        ("inlet-offset", Some(entry.offset.to_string())),
        ("inlet-previous", entry.previous.as_ref().map(folder_of)),
        ("inlet-open", entry.open.then(|| "true".to_owned())),
        ("inlet-sha256", entry.sha256.clone()),
        ("inlet-zone", entry.zone.clone()),
        ("inlet-received-at", Some(format!("{:.6}", entry.received_at))),
        ("inlet-landed-at", Some(format!("{:.6}", entry.landed_at))),
    ];
    let encoded = |value: String| utf8_percent_encode(&value, PLAIN).to_string();
    facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), encoded(value?)))).collect()
}

/// A word of the entry's own form.
fn word(value: &impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests;
