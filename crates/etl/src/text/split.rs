//! Raw bytes to raw lines: at CR LF, LF or CR, whichever comes.

use std::ops::Range;

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

/// What a line end is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Single bytes: every encoding whose multi-byte characters never hold 0x0A or 0x0D.
    Byte,
    /// UTF-16, low byte first.
    Little,
    /// UTF-16, high byte first.
    Big,
}

impl Unit {
    pub(super) fn of(encoding: &'static Encoding) -> Self {
        if encoding == UTF_16LE {
            Self::Little
        } else if encoding == UTF_16BE {
            Self::Big
        } else {
            Self::Byte
        }
    }

    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Byte => 1,
            Self::Little | Self::Big => 2,
        }
    }
}

/// A line without its end.
#[derive(Debug)]
pub(crate) struct RawLine {
    pub(crate) range: Range<usize>,
    /// Whether a line end followed.
    pub(crate) ended: bool,
}

/// The lines of `bytes` from `start` on. An empty rest after the last line end is no line.
pub(crate) fn split(bytes: &[u8], start: usize, unit: Unit) -> impl Iterator<Item = RawLine> {
    let mut at = start;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let (length, end_bytes) = match unit {
            Unit::Byte => line_end(rest),
            Unit::Little => line_end_wide(rest, u16::from_le_bytes),
            Unit::Big => line_end_wide(rest, u16::from_be_bytes),
        };
        let line = RawLine { range: at..at + length, ended: end_bytes > 0 };
        at += length + end_bytes;
        Some(line)
    })
}

/// The length of the first line, and of the line end after it.
pub(super) fn line_end(rest: &[u8]) -> (usize, usize) {
    let Some(length) = memchr::memchr2(b'\n', b'\r', rest) else { return (rest.len(), 0) };
    match rest.get(length..) {
        Some([b'\r', b'\n', ..]) => (length, 2),
        _ => (length, 1),
    }
}

fn line_end_wide(rest: &[u8], read: fn([u8; 2]) -> u16) -> (usize, usize) {
    const LF: u16 = 0x0a;
    const CR: u16 = 0x0d;
    let (units, _) = rest.as_chunks::<2>();
    let end = |unit: &[u8; 2]| matches!(read(*unit), LF | CR);
    let Some(length) = units.iter().position(end) else { return (rest.len(), 0) };
    let crlf =
        units.get(length).is_some_and(|unit| read(*unit) == CR) && units.get(length + 1).is_some_and(|unit| read(*unit) == LF);
    (length * 2, if crlf { 4 } else { 2 })
}
