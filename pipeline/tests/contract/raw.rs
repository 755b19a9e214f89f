//! What every `watcher::Lake` promises, and that what it stores is what the `etl::Lake` beside it reads.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use etl::Address;
use futures::future::join_all;
use watcher::{Lake, LakeError, Object, Stored};

use crate::lake::noise;

const KEY: &str = "raw/dt=2026-11-21/device=station-7/01KAKXQ6W0M3Y2T9GQ4V8R5ZJA/Messung Süd+1 #3.dat";

/// `races` says how often twenty store the same upload at once.
pub(crate) async fn check_raw(lake: Arc<dyn Lake>, reader: &dyn etl::Lake, races: usize) {
    let directory = tempfile::tempdir().unwrap();
    let golden = include_str!("../../../tests/golden/object-facts.json");
    let raw = Subject { lake, facts: serde_json::from_str(golden).unwrap(), directory };
    raw.an_upload_is_stored_with_its_facts(reader).await;
    raw.what_is_stored_stays(reader).await;
    raw.of_many_at_once_one_is_stored_and_all_are_told_of_it(reader, races).await;
    raw.a_file_that_is_gone_is_a_failure().await;
}

struct Subject {
    lake: Arc<dyn Lake>,
    facts: BTreeMap<String, String>,
    directory: tempfile::TempDir,
}

impl Subject {
    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let file = self.directory.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        file
    }

    async fn put(&self, key: &str, file: PathBuf) -> Result<Stored, LakeError> {
        self.lake.put_new(Object { key, file: &file, facts: &self.facts }).await
    }

    fn at(&self, key: &str) -> Address {
        Address { bucket: self.lake.bucket().to_owned(), key: key.to_owned() }
    }

    async fn an_upload_is_stored_with_its_facts(&self, reader: &dyn etl::Lake) {
        for (key, bytes) in [(KEY.to_owned(), 20 << 20), (format!("{KEY}.small"), 10), (format!("{KEY}.empty"), 0)] {
            let whole = noise(bytes);
            let stored = self.put(&key, self.file("upload", &whole)).await.unwrap();
            let (head, found) = reader.get(&self.at(&key), u64::MAX).await.unwrap();
            assert!(found == whole, "{bytes} bytes came back otherwise");
            assert_eq!((stored.bytes, head.bytes), (bytes as u64, bytes as u64));
            assert_eq!(head.facts, self.facts);
            assert_eq!(stored.version.as_ref().unwrap_or(&stored.etag), &head.version);
            assert_eq!(reader.list(&self.at(&key), None, 1).await.unwrap(), [key]);
        }
    }

    async fn what_is_stored_stays(&self, reader: &dyn etl::Lake) {
        let first = self.put("raw/stays", self.file("first", b"first")).await.unwrap();
        let second = self.put("raw/stays", self.file("second", b"the second")).await.unwrap();
        assert_eq!(second, first, "what is under the key now");
        assert_eq!(reader.get(&self.at("raw/stays"), 100).await.unwrap().1, "first");
    }

    async fn of_many_at_once_one_is_stored_and_all_are_told_of_it(&self, reader: &dyn etl::Lake, races: usize) {
        for round in 0..races {
            let key = format!("raw/race/{round}");
            let file = self.file("racer", &noise(100_000));
            let racers = join_all((0..20).map(|_| {
                let (lake, facts, key, file) = (Arc::clone(&self.lake), self.facts.clone(), key.clone(), file.clone());
                tokio::spawn(async move { lake.put_new(Object { key: &key, file: &file, facts: &facts }).await })
            }));
            let mut told = Vec::new();
            for racer in racers.await {
                match racer.unwrap() {
                    Ok(stored) => told.push(stored),
                    // S3 may answer 409 while another's request is under way and nothing is there yet; then it is tried again.
                    Err(error) => assert_eq!(error.operation, "head", "{error:?}"),
                }
            }
            let head = reader.head(&self.at(&key)).await.unwrap();
            assert!(!told.is_empty());
            for stored in told {
                assert_eq!((stored.bytes, stored.version.unwrap_or(stored.etag)), (100_000, head.version.clone()));
            }
        }
    }

    async fn a_file_that_is_gone_is_a_failure(&self) {
        let error = self.put("raw/gone", self.directory.path().join("gone")).await.unwrap_err();
        assert_eq!(error.key, "raw/gone");
    }
}
