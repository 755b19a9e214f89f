//! A lake in a directory: `<directory>/<bucket>/<key>`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::Faults;
use crate::{Address, Head, Lake, LakeError, Write};

#[derive(Clone, Debug)]
pub(crate) struct TestLake {
    dir: PathBuf,
    facts: Arc<Mutex<BTreeMap<Address, BTreeMap<String, String>>>>,
    faults: Arc<Faults>,
}

impl TestLake {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), facts: Arc::default(), faults: Arc::new(Faults::none()) }
    }

    pub(crate) fn with(&self, faults: &Arc<Faults>) -> Self {
        Self { faults: faults.clone(), ..self.clone() }
    }

    pub(crate) fn put(&self, at: &Address, bytes: Bytes, facts: BTreeMap<String, String>) {
        self.facts.lock().unwrap().insert(at.clone(), facts);
        self.store(at, &bytes);
    }

    pub(crate) fn keys(&self, bucket: &str, under: &str) -> Vec<String> {
        let root = self.dir.join(bucket);
        let mut keys = Vec::new();
        let mut dirs = vec![root.clone()];
        while let Some(dir) = dirs.pop() {
            let Ok(entries) = std::fs::read_dir(dir) else { continue };
            for path in entries.map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    dirs.push(path);
                } else if path.extension().is_none_or(|extension| extension != "part") {
                    keys.push(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        keys.retain(|key| key.starts_with(under));
        keys.sort();
        keys
    }

    pub(crate) fn text(&self, key: &str) -> String {
        std::fs::read_to_string(self.dir.join(super::LAKE).join(key)).unwrap()
    }

    fn path(&self, at: &Address) -> PathBuf {
        self.dir.join(&at.bucket).join(&at.key)
    }

    fn store(&self, at: &Address, bytes: &[u8]) {
        let path = self.path(at);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let part = path.with_extension(format!("{}.part", uuid::Uuid::new_v4()));
        std::fs::write(&part, bytes).unwrap();
        std::fs::rename(part, path).unwrap();
    }

    fn read(&self, at: &Address) -> Result<Bytes, LakeError> {
        std::fs::read(self.path(at)).map(Bytes::from).map_err(|_| LakeError::NotFound(at.clone()))
    }

    fn head_of(&self, at: &Address, bytes: &Bytes) -> Head {
        let version = Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let facts = self.facts.lock().unwrap().get(at).cloned().unwrap_or_default();
        Head { bytes: bytes.len() as u64, version, facts }
    }

    async fn call<T>(
        &self,
        operation: &'static str,
        at: &Address,
        call: impl Future<Output = Result<T, LakeError>> + Send,
    ) -> Result<T, LakeError> {
        let error = || LakeError::Unavailable { operation, at: at.key.clone(), source: "struck".into() };
        self.faults.call(&format!("lake {operation} {}/{}", at.bucket, at.key), error, call).await
    }
}

#[async_trait]
impl Lake for TestLake {
    fn address(&self, url: &str) -> Result<Address, LakeError> {
        let wrong = || LakeError::Address(url.to_owned());
        let path = url.strip_prefix("file://").ok_or_else(wrong)?;
        let path = Path::new(path).strip_prefix(&self.dir).map_err(|_| wrong())?.to_str().ok_or_else(wrong)?;
        let (bucket, key) = path.split_once('/').ok_or_else(wrong)?;
        Ok(Address { bucket: bucket.into(), key: key.into() })
    }

    async fn head(&self, at: &Address) -> Result<Head, LakeError> {
        self.call("head", at, async { self.read(at).map(|bytes| self.head_of(at, &bytes)) }).await
    }

    async fn get(&self, at: &Address, bytes_max: u64) -> Result<(Head, Bytes), LakeError> {
        let get = async {
            let bytes = self.read(at)?;
            let head = self.head_of(at, &bytes);
            if head.bytes > bytes_max {
                return Err(LakeError::TooLong { bytes: head.bytes, bytes_max });
            }
            Ok((head, bytes))
        };
        self.call("get", at, get).await
    }

    async fn get_range(&self, at: &Address, range: Range<u64>) -> Result<Bytes, LakeError> {
        let get = async {
            let bytes = self.read(at)?;
            let end = bytes.len().min(range.end as usize);
            Ok(bytes.slice(end.min(range.start as usize)..end))
        };
        self.call("get", at, get).await
    }

    async fn create(&self, at: &Address, bytes: Bytes) -> Result<(), LakeError> {
        let create = async {
            if self.path(at).exists() {
                return Err(LakeError::Exists(at.clone()));
            }
            self.store(at, &bytes);
            Ok(())
        };
        self.call("create", at, create).await
    }

    async fn replace(&self, at: &Address, bytes: Bytes) -> Result<(), LakeError> {
        self.call("replace", at, async {
            self.store(at, &bytes);
            Ok(())
        })
        .await
    }

    async fn write(&self, at: &Address) -> Result<Box<dyn Write>, LakeError> {
        Ok(Box::new(TestWrite { lake: self.clone(), at: at.clone(), bytes: Vec::new() }))
    }

    async fn list(&self, under: &Address, after: Option<&str>, keys_max: usize) -> Result<Vec<String>, LakeError> {
        let list = async {
            let keys = self.keys(&under.bucket, &under.key).into_iter();
            Ok(keys.filter(|key| after.is_none_or(|after| key.as_str() > after)).take(keys_max).collect())
        };
        self.call("list", under, list).await
    }

    async fn delete(&self, at: &Address) -> Result<(), LakeError> {
        let delete = async {
            let _ = std::fs::remove_file(self.path(at));
            Ok(())
        };
        self.call("delete", at, delete).await
    }
}

struct TestWrite {
    lake: TestLake,
    at: Address,
    bytes: Vec<u8>,
}

#[async_trait]
impl Write for TestWrite {
    async fn push(&mut self, bytes: Bytes) -> Result<(), LakeError> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), LakeError> {
        let finish = async {
            self.lake.store(&self.at, &self.bytes);
            Ok(())
        };
        self.lake.call("finish", &self.at, finish).await
    }
}
