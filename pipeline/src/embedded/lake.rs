//! The lake as plain files: each bucket a directory, each object a file at its key, so that DuckDB and pyiceberg read the
//! warehouse from where it lies.
//!
//! Bytes are staged, made durable, and only then linked or renamed to their place, so that no reader and no crash ever sees a
//! part of an object. One process writes to a lake at a time; any number may read.

mod bucket;
mod path;
mod staged;
mod walk;

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use etl::{Address, Head, LakeError, Write};

use bucket::Bucket;
pub use bucket::LocalBucket;
use staged::{Place, Staged};

/// Named directories that together are a lake.
#[derive(Clone, Debug)]
pub struct LocalLake {
    buckets: Arc<BTreeMap<String, Arc<Bucket>>>,
}

impl LocalLake {
    /// Opens the lake; directories that are missing are made. None may lie within another.
    pub fn new<N, D>(buckets: impl IntoIterator<Item = (N, D)>) -> io::Result<Self>
    where
        N: Into<String>,
        D: AsRef<Path>,
    {
        let open = |(name, directory): (N, D)| {
            let name = name.into();
            Bucket::open(&name, directory.as_ref()).map(|bucket| (name, Arc::new(bucket)))
        };
        Ok(Self { buckets: Arc::new(buckets.into_iter().map(open).collect::<io::Result<_>>()?) })
    }

    /// One bucket, for raw objects.
    pub fn bucket(&self, name: &str) -> Option<LocalBucket> {
        self.buckets.get(name).cloned().map(LocalBucket::new)
    }

    /// The object's URL, `file://` and its path as it is: Iceberg's readers take a location literally, without percent-decoding.
    pub fn url(&self, at: &Address) -> Result<String, LakeError> {
        let bucket = self.holding(at)?;
        let file = bucket.file(&path::of_key(&at.key)?)?;
        file.to_str().map(|file| format!("file://{file}")).ok_or_else(|| LakeError::Address(at.key.clone()))
    }

    fn holding(&self, at: &Address) -> Result<&Arc<Bucket>, LakeError> {
        self.buckets.get(&at.bucket).ok_or_else(|| LakeError::Address(format!("{}/{}", at.bucket, at.key)))
    }

    async fn put(&self, at: &Address, bytes: Bytes, place: Place) -> Result<(), LakeError> {
        let bucket = self.holding(at)?;
        let path = path::of_key(&at.key)?;
        let staged = bucket.stage(move |file| io::Write::write_all(file, &bytes)).await;
        let staged = staged.map_err(|error| unavailable("put", at, error))?;
        bucket.publish(staged, &path, place).await.map_err(|error| refused("put", at, error))
    }
}

#[async_trait]
impl etl::Lake for LocalLake {
    fn address(&self, url: &str) -> Result<Address, LakeError> {
        let foreign = || LakeError::Address(url.to_owned());
        let file = Path::new(url.strip_prefix("file://").filter(|file| file.starts_with('/')).ok_or_else(foreign)?);
        let at = self.buckets.iter().find_map(|(name, bucket)| {
            let key = path::key_of(bucket.within(file)?)?;
            Some(Address { bucket: name.clone(), key })
        });
        at.ok_or_else(foreign)
    }

    async fn head(&self, at: &Address) -> Result<Head, LakeError> {
        let bucket = self.holding(at)?;
        let path = path::of_key(&at.key)?;
        let object = bucket.head(&path).await.map_err(|error| refused("head", at, error))?;
        let facts = bucket.facts(&path).await.map_err(|error| refused("head", at, error))?;
        Ok(Head { bytes: object.size, version: bucket::etag(&object), facts })
    }

    async fn get(&self, at: &Address, bytes_max: u64) -> Result<(Head, Bytes), LakeError> {
        let bucket = self.holding(at)?;
        let path = path::of_key(&at.key)?;
        let found = bucket.read(&path, bytes_max).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => LakeError::NotFound(at.clone()),
            _ => unavailable("get", at, error),
        })?;
        if found.length > bytes_max {
            return Err(LakeError::TooLong { bytes: found.length, bytes_max });
        }
        Ok((Head { bytes: found.length, version: found.etag, facts: found.facts }, found.bytes))
    }

    async fn get_range(&self, at: &Address, range: Range<u64>) -> Result<Bytes, LakeError> {
        let bucket = self.holding(at)?;
        let path = path::of_key(&at.key)?;
        let end = bucket.head(&path).await.map_err(|error| refused("get", at, error))?.size.min(range.end);
        if range.start >= end {
            return Ok(Bytes::new());
        }
        bucket.get_range(&path, range.start..end).await.map_err(|error| refused("get", at, error))
    }

    async fn create(&self, at: &Address, bytes: Bytes) -> Result<(), LakeError> {
        self.put(at, bytes, Place::New).await
    }

    async fn replace(&self, at: &Address, bytes: Bytes) -> Result<(), LakeError> {
        self.put(at, bytes, Place::Any).await
    }

    async fn write(&self, at: &Address) -> Result<Box<dyn Write>, LakeError> {
        let bucket = Arc::clone(self.holding(at)?);
        let path = path::of_key(&at.key)?;
        let staged = bucket.stage(|_| Ok(())).await.map_err(|error| unavailable("put", at, error))?;
        Ok(Box::new(Writing { bucket, at: at.clone(), path, staged: Some(staged) }))
    }

    async fn list(&self, under: &Address, after: Option<&str>, keys_max: usize) -> Result<Vec<String>, LakeError> {
        let bucket = self.holding(under)?;
        bucket.list(&under.key, after, keys_max).await.map_err(|error| refused("list", under, error))
    }

    async fn delete(&self, at: &Address) -> Result<(), LakeError> {
        let bucket = self.holding(at)?;
        let path = path::of_key(&at.key)?;
        bucket.delete(&path).await.map_err(|error| refused("delete", at, error))
    }
}

/// An object that is streamed in. Dropped unfinished, its staged bytes are removed.
struct Writing {
    bucket: Arc<Bucket>,
    at: Address,
    path: object_store::path::Path,
    staged: Option<Staged>,
}

#[async_trait]
impl Write for Writing {
    async fn push(&mut self, bytes: Bytes) -> Result<(), LakeError> {
        let staged =
            self.staged.take().ok_or_else(|| unavailable("put", &self.at, "the object was finished, or a push failed"))?;
        self.staged = Some(staged.push(bytes).await.map_err(|error| unavailable("put", &self.at, error))?);
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), LakeError> {
        let staged =
            self.staged.take().ok_or_else(|| unavailable("put", &self.at, "the object was finished, or a push failed"))?;
        let staged = staged.sync().await.map_err(|error| unavailable("put", &self.at, error))?;
        self.bucket.publish(staged, &self.path, Place::Any).await.map_err(|error| refused("put", &self.at, error))
    }
}

fn refused(operation: &'static str, at: &Address, error: object_store::Error) -> LakeError {
    match error {
        object_store::Error::NotFound { .. } => LakeError::NotFound(at.clone()),
        object_store::Error::AlreadyExists { .. } => LakeError::Exists(at.clone()),
        error => unavailable(operation, at, error),
    }
}

fn unavailable(operation: &'static str, at: &Address, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> LakeError {
    LakeError::Unavailable { operation, at: format!("{}/{}", at.bucket, at.key), source: source.into() }
}

#[cfg(test)]
mod tests;
