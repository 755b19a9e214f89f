//! What is brought to a table, and what became of it.

use crate::ledger::Id;
use crate::packed::Parcel;
use crate::snapshot::Push;

/// One upload's rows for one table.
#[derive(Debug)]
pub(crate) struct Share {
    /// The upload's id, for its rows.
    pub(crate) upload: String,
    /// What they are from: the object, or a line of it.
    pub(crate) source: Id,
    /// What was in it; `None` where equal contents are different rows.
    pub(crate) content: Option<Id>,
    /// The push that they are from, when the file is sent whole again and again: then only its new rows are for the table.
    pub(crate) push: Option<Push>,
    /// The rows, under one header or several.
    pub(crate) parts: Vec<Parcel>,
}

impl Share {
    pub(crate) fn ids(&self) -> impl Iterator<Item = Id> {
        std::iter::once(self.source).chain(self.content)
    }

    /// How many rows it has.
    pub(crate) fn rows(&self) -> u64 {
        rows_of(&self.parts)
    }
}

/// How many rows these parts have.
pub(super) fn rows_of(parts: &[Parcel]) -> u64 {
    u64::try_from(parts.iter().map(Parcel::rows).sum::<usize>()).unwrap_or(u64::MAX)
}

/// What became of a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// So many rows of it are in the table, by this commit.
    Landed(u64),
    /// So many rows of it are in the table, by an earlier commit of the same source.
    Known(u64),
    /// The same content is in the table from another upload; this one adds nothing.
    Duplicate,
    /// Its rows do not fit the table, in words. None of them is in it.
    Refused(String),
}
