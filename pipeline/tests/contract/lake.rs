//! What every `etl::Lake` promises.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use etl::{Address, Head, Lake, LakeError};
use futures::future::join_all;
use futures::stream::{self, StreamExt};

/// Keys that have to come back as they were: what Iceberg writes, what devices name their files, and what file systems, URLs and
/// XML make something else of.
const KEYS: [&str; 9] = [
    "inlet/toa5_met/data/ts_day=2026-11-21/00000-7.parquet",
    "raw/dt=2026-11-21/device=a/01KAKXQ6W0M3Y2T9GQ4V8R5ZJA/Messung Süd+1.dat",
    "odd/日報 (1) & <2>.csv",
    "odd/100%25 %41",
    "odd/log#1",
    "odd/log#%1",
    "odd/x#facts",
    "odd/a?b=c;d'e\"f",
    "odd/..hidden~",
];

const MIB: usize = 1 << 20;

/// `races` says how often twenty create the same object at once.
pub(crate) async fn check_lake(lake: Arc<dyn Lake>, bucket: &str, races: usize) {
    let lake = Subject { lake, bucket: bucket.to_owned() };
    lake.what_is_missing_is_told_apart().await;
    lake.keys_come_back_as_they_were().await;
    lake.a_creation_happens_once(races).await;
    lake.a_replacement_is_whole_for_every_reader().await;
    lake.a_read_is_bounded().await;
    lake.ranges_give_what_there_is().await;
    lake.a_streamed_object_appears_when_it_is_finished().await;
    lake.lists_are_in_the_order_of_bytes().await;
    lake.lists_go_on_beyond_a_page().await;
    lake.foreign_urls_are_refused().await;
}

struct Subject {
    lake: Arc<dyn Lake>,
    bucket: String,
}

impl Subject {
    fn at(&self, key: &str) -> Address {
        Address { bucket: self.bucket.clone(), key: key.to_owned() }
    }

    async fn create(&self, key: &str, bytes: &'static [u8]) -> Result<(), LakeError> {
        self.lake.create(&self.at(key), Bytes::from_static(bytes)).await
    }

    async fn get(&self, key: &str) -> (Head, Bytes) {
        self.lake.get(&self.at(key), u64::MAX).await.unwrap()
    }

    async fn list(&self, under: &str, after: Option<&str>, keys_max: usize) -> Vec<String> {
        self.lake.list(&self.at(under), after, keys_max).await.unwrap()
    }

    async fn what_is_missing_is_told_apart(&self) {
        let missing = self.at("missing/x");
        assert!(matches!(self.lake.head(&missing).await, Err(LakeError::NotFound(at)) if at == missing));
        assert!(matches!(self.lake.get(&missing, 10).await, Err(LakeError::NotFound(at)) if at == missing));
        assert!(matches!(self.lake.get_range(&missing, 0..10).await, Err(LakeError::NotFound(at)) if at == missing));
        assert_eq!(self.list("missing/", None, 10).await, [""; 0]);
        self.lake.delete(&missing).await.unwrap();
    }

    async fn keys_come_back_as_they_were(&self) {
        for key in KEYS {
            self.create(key, key.as_bytes()).await.unwrap();
        }
        for key in KEYS {
            let (head, bytes) = self.get(key).await;
            assert_eq!(bytes, key, "another object's bytes");
            assert_eq!(head.bytes, key.len() as u64);
            assert!(head.facts.is_empty() && !head.version.is_empty());
            assert_eq!(self.lake.head(&self.at(key)).await.unwrap(), head);
            assert_eq!(self.list(key, None, 1).await, [key], "a key is a prefix of itself");
        }
        for key in KEYS {
            self.lake.delete(&self.at(key)).await.unwrap();
            assert!(matches!(self.lake.head(&self.at(key)).await, Err(LakeError::NotFound(_))));
            assert_eq!(self.list(key, None, 1).await, [""; 0]);
        }
    }

    async fn a_creation_happens_once(&self, races: usize) {
        for round in 0..races {
            let at = self.at(&format!("once/{round}"));
            let racers = (0..20).map(|racer| {
                let (lake, at) = (Arc::clone(&self.lake), at.clone());
                tokio::spawn(async move { lake.create(&at, Bytes::from(vec![racer; 10_000])).await.map(|()| racer) })
            });
            let mut winners = Vec::new();
            for racer in join_all(racers).await {
                match racer.unwrap() {
                    Ok(racer) => winners.push(racer),
                    Err(LakeError::Exists(there)) => assert_eq!(there, at),
                    Err(error) => panic!("{error:?}"),
                }
            }
            assert_eq!(winners.len(), 1, "exactly one");
            assert_eq!(self.get(&at.key).await.1, vec![winners[0]; 10_000]);
        }
    }

    async fn a_replacement_is_whole_for_every_reader(&self) {
        let at = self.at("replaced/x");
        self.lake.replace(&at, Bytes::from(vec![0; MIB])).await.unwrap();
        let mut versions = BTreeSet::from([self.get(&at.key).await.0.version]);
        let writer = async {
            for round in 1..=20 {
                self.lake.replace(&at, Bytes::from(vec![round; MIB])).await.unwrap();
            }
        };
        let reader = async {
            for _ in 0..20 {
                let (_, bytes) = self.get(&at.key).await;
                assert_eq!(bytes.len(), MIB);
                assert!(bytes.iter().all(|byte| *byte == bytes[0]), "a mixture");
            }
        };
        tokio::join!(writer, reader);
        let (head, bytes) = self.get(&at.key).await;
        assert_eq!(bytes[0], 20);
        assert!(versions.insert(head.version), "other bytes have another version");
    }

    async fn a_read_is_bounded(&self) {
        self.create("bounded/ten", b"0123456789").await.unwrap();
        self.create("bounded/none", b"").await.unwrap();
        let get = async |key: &str, bytes_max| self.lake.get(&self.at(key), bytes_max).await.map(|(_, bytes)| bytes.len());
        assert!(matches!(get("bounded/ten", 9).await, Err(LakeError::TooLong { bytes: 10, bytes_max: 9 })));
        assert_eq!(get("bounded/ten", 10).await.unwrap(), 10);
        assert_eq!(get("bounded/none", 0).await.unwrap(), 0);
    }

    async fn ranges_give_what_there_is(&self) {
        self.create("ranges/ten", b"0123456789").await.unwrap();
        let check = async |range: Range<u64>, expected: &'static str| {
            assert_eq!(self.lake.get_range(&self.at("ranges/ten"), range.clone()).await.unwrap(), expected, "{range:?}");
        };
        check(0..10, "0123456789").await;
        check(3..5, "34").await;
        check(8..20, "89").await;
        check(10..20, "").await;
        check(50..60, "").await;
        check(4..4, "").await;
    }

    async fn a_streamed_object_appears_when_it_is_finished(&self) {
        for bytes in [0, 5, 8 * MIB, 8 * MIB + 1, 20 * MIB] {
            let key = format!("streamed/{bytes}");
            let whole = noise(bytes);
            let mut writing = self.lake.write(&self.at(&key)).await.unwrap();
            for chunk in whole.chunks(MIB - 7) {
                writing.push(whole.slice_ref(chunk)).await.unwrap();
            }
            assert!(matches!(self.lake.head(&self.at(&key)).await, Err(LakeError::NotFound(_))), "not before");
            writing.finish().await.unwrap();
            let (head, found) = self.get(&key).await;
            assert_eq!(head.bytes, bytes as u64);
            assert!(found == whole, "{bytes} bytes came back otherwise");
        }
        let mut writing = self.lake.write(&self.at("streamed/dropped")).await.unwrap();
        writing.push(noise(9 * MIB)).await.unwrap();
        drop(writing);
        assert!(!self.list("streamed/", None, 10).await.contains(&"streamed/dropped".to_owned()));
    }

    async fn lists_are_in_the_order_of_bytes(&self) {
        // '-' and '.' sort before '/', so whoever walks directories gives another order.
        let keys = ["list/a-b", "list/a.b", "list/a/1", "list/a/2/x", "list/b", "list/b+", "list/b=c", "list/ü"];
        for key in keys.iter().rev().chain(&["lists"]) {
            self.create(key, b"x").await.unwrap();
        }
        assert_eq!(self.list("list/", None, 100).await, keys);
        assert_eq!(self.list("list/a", None, 100).await, keys[..4], "a prefix ends anywhere");
        assert_eq!(self.list("list/a/", None, 100).await, keys[2..4]);
        assert_eq!(self.list("list/", None, 3).await, keys[..3]);
        assert_eq!(self.list("list/", None, 0).await, [""; 0]);
        for (index, key) in keys.iter().enumerate() {
            assert_eq!(self.list("list/", Some(key), 2).await, keys[index + 1..].iter().take(2).copied().collect::<Vec<_>>());
        }
        assert_eq!(self.list("list/", Some("list/a/"), 1).await, ["list/a/1"], "after a key that is not there");
    }

    async fn lists_go_on_beyond_a_page(&self) {
        const KEYS: usize = 1_010;
        let keys: Vec<String> = (0..KEYS).map(|number| format!("pages/{number:05}")).collect();
        let creations = stream::iter(&keys).map(|key| self.create(key, b"x")).buffer_unordered(16);
        creations.for_each(async |created| created.unwrap()).await;
        assert_eq!(self.list("pages/", None, 2_000).await, keys);
        assert_eq!(self.list("pages/", None, 1_005).await, keys[..1_005]);
        assert_eq!(self.list("pages/", Some(&keys[4]), 1_005).await, keys[5..]);
    }

    async fn foreign_urls_are_refused(&self) {
        for url in ["", "x", "s3:/a/b", "s3://", "s3://bucket", "s3://bucket/", "file://host/x", "https://h/x"] {
            assert!(matches!(self.lake.address(url), Err(LakeError::Address(_))), "{url}");
        }
    }
}

/// Bytes that tell where in the object they are from.
pub(crate) fn noise(bytes: usize) -> Bytes {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let words = std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()
    });
    words.flatten().take(bytes).collect()
}
