//! A line to cells.
//!
//! Quoting is RFC 4180's, on one line: a quote opens a cell only where the cell begins, doubled quotes within stand for one, and
//! behind the closing quote only white space may come. What breaks this is a fault of that row alone: the next line begins anew,
//! so one stray quote never takes the rest of the file with it. White space around a cell is no part of it, unless it is quoted.

use std::borrow::Cow;

/// How a file separates and quotes its cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    /// A single ASCII character.
    pub(crate) delimiter: u8,
    /// Whether `"` quotes; if not, it is a character like any other.
    pub(crate) quoted: bool,
    /// Whether every line ends with a delimiter that separates nothing.
    pub(crate) trailing_delimiter: bool,
    /// Whether a quoted cell may hold line ends.
    pub(crate) multiline: bool,
}

/// One cell of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell<'t> {
    /// Without quotes around it; doubled quotes are still doubled.
    pub(crate) text: &'t str,
    /// Whether it was quoted.
    pub(crate) quoted: bool,
}

impl<'t> Cell<'t> {
    /// The text that the cell stands for.
    pub(crate) fn value(&self) -> Cow<'t, str> {
        if self.quoted && self.text.contains('"') {
            Cow::Owned(self.text.replace("\"\"", "\""))
        } else {
            Cow::Borrowed(self.text)
        }
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
}

/// Puts the cells of a line into `cells`, replacing what is there.
pub(crate) fn tokenise<'t>(line: &'t str, syntax: &Syntax, cells: &mut Vec<Cell<'t>>) -> Result<(), QuoteFault> {
    cells.clear();
    if syntax.quoted && memchr::memchr(b'"', line.as_bytes()).is_some() {
        with_quotes(line, syntax.delimiter, cells)?;
    } else {
        without_quotes(line, syntax.delimiter, cells);
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

fn with_quotes<'t>(line: &'t str, delimiter: u8, cells: &mut Vec<Cell<'t>>) -> Result<(), QuoteFault> {
    let bytes = line.as_bytes();
    let mut start = 0;
    loop {
        let number = cells.len() + 1;
        let rest = bytes.get(start..).unwrap_or_default();
        let blanks = rest.iter().take_while(|byte| is_blank(**byte, delimiter)).count();
        let end = if rest.get(blanks) == Some(&b'"') {
            let open = start + blanks + 1;
            let close = closing_quote(bytes, open).ok_or(QuoteFault::Open(number))?;
            cells.push(Cell { text: line.get(open..close).unwrap_or_default(), quoted: true });
            let behind = bytes.get(close + 1..).unwrap_or_default();
            let blanks = behind.iter().take_while(|byte| is_blank(**byte, delimiter)).count();
            if behind.get(blanks).is_some_and(|byte| *byte != delimiter) {
                return Err(QuoteFault::Behind(number));
            }
            close + 1 + blanks
        } else {
            let length = memchr::memchr2(delimiter, b'"', rest).unwrap_or(rest.len());
            if rest.get(length) == Some(&b'"') {
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

/// Where the quote stands that closes a cell opened just before `from`.
fn closing_quote(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let quote = at + memchr::memchr(b'"', bytes.get(at..)?)?;
        if bytes.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        at = quote + 2;
    }
}

fn is_blank(byte: u8, delimiter: u8) -> bool {
    byte != delimiter && (byte == b' ' || byte == b'\t')
}

fn plain(line: &str, start: usize, end: usize) -> Cell<'_> {
    Cell { text: line.get(start..end).unwrap_or_default().trim_ascii(), quoted: false }
}

#[cfg(test)]
mod tests;
