mod appends;
mod breaks;
mod closes;
mod crash;
mod ftp;
mod limits;
mod renames;
mod uploads;
mod view;

use std::fs;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use ulid::Ulid;
use unftp_core::storage::{ErrorKind, Metadata};

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
    Account {
        name: name.into(),
        device: "station-7".into(),
        zone: Some("Europe/Berlin".into()),
        modes: Mode::ALL.to_vec(),
        passive_address: None,
        quota: None,
        certificate: None,
        certificate_subject: None,
    }
}

fn session(spool: &Arc<Spool>, account: &Account) -> (Landing, Arc<Session>) {
    let session = Arc::new(Session::new(Ulid::generate(), "192.0.2.7:40123".parse().unwrap()));
    let temporary = Arc::new(Temporary::new(&["*.tmp", "*.part"]).unwrap());
    let mut landing = Landing::new(Arc::clone(spool), Arc::clone(&session), temporary, &crate::harness::limits(), None);
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
