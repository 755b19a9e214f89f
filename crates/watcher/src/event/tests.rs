use aws_lambda_events::s3::S3Event;
use serde_json::Value;

use super::*;
use crate::entry::tests::golden;

fn event(version: Option<&str>) -> String {
    let entry = golden();
    let etag = "0f343b0931126a20f133d67c2b018a3b".to_owned();
    let stored = Stored { bytes: 1234, etag, version: version.map(str::to_owned) };
    created(&entry, "lake", "us-east-1", &Key::raw(&entry), &stored)
}

#[test]
fn the_event_is_the_golden_one() {
    let expected: Value = serde_json::from_str(include_str!("../../../../tests/golden/upload-event.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&event(None)).unwrap(), expected);
}

#[test]
fn consumers_of_s3_events_read_it() {
    let event: S3Event = serde_json::from_str(&event(Some("v1"))).unwrap();
    let object = &event.records[0].s3.object;
    assert_eq!((object.size, object.version_id.as_deref()), (Some(1234), Some("v1")));
    assert_eq!(object.e_tag.as_deref(), Some("0f343b0931126a20f133d67c2b018a3b"));
    assert_eq!(event.records[0].event_time.timestamp_millis(), golden().landed_at.as_millisecond());
}
