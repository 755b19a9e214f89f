use std::fmt;
use std::fs;

use super::*;

/// Called between the steps of a landing, where a crash could come.
#[derive(Default)]
pub(crate) struct Checkpoint(Mutex<Option<Look>>);

type Look = Box<dyn FnMut(&'static str) + Send>;

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Checkpoint")
    }
}

impl Spool {
    pub(crate) fn at(&self, point: &'static str) {
        if let Some(look) = self.checkpoint.0.lock().unwrap().as_mut() {
            look(point);
        }
    }

    /// Calls `look` with the name of each point that landings come to from now on.
    pub(crate) fn look(&self, look: impl FnMut(&'static str) + Send + 'static) {
        *self.checkpoint.0.lock().unwrap() = Some(Box::new(look));
    }
}

#[test]
fn directories_are_for_the_service_and_its_group() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let spool = Spool::open(&root.path().join("data")).unwrap();
    spool.home("demo").unwrap();
    for folder in ["data/homes", "data/spool", "data/outbox", "data/homes/demo"] {
        let mode = fs::metadata(root.path().join(folder)).unwrap().permissions().mode();
        assert_eq!(mode & 0o027, 0, "{folder} has mode {mode:o}");
    }
    assert_eq!(spool.accounts().unwrap(), ["demo"]);
}

#[test]
fn a_start_removes_what_was_cut_off_and_keeps_what_landed() {
    let root = tempfile::tempdir().unwrap();
    drop(Spool::open(root.path()).unwrap());
    let left = ["spool/01A", "spool/01B", "spool/01B.json", "outbox/01B.data", "outbox/01C.data"];
    let kept = ["outbox/01D.data", "outbox/01D.json", "outbox/01E.json"];
    for name in left.iter().chain(&kept) {
        fs::write(root.path().join(name), "{").unwrap();
    }
    drop(Spool::open(root.path()).unwrap());
    assert!(left.iter().all(|name| !root.path().join(name).exists()));
    assert!(kept.iter().all(|name| root.path().join(name).exists()));
}

/// What a start makes of a file of `bytes` bytes, when an append of 4 bytes at offset 6 was under way.
fn check_taken_back(record: &str, before: &[u8], after: &[u8]) {
    let root = tempfile::tempdir().unwrap();
    Spool::open(root.path()).unwrap().home("demo").unwrap();
    fs::write(root.path().join("homes/demo/x.dat"), before).unwrap();
    fs::write(root.path().join("spool/01A.json"), record).unwrap();
    drop(Spool::open(root.path()).unwrap());
    assert_eq!(fs::read(root.path().join("homes/demo/x.dat")).unwrap(), after, "{record}");
}

#[test]
fn an_append_that_was_cut_off_is_taken_back_and_nothing_else_is() {
    let record = |verb: &str, path: &str| {
        format!(
            r#"{{"version":1,"upload":"01KAKXQ6W0M3Y2T9GQ4V8R5ZJA","account":"demo","path":"{path}","verb":"{verb}","offset":6,"bytes":4}}"#
        )
    };
    check_taken_back(&record("APPE", "/x.dat"), b"sixsix", b"sixsix");
    check_taken_back(&record("APPE", "/x.dat"), b"sixsixa", b"sixsix");
    check_taken_back(&record("APPE", "/x.dat"), b"sixsixappe", b"sixsix");
    check_taken_back(&record("APPE", "/x.dat"), b"sixsixappe+", b"sixsixappe+");
    check_taken_back(&record("STOR", "/x.dat"), b"sixsixappe", b"sixsix");
    check_taken_back(&record("CLOSE", "/x.dat"), b"sixsixappe", b"sixsixappe");
    check_taken_back(&record("APPE", "/y.dat"), b"sixsixappe", b"sixsixappe");
    check_taken_back(&record("APPE", "/../x.dat"), b"sixsixappe", b"sixsix");
    check_taken_back(r#"{"version":1,"acc"#, b"sixsixappe", b"sixsixappe");
}

#[test]
fn two_locks_of_one_stripe_are_one() {
    let root = tempfile::tempdir().unwrap();
    let spool = Spool::open(root.path()).unwrap();
    let path = HomePath::parse("/x".as_ref()).unwrap();
    // A lock that were taken twice would never return.
    drop(spool.lock_both("demo", &path, &path));
    let others: Vec<_> = (0..1000).map(|n| HomePath::parse(format!("/{n}").as_ref()).unwrap()).collect();
    others.iter().for_each(|other| drop(spool.lock_both("demo", &path, other)));
}
