mod crash;
mod ftp;

use std::fs;
use std::os::unix::fs::symlink;
use std::pin::Pin;
use std::task::{Context, Poll};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, ReadBuf};
use ulid::Ulid;
use unftp_core::storage::Metadata;

use super::*;
use crate::session::{Fate, Mode, Verb};

/// One session of an account, and the data directory beneath it.
struct Bench {
    root: TempDir,
    spool: Arc<Spool>,
    account: Account,
}

/// What is in the outbox: a record and its bytes.
type Found = (Value, Vec<u8>);

impl Bench {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let spool = Arc::new(Spool::open(root.path()).unwrap());
        spool.home("demo").unwrap();
        Self { root, spool, account: account("demo") }
    }

    fn session(&self) -> (Landing, Arc<Session>) {
        session(&self.spool, &self.account)
    }

    /// A whole upload in a session of its own.
    async fn put(&self, verb: Verb, path: &str, bytes: &[u8]) -> Result<u64> {
        self.put_at(verb, path, bytes, 0).await
    }

    async fn put_at(&self, verb: Verb, path: &str, bytes: &[u8], start: u64) -> Result<u64> {
        let (landing, session) = self.session();
        session.begin(Mode::Active, verb);
        session.end(Fate::Complete);
        landing.put(&self.account, io::Cursor::new(bytes.to_vec()), path, start).await
    }

    async fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.session().0.rename(&self.account, from, to).await
    }

    fn home(&self, path: &str) -> PathBuf {
        self.root.path().join("homes/demo").join(path)
    }

    fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.home(path)).unwrap()
    }

    fn outbox(&self) -> Vec<Found> {
        outbox(self.root.path())
    }

    fn nothing_under_way(&self) {
        assert_eq!(names(&self.root.path().join("spool")), [""; 0]);
        let outbox = names(&self.root.path().join("outbox"));
        assert_eq!(outbox.len(), 2 * self.outbox().len(), "{outbox:?}");
    }
}

fn account(name: &str) -> Account {
    Account { name: name.into(), device: "station-7".into(), zone: Some("Europe/Berlin".into()) }
}

fn session(spool: &Arc<Spool>, account: &Account) -> (Landing, Arc<Session>) {
    let session = Arc::new(Session::new(Ulid::generate(), "192.0.2.7:40123".parse().unwrap()));
    let temporary = Arc::new(Temporary::new(&["*.tmp", "*.part"]).unwrap());
    let mut landing = Landing::new(Arc::clone(spool), Arc::clone(&session), temporary);
    landing.enter(account).unwrap();
    (landing, session)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// In the order in which they came.
fn outbox(root: &Path) -> Vec<Found> {
    let folder = root.join("outbox");
    let uploads = names(&folder).into_iter().filter_map(|name| name.strip_suffix(".json").map(str::to_owned));
    let mut found: Vec<Found> = uploads
        .map(|upload| {
            let record = fs::read(folder.join(format!("{upload}.json"))).unwrap();
            let bytes = fs::read(folder.join(format!("{upload}.data"))).unwrap();
            let record: Value = serde_json::from_slice(&record).unwrap();
            assert_eq!(record["upload"], upload);
            assert_eq!(record["bytes"], bytes.len());
            (record, bytes)
        })
        .collect();
    found.sort_by_key(|(record, _)| record["landed_at"].to_string());
    found
}

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
    for length in [0, 1, step - 1, step, step + 1, 3 * step, 3 * step + 17] {
        let bytes: Vec<u8> = (0..length).map(|n: usize| u8::try_from(n % 251).unwrap()).collect();
        assert_eq!(bench.put(Verb::Stor, "x.dat", &bytes).await.unwrap(), length as u64);
        assert!(bench.read("x.dat") == bytes, "{length}");
        let (record, landed) = bench.outbox().pop().unwrap();
        assert!(landed == bytes, "{length}");
        let file = fs::File::open(bench.home("x.dat")).unwrap();
        assert_eq!(record["sha256"], crate::spool::digest(file).unwrap().1);
    }
    bench.nothing_under_way();
}

/// Gives some bytes, and then what the data connection gives.
struct Input(Option<Vec<u8>>, fn(&mut Context<'_>) -> Poll<io::Result<()>>);

impl AsyncRead for Input {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(bytes) = self.0.take().filter(|bytes| !bytes.is_empty()) else { return self.1(context) };
        let now = bytes.len().min(buffer.remaining());
        buffer.put_slice(&bytes[..now]);
        if now < bytes.len() {
            self.0 = Some(bytes[now..].to_vec());
        }
        Poll::Ready(Ok(()))
    }
}

fn reset(_: &mut Context<'_>) -> Poll<io::Result<()>> {
    Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
}

#[tokio::test]
async fn a_broken_upload_leaves_what_was_there_and_nothing_else() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "x.dat", b"old").await.unwrap();
    let before = bench.outbox();
    for length in [0, 10, 600_000] {
        for verb in [Verb::Stor, Verb::Appe, Verb::Stou] {
            let (landing, session) = bench.session();
            session.begin(Mode::Passive, verb);
            let broken = landing.put(&bench.account, Input(Some(vec![b'n'; length]), reset), "x.dat", 0).await;
            assert_eq!(broken.unwrap_err().kind(), ErrorKind::ConnectionClosed);

            session.begin(Mode::Passive, verb);
            session.end(Fate::Broken);
            let broken = landing.put(&bench.account, io::Cursor::new(vec![b'n'; length]), "x.dat", 0).await;
            assert_eq!(broken.unwrap_err().kind(), ErrorKind::ConnectionClosed);
        }
    }
    assert_eq!(bench.read("x.dat"), b"old");
    assert_eq!(bench.outbox(), before);
    // Steps of a broken upload may still be on their way out of a blocking thread.
    settles(|| names(&bench.root.path().join("spool")).is_empty()).await;
}

/// Waits for a condition, at most ten seconds.
async fn settles(condition: impl Fn() -> bool + Send + Sync) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), wait).await.unwrap();
}

#[tokio::test]
async fn a_control_connection_found_lost_after_the_sync_is_a_broken_upload() {
    let bench = Bench::new();
    let (landing, session) = bench.session();
    session.begin(Mode::Passive, Verb::Stor);
    session.end(Fate::Complete);
    let said = Arc::clone(&session);
    bench.spool.look(move |point| {
        if point == "sealed" {
            said.end(Fate::Broken);
        }
    });
    let broken = landing.put(&bench.account, io::Cursor::new(b"half".to_vec()), "x.dat", 0).await;
    assert_eq!(broken.unwrap_err().kind(), ErrorKind::ConnectionClosed);
    assert!(!bench.home("x.dat").exists() && bench.outbox().is_empty());
    bench.nothing_under_way();
}

#[tokio::test]
async fn an_upload_waits_until_its_fate_is_said() {
    let bench = Bench::new();
    let (landing, session) = bench.session();
    session.begin(Mode::Passive, Verb::Stor);
    let mut put = Box::pin(landing.put(&bench.account, io::Cursor::new(b"whole".to_vec()), "x.dat", 0));
    assert!(futures::poll!(&mut put).is_pending());
    assert!(!bench.home("x.dat").exists());
    session.end(Fate::Complete);
    put.await.unwrap();
    assert_eq!(bench.read("x.dat"), b"whole");
}

#[tokio::test]
async fn an_upload_that_is_dropped_midway_leaves_nothing() {
    let bench = Bench::new();
    let (landing, session) = bench.session();
    session.begin(Mode::Passive, Verb::Stor);
    let input = Input(Some(vec![1; 600_000]), |_| Poll::Pending);
    let mut put = Box::pin(landing.put(&bench.account, input, "x.dat", 0));
    let spool = bench.root.path().join("spool");
    while names(&spool).is_empty() {
        assert!(futures::poll!(&mut put).is_pending());
        tokio::task::yield_now().await;
    }
    drop(put);
    settles(|| names(&spool).is_empty()).await;
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

#[tokio::test]
async fn a_resumed_upload_lands_as_the_whole_file() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "x.dat", b"hello there").await.unwrap();
    bench.put_at(Verb::Stor, "x.dat", b"world", 6).await.unwrap();
    assert_eq!(bench.read("x.dat"), b"hello world");
    let (record, bytes) = bench.outbox().pop().unwrap();
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
async fn a_temporary_name_is_published_when_it_becomes_final_and_only_then() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "x.dat.tmp", b"hello ").await.unwrap();
    bench.put(Verb::Appe, "x.dat.tmp", b"world").await.unwrap();
    bench.rename("x.dat.tmp", "x.dat.PART").await.unwrap();
    assert_eq!(bench.outbox(), []);
    bench.rename("x.dat.PART", "x.dat").await.unwrap();
    bench.rename("x.dat", "y.dat").await.unwrap();
    assert_eq!((bench.read("y.dat"), names(&bench.home(""))), (b"hello world".to_vec(), vec!["y.dat".to_owned()]));
    let [(record, bytes)] = &bench.outbox()[..] else { panic!() };
    assert_eq!(bytes, b"hello world");
    assert_eq!((&record["path"], &record["verb"]), (&Value::from("/x.dat"), &Value::from("RNTO")));
    assert_eq!(record["sha256"], "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
    bench.nothing_under_way();
}

#[tokio::test]
async fn a_directory_is_renamed_with_what_is_in_it() {
    let bench = Bench::new();
    fs::create_dir(bench.home("new.tmp")).unwrap();
    bench.put(Verb::Stor, "/new.tmp/x.dat", b"x").await.unwrap();
    bench.rename("/new.tmp", "/done").await.unwrap();
    assert_eq!(bench.read("done/x.dat"), b"x");
    assert_eq!(bench.outbox().len(), 1);
    assert_eq!(bench.rename("/done", "/done/deeper").await.unwrap_err().kind(), ErrorKind::PermanentFileNotAvailable);
}

#[tokio::test]
async fn what_cannot_be_renamed_is_not_published() {
    let bench = Bench::new();
    fs::create_dir(bench.home("folder")).unwrap();
    bench.put(Verb::Stor, "x.tmp", b"x").await.unwrap();
    for (from, to) in [("x.tmp", "missing/x.dat"), ("x.tmp", "folder"), ("y.tmp", "y.dat"), ("x.tmp", "a\u{7}b"), ("/", "z")] {
        let kind = bench.rename(from, to).await.unwrap_err().kind();
        assert!(matches!(kind, ErrorKind::PermanentFileNotAvailable | ErrorKind::FileNameNotAllowedError), "{to}: {kind}");
    }
    assert_eq!((bench.outbox(), bench.read("x.tmp")), (vec![], b"x".to_vec()));
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

#[tokio::test]
async fn no_link_leads_out_of_the_home() {
    let bench = Bench::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("x.tmp"), "theirs").unwrap();
    symlink(outside.path(), bench.home("out")).unwrap();
    symlink("../other", bench.home("other")).unwrap();
    fs::create_dir(bench.root.path().join("homes/other")).unwrap();
    symlink(outside.path().join("x.tmp"), bench.home("link.dat")).unwrap();
    fs::write(bench.home("mine.tmp"), "mine").unwrap();
    let (landing, _) = bench.session();
    let account = &bench.account;

    for folder in ["out", "other", "/out/../out"] {
        let (file, theirs) = (format!("{folder}/new.dat"), format!("{folder}/x.tmp"));
        assert_eq!(bench.put(Verb::Stor, &file, b"x").await.unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert_eq!(bench.put(Verb::Appe, &theirs, b"x").await.unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert!(bench.rename("mine.tmp", &file).await.is_err());
        assert!(bench.rename(&theirs, "stolen.dat").await.is_err());
        assert!(landing.get(account, &theirs, 0).await.is_err());
        assert!(landing.metadata(account, &theirs).await.is_err());
        assert!(landing.list(account, folder).await.is_err());
        assert!(landing.cwd(account, folder).await.is_err());
        assert!(landing.del(account, &theirs).await.is_err());
        assert!(landing.mkd(account, format!("{folder}/new")).await.is_err());
        assert!(landing.rmd(account, folder).await.is_err());
    }
    assert!(bench.put(Verb::Appe, "link.dat", b"x").await.is_err());
    assert!(bench.put_at(Verb::Stor, "link.dat", b"x", 3).await.is_err());
    assert_eq!(bench.outbox(), []);

    // A whole file takes the place of the link, not of what it names.
    bench.put(Verb::Stor, "link.dat", b"new").await.unwrap();
    assert!(bench.home("link.dat").symlink_metadata().unwrap().is_file());
    assert_eq!(fs::read(outside.path().join("x.tmp")).unwrap(), b"theirs");
    assert_eq!(names(outside.path()), ["x.tmp"]);
    assert_eq!(names(&bench.root.path().join("homes/other")), [""; 0]);
}

#[tokio::test]
async fn dots_stay_in_the_home() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "/../../../x.dat", b"x").await.unwrap();
    bench.put(Verb::Stor, "/../other/x.dat", b"x").await.unwrap_err();
    assert_eq!(bench.read("x.dat"), b"x");
    assert_eq!(bench.outbox()[0].0["path"], "/x.dat");
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

#[tokio::test]
async fn devices_find_what_they_left() {
    let bench = Bench::new();
    let (landing, _) = bench.session();
    let account = &bench.account;
    landing.mkd(account, "/data").await.unwrap();
    bench.put(Verb::Stor, "/data/b.dat", b"hello world").await.unwrap();
    bench.put(Verb::Stor, "/data/a.dat", b"").await.unwrap();

    let listed = landing.list(account, "/data").await.unwrap();
    let listed: Vec<_> = listed.iter().map(|entry| (entry.path.to_str().unwrap(), entry.metadata.len())).collect();
    assert_eq!(listed, [("a.dat", 0), ("b.dat", 11)]);
    let one = landing.list(account, "/data/b.dat").await.unwrap();
    assert_eq!((one.len(), one[0].path.to_str(), one[0].metadata.links()), (1, Some("b.dat"), 1));
    let facts = landing.metadata(account, "/data/../data/b.dat").await.unwrap();
    assert!((facts.len(), facts.is_file(), facts.uid()) == (11, true, 0) && facts.modified().is_ok());

    let mut read = String::new();
    landing.get(account, "/data/b.dat", 6).await.unwrap().read_to_string(&mut read).await.unwrap();
    assert_eq!(read, "world");
    landing.cwd(account, "/data").await.unwrap();
    landing.cwd(account, "/data/..").await.unwrap();

    let not_found = [
        landing.metadata(account, "/c.dat").await.err(),
        landing.list(account, "/c").await.err(),
        landing.get(account, "/data", 0).await.err(),
        landing.get(account, "/c.dat", 0).await.err(),
        landing.del(account, "/c.dat").await.err(),
        landing.del(account, "/data").await.err(),
        landing.del(account, "/").await.err(),
        landing.mkd(account, "/data").await.err(),
        landing.mkd(account, "/c/d").await.err(),
        landing.rmd(account, "/c").await.err(),
    ];
    for (n, error) in not_found.into_iter().enumerate() {
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::PermanentFileNotAvailable), "{n}");
    }
    let not_there = [landing.cwd(account, "/c").await, landing.cwd(account, "/data/b.dat").await];
    assert!(not_there.into_iter().all(|error| error.unwrap_err().kind() == ErrorKind::PermanentDirectoryNotAvailable));
    assert_eq!(landing.rmd(account, "/data").await.unwrap_err().kind(), ErrorKind::PermanentDirectoryNotEmpty);
    assert_eq!(landing.rmd(account, "/").await.unwrap_err().kind(), ErrorKind::PermissionDenied);

    landing.del(account, "/data/a.dat").await.unwrap();
    landing.del(account, "/data/b.dat").await.unwrap();
    landing.rmd(account, "/data").await.unwrap();
    assert_eq!(names(&bench.home("")), [""; 0]);
    assert_eq!(bench.outbox().len(), 2);
}

#[tokio::test]
async fn accounts_do_not_see_each_other_and_nobody_sees_anything_before_the_login() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "x.dat", b"x").await.unwrap();
    let other = account("other");
    let (landing, session) = session(&bench.spool, &other);
    assert!(landing.list(&other, "/").await.unwrap().is_empty());
    assert!(landing.get(&other, "/../demo/x.dat", 0).await.is_err());

    let temporary = Arc::new(Temporary::new::<&str>(&[]).unwrap());
    let stranger = Landing::new(Arc::clone(&bench.spool), session, temporary);
    assert_eq!(stranger.list(&other, "/").await.err().unwrap().kind(), ErrorKind::PermissionDenied);
}
