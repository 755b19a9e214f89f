//! Whole uploads.

use super::*;
use crate::spool::aligned_room;

#[tokio::test]
async fn an_upload_is_in_the_home_and_in_the_outbox() {
    let bench = Bench::new();
    fs::create_dir(bench.home("data")).unwrap();
    assert_eq!(bench.put(Verb::Stor, "/data/x.dat", b"hello world").await.unwrap(), 11);
    assert_eq!(bench.read("data/x.dat"), b"hello world");
    let [(record, bytes)] = &bench.outbox()[..] else { panic!() };
    assert_eq!(bytes, b"hello world");
    let facts = ["path", "verb", "mode", "account", "device", "zone", "client"].map(|key| record[key].as_str().unwrap());
    assert_eq!(facts, ["/data/x.dat", "STOR", "active", "demo", "station-7", "Europe/Berlin", "192.0.2.7:40123"]);
    assert_eq!(record["sha256"], "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
    assert_eq!((&record["offset"], &record["version"]), (&Value::from(0), &Value::from(1)));
    assert!(record["received_at"].as_str() <= record["landed_at"].as_str());
    bench.nothing_under_way();
}

#[tokio::test]
async fn uploads_of_any_length_are_whole() {
    let bench = Bench::new();
    let step = 256 * 1024;
    for length in [0, 1, step - 1, step, step + 1, 2 * step, 2 * step + 1, 3 * step, 3 * step + 17] {
        let bytes: Vec<u8> = (0..length).map(|n: usize| u8::try_from(n % 251).unwrap()).collect();
        assert_eq!(bench.put(Verb::Stor, "x.dat", &bytes).await.unwrap(), length as u64);
        assert!(bench.read("x.dat") == bytes, "{length}");
        let (record, landed) = bench.outbox().pop().unwrap();
        assert!(landed == bytes, "{length}");
        // The hash of what is long is left to the watcher.
        let counted =
            (length <= 2 * step).then(|| Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        assert_eq!(record.get("sha256").and_then(Value::as_str), counted.as_deref(), "{length}");
    }
    bench.nothing_under_way();
}

/// The edge's steps, of which those in aligned room may go to the disk past the page cache and the others not.
#[tokio::test]
async fn steps_of_any_kind_make_one_upload() {
    let bench = Bench::new();
    for (kinds, short) in [("aaaaaaaa", 0), ("aaaaaaaaa", 4097), ("aaauaaaauuaa", 1), ("uuuuu", 4096), ("aasaaaasaaaa", 99)] {
        let (landing, session) = bench.session();
        session.begin(Mode::Passive, Verb::Stor);
        session.end(Fate::Complete);
        let mut upload = landing.receive(&bench.account, Path::new("x.dat"), 0).unwrap();
        let mut sent = Vec::new();
        let mut step = |kind: char, bytes: usize| {
            let bytes: Vec<u8> = (sent.len()..sent.len() + bytes).map(|n| u8::try_from(n % 251).unwrap()).collect();
            sent.extend_from_slice(&bytes);
            let mut room = if kind == 'u' { Default::default() } else { aligned_room(bytes.len()) };
            room.extend_from_slice(&bytes);
            room.freeze()
        };
        for kind in kinds.chars() {
            upload.go_on(step(kind, if kind == 's' { 4099 } else { STEP_BYTES })).await.unwrap();
        }
        let bytes = upload.finish(step('u', short)).await.unwrap();
        assert!(bench.read("x.dat") == sent && bytes == sent.len() as u64, "{kinds} {short}");
    }
    bench.nothing_under_way();
}

#[tokio::test]
async fn an_upload_that_nobody_announced_is_not_taken() {
    let bench = Bench::new();
    let (landing, _) = bench.session();
    let refused = landing.put(&bench.account, io::Cursor::new(b"?".to_vec()), "x.dat", 0).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::LocalError);
}

#[tokio::test]
async fn a_resumed_upload_lands_as_the_whole_file() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "x.dat", b"hello there").await.unwrap();
    bench.put_at(Verb::Stor, "x.dat", b"world", 6).await.unwrap();
    assert_eq!(bench.read("x.dat"), b"hello world");
    let (record, bytes) = bench.outbox().into_iter().rfind(|(record, _)| record["verb"] == "STOR").unwrap();
    assert_eq!((bytes, record["offset"].as_u64(), &record["verb"]), (b"hello world".to_vec(), Some(0), &Value::from("STOR")));
    assert_eq!(record["sha256"], "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");

    for (path, start) in [("x.dat", 12), ("missing.dat", 1)] {
        let refused = bench.put_at(Verb::Stor, path, b"!", start).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::PermanentFileNotAvailable);
    }
    assert_eq!(bench.read("x.dat"), b"hello world");
    bench.nothing_under_way();
}

#[tokio::test]
async fn what_cannot_land_is_answered_as_the_field_does() {
    let bench = Bench::new();
    fs::create_dir(bench.home("folder")).unwrap();
    let kind = async |verb, path: &str| bench.put(verb, path, b"x").await.unwrap_err().kind();
    for path in ["missing/x.dat", "folder", "/", "..", "a\nb", "S\u{fffd}d.dat"] {
        assert_eq!(kind(Verb::Stor, path).await, ErrorKind::FileNameNotAllowedError, "{path}");
        assert_eq!(kind(Verb::Appe, path).await, ErrorKind::FileNameNotAllowedError, "{path}");
    }
    assert_eq!(kind(Verb::Stor, &"x".repeat(256)).await, ErrorKind::FileNameNotAllowedError);
    let full = Failure::Disk(io::ErrorKind::StorageFull.into());
    assert_eq!(Error::from(full).kind(), ErrorKind::InsufficientStorageSpaceError);
    let full = Failure::Place(io::ErrorKind::QuotaExceeded.into());
    assert_eq!(Error::from(full).kind(), ErrorKind::InsufficientStorageSpaceError);
    bench.nothing_under_way();
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_to_one_name_at_once_are_each_whole() {
    let bench = Arc::new(Bench::new());
    let uploads = (0..16_u8).map(|n| {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move { bench.put(Verb::Stor, "x.dat", &vec![n; 300_000]).await })
    });
    for upload in uploads.collect::<Vec<_>>() {
        upload.await.unwrap().unwrap();
    }
    let whole = |bytes: &[u8]| bytes.len() == 300_000 && bytes.iter().all(|byte| *byte == bytes[0]);
    assert!(whole(&bench.read("x.dat")));
    assert_eq!(bench.outbox().iter().filter(|(_, bytes)| whole(bytes)).count(), 16);
    bench.nothing_under_way();
}
