//! Rows of several kinds in any order, each with a cell that says which: one table for each kind.

use super::Delimited;
use super::facts::Facts;
use super::header::{Header, HeaderReader};
use crate::block::{self, Take};
use crate::format::{Reading, Yield};
use crate::rows::Refusal;
use crate::text::Line;
use crate::tokenise::Separator;
use crate::zone::Local;

/// More kinds than this are no kinds: the cell holds something else.
const KINDS_MAX: usize = 256;

impl Delimited {
    /// All rows of a file, kind by kind in the order of their first rows. `cell` is where a row says its kind, from 1.
    pub(super) fn read_kinds(&self, cell: usize, reading: &Reading<'_>, local: &mut Local<'_>) -> Result<Yield, Refusal> {
        let syntax = self.syntax_of(reading.text);
        let Separator::Byte(delimiter) = syntax.separator else { return Ok(Yield::default()) };
        let is_row = |line: &Line<'_>| !line.is_blank() && !self.is_comment(line);
        // A line that cannot be read has no kind; the empty one has them, to be refused.
        let mut kinds: Vec<&str> = Vec::new();
        for line in reading.text.lines().filter(is_row) {
            let kind = kind_of(line.text, delimiter, cell);
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
            if kinds.len() > KINDS_MAX {
                return Err(Refusal { reason: format!("more than {KINDS_MAX} kinds of rows by their cell {cell}") });
            }
        }
        let mut read = Yield::default();
        for kind in kinds {
            let take = |line: &Line<'_>| if kind_of(line.text, delimiter, cell) == kind { Take::Row } else { Take::Pass };
            let mut lines = reading.text.lines();
            let form = self.forms.iter().find(|form| form.name == kind || form.name.is_empty()).filter(|_| !kind.is_empty());
            let layout = form.ok_or_else(|| unknown(kind)).and_then(|form| {
                let reader = HeaderReader { delimited: self, form, syntax: &syntax };
                let names =
                    reader.own_names(lines.clone().filter(|line| is_row(line) && kind_of(line.text, delimiter, cell) == kind));
                let header = Header { names, ..Header::default() };
                self.layout(form, header, &Facts::new(&self.facts), kind, &syntax, reading)
            });
            match layout {
                Ok(_) if form.is_some_and(|form| form.skip) => {}
                Ok(layout) => {
                    let outcome = block::read(&mut lines, &layout, local, take)?;
                    read.parts.extend(outcome.parts);
                    read.refused.extend(outcome.refused);
                }
                Err(reason) => read.refused.extend(block::refuse(&mut lines, &reason, take)),
            }
        }
        Ok(read)
    }
}

fn kind_of(text: &str, delimiter: u8, cell: usize) -> &str {
    let at = cell.saturating_sub(1);
    text.split(char::from(delimiter)).nth(at).map_or("", |kind| kind.trim_ascii().trim_matches('"'))
}

fn unknown(kind: &str) -> String {
    format!("the format has no table for rows of kind {kind:?}: add [[delimited.tables]] with name = {kind:?} and their columns")
}
