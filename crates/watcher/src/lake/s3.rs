//! Raw objects on Amazon S3, and on servers that speak its protocol.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use tokio::time::timeout;

use super::{Lake, LakeError, Object, Stored};

/// How long a server may take to answer, beside the time that the bytes may take. One that never does would keep the upload for ever.
const ANSWER: Duration = if cfg!(test) { Duration::from_secs(1) } else { Duration::from_secs(60) };
/// No line is taken to be slower.
const BYTES_PER_SECOND_MIN: u64 = 64 * 1024;

/// A bucket. Objects are stored by one PUT each, so they end at 5 GiB.
#[derive(Clone, Debug)]
pub struct S3Lake {
    client: Client,
    bucket: String,
}

impl S3Lake {
    /// The bucket of that name.
    pub fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    async fn stored(&self, key: &str) -> Result<Stored, LakeError> {
        let request = self.client.head_object().bucket(&self.bucket).key(key);
        let sent = timeout(ANSWER, request.send()).await.map_err(|_| failed("head", key, "no answer"))?;
        let answer = sent.map_err(|error| failed("head", key, error))?;
        let bytes = answer.content_length.and_then(|length| u64::try_from(length).ok());
        let bytes = bytes.ok_or_else(|| failed("head", key, "the answer has no Content-Length"))?;
        stored("head", key, bytes, answer.e_tag, answer.version_id)
    }
}

#[async_trait]
impl Lake for S3Lake {
    fn bucket(&self) -> &str {
        &self.bucket
    }

    async fn put_new(&self, object: Object<'_>) -> Result<Stored, LakeError> {
        let key = object.key;
        let bytes = tokio::fs::metadata(object.file).await.map_err(|error| failed("put", key, error))?.len();
        let body = ByteStream::from_path(object.file).await.map_err(|error| failed("put", key, io::Error::other(error)))?;
        // The checksum goes with the bytes, and S3 refuses what arrives otherwise than it was read.
        let request = self.client.put_object().bucket(&self.bucket).key(key).if_none_match("*").body(body);
        let request = request.checksum_algorithm(ChecksumAlgorithm::Crc32);
        let facts = object.facts.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let limit = ANSWER.saturating_add(Duration::from_secs(bytes / BYTES_PER_SECOND_MIN));
        let sent = timeout(limit, request.set_metadata(Some(facts)).send()).await;
        match sent.map_err(|_| failed("put", key, format!("no answer within {} s", limit.as_secs())))? {
            Ok(answer) => stored("put", key, bytes, answer.e_tag, answer.version_id),
            // The key names this upload alone, so what is there is what we bring: an answer was lost, or a crash came between.
            // 409 says that such a request is under way at this moment; when it has come to nothing, the next attempt finds out.
            Err(error) if matches!(error.raw_response().map(|answer| answer.status().as_u16()), Some(409 | 412)) => {
                self.stored(key).await
            }
            Err(error) => Err(failed("put", key, error)),
        }
    }
}

fn stored(
    operation: &'static str,
    key: &str,
    bytes: u64,
    etag: Option<String>,
    version: Option<String>,
) -> Result<Stored, LakeError> {
    let etag = etag.ok_or_else(|| failed(operation, key, "the answer has no ETag"))?.trim_matches('"').to_owned();
    // A bucket that has stopped to keep versions names every new one "null".
    Ok(Stored { bytes, etag, version: version.filter(|version| version != "null") })
}

fn failed(operation: &'static str, key: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> LakeError {
    LakeError { operation, key: key.to_owned(), source: source.into() }
}

#[cfg(test)]
mod tests;
