use std::fs::FileTimes;

use etl::Lake as _;
use watcher::{Lake as _, Object};

use super::*;

/// A lake of two buckets in a directory of its own.
struct Fixture {
    directory: tempfile::TempDir,
    lake: LocalLake,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let lake = Self::open(directory.path());
        Self { directory, lake }
    }

    fn open(directory: &Path) -> LocalLake {
        LocalLake::new(["lake", "warehouse"].map(|name| (name, directory.join(name)))).unwrap()
    }

    /// All files of a bucket, relative to it.
    fn files(&self, bucket: &str) -> Vec<String> {
        fn walk(directory: &Path, found: &mut Vec<std::path::PathBuf>) {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, found) } else { found.push(path) }
            }
        }
        let root = self.directory.path().join(bucket);
        let mut found = Vec::new();
        walk(&root, &mut found);
        found.sort();
        found.iter().map(|file| file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned()).collect()
    }
}

fn at(bucket: &str, key: &str) -> Address {
    Address { bucket: bucket.to_owned(), key: key.to_owned() }
}

#[tokio::test]
async fn an_object_is_a_plain_file_at_its_key() {
    let fixture = Fixture::new();
    let key = "inlet/toa5_met/data/ts_day=2026-11-21/Süd + 100%.parquet";
    fixture.lake.create(&at("warehouse", key), Bytes::from_static(b"rows")).await.unwrap();
    assert_eq!(fixture.files("warehouse"), [key]);
    assert_eq!(std::fs::read(fixture.directory.path().join("warehouse").join(key)).unwrap(), b"rows");
}

#[tokio::test]
async fn a_url_names_the_file_and_leads_back_to_the_address() {
    let fixture = Fixture::new();
    for address in [at("warehouse", "a/b=c/Süd + 1%20.parquet"), at("lake", "x"), at("lake", "a/log#1")] {
        let url = fixture.lake.url(&address).unwrap();
        assert!(url.starts_with(&format!("file://{}/", fixture.directory.path().display())), "{url}");
        assert_eq!(fixture.lake.address(&url).unwrap(), address);
        fixture.lake.create(&address, Bytes::from_static(b"x")).await.unwrap();
        assert!(Path::new(url.strip_prefix("file://").unwrap()).is_file());
    }
    let root = fixture.directory.path().display();
    for url in [
        "s3://lake/x".to_owned(),
        "file://host/x".to_owned(),
        format!("file://{root}/elsewhere/x"),
        format!("file://{root}/lake"),
        format!("file://{root}/lake/../warehouse/x"),
        format!("file://{root}/lake/x#facts"),
    ] {
        assert!(matches!(fixture.lake.address(&url), Err(LakeError::Address(_))), "{url}");
    }
}

#[tokio::test]
async fn facts_lie_beside_their_object_and_go_with_it() {
    let fixture = Fixture::new();
    let file = fixture.directory.path().join("upload.data");
    std::fs::write(&file, b"bytes").unwrap();
    let facts = BTreeMap::from([("inlet-device".to_owned(), "station-7".to_owned())]);
    let bucket = fixture.lake.bucket("lake").unwrap();
    bucket.put_new(Object { key: "raw/log#1", file: &file, facts: &facts }).await.unwrap();
    assert_eq!(fixture.files("lake"), ["raw/log#%1", "raw/log#%1#facts"]);
    assert_eq!(fixture.lake.list(&at("lake", ""), None, 10).await.unwrap(), ["raw/log#1"]);
    assert_eq!(fixture.lake.head(&at("lake", "raw/log#1")).await.unwrap().facts, facts);
    fixture.lake.delete(&at("lake", "raw/log#1")).await.unwrap();
    assert_eq!(fixture.files("lake"), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_dropped_unfinished_leaves_nothing() {
    let fixture = Fixture::new();
    let mut writing = fixture.lake.write(&at("lake", "a/b")).await.unwrap();
    writing.push(Bytes::from_static(b"half")).await.unwrap();
    assert_eq!(fixture.files("lake").len(), 1, "the staged bytes");
    drop(writing);
    fixture.lake.create(&at("lake", "a/c"), Bytes::new()).await.unwrap();
    fixture.lake.create(&at("lake", "a/c"), Bytes::new()).await.unwrap_err();
    assert_eq!(fixture.files("lake"), ["a/c"]);
}

#[tokio::test]
async fn opening_sweeps_what_a_crash_left_and_spares_what_is_under_way() {
    let fixture = Fixture::new();
    let staging = fixture.directory.path().join("lake").join(path::STAGING);
    let age = |name: &str, seconds| {
        let file = std::fs::File::create(staging.join(name)).unwrap();
        let modified = std::fs::metadata(&staging).unwrap().modified().unwrap() - std::time::Duration::from_secs(seconds);
        file.set_times(FileTimes::new().set_modified(modified)).unwrap();
    };
    age("crashed", 3700);
    age("under-way", 3500);
    Fixture::open(fixture.directory.path());
    assert_eq!(fixture.files("lake"), ["#staging/under-way"]);
}

#[tokio::test]
async fn others_may_read_what_is_stored() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    fixture.lake.create(&at("lake", "x"), Bytes::new()).await.unwrap();
    let by_us = std::fs::File::create(fixture.directory.path().join("y")).unwrap().metadata().unwrap().permissions().mode();
    let stored = std::fs::metadata(fixture.directory.path().join("lake/x")).unwrap().permissions().mode();
    assert_eq!(stored, by_us, "as the umask says");
}
