use serde_json::{Value, json};

use super::*;

pub(crate) const GOLDEN: &str = include_str!("../../../../tests/golden/outbox-entry.json");

/// The golden entry, as all golden tests of this crate start from it.
pub(crate) fn golden() -> Entry {
    Entry::parse("01KAKXQ6W0M3Y2T9GQ4V8R5ZJA".parse().unwrap(), GOLDEN.as_bytes()).unwrap()
}

fn changed(field: &str, value: Value) -> Result<Entry, BadEntry> {
    let mut entry: Value = serde_json::from_str(GOLDEN).unwrap();
    entry[field] = value;
    Entry::parse(golden().upload, &serde_json::to_vec(&entry).unwrap())
}

#[test]
fn the_golden_entry_is_read() {
    let entry = golden();
    assert_eq!((entry.device.as_str(), entry.bytes, entry.offset), ("station-7", 1234, 5678));
    assert_eq!((entry.verb, entry.mode), (Verb::Appe, Some(Mode::Active)));
    assert_eq!(entry.file_name(), "Messung Süd+1.dat");
    assert_eq!(entry.landed_at.to_string(), "2026-11-21T21:08:01.375Z");
}

#[test]
fn mode_zone_and_what_came_before_may_be_absent() {
    let mut entry: Value = serde_json::from_str(GOLDEN).unwrap();
    entry.as_object_mut().unwrap().retain(|field, _| !["mode", "zone", "previous", "sha256"].contains(&field.as_str()));
    let entry = Entry::parse(golden().upload, &serde_json::to_vec(&entry).unwrap()).unwrap();
    assert!(entry.mode.is_none() && entry.zone.is_none() && entry.previous.is_none() && entry.sha256.is_none());
}

#[test]
fn what_ingest_would_not_have_written_is_refused() {
    let check = |field: &str, value: Value, reason: &str| {
        assert_eq!(changed(field, value.clone()).unwrap_err().to_string(), reason, "{field} = {value}");
    };
    check("version", json!(2), "of version 2; this program reads 1");
    check("upload", json!("01KAKXQ6VZ7C1N5D0H2B6S8FXK"), "speaks of another upload, 01KAKXQ6VZ7C1N5D0H2B6S8FXK");
    for device in ["", "a/b", "a b", "ü", &"x".repeat(65)] {
        check("device", json!(device), "bad device");
    }
    for path in ["", "x", "/", "/a/", "/a//b", "/../x", "/a/.", "/a\nb", &format!("/{}", "x".repeat(512))] {
        check("path", json!(path), "bad path");
    }
    check("sha256", json!("B94D27B9934D3E08A52E52D7DA7DABFAC484EFE37A5380EE9088F7ACE2EFCDE9"), "bad sha256");
    check("account", json!(""), "bad account");
    let previous = json!({ "upload": "01KAKXJC7RSE9Z3D6Y1B5W2NHP", "device": "a/b", "landed_at": "2026-11-21T21:05:24Z" });
    check("previous", previous, "bad previous");
    for (field, value) in [("verb", json!("RETR")), ("mode", json!("other")), ("bytes", json!(-1)), ("more", json!(1))] {
        check(field, value, "not an entry");
    }
}

#[test]
fn a_torn_or_huge_entry_is_refused() {
    let upload = golden().upload;
    assert!(matches!(Entry::parse(upload, &GOLDEN.as_bytes()[..100]), Err(BadEntry::Json(_))));
    assert!(matches!(Entry::parse(upload, &vec![b' '; ENTRY_BYTES_MAX + 1]), Err(BadEntry::Long)));
}
