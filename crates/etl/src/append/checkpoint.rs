//! Pasts in the lake, so that one that is no longer in memory is not read again from the beginning of its file:
//! `pasts/<fingerprint>/<bucket>/<folder of the raw object that it ends with>past.bin`.
//!
//! They are a cache, and no more. A past follows from raw objects, which never change, and from the definitions, the limits and the
//! code that read them, which the fingerprint stands for. So a checkpoint is as good as reading again: rows, and the ids of content
//! (`Id::of_content`) that follow from the text with the past before it, are the same with it and without. Under other definitions it
//! is not looked for. One that is missing or is not what was written is not used, and one that cannot be written is done without.
//!
//! Which pieces get one is decided by their folders alone, one in [`ONE_IN`], so that nobody has to count, and every worker looks
//! where every other one has written.

mod bytes;

use std::sync::Arc;

use tracing::{debug, warn};

use super::pasts::folder_of;
use super::{Past, is_close};
use crate::error::Error;
use crate::facts::Upload;
use crate::format::Formats;
use crate::lake::{Address, Lake, LakeError};
use crate::ledger::Id;
use crate::limits::Limits;

/// Where checkpoints are in the lake's bucket.
pub(crate) const ROOT: &str = "pasts/";
/// What a past is, and how it is written. To be raised with every change of code that reads other pasts from the same raw objects, if
/// the crate's version does not change with it: a past of older code may have rows among the lines that it takes for header.
const VERSION: u32 = 2;
/// One piece of so many has a checkpoint behind it. That is how many pieces are read again, on average.
const ONE_IN: u8 = 8;
/// A past that is longer has no checkpoint.
const BYTES_MAX: usize = 256 << 10;

/// The checkpoints of one build under one set of definitions.
#[derive(Debug)]
pub(super) struct Checkpoints {
    lake: Arc<dyn Lake>,
    bucket: String,
    fingerprint: Id,
}

impl Checkpoints {
    pub(super) fn new(lake: Arc<dyn Lake>, bucket: String, formats: &Formats, limits: &Limits) -> Self {
        let (formats, limits, version) = (formats.fingerprint(), limits.fingerprint(), VERSION.to_le_bytes());
        let parts = [&version, env!("CARGO_PKG_VERSION").as_bytes(), formats.as_bytes(), limits.as_bytes()];
        Self { lake, bucket, fingerprint: Id::hash("pasts", &parts) }
    }

    /// The past that ends with the raw object in a folder, when there is a checkpoint of it. An error says that the lake did not tell.
    pub(super) async fn find(&self, bucket: &str, folder: &str) -> Result<Option<Past>, LakeError> {
        if !has_one(folder) {
            return Ok(None);
        }
        let at = self.at(bucket, folder);
        let found = match self.lake.get(&at, u64::try_from(BYTES_MAX).unwrap_or(u64::MAX)).await {
            Ok((_, bytes)) => Past::from_bytes(&bytes, &at.key).map_err(ToOwned::to_owned),
            Err(LakeError::NotFound(_)) => return Ok(None),
            Err(error @ LakeError::Unavailable { .. }) => return Err(error),
            Err(error) => Err(error.to_string()),
        };
        found.map(Some).or_else(|problem| {
            warn!(key = at.key, problem, "a checkpoint of a file that is appended to is not used");
            Ok(None)
        })
    }

    /// Lays one of what a piece has left, if that piece is to have one.
    pub(super) async fn lay(&self, upload: &Upload, past: &Past) {
        let folder = folder_of(&upload.source.key);
        // Behind a first piece and a close it would spare little, and most files have no others.
        if upload.previous.is_none() || is_close(upload) || !has_one(&folder) {
            return;
        }
        let at = self.at(&upload.source.bucket, &folder);
        let bytes = past.to_bytes(&at.key);
        if bytes.len() > BYTES_MAX {
            debug!(key = at.key, bytes = bytes.len(), "a past is too long for a checkpoint");
            return;
        }
        // Whether one is there or not: who was here before has written the same, or it was damaged.
        if let Err(error) = self.lake.replace(&at, bytes).await.map_err(Error::lake("write a checkpoint")) {
            warn!(error = error.chain(), "a file that is appended to goes without a checkpoint");
        }
    }

    fn at(&self, bucket: &str, folder: &str) -> Address {
        Address { bucket: self.bucket.clone(), key: format!("{ROOT}{}/{bucket}/{folder}past.bin", self.fingerprint) }
    }
}

/// Whether the piece whose raw object is in this folder gets a checkpoint: the same in every build.
fn has_one(folder: &str) -> bool {
    let id = Id::hash("checkpoint", &[folder.as_bytes()]);
    let [first, ..] = id.as_bytes();
    first.is_multiple_of(ONE_IN)
}

#[cfg(test)]
mod tests;
