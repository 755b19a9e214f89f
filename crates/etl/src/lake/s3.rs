//! The data lake on Amazon S3, and on servers that speak its protocol.

mod list;
mod write;

use std::ops::Range;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use bytes::{Bytes, BytesMut};

use super::{Address, Head, Lake, LakeError, Write};

/// How often a create is tried when S3 answers 409: another conditional write of that key was under way.
const CONFLICTS_MAX: usize = 5;

/// Buckets on S3, all behind one client.
///
/// The client retries what the network loses. So [`Lake::create`] may find the object that its own first attempt stored, and
/// answers [`LakeError::Exists`]: write under names of your own and take that as success, or read what is there.
#[derive(Clone, Debug)]
pub struct S3Lake {
    client: Client,
    order: Order,
}

/// The order in which a server lists keys.
#[derive(Clone, Copy, Debug)]
enum Order {
    /// Ascending bytes, as Amazon S3 promises for its general purpose buckets.
    Bytes,
    /// Any other.
    Unknown,
}

impl S3Lake {
    /// The lake on Amazon S3 itself.
    pub fn new(client: Client) -> Self {
        Self { client, order: Order::Bytes }
    }

    /// The lake on a server that speaks S3 but may list keys in an order of its own, as SeaweedFS and S3's directory buckets do.
    /// Every [`Lake::list`] then reads all keys under its prefix, however few are asked for.
    pub fn compatible(client: Client) -> Self {
        Self { client, order: Order::Unknown }
    }
}

#[async_trait]
impl Lake for S3Lake {
    fn address(&self, url: &str) -> Result<Address, LakeError> {
        let (bucket, key) = url
            .strip_prefix("s3://")
            .and_then(|rest| rest.split_once('/'))
            .filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
            .ok_or_else(|| LakeError::Address(url.to_owned()))?;
        Ok(Address { bucket: bucket.to_owned(), key: key.to_owned() })
    }

    async fn head(&self, at: &Address) -> Result<Head, LakeError> {
        let request = self.client.head_object().bucket(&at.bucket).key(&at.key);
        let answer = request.send().await.map_err(|error| missing_or("head", at, error))?;
        head("head", at, answer.content_length, answer.version_id, answer.e_tag, answer.metadata)
    }

    async fn get(&self, at: &Address, bytes_max: u64) -> Result<(Head, Bytes), LakeError> {
        let request = self.client.get_object().bucket(&at.bucket).key(&at.key);
        let answer = request.send().await.map_err(|error| missing_or("get", at, error))?;
        let head = head("get", at, answer.content_length, answer.version_id, answer.e_tag, answer.metadata)?;
        if head.bytes > bytes_max {
            return Err(LakeError::TooLong { bytes: head.bytes, bytes_max });
        }
        let bytes = body(at, answer.body, head.bytes).await?;
        Ok((head, bytes))
    }

    async fn get_range(&self, at: &Address, range: Range<u64>) -> Result<Bytes, LakeError> {
        let Some(last) = range.end.checked_sub(1).filter(|last| range.start <= *last) else {
            return Ok(Bytes::new());
        };
        let request = self.client.get_object().bucket(&at.bucket).key(&at.key).range(format!("bytes={}-{last}", range.start));
        match request.send().await {
            // The part that there is may be shorter, but a server that ignores ranges must not fill our memory.
            Ok(answer) => {
                let bytes_max = range.end - range.start;
                let bytes = length("get", at, answer.content_length)?;
                if bytes > bytes_max {
                    return Err(LakeError::TooLong { bytes, bytes_max });
                }
                body(at, answer.body, bytes).await
            }
            // RFC 9110 section 15.5.17: the range begins at or after the end of the object.
            Err(error) if status(&error) == Some(416) => Ok(Bytes::new()),
            Err(error) => Err(missing_or("get", at, error)),
        }
    }

    async fn create(&self, at: &Address, bytes: Bytes) -> Result<(), LakeError> {
        let mut conflicts = 0;
        loop {
            let request = self.client.put_object().bucket(&at.bucket).key(&at.key).if_none_match("*");
            let request = request.checksum_algorithm(ChecksumAlgorithm::Crc32).body(ByteStream::from(bytes.clone()));
            let error = match request.send().await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            match status(&error) {
                Some(412) => return Err(LakeError::Exists(at.clone())),
                // Whoever was writing at the same moment may have succeeded or not: look, and try again if not.
                Some(409) if conflicts < CONFLICTS_MAX => {
                    conflicts += 1;
                    match self.head(at).await {
                        Ok(_) => return Err(LakeError::Exists(at.clone())),
                        Err(LakeError::NotFound(_)) => {}
                        Err(error) => return Err(error),
                    }
                }
                _ => return Err(unavailable("put", at, error)),
            }
        }
    }

    async fn replace(&self, at: &Address, bytes: Bytes) -> Result<(), LakeError> {
        let request = self.client.put_object().bucket(&at.bucket).key(&at.key);
        let request = request.checksum_algorithm(ChecksumAlgorithm::Crc32).body(ByteStream::from(bytes));
        request.send().await.map_err(|error| unavailable("put", at, error))?;
        Ok(())
    }

    async fn write(&self, at: &Address) -> Result<Box<dyn Write>, LakeError> {
        Ok(Box::new(write::Writing::new(self.clone(), at.clone())))
    }

    async fn list(&self, under: &Address, after: Option<&str>, keys_max: usize) -> Result<Vec<String>, LakeError> {
        list::keys(&self.client, self.order, under, after, keys_max).await
    }

    async fn delete(&self, at: &Address) -> Result<(), LakeError> {
        match self.client.delete_object().bucket(&at.bucket).key(&at.key).send().await {
            Ok(_) => Ok(()),
            Err(error) => match missing_or("delete", at, error) {
                LakeError::NotFound(_) => Ok(()),
                error => Err(error),
            },
        }
    }
}

/// Reads a body of a length that is known and was found small enough.
async fn body(at: &Address, mut stream: ByteStream, bytes: u64) -> Result<Bytes, LakeError> {
    let capacity = usize::try_from(bytes).map_err(|error| unavailable("get", at, error))?;
    let mut whole = BytesMut::with_capacity(capacity);
    while let Some(chunk) = stream.try_next().await.map_err(|error| unavailable("get", at, error))? {
        whole.extend_from_slice(&chunk);
        if whole.len() > capacity {
            return Err(unavailable("get", at, "the body is longer than its Content-Length"));
        }
    }
    if whole.len() < capacity {
        return Err(unavailable("get", at, "the body is shorter than its Content-Length"));
    }
    Ok(whole.freeze())
}

fn head(
    operation: &'static str,
    at: &Address,
    content_length: Option<i64>,
    version: Option<String>,
    etag: Option<String>,
    metadata: Option<std::collections::HashMap<String, String>>,
) -> Result<Head, LakeError> {
    // A bucket that has never kept versions, or has stopped to, names the version "null" for every object.
    let version = version.filter(|version| version != "null");
    let etag = etag.map(|etag| etag.trim_matches('"').to_owned());
    let version = version.or(etag).ok_or_else(|| unavailable(operation, at, "the answer has no ETag"))?;
    let facts = metadata.unwrap_or_default().into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    Ok(Head { bytes: length(operation, at, content_length)?, version, facts })
}

fn length(operation: &'static str, at: &Address, content_length: Option<i64>) -> Result<u64, LakeError> {
    let length = content_length.and_then(|length| u64::try_from(length).ok());
    length.ok_or_else(|| unavailable(operation, at, "the answer has no Content-Length"))
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|answer| answer.status().as_u16())
}

/// A missing object is an answer; a missing bucket is a fault of the configuration, and must not pass for one.
fn missing_or<E>(operation: &'static str, at: &Address, error: SdkError<E, HttpResponse>) -> LakeError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match status(&error) {
        Some(404) if error.code() != Some("NoSuchBucket") => LakeError::NotFound(at.clone()),
        _ => unavailable(operation, at, error),
    }
}

fn unavailable(operation: &'static str, at: &Address, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> LakeError {
    LakeError::Unavailable { operation, at: format!("{}/{}", at.bucket, at.key), source: source.into() }
}
