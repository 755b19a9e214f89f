//! The records of a file: one behind the other (TOB1), or in frames (TOB2, TOB3).
//!
//! A frame has the time, and in TOB3 the number, of its first record in front, and flags with a validation stamp behind. Where a lapse
//! or a mark fell within it, it is made of minor frames, each with a front and flags of its own, the last one with those of the frame;
//! they are found from the end. Frames whose stamp is not the file's were allocated and never written: behind a frame that the logger
//! has marked as its last they say nothing, and elsewhere they are refused.

use std::collections::VecDeque;
use std::ops::Range;

use super::header::{Framing, Header};
use super::types::{Order, unsigned, wall};

const FOOTER_BYTES: usize = 4;
/// The size of a minor frame, in its flags.
const SIZE: u64 = 0xfff;
const FILE_MARK: u64 = 0x1000;
const REMOVE_MARK: u64 = 0x2000;
const EMPTY: u64 = 0x4000;
const MINOR: u64 = 0x8000;

/// What comes next in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Record(Place),
    /// Bytes that are no records.
    Broken {
        row: u64,
        bytes: Range<usize>,
        problem: String,
    },
}

/// Where a record is, and what its frame says of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) row: u64,
    pub(super) bytes: Range<usize>,
    pub(super) time: Option<i64>,
    pub(super) number: Option<u32>,
}

/// Goes through the records of a file.
#[derive(Debug)]
pub(super) struct Frames<'b> {
    bytes: &'b [u8],
    record_bytes: usize,
    framing: Option<Framing>,
    at: usize,
    row: u64,
    /// Whether the last good frame was marked as the last.
    marked: bool,
    ready: VecDeque<Piece>,
}

impl<'b> Frames<'b> {
    pub(super) fn new(bytes: &'b [u8], header: &Header) -> Self {
        let (record_bytes, framing) = (header.record_bytes, header.frames);
        Self { bytes, record_bytes, framing, at: header.end, row: 0, marked: false, ready: VecDeque::new() }
    }

    /// The next record of a file without frames.
    fn plain(&mut self) -> Option<Piece> {
        let left = self.bytes.len().checked_sub(self.at).filter(|left| *left > 0)?;
        let range = self.at..self.at + self.record_bytes.min(left);
        self.at = range.end;
        self.row += 1;
        if left < self.record_bytes {
            let problem = format!("the record is cut: {left} of {} bytes", self.record_bytes);
            return Some(Piece::Broken { row: self.row, bytes: range, problem });
        }
        Some(Piece::Record(Place { row: self.row, bytes: range, time: None, number: None }))
    }

    /// Takes the pieces of the next frame; `None` at the end.
    fn frame(&mut self, framing: Framing) -> Option<()> {
        let left = self.bytes.len().checked_sub(self.at).filter(|left| *left > 0)?;
        let range = self.at..self.at + framing.bytes.min(left);
        self.at = range.end;
        if left < framing.bytes {
            self.broken(range, format!("the frame is cut: {left} of {} bytes", framing.bytes));
            return Some(());
        }
        let flags = self.flags(range.end);
        let stamp = flags >> 16;
        if stamp != framing.stamp && stamp != (!framing.stamp & 0xffff) {
            self.unwritten(range, framing);
            return Some(());
        }
        self.marked = flags & (REMOVE_MARK | FILE_MARK) != 0;
        if flags & MINOR == 0 {
            if flags & EMPTY == 0 {
                self.records(range, framing);
            }
            return Some(());
        }
        let mut minors = Vec::new();
        let mut end = range.end;
        while end >= range.start + framing.header_bytes + FOOTER_BYTES {
            let flags = self.flags(end);
            let size = usize::try_from(flags & SIZE).unwrap_or_default();
            let start = end.checked_sub(size).filter(|start| *start >= range.start);
            let Some(start) = start.filter(|_| flags & MINOR != 0 && size >= FOOTER_BYTES) else { break };
            self.marked |= flags & (REMOVE_MARK | FILE_MARK) != 0;
            if flags & EMPTY == 0 {
                minors.push(start..end);
            }
            end = start;
        }
        if end != range.start {
            self.broken(range.start..end, format!("{} bytes in front of minor frames that are none", end - range.start));
        }
        minors.into_iter().rev().for_each(|minor| self.records(minor, framing));
        Some(())
    }

    /// A run of frames that were never written, as one.
    fn unwritten(&mut self, first: Range<usize>, framing: Framing) {
        let mut end = first.end;
        while let Some(frame) = self.bytes.get(end..end + framing.bytes) {
            let stamp = self.flags(end + framing.bytes) >> 16;
            if frame.is_empty() || stamp == framing.stamp || stamp == (!framing.stamp & 0xffff) {
                break;
            }
            end += framing.bytes;
        }
        let is_rest = self.bytes.len() - end < framing.bytes;
        let end = if is_rest { self.bytes.len() } else { end };
        self.at = end;
        let run = self.bytes.get(first.start..end).unwrap_or_default();
        let erased = run.iter().all(|byte| *byte == 0) || run.iter().all(|byte| *byte == 0xff);
        if is_rest && (self.marked || erased) {
            return;
        }
        let frames = run.len().div_ceil(framing.bytes);
        self.broken(first.start..end, format!("{frames} frames without the file's validation stamp {}", framing.stamp));
    }

    /// The records of a frame, or of a minor one.
    fn records(&mut self, frame: Range<usize>, framing: Framing) {
        let body = frame.start + framing.header_bytes..frame.end.saturating_sub(FOOTER_BYTES);
        let number = |at: usize| unsigned(self.bytes.get(at..at + 4).unwrap_or_default(), Order::Low);
        let nanos = number(frame.start + 4).saturating_mul(framing.resolution);
        let (carry, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        let Some(first) = wall(number(frame.start) + carry, nanos) else {
            self.broken(frame, "the frame has no time".to_owned());
            return;
        };
        let first_number = (framing.header_bytes == 12).then(|| u32::try_from(number(frame.start + 8)).unwrap_or_default());
        let (mut at, mut time, mut number) = (body.start, first, first_number);
        while at + self.record_bytes <= body.end {
            self.row += 1;
            let bytes = at..at + self.record_bytes;
            self.ready.push_back(Piece::Record(Place { row: self.row, bytes, time: Some(time), number }));
            at += self.record_bytes;
            time = time.saturating_add(framing.interval);
            number = number.map(|number| number.wrapping_add(1));
        }
    }

    fn broken(&mut self, bytes: Range<usize>, problem: String) {
        self.row += 1;
        self.ready.push_back(Piece::Broken { row: self.row, bytes, problem });
    }

    /// The last four bytes before `end`.
    fn flags(&self, end: usize) -> u64 {
        let bytes = end.checked_sub(FOOTER_BYTES).and_then(|start| self.bytes.get(start..end));
        unsigned(bytes.unwrap_or_default(), Order::Low)
    }
}

impl Iterator for Frames<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(piece);
            }
            match self.framing {
                None => return self.plain(),
                Some(framing) => self.frame(framing)?,
            }
        }
    }
}
