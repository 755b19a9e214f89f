//! A segment of the ledger: the ids of one or more batches, sorted.

use bytes::Bytes;

use super::Id;

/// Sorted ids without repeats. As bytes: one id after the other, 16 bytes each, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment(Vec<Id>);

impl Segment {
    pub(crate) fn of(mut ids: Vec<Id>) -> Self {
        ids.sort_unstable();
        ids.dedup();
        Self(ids)
    }

    /// All ids of several segments in one.
    pub(crate) fn merge<'a>(segments: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::of(segments.into_iter().flat_map(|segment| segment.0.iter().copied()).collect())
    }

    pub(crate) fn contains(&self, id: &Id) -> bool {
        self.0.binary_search(id).is_ok()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        self.0.iter().flat_map(|id| *id.as_bytes()).collect()
    }

    /// Reads what [`Segment::to_bytes`] wrote; anything else is an error that says what is wrong.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        let (ids, rest) = bytes.as_chunks::<{ Id::BYTES }>();
        if !rest.is_empty() {
            return Err("its length is no multiple of 16 bytes");
        }
        let ids: Vec<Id> = ids.iter().copied().map(Id::from_bytes).collect();
        if !ids.is_sorted_by(|a, b| a < b) {
            return Err("its ids are out of order");
        }
        Ok(Self(ids))
    }
}
