//! The data lake as the watcher needs it: one new object for each upload.

mod s3;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;

use async_trait::async_trait;

pub use s3::S3Lake;

/// An object to store.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a> {
    /// The key, UTF-8, at most 1,024 bytes.
    pub key: &'a str,
    /// The file that holds its bytes. Nobody changes it meanwhile.
    pub file: &'a Path,
    /// User metadata: names in lower case, ASCII values, at most 2 KB together (Amazon S3's limit).
    pub facts: &'a BTreeMap<String, String>,
}

/// What the lake made of an object, for its event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The object's length.
    pub bytes: u64,
    /// The entity tag, without quotes.
    pub etag: String,
    /// The version, in a bucket that keeps versions.
    pub version: Option<String>,
}

/// Why an object was not stored. The same call may succeed later.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {key}")]
pub struct LakeError {
    /// The call, as a plain verb: `put`.
    pub operation: &'static str,
    /// The object's key.
    pub key: String,
    /// What the backend said.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Where raw objects go.
#[async_trait]
pub trait Lake: Debug + Send + Sync + 'static {
    /// The bucket, as events name it.
    fn bucket(&self) -> &str;

    /// Stores the object unless one is there already, and says what is stored under the key now. Durable when it returns.
    async fn put_new(&self, object: Object<'_>) -> Result<Stored, LakeError>;
}
