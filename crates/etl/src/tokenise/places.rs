//! Cells at fixed places on the line, as documentation counts them: the first character is 1, and both ends belong to the cell.
//!
//! Nothing of a line is cut or passed over in silence: one that ends within a cell, or has text where no cell is, is no row.

use super::{Cell, QuoteFault};

/// The characters of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The first one, counted from 1.
    first: usize,
    /// The last one; `None` for a cell that takes the rest of the line.
    last: Option<usize>,
}

impl Place {
    /// Reads `16-23`, `30` or `106-`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (first, last) = match text.split_once('-') {
            None => (text.parse().ok()?, Some(text.parse().ok()?)),
            Some((first, "")) => (first.parse().ok()?, None),
            Some((first, last)) => (first.parse().ok()?, Some(last.parse().ok()?)),
        };
        (first >= 1 && last.is_none_or(|last| last >= first)).then_some(Self { first, last })
    }

    /// Whether it begins only after `other` has ended.
    pub(crate) fn is_after(self, other: Self) -> bool {
        other.last.is_some_and(|last| self.first > last)
    }
}

/// Cuts a line into cells. Places are in their order and apart. A line may end after any cell: those that follow are empty.
pub(super) fn cut<'t>(line: &'t str, places: &[Place], cells: &mut Vec<Cell<'t>>) -> Result<(), QuoteFault> {
    let line = line.trim_ascii_end();
    // One byte is one character, except where it is not.
    let length = if line.is_ascii() { line.len() } else { line.chars().count() };
    let byte = |characters: usize| match length == line.len() {
        true => characters.min(length),
        false => line.char_indices().nth(characters).map_or(line.len(), |(at, _)| at),
    };
    let mut behind = 0;
    for (place, number) in places.iter().zip(1..) {
        let start = place.first - 1;
        let end = place.last.unwrap_or_else(|| length.max(place.first));
        if !between(line, byte(behind), byte(start)) {
            return Err(QuoteFault::Between);
        }
        if start < length && length < end && !blank(line, byte(start), byte(length)) {
            return Err(QuoteFault::Cut(number));
        }
        let text = line.get(byte(start)..byte(end)).unwrap_or_default().trim_ascii();
        cells.push(Cell::bare(text));
        behind = end;
    }
    if between(line, byte(behind), line.len()) { Ok(()) } else { Err(QuoteFault::Between) }
}

/// Whether nothing stands between two cells.
fn between(line: &str, from: usize, to: usize) -> bool {
    from >= to || blank(line, from, to)
}

fn blank(line: &str, from: usize, to: usize) -> bool {
    line.get(from..to).is_none_or(|text| text.trim_ascii().is_empty())
}
