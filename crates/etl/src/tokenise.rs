//! A line to cells: at a delimiter, at blanks, or at fixed places.
//!
//! Quoting is RFC 4180's, on one line: a quote opens a cell only where the cell begins, doubled quotes within stand for one, and
//! behind the closing quote only white space may come. What breaks this is a fault of that row alone: the next line begins anew,
//! so one stray quote never takes the rest of the file with it. White space around a cell is no part of it, unless it is quoted.

mod places;

use std::borrow::Cow;

pub(crate) use places::Place;

use crate::swar::{each, zeros};

/// How a file separates and quotes its cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    pub(crate) separator: Separator,
    /// The ASCII character that quotes; without one every character is like any other. Cells at fixed places have none.
    pub(crate) quote: Option<u8>,
    /// Whether every line ends with a delimiter that separates nothing.
    pub(crate) trailing_delimiter: bool,
    /// Whether a quoted cell may hold line ends.
    pub(crate) multiline: bool,
}

/// What stands between cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Separator {
    /// A single ASCII character.
    Byte(u8),
    /// Any one of three ASCII characters.
    AnyOf([u8; 3]),
    /// Any number of spaces and tabs; those at either end of the line separate nothing.
    Blanks,
    /// Nothing: each cell has its place on the line.
    Places(Vec<Place>),
}

impl Syntax {
    /// Commas, or another character, between cells that may be quoted.
    pub(crate) const fn delimited(delimiter: u8) -> Self {
        Self { separator: Separator::Byte(delimiter), quote: Some(b'"'), trailing_delimiter: false, multiline: false }
    }
}

/// One cell of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell<'t> {
    /// Without quotes around it; doubled quotes are still doubled.
    pub(crate) text: &'t str,
    /// What quotes it, when it is quoted.
    pub(crate) quote: Option<u8>,
}

impl<'t> Cell<'t> {
    /// A cell without quotes.
    pub(crate) const fn bare(text: &'t str) -> Self {
        Self { text, quote: None }
    }

    /// The text that the cell stands for.
    pub(crate) fn value(&self) -> Cow<'t, str> {
        match self.quote.map(char::from) {
            Some(quote) if self.text.contains(quote) => {
                Cow::Owned(self.text.replace(&format!("{quote}{quote}"), quote.encode_utf8(&mut [0; 4])))
            }
            _ => Cow::Borrowed(self.text),
        }
    }

    /// Whether it is quoted.
    pub(crate) fn quoted(&self) -> bool {
        self.quote.is_some()
    }
}

/// Why a line is not a row of cells. Cells are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QuoteFault {
    #[error("cell {0}: a quote opens and does not close on the line")]
    Open(usize),
    #[error("cell {0}: text follows the closing quote")]
    Behind(usize),
    #[error("cell {0}: a quote within text that is not quoted")]
    Within(usize),
    #[error("text follows the last delimiter, where the format says there is none")]
    Trailing,
    #[error("the line ends within cell {0}")]
    Cut(usize),
    #[error("text stands where no cell is")]
    Between,
}

/// Puts the cells of a line into `cells`, replacing what is there.
pub(crate) fn tokenise<'t>(line: &'t str, syntax: &Syntax, cells: &mut Vec<Cell<'t>>) -> Result<(), QuoteFault> {
    cells.clear();
    let quote = syntax.quote.filter(|quote| memchr::memchr(*quote, line.as_bytes()).is_some());
    match (&syntax.separator, quote) {
        (Separator::Byte(delimiter), None) => without_quotes(line, *delimiter, cells),
        (Separator::Byte(delimiter), Some(quote)) => with_quotes(line, *delimiter, quote, cells)?,
        (Separator::AnyOf(delimiters), _) => at_any_of(line, *delimiters, cells),
        (Separator::Blanks, quote) => at_blanks(line, quote, cells)?,
        (Separator::Places(places), _) => places::cut(line, places, cells)?,
    }
    if syntax.trailing_delimiter && cells.len() > 1 {
        cells.pop().filter(|cell| cell.text.is_empty()).ok_or(QuoteFault::Trailing)?;
    }
    Ok(())
}

fn without_quotes<'t>(line: &'t str, delimiter: u8, cells: &mut Vec<Cell<'t>>) {
    let mut start = 0;
    for end in memchr::memchr_iter(delimiter, line.as_bytes()) {
        cells.push(plain(line, start, end));
        start = end + 1;
    }
    cells.push(plain(line, start, line.len()));
}

fn at_any_of<'t>(line: &'t str, [one, other, third]: [u8; 3], cells: &mut Vec<Cell<'t>>) {
    let mut start = 0;
    for end in memchr::memchr3_iter(one, other, third, line.as_bytes()) {
        cells.push(plain(line, start, end));
        start = end + 1;
    }
    cells.push(plain(line, start, line.len()));
}

fn with_quotes<'t>(line: &'t str, delimiter: u8, quote: u8, cells: &mut Vec<Cell<'t>>) -> Result<(), QuoteFault> {
    let bytes = line.as_bytes();
    let mut start = 0;
    loop {
        let number = cells.len() + 1;
        let rest = bytes.get(start..).unwrap_or_default();
        let blanks = rest.iter().take_while(|byte| is_blank(**byte, delimiter)).count();
        let end = if rest.get(blanks) == Some(&quote) {
            let open = start + blanks + 1;
            let close = closing_quote(bytes, open, quote).ok_or(QuoteFault::Open(number))?;
            cells.push(Cell { text: line.get(open..close).unwrap_or_default(), quote: Some(quote) });
            let behind = bytes.get(close + 1..).unwrap_or_default();
            let blanks = behind.iter().take_while(|byte| is_blank(**byte, delimiter)).count();
            if behind.get(blanks).is_some_and(|byte| *byte != delimiter) {
                return Err(QuoteFault::Behind(number));
            }
            close + 1 + blanks
        } else {
            let length = first_of(delimiter, quote, rest).unwrap_or(rest.len());
            if rest.get(length) == Some(&quote) {
                return Err(QuoteFault::Within(number));
            }
            cells.push(plain(line, start, start + length));
            start + length
        };
        if end >= bytes.len() {
            return Ok(());
        }
        start = end + 1;
    }
}

/// Where the first of two bytes is. Most cells are short: eight bytes are looked at in one go before a search for more begins.
#[inline]
fn first_of(one: u8, other: u8, bytes: &[u8]) -> Option<usize> {
    if let Some(eight) = bytes.first_chunk() {
        let eight = u64::from_le_bytes(*eight);
        let found = zeros(eight ^ each(one)) | zeros(eight ^ each(other));
        if found != 0 {
            return usize::try_from(found.trailing_zeros() / u8::BITS).ok();
        }
    }
    memchr::memchr2(one, other, bytes)
}

/// Where the quote stands that closes a cell opened just before `from`.
fn closing_quote(bytes: &[u8], from: usize, quote: u8) -> Option<usize> {
    let mut at = from;
    loop {
        let close = at + memchr::memchr(quote, bytes.get(at..)?)?;
        if bytes.get(close + 1) != Some(&quote) {
            return Some(close);
        }
        at = close + 2;
    }
}

fn at_blanks<'t>(line: &'t str, quote: Option<u8>, cells: &mut Vec<Cell<'t>>) -> Result<(), QuoteFault> {
    let mut rest = line.trim_ascii();
    while let Some(first) = rest.as_bytes().first() {
        let number = cells.len() + 1;
        let end = if Some(*first) == quote {
            let close = closing_quote(rest.as_bytes(), 1, *first).ok_or(QuoteFault::Open(number))?;
            cells.push(Cell { text: rest.get(1..close).unwrap_or_default(), quote });
            if rest.as_bytes().get(close + 1).is_some_and(|byte| !byte.is_ascii_whitespace()) {
                return Err(QuoteFault::Behind(number));
            }
            close + 1
        } else {
            let end = rest.bytes().position(|byte| byte.is_ascii_whitespace()).unwrap_or(rest.len());
            let text = rest.get(..end).unwrap_or_default();
            if quote.is_some_and(|quote| text.as_bytes().contains(&quote)) {
                return Err(QuoteFault::Within(number));
            }
            cells.push(Cell::bare(text));
            end
        };
        rest = rest.get(end..).unwrap_or_default().trim_ascii_start();
    }
    Ok(())
}

fn is_blank(byte: u8, delimiter: u8) -> bool {
    byte != delimiter && (byte == b' ' || byte == b'\t')
}

fn plain(line: &str, start: usize, end: usize) -> Cell<'_> {
    Cell::bare(line.get(start..end).unwrap_or_default().trim_ascii())
}

#[cfg(test)]
mod tests;
