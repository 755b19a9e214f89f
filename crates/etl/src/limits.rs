//! How large one file may be, packed, unpacked and line by line.

use bytesize::ByteSize;
use serde::Deserialize;

use crate::ledger::Id;

/// Bounds on one file. What exceeds one is refused with the bound in the reason; nothing is cut to fit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The longest raw object that is read whole. What can be read in pieces may be longer.
    pub file_bytes: ByteSize,
    /// The most bytes that a compressed file may unpack to.
    pub unwrapped_bytes: ByteSize,
    /// How many times its packed length a compressed file may unpack to; looked at from 1 MiB unpacked on.
    pub ratio: u64,
    /// How many wrappings may lie within each other: 2 for a zip of zips.
    pub depth: usize,
    /// The most members of an archive, those of archives within it counted too.
    pub members: usize,
    /// The longest line; a longer one is refused as one row.
    pub line_bytes: ByteSize,
    /// The most columns that a file has in its tables, and a table of all its files; what is beyond them is in a map.
    pub columns: usize,
    /// The first year that rows are believed to be from; earlier ones are refused.
    pub year_min: i16,
    /// The last such year; later ones are refused.
    pub year_max: i16,
}

impl Limits {
    /// What is wrong with these limits: the key relative to this section, and why.
    pub fn problems(&self) -> Vec<(String, String)> {
        let zero = [
            ("file_bytes", self.file_bytes.as_u64() == 0),
            ("unwrapped_bytes", self.unwrapped_bytes.as_u64() == 0),
            ("ratio", self.ratio == 0),
            ("depth", self.depth == 0),
            ("members", self.members == 0),
            ("line_bytes", self.line_bytes.as_u64() == 0),
            ("columns", self.columns == 0),
        ];
        let zero = zero.into_iter().filter(|(_, is)| *is).map(|(key, _)| (key.to_owned(), "must be more than zero".to_owned()));
        let years = (self.year_max < self.year_min).then(|| ("year_max".to_owned(), "is before year_min".to_owned()));
        zero.chain(years).collect()
    }

    /// Names these limits: others have another.
    pub(crate) fn fingerprint(&self) -> Id {
        let Self { file_bytes, unwrapped_bytes, ratio, depth, members, line_bytes, columns, year_min, year_max } = self;
        let [file, unwrapped, line] = [file_bytes, unwrapped_bytes, line_bytes].map(ByteSize::as_u64);
        let text = format!("{file} {unwrapped} {ratio} {depth} {members} {line} {columns} {year_min} {year_max}");
        Id::hash("limits", &[text.as_bytes()])
    }

    /// [`Limits::line_bytes`] as a length in memory.
    pub(crate) fn line_length(&self) -> usize {
        usize::try_from(self.line_bytes.as_u64()).unwrap_or(usize::MAX)
    }

    /// Generous limits for unit tests and fuzzing.
    #[cfg(any(fuzzing, test))]
    pub(crate) fn for_tests() -> Self {
        Self {
            file_bytes: ByteSize::mib(64),
            unwrapped_bytes: ByteSize::mib(256),
            ratio: 200,
            depth: 2,
            members: 1000,
            line_bytes: ByteSize::mib(1),
            columns: 4096,
            year_min: 1900,
            year_max: 2199,
        }
    }
}
