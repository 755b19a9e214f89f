use super::*;

const GOLDEN: &str = include_str!("../../../../tests/golden/upload-event.json");

fn created(body: &str) -> Vec<(String, String, Option<u64>)> {
    read(body).unwrap().into_iter().map(|object| (object.at.bucket, object.at.key, object.bytes)).collect()
}

fn edited(edit: impl Fn(&mut serde_json::Value)) -> String {
    let mut event: serde_json::Value = serde_json::from_str(GOLDEN).unwrap();
    edit(&mut event);
    event.to_string()
}

#[test]
fn the_golden_event_names_its_object() {
    let objects = read(GOLDEN).unwrap();
    assert_eq!(
        objects,
        [Created {
            at: Address {
                bucket: "lake".into(),
                key: "raw/dt=2026-11-21/device=station-7/01KAKXQ6W0M3Y2T9GQ4V8R5ZJA/Messung Süd+1.dat".into()
            },
            bytes: Some(1234),
            created_at: "2026-11-21T21:08:01.375Z".parse().unwrap(),
        }]
    );
}

#[test]
fn every_record_counts_and_other_kinds_do_not() {
    let body = edited(|event| {
        let first = event["Records"][0].clone();
        let records = event["Records"].as_array_mut().unwrap();
        for (name, key) in [
            ("s3:ObjectCreated:CompleteMultipartUpload", "b"),
            ("ObjectCreated:Copy", "c"),
            ("ObjectRemoved:Delete", "d"),
            ("ObjectCreatedOops", "e"),
        ] {
            let mut record = first.clone();
            record["eventName"] = name.into();
            record["s3"]["object"]["key"] = key.into();
            records.push(record);
        }
    });
    let keys: Vec<_> = created(&body).into_iter().map(|(_, key, _)| key).collect();
    assert_eq!(keys[1..], ["b", "c"]);
}

#[test]
fn a_test_event_is_recognised() {
    let body = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2014-10-13T15:57:02.089Z","Bucket":"lake",
        "RequestId":"5582815E1AEA5ADF","HostId":"8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE"}"#;
    assert_eq!(created(body), []);
}

#[test]
fn what_we_wrote_ourselves_is_no_upload() {
    for key in ["ledger/0b/s/x.bin", "quarantine/dt%3D2026-11-21/01K/file", "pasts/0b/lake/raw/x/past.bin"] {
        assert_eq!(created(&edited(|event| event["Records"][0]["s3"]["object"]["key"] = key.into())), []);
    }
}

#[test]
fn other_messages_are_undecodable() {
    let no_key = edited(|event| event["Records"][0]["s3"]["object"]["key"] = serde_json::Value::Null);
    let no_utf8 = edited(|event| event["Records"][0]["s3"]["object"]["key"] = "raw/%ff".into());
    for body in ["", "hello", "{}", "[]", r#"{"Event":"other"}"#, &no_key, &no_utf8] {
        assert!(read(body).is_err(), "{body}");
    }
}
