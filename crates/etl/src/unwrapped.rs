//! What is kept of an unwrapped file while rows of it are refused.

use std::collections::BTreeMap;
use std::ops::Range;

/// Bytes of a file, by their places in it.
#[derive(Debug)]
pub(crate) enum Unwrapped {
    /// All of them.
    Whole(Vec<u8>),
    /// The stretches that were asked to be kept, by where each begins.
    Excerpts(BTreeMap<usize, Vec<u8>>),
}

impl Default for Unwrapped {
    fn default() -> Self {
        Self::Whole(Vec::new())
    }
}

impl From<Vec<u8>> for Unwrapped {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Whole(bytes)
    }
}

impl Unwrapped {
    /// The bytes at these places; none when they were not kept.
    pub(crate) fn get(&self, places: Range<usize>) -> &[u8] {
        let bytes = match self {
            Self::Whole(bytes) => bytes.get(places),
            Self::Excerpts(excerpts) => excerpts.get(&places.start).and_then(|bytes| bytes.get(..places.len())),
        };
        bytes.unwrap_or_default()
    }

    /// How many bytes it holds.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Whole(bytes) => bytes.len(),
            Self::Excerpts(excerpts) => excerpts.values().map(Vec::len).sum(),
        }
    }
}
