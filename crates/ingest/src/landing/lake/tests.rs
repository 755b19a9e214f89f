use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use ulid::Ulid;
use unftp_core::storage::{ErrorKind, Result, StorageBackend};

use super::*;
use crate::accounts::Account;
use crate::harness::{LONG, limits, within};
use crate::names::Temporary;
use crate::session::{Fate, Mode, Session, Verb};

/// An account, and the test in the place of the watcher.
struct Bench {
    root: TempDir,
    spool: Arc<Spool>,
    lake: Arc<Lake>,
    account: Account,
}

impl Bench {
    fn new(patience: Duration) -> Self {
        let root = tempfile::tempdir().unwrap();
        let spool = Arc::new(Spool::open(root.path()).unwrap());
        let lake = Lake::new(Deliveries::listen(spool.outbox_path(), patience));
        let account = Account {
            name: "demo".into(),
            device: "station-7".into(),
            zone: None,
            modes: Mode::ALL.to_vec(),
            passive_address: None,
            quota: None,
            certificate: None,
            certificate_subject: None,
        };
        Self { root, spool, lake, account }
    }

    fn session(&self) -> (Landing, Arc<Session>) {
        let session = Arc::new(Session::new(Ulid::generate(), "192.0.2.7:40123".parse().unwrap()));
        let temporary = Arc::new(Temporary::new(&["*.tmp"]).unwrap());
        let (spool, lake) = (Arc::clone(&self.spool), Some(Arc::clone(&self.lake)));
        let mut landing = Landing::new(spool, Arc::clone(&session), temporary, &limits(), lake);
        landing.enter(&self.account).unwrap();
        (landing, session)
    }

    async fn put(&self, verb: Verb, path: &str, bytes: &[u8]) -> Result<u64> {
        let (landing, session) = self.session();
        session.begin(Mode::Active, verb);
        session.end(Fate::Complete);
        landing.put(&self.account, io::Cursor::new(bytes.to_vec()), path, 0).await
    }

    async fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.session().0.rename(&self.account, from, to).await
    }

    /// Delivers the next upload as the watcher does, after a look at what there is by then, and gives its record and bytes.
    async fn deliver(&self, before: &(dyn Fn() + Sync)) -> (Value, Vec<u8>) {
        let record = self.entry().await;
        let bytes = fs::read(record.with_extension("data")).unwrap();
        let found = (serde_json::from_slice(&fs::read(&record).unwrap()).unwrap(), bytes);
        before();
        fs::remove_file(&record).unwrap();
        fs::remove_file(record.with_extension("data")).unwrap();
        found
    }

    /// The record of the one upload in the outbox, once there is one.
    async fn entry(&self) -> PathBuf {
        let find = || {
            let files = fs::read_dir(self.root.path().join("outbox")).unwrap().map(|file| file.unwrap().path());
            files.filter(|path| path.extension().is_some_and(|extension| extension == "json")).last()
        };
        let found = async {
            loop {
                if let Some(path) = find() {
                    return path;
                }
                tokio::task::yield_now().await;
            }
        };
        within(found).await
    }

    fn home(&self, name: &str) -> PathBuf {
        self.root.path().join("homes/demo").join(name)
    }

    fn nothing_is_left_but(&self, files: &[(&str, &[u8])]) {
        let names = |folder: &str| fs::read_dir(self.root.path().join(folder)).unwrap().count();
        assert_eq!((names("spool"), names("outbox"), names("homes/demo")), (0, 0, files.len()));
        for (name, bytes) in files {
            assert_eq!(fs::read(self.home(name)).unwrap(), *bytes, "{name}");
        }
    }
}

#[tokio::test]
async fn an_upload_is_in_its_home_when_it_is_delivered_and_not_before() {
    let bench = Bench::new(LONG);
    let unseen = || assert!(!bench.home("a.dat").exists());
    let put = bench.put(Verb::Stor, "a.dat", b"one\n");
    let (landed, (record, bytes)) = within(async { tokio::join!(put, bench.deliver(&unseen)) }).await;
    assert_eq!((landed.unwrap(), bytes, &record["path"]), (4, b"one\n".to_vec(), &Value::from("/a.dat")));
    bench.nothing_is_left_but(&[("a.dat", b"one\n")]);

    let old = || assert_eq!(fs::read(bench.home("a.dat")).unwrap(), b"one\n");
    let put = bench.put(Verb::Stor, "a.dat", b"two\n");
    within(async { tokio::join!(put, bench.deliver(&old)) }).await.0.unwrap();
    bench.nothing_is_left_but(&[("a.dat", b"two\n")]);
}

#[tokio::test]
async fn an_upload_that_is_not_delivered_in_time_leaves_nothing_and_changes_nothing() {
    let bench = Bench::new(Duration::from_millis(50));
    bench.put(Verb::Stor, "a.tmp", b"for the home alone").await.unwrap();
    fs::rename(bench.home("a.tmp"), bench.home("a.dat")).unwrap();
    for verb in [Verb::Stor, Verb::Appe, Verb::Stou] {
        let refused = bench.put(verb, "a.dat", b"new").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::LocalError);
        bench.nothing_is_left_but(&[("a.dat", b"for the home alone")]);
    }
    bench.put(Verb::Stor, "b.tmp", b"b").await.unwrap();
    assert_eq!(bench.rename("b.tmp", "b.dat").await.unwrap_err().kind(), ErrorKind::LocalError);
    bench.nothing_is_left_but(&[("a.dat", b"for the home alone"), ("b.tmp", b"b")]);
}

#[tokio::test]
async fn an_append_that_comes_again_is_at_the_same_offset() {
    let bench = Bench::new(LONG);
    let put = bench.put(Verb::Stor, "log.dat", b"12345");
    within(async { tokio::join!(put, bench.deliver(&|| ())) }).await.0.unwrap();
    let (landing, session) = bench.session();
    session.begin(Mode::Active, Verb::Appe);
    session.end(Fate::Complete);
    let first = landing.put(&bench.account, io::Cursor::new(b"678".to_vec()), "log.dat", 5);
    let lost = async {
        let record: Value = serde_json::from_slice(&fs::read(bench.entry().await).unwrap()).unwrap();
        // A second one at the same time would have the same offset, and be taken for the same rows.
        let busy = bench.put(Verb::Appe, "log.dat", b"678").await.unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::TransientFileNotAvailable);
        session.end(Fate::Broken);
        record
    };
    let (broken, record) = within(async { tokio::join!(first, lost) }).await;
    assert_eq!(broken.unwrap_err().kind(), ErrorKind::ConnectionClosed);
    bench.nothing_is_left_but(&[("log.dat", b"12345")]);
    let again = bench.put(Verb::Appe, "log.dat", b"678");
    let (landed, (second, bytes)) = within(async { tokio::join!(again, bench.deliver(&|| ())) }).await;
    landed.unwrap();
    assert_eq!((&record["offset"], &second["offset"], bytes), (&Value::from(5), &Value::from(5), b"678".to_vec()));
    bench.nothing_is_left_but(&[("log.dat", b"12345678")]);
}

#[tokio::test]
async fn a_rename_publishes_and_has_its_name_when_that_is_delivered() {
    let bench = Bench::new(LONG);
    bench.put(Verb::Stor, "a.tmp", b"one\n").await.unwrap();
    bench.rename("a.tmp", "b.tmp").await.unwrap();
    let unseen = || assert!(bench.home("b.tmp").exists() && !bench.home("a.dat").exists());
    let rename = bench.rename("b.tmp", "a.dat");
    let (renamed, (record, bytes)) = within(async { tokio::join!(rename, bench.deliver(&unseen)) }).await;
    renamed.unwrap();
    assert_eq!((&record["verb"], bytes), (&Value::from("RNTO"), b"one\n".to_vec()));
    bench.nothing_is_left_but(&[("a.dat", b"one\n")]);
}

#[tokio::test]
async fn what_was_delivered_at_the_last_moment_is_not_taken_back() {
    let bench = Bench::new(LONG);
    let upload = Ulid::generate();
    assert!(!outbox::withdraw(&bench.spool, upload).unwrap());
    for extension in ["json", "data"] {
        fs::write(bench.root.path().join(format!("outbox/{upload}.{extension}")), "").unwrap();
    }
    assert!(outbox::withdraw(&bench.spool, upload).unwrap());
    assert_eq!(fs::read_dir(bench.root.path().join("outbox")).unwrap().count(), 0);
}
