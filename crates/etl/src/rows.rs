//! What parsing gives: the rows of a file column by column, and what of the file was refused.

use std::collections::BTreeSet;
use std::ops::Range;

use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};

/// What one file gave. Every row of the file is in exactly one part, or refused.
#[derive(Debug)]
pub struct Parsed<P = Part> {
    /// Name of the format definition that claimed the file; empty when there was nothing in it to claim. Several, with `, ` between,
    /// when the members of an archive have different ones.
    pub format: String,
    /// The zone that times without one were read in, an IANA name; `None` when every time carried its own.
    pub zone: Option<String>,
    /// The tables whose rows are from a file that its device sends whole again and again: only new rows are for them.
    pub snapshots: BTreeSet<String>,
    /// Rows by table, in the order of the file. A file feeds several when its header changes on the way.
    pub parts: Vec<P>,
    /// Rows that cannot be used.
    pub refused: Vec<Refused>,
    /// How many rows the format declares that nobody wants.
    pub skipped: u64,
    /// Whether rows have the time of the upload's arrival: equal contents are then different rows.
    pub by_arrival: bool,
}

impl<P> Default for Parsed<P> {
    fn default() -> Self {
        Self {
            format: String::new(),
            zone: None,
            snapshots: BTreeSet::new(),
            parts: Vec::new(),
            refused: Vec::new(),
            skipped: 0,
            by_arrival: false,
        }
    }
}

impl<P> Parsed<P> {
    /// The same with other parts.
    pub(crate) fn with<Q>(self, parts: Vec<Q>) -> Parsed<Q> {
        let Self { format, zone, snapshots, parts: _, refused, skipped, by_arrival } = self;
        Parsed { format, zone, snapshots, parts, refused, skipped, by_arrival }
    }
}

/// Rows of one file for one table, under one header. All arrays have the same length.
#[derive(Debug)]
pub struct Part {
    /// The table's name, sanitised to `[a-z0-9_]`.
    pub table: String,
    /// The member of the archive that they stand in; parsers leave it out, whoever unwrapped the file knows it.
    pub member: Option<String>,
    /// The device that measured each row.
    pub device: StringArray,
    /// Microseconds since the Unix epoch, with time zone `+00:00`.
    pub ts: TimestampMicrosecondArray,
    /// The 1-based line on which each row begins, of the unwrapped file or of the archive's member that it stands in.
    pub row: Int64Array,
    /// The metric columns, in the file's order.
    pub columns: Vec<(Column, ArrayRef)>,
}

/// A metric column as the file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Sanitised to `[a-z0-9_]`, unique within its part, never one of the lineage columns' names.
    pub name: String,
    /// The name as the file writes it.
    pub original: String,
    /// The unit as the file writes it, when it does.
    pub unit: Option<String>,
    /// How the device aggregated the values (Campbell's process row: `Avg`, `Smp`, …), when the file says so.
    pub process: Option<String>,
    /// The type of its values.
    pub kind: Kind,
}

/// The type of a column's values, and the Arrow array that holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `Float64Array`. Numbers are doubles unless the format says otherwise.
    Double,
    /// `Int64Array`.
    Long,
    /// `BooleanArray`.
    Boolean,
    /// `StringArray`.
    Text,
    /// `TimestampMicrosecondArray` with time zone `+00:00`.
    Timestamp,
    /// `StringArray`: what a map of the column `extra` has, see [`crate::extra`].
    Extra,
    /// `NullArray`: no cell of this file had a value, so the type is not known yet.
    Unknown,
}

/// A row, or a run of bytes, that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The member of the archive that it stands in, when the file is one.
    pub member: Option<String>,
    /// The 1-based line of the unwrapped file, or of the member.
    pub row: u64,
    /// Where the bytes stand in the unwrapped file, before any decoding of text. Empty when a whole member is refused: the
    /// archive is then kept as it came.
    pub bytes: Range<usize>,
    /// Why, in words for the person who mends the format or the device.
    pub reason: String,
}

impl Refused {
    /// Whether a member of an archive is refused as a whole.
    pub(crate) fn is_whole_member(&self) -> bool {
        self.member.is_some() && self.bytes.is_empty()
    }
}

/// Why a whole file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// In words for the person who mends the format or the device.
    pub reason: String,
}
