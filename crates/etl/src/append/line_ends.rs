//! Where lines end in raw bytes.

use crate::text::{Unit, split};

/// Line ends as one encoding writes them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineEnds {
    unit: Unit,
}

impl LineEnds {
    pub(crate) fn of(unit: Unit) -> Self {
        Self { unit }
    }

    /// How many bytes there are up to the end of the last line that has one.
    pub(crate) fn last(self, bytes: &[u8]) -> usize {
        // A line end of two bytes begins at an even place; the odd byte of a cut one belongs to no line that has ended.
        self.lines(bytes).filter(|line| line.ended).last().map_or(0, |line| line.end)
    }

    /// The lines, in the order in which rows are numbered.
    pub(crate) fn lines(self, bytes: &[u8]) -> impl Iterator<Item = WholeLine> {
        let mut lines = split(bytes, 0, self.unit).peekable();
        let length = bytes.len();
        std::iter::from_fn(move || {
            let line = lines.next()?;
            let end = lines.peek().map_or(length, |next| next.range.start);
            Some(WholeLine { start: line.range.start, end, ended: line.ended })
        })
    }
}

/// A line with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WholeLine {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) ended: bool,
}
