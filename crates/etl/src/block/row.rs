//! Lines to rows of cells: blank lines and comments passed over, cells that span lines joined.

use super::Take;
use crate::text::{Line, Lines};
use crate::tokenise::{Cell, QuoteFault, Syntax, tokenise};

/// The most lines of one row; each is looked at once for every line before it.
const SPAN_LINES_MAX: usize = 32;

/// Where a row came from, and why it is none.
pub(crate) struct Source<'t> {
    pub(crate) line: Line<'t>,
    pub(crate) fault: Option<String>,
}

/// Goes through the rows under one header.
pub(crate) struct Rows<'l, 't, 'f, T> {
    lines: &'l mut Lines<'t>,
    syntax: &'f Syntax,
    comment: Option<&'f str>,
    take: &'f T,
}

impl<'l, 't, 'f, T: Fn(&Line<'t>) -> Take> Rows<'l, 't, 'f, T> {
    pub(crate) fn new(lines: &'l mut Lines<'t>, syntax: &'f Syntax, comment: Option<&'f str>, take: &'f T) -> Self {
        Self { lines, syntax, comment, take }
    }

    /// About how many rows there are from `line` on, if they are all as long.
    pub(crate) fn rows_left(&self, line: &Line<'t>) -> usize {
        const ROWS_MAX: usize = 1 << 20;
        const LINE_END_BYTES: usize = 1;
        let line_bytes = line.text.len().max(1) + LINE_END_BYTES;
        (self.lines.bytes_left() / line_bytes + 2).min(ROWS_MAX)
    }

    /// The next row's cells, in `cells` unless there is a fault.
    pub(crate) fn next<'c>(&mut self, cells: &mut Vec<Cell<'c>>) -> Option<Source<'t>>
    where
        't: 'c,
    {
        loop {
            let before = self.lines.clone();
            let line = self.lines.next()?;
            match (self.take)(&line) {
                Take::Row => {}
                Take::Pass => continue,
                Take::End => {
                    *self.lines = before;
                    return None;
                }
            }
            if line.is_blank() || self.comment.is_some_and(|comment| line.text.starts_with(comment)) {
                continue;
            }
            if let Some(fault) = line.fault {
                return Some(Source { line, fault: Some(fault.to_string()) });
            }
            let (line, fault) = match tokenise(line.text, self.syntax, cells) {
                Err(QuoteFault::Open(_)) if self.syntax.multiline => self.spanning(line, cells),
                result => (line, result.err()),
            };
            // A line of nothing but delimiters is what spreadsheets leave below a table: it says nothing, and is no row.
            if fault.is_none() && cells.iter().all(|cell| cell.text.is_empty() && !cell.quoted()) {
                continue;
            }
            return Some(Source { line, fault: fault.map(|fault| fault.to_string()) });
        }
    }

    /// A row whose cells go on over line ends. When no line closes them, the row is its first line alone, so that the next ones
    /// get their chance.
    fn spanning<'c>(&mut self, first: Line<'t>, cells: &mut Vec<Cell<'c>>) -> (Line<'t>, Option<QuoteFault>)
    where
        't: 'c,
    {
        let after_first = self.lines.clone();
        let fault = tokenise(first.text, self.syntax, cells).err();
        for _ in 0..SPAN_LINES_MAX {
            let Some(next) = self.lines.next() else { break };
            let joined = self.lines.join(&first, &next);
            if joined.fault.is_some() {
                break;
            }
            match tokenise(joined.text, self.syntax, cells) {
                Err(QuoteFault::Open(_)) => {}
                Ok(()) => return (joined, None),
                Err(_) => break,
            }
        }
        *self.lines = after_first;
        (first, fault)
    }
}
