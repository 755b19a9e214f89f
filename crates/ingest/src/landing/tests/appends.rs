//! Appends: segments in the outbox, one growing file in the home.

use super::*;

#[tokio::test]
async fn an_append_is_a_segment_and_what_is_in_the_outbox_never_changes() {
    let bench = Bench::new();
    bench.put(Verb::Appe, "x.dat", b"one\n").await.unwrap();
    bench.put(Verb::Appe, "x.dat", b"two\n").await.unwrap();
    bench.put(Verb::Appe, "x.dat", b"three\n").await.unwrap();
    assert_eq!(bench.read("x.dat"), b"one\ntwo\nthree\n");
    let segments: Vec<_> = bench.outbox().into_iter().map(|(record, bytes)| (record["offset"].as_u64(), bytes)).collect();
    let expected: [&[u8]; 3] = [b"one\n", b"two\n", b"three\n"];
    assert_eq!(segments, [(Some(0), expected[0].to_vec()), (Some(4), expected[1].to_vec()), (Some(8), expected[2].to_vec())]);
    assert!(bench.outbox().iter().all(|(record, _)| record["verb"] == "APPE"));
    bench.nothing_under_way();
}

#[tokio::test]
async fn an_append_to_a_file_whose_bytes_are_in_the_outbox_leaves_those_alone() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "x.dat", b"whole\n").await.unwrap();
    bench.put(Verb::Appe, "x.dat", b"more\n").await.unwrap();
    bench.put(Verb::Stor, "y.tmp", b"whole\n").await.unwrap();
    bench.rename("y.tmp", "y.dat").await.unwrap();
    bench.put(Verb::Appe, "y.dat", b"more\n").await.unwrap();
    assert_eq!((bench.read("x.dat"), bench.read("y.dat")), (b"whole\nmore\n".to_vec(), b"whole\nmore\n".to_vec()));
    let bytes: Vec<_> = bench.outbox().into_iter().map(|(_, bytes)| bytes).collect();
    assert_eq!(bytes, [b"whole\n".to_vec(), b"more\n".to_vec(), b"whole\n".to_vec(), b"more\n".to_vec()]);
}

#[tokio::test]
async fn an_append_that_cannot_reach_the_outbox_is_taken_back() {
    let bench = Bench::new();
    bench.put(Verb::Appe, "x.dat", b"one\n").await.unwrap();
    bench.put(Verb::Appe, "x.dat", b"two\n").await.unwrap();
    let outbox = bench.root.path().join("outbox");
    bench.spool.look(move |point| {
        if point == "appended" {
            fs::remove_dir_all(&outbox).unwrap();
        }
    });
    let failed = bench.put(Verb::Appe, "x.dat", b"three\n").await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::LocalError);
    assert_eq!(bench.read("x.dat"), b"one\ntwo\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_at_once_tile_the_file() {
    let bench = Arc::new(Bench::new());
    let uploads = (1..=16_usize).map(|n| {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move { bench.put(Verb::Appe, "x.dat", format!("{n}\n").repeat(n).as_bytes()).await })
    });
    for upload in uploads.collect::<Vec<_>>() {
        upload.await.unwrap().unwrap();
    }
    let mut segments = bench.outbox();
    segments.sort_by_key(|(record, _)| record["offset"].as_u64());
    let mut tiled = Vec::new();
    for (record, bytes) in segments {
        assert_eq!(record["offset"], tiled.len());
        tiled.extend(bytes);
    }
    assert_eq!(bench.read("x.dat"), tiled);
}
