//! An object streamed to S3: one PUT when it is short, a multipart upload when it is long.

use async_trait::async_trait;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::{Bytes, BytesMut};
use tracing::warn;

use super::{S3Lake, unavailable};
use crate::lake::{Address, Lake, LakeError, Write};

/// The length of a part, and of the longest object that is stored by one PUT. S3 takes 10,000 parts, so an object ends at 80 GB.
const PART_BYTES: usize = 8 << 20;

/// An object under way. What a failure or a drop leaves half-done is aborted; what a crash leaves, a lifecycle rule of the
/// bucket removes (`AbortIncompleteMultipartUpload`).
pub(super) struct Writing {
    lake: S3Lake,
    at: Address,
    pending: BytesMut,
    upload: Option<Upload>,
}

/// A multipart upload that S3 knows of.
struct Upload {
    id: String,
    parts: Vec<CompletedPart>,
}

impl Writing {
    pub(super) fn new(lake: S3Lake, at: Address) -> Self {
        Self { lake, at, pending: BytesMut::new(), upload: None }
    }

    async fn send_part(&mut self, bytes: Bytes) -> Result<(), LakeError> {
        let client = &self.lake.client;
        let at = &self.at;
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none => {
                let request = client.create_multipart_upload().bucket(&at.bucket).key(&at.key);
                let request = request.checksum_algorithm(ChecksumAlgorithm::Crc32);
                let answer = request.send().await.map_err(|error| unavailable("put", at, error))?;
                let id = answer.upload_id.ok_or_else(|| unavailable("put", at, "the answer has no UploadId"))?;
                none.insert(Upload { id, parts: Vec::new() })
            }
        };
        let number = i32::try_from(upload.parts.len() + 1).map_err(|error| unavailable("put", at, error))?;
        let request = client.upload_part().bucket(&at.bucket).key(&at.key).upload_id(&upload.id).part_number(number);
        let request = request.checksum_algorithm(ChecksumAlgorithm::Crc32).body(ByteStream::from(bytes));
        let answer = request.send().await.map_err(|error| unavailable("put", at, error))?;
        let part = CompletedPart::builder().part_number(number);
        upload.parts.push(part.set_e_tag(answer.e_tag).set_checksum_crc32(answer.checksum_crc32).build());
        Ok(())
    }
}

#[async_trait]
impl Write for Writing {
    async fn push(&mut self, bytes: Bytes) -> Result<(), LakeError> {
        self.pending.extend_from_slice(&bytes);
        // One byte more than a part has to be there, so that the last part is never empty.
        while self.pending.len() > PART_BYTES {
            let part = self.pending.split_to(PART_BYTES).freeze();
            self.send_part(part).await?;
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), LakeError> {
        let last = self.pending.split().freeze();
        if self.upload.is_none() {
            return self.lake.replace(&self.at, last).await;
        }
        self.send_part(last).await?;
        let Some(upload) = &self.upload else { return Ok(()) };
        let parts = CompletedMultipartUpload::builder().set_parts(Some(upload.parts.clone())).build();
        let request = self.lake.client.complete_multipart_upload().bucket(&self.at.bucket).key(&self.at.key);
        let request = request.upload_id(&upload.id).multipart_upload(parts);
        request.send().await.map_err(|error| unavailable("put", &self.at, error))?;
        self.upload = None;
        Ok(())
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let Some(upload) = self.upload.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let request = self.lake.client.abort_multipart_upload().bucket(&self.at.bucket).key(&self.at.key).upload_id(upload.id);
        let Address { bucket, key } = self.at.clone();
        runtime.spawn(async move {
            if let Err(error) = request.send().await {
                warn!(bucket, key, error = &error as &dyn std::error::Error, "left a multipart upload unfinished");
            }
        });
    }
}
