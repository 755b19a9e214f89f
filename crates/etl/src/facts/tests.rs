use super::*;

const GOLDEN: &str = include_str!("../../../../tests/golden/object-facts.json");

fn created(key: &str) -> Created {
    Created {
        at: Address { bucket: "lake".into(), key: key.into() },
        bytes: Some(1234),
        created_at: "2026-11-21T21:08:02Z".parse().unwrap(),
    }
}

fn read(key: &str, edit: impl Fn(&mut BTreeMap<String, String>)) -> Result<Upload, BadFact> {
    let mut facts: BTreeMap<String, String> = serde_json::from_str(GOLDEN).unwrap();
    edit(&mut facts);
    Upload::read(&created(key), &Head { bytes: 1234, version: "v1".into(), facts })
}

#[test]
fn the_golden_facts_tell_the_upload() {
    let upload = read("raw/x", |_| ()).unwrap();
    assert_eq!(upload.id, "01KAKXQ6W0M3Y2T9GQ4V8R5ZJA");
    assert_eq!(upload.path, "/data/Messung Süd+1.dat");
    assert_eq!(upload.account.as_deref(), Some("demo"));
    assert_eq!(upload.device, "station-7");
    assert_eq!(upload.verb.as_deref(), Some("APPE"));
    assert_eq!(upload.mode.as_deref(), Some("active"));
    assert_eq!(upload.client.as_deref(), Some("192.0.2.7:40123"));
    assert_eq!(upload.session.as_deref(), Some("01KAKXQ6VZ7C1N5D0H2B6S8FXK"));
    assert_eq!(upload.zone.as_deref(), Some("Europe/Berlin"));
    assert_eq!(upload.received_at, Some("2026-11-21T21:08:01.25Z".parse().unwrap()));
    assert_eq!(upload.landed_at, "2026-11-21T21:08:01.375Z".parse().unwrap());
    assert_eq!(upload.sha256.as_deref(), Some("b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"));
    assert_eq!(upload.previous.as_deref(), Some("raw/dt=2026-11-21/device=station-7/01KAKXJC7RSE9Z3D6Y1B5W2NHP/"));
    assert!(upload.open);
    assert_eq!((upload.offset, upload.bytes), (5678, 1234));
}

#[test]
fn an_account_without_a_zone_declares_none() {
    let upload = read("raw/x", |facts| assert!(facts.remove("inlet-zone").is_some())).unwrap();
    assert_eq!(upload.zone, None);
}

#[test]
fn objects_of_others_are_uploads_too() {
    let upload = read("in/device=pump-3/day.csv", BTreeMap::clear).unwrap();
    assert_eq!(upload.device, "pump-3");
    assert_eq!(upload.path, "/in/device=pump-3/day.csv");
    assert_eq!(upload.landed_at, "2026-11-21T21:08:02Z".parse().unwrap());
    assert_eq!(upload.id, Id::of_source(&upload.source.at(), "v1").to_string());
    for key in ["in/day.csv", "in/device=/day.csv", "in/device=a b/day.csv"] {
        assert_eq!(read(key, BTreeMap::clear).unwrap().device, "unknown", "{key}");
    }
}

#[test]
fn facts_out_of_form_are_refused() {
    for (name, value) in [
        ("inlet-upload", ".."),
        ("inlet-upload", "a%2Fb"),
        ("inlet-path", "%ff"),
        ("inlet-offset", "-1"),
        ("inlet-landed-at", "yesterday"),
    ] {
        let read = read("raw/x", |facts| {
            facts.insert(name.into(), value.into());
        });
        assert_eq!(read.unwrap_err().name, name, "{value}");
    }
}

#[test]
fn an_upload_survives_being_written_down() {
    for upload in [read("raw/x", |_| ()).unwrap(), read("raw/x", BTreeMap::clear).unwrap()] {
        let text = serde_json::to_string(&upload).unwrap();
        assert_eq!(serde_json::from_str::<Upload>(&text).unwrap(), upload);
    }
}
