use super::*;

fn entry() -> Entry {
    Entry {
        version: VERSION,
        upload: "01KAKXQ6W0M3Y2T9GQ4V8R5ZJA".parse().unwrap(),
        session: "01KAKXQ6VZ7C1N5D0H2B6S8FXK".parse().unwrap(),
        account: "demo".into(),
        device: "station-7".into(),
        path: "/data/Messung Süd+1.dat".into(),
        verb: Verb::Appe,
        mode: Some(Mode::Active),
        client: "192.0.2.7:40123".parse().unwrap(),
        offset: 5678,
        previous: Some(Previous {
            upload: "01KAKXJC7RSE9Z3D6Y1B5W2NHP".parse().unwrap(),
            device: "station-7".into(),
            landed_at: "2026-11-21T21:05:24.5Z".parse().unwrap(),
        }),
        open: true,
        bytes: 1234,
        sha256: Some("b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9".into()),
        zone: Some("Europe/Berlin".into()),
        received_at: "2026-11-21T21:08:01.25Z".parse().unwrap(),
        landed_at: "2026-11-21T21:08:01.375Z".parse().unwrap(),
    }
}

#[test]
fn a_record_is_written_as_the_watcher_reads_it() {
    let golden = include_str!("../../../../tests/golden/outbox-entry.json");
    assert_eq!(String::from_utf8(entry().to_json().unwrap()).unwrap(), golden);
}

#[test]
fn what_is_unknown_is_left_out() {
    let json =
        String::from_utf8(Entry { mode: None, zone: None, previous: None, sha256: None, ..entry() }.to_json().unwrap()).unwrap();
    assert!(["mode", "zone", "previous", "sha256"].iter().all(|key| !json.contains(key)), "{json}");
}

#[test]
fn a_draft_that_is_not_published_leaves_nothing_and_a_published_one_stays() {
    let root = tempfile::tempdir().unwrap();
    let spool = Spool::open(root.path()).unwrap();
    let there = |path: &str| root.path().join(path).exists();
    std::fs::write(root.path().join("spool/bytes"), "x").unwrap();
    for publish in [false, true] {
        let mut draft = Draft::write(&spool, &entry()).unwrap();
        draft.link(&spool.under_way, "bytes").unwrap();
        assert!(there("spool/01KAKXQ6W0M3Y2T9GQ4V8R5ZJA.json") && there("outbox/01KAKXQ6W0M3Y2T9GQ4V8R5ZJA.data"));
        if publish {
            draft.publish().unwrap();
        }
        drop(draft);
        assert!(!there("spool/01KAKXQ6W0M3Y2T9GQ4V8R5ZJA.json"));
        assert_eq!(there("outbox/01KAKXQ6W0M3Y2T9GQ4V8R5ZJA.data"), publish);
        assert_eq!(there("outbox/01KAKXQ6W0M3Y2T9GQ4V8R5ZJA.json"), publish);
    }
}
