//! The data lake as the ETL needs it: objects read whole or in part, written once or streamed, listed and deleted.
//!
//! One trait carries raw objects, the ledger, quarantine and the warehouse, so that a backend is written and tested once.

mod s3;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;

pub use s3::S3Lake;

/// Where an object is: a bucket, and a key within it (UTF-8, no leading slash).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key.
    pub key: String,
}

/// What a lake says of an object without its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The object's length.
    pub bytes: u64,
    /// Entity tag or version: two objects with the same one have the same bytes.
    pub version: String,
    /// User metadata: keys in lower case without the `x-amz-meta-` prefix, values as stored.
    pub facts: BTreeMap<String, String>,
}

/// Why a lake did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// Nothing is stored at that address.
    #[error("no object at {}/{}", .0.bucket, .0.key)]
    NotFound(Address),
    /// [`Lake::create`] found an object there already.
    #[error("an object exists at {}/{}", .0.bucket, .0.key)]
    Exists(Address),
    /// The object is longer than the caller allows.
    #[error("object of {bytes} bytes, {bytes_max} allowed")]
    TooLong {
        /// The object's length.
        bytes: u64,
        /// What the caller allows.
        bytes_max: u64,
    },
    /// An address that this lake cannot hold: another scheme, an empty key, `..`, a control character.
    #[error("not an address in this lake: {0}")]
    Address(String),
    /// Anything else. The same call may succeed later.
    #[error("{operation} {at}")]
    Unavailable {
        /// The call, as a plain verb: `get`, `put`.
        operation: &'static str,
        /// The bucket and key.
        at: String,
        /// What the backend said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// An object store. Calls are safe to repeat; none retries for ever by itself.
#[async_trait]
pub trait Lake: Debug + Send + Sync + 'static {
    /// Reads a URL of this lake (`s3://bucket/key`, `file:///…`) as an address.
    fn address(&self, url: &str) -> Result<Address, LakeError>;

    /// What is known of the object without reading it.
    async fn head(&self, at: &Address) -> Result<Head, LakeError>;

    /// The whole object, when it is no longer than `bytes_max`.
    async fn get(&self, at: &Address, bytes_max: u64) -> Result<(Head, Bytes), LakeError>;

    /// A part of the object. A range past its end gives what there is.
    async fn get_range(&self, at: &Address, range: Range<u64>) -> Result<Bytes, LakeError>;

    /// Stores an object where none is: of several callers at once exactly one succeeds, the others get
    /// [`LakeError::Exists`]. Durable when it returns.
    async fn create(&self, at: &Address, bytes: Bytes) -> Result<(), LakeError>;

    /// Stores an object whether or not one is there. Readers see the old one or the new one, whole. Durable when it returns.
    async fn replace(&self, at: &Address, bytes: Bytes) -> Result<(), LakeError>;

    /// Begins an object too long to hold in memory.
    async fn write(&self, at: &Address) -> Result<Box<dyn Write>, LakeError>;

    /// The keys under a prefix in ascending order of their bytes, at most `keys_max`, those after `after` if given; fewer only
    /// when there are no more.
    async fn list(&self, under: &Address, after: Option<&str>, keys_max: usize) -> Result<Vec<String>, LakeError>;

    /// Removes the object; that there is none is no error.
    async fn delete(&self, at: &Address) -> Result<(), LakeError>;
}

/// All keys under a prefix, in ascending order of their bytes.
pub(crate) async fn all_keys(lake: &dyn Lake, under: &Address) -> Result<Vec<String>, LakeError> {
    const KEYS_AT_ONCE: usize = 1000;
    let mut keys: Vec<String> = Vec::new();
    loop {
        let page = lake.list(under, keys.last().map(String::as_str), KEYS_AT_ONCE).await?;
        let is_last = page.len() < KEYS_AT_ONCE;
        keys.extend(page);
        if is_last {
            return Ok(keys);
        }
    }
}

/// An object being written. Nothing is at its address until [`Write::finish`] has returned; dropped before that, nothing stays.
#[async_trait]
pub trait Write: Send + Sync {
    /// Appends bytes.
    async fn push(&mut self, bytes: Bytes) -> Result<(), LakeError>;

    /// Makes the object visible and durable.
    async fn finish(&mut self) -> Result<(), LakeError>;
}
