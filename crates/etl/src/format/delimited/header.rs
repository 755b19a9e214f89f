//! What stands above the rows of a table: the rows of its header, each for what it holds.

use super::Delimited;
use super::facts::Facts;
use super::form::Form;
use super::keys::{ColumnAt, HeaderRow, Holds};
use crate::text::{Line, Lines};
use crate::tokenise::{Cell, Separator, Syntax, tokenise};

/// A header's rows, one entry for each cell of a row.
#[derive(Debug, Default)]
pub(super) struct Header {
    /// The first row of names, by which columns are found.
    pub(super) names: Vec<String>,
    /// What further rows of names add, with spaces between.
    pub(super) more: Vec<String>,
    pub(super) units: Vec<String>,
    pub(super) process: Vec<String>,
    pub(super) devices: Vec<String>,
    /// What the header begins with when it comes again, in a format that does not say what headers begin with.
    pub(super) begins: Option<String>,
}

/// What reads headers of one form.
pub(super) struct HeaderReader<'r> {
    pub(super) delimited: &'r Delimited,
    pub(super) form: &'r Form,
    pub(super) syntax: &'r Syntax,
}

impl HeaderReader<'_> {
    /// Reads a header from its first line on; `None` when the file ends within it, or another begins. `above` are the lines that
    /// stand directly above it.
    pub(super) fn read<'t>(
        &self,
        lines: &mut Lines<'t>,
        above: &[Line<'t>],
        facts: &mut Facts<'_>,
    ) -> Result<Option<Header>, String> {
        let mut header = Header::default();
        for (row, line) in self.delimited.keys.above.iter().zip(above) {
            self.add(&mut header, *row, line)?;
        }
        let mut first = true;
        for row in &self.form.header {
            if row.repeated {
                // Nothing stands below the name of the time but times, or what is refused for being none.
                while let Some(line) = self.next(lines, facts, &header, |time| !time.trim().is_empty()) {
                    self.add(&mut header, *row, &line)?;
                }
                break;
            }
            let before = lines.clone();
            let Some(line) = lines.find(|line| self.is_something(line)) else { return Ok(None) };
            if !first && self.delimited.begins_table(&line) {
                *lines = before;
                return Ok(None);
            }
            if self.time_of(&line, &header.names, facts).is_some_and(|time| self.is_time(&time)) {
                return Err(format!(
                    "the header on line {}: it has a time, where the format has {}",
                    line.number,
                    row.what.as_str()
                ));
            }
            facts.take(line.text);
            self.add(&mut header, *row, &line)?;
            if row.what == Holds::Names && first {
                header.begins = self.beginning(&line, &header);
            }
            first = false;
        }
        if !self.delimited.keys.labels.is_empty() {
            self.labelled(lines, facts, &mut header)?;
        }
        if header.names.is_empty() {
            header.names = self.own_names(lines.clone().filter(|line| self.is_something(line)));
        }
        self.even(&mut header)?;
        Ok(Some(header))
    }

    /// The next line of the header, if there is one above the first row, which is known by what it has for a time.
    fn next<'t>(
        &self,
        lines: &mut Lines<'t>,
        facts: &mut Facts<'_>,
        header: &Header,
        is_row: impl Fn(&str) -> bool,
    ) -> Option<Line<'t>> {
        let before = lines.clone();
        let line = lines.find(|line| self.is_something(line))?;
        let begun = !header.names.is_empty() && self.delimited.begins_table(&line);
        if begun || self.time_of(&line, &header.names, facts).is_some_and(|time| is_row(&time)) {
            *lines = before;
            return None;
        }
        facts.take(line.text);
        Some(line)
    }

    /// Header rows that their first cells name.
    fn labelled(&self, lines: &mut Lines<'_>, facts: &mut Facts<'_>, header: &mut Header) -> Result<(), String> {
        while let Some(line) = self.next(lines, facts, header, |time| self.is_time(time)) {
            let mut cells = Vec::new();
            let label = tokenise(line.text, self.syntax, &mut cells).ok().and_then(|()| cells.first());
            let label = label.map(|cell| cell.value().trim().to_owned()).unwrap_or_default();
            let row = self.delimited.keys.labels.get(&label);
            let row = row.ok_or_else(|| format!("line {}: the format does not say what a row {label:?} holds", line.number))?;
            self.add(header, *row, &line)?;
        }
        Ok(())
    }

    fn is_something(&self, line: &Line<'_>) -> bool {
        !line.is_blank() && !self.delimited.is_comment(line)
    }

    fn add(&self, header: &mut Header, row: HeaderRow, line: &Line<'_>) -> Result<(), String> {
        if row.what == Holds::Skip {
            return Ok(());
        }
        let cells = self.cells(line)?;
        match row.what {
            Holds::Names if header.names.is_empty() => header.names = cells,
            Holds::Names => {
                header.more.resize(header.more.len().max(cells.len()), String::new());
                for (more, cell) in header.more.iter_mut().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
                    more.push_str(if more.is_empty() { "" } else { " " });
                    more.push_str(&cell);
                }
            }
            Holds::Units => header.units = cells,
            Holds::Process => header.process = cells,
            Holds::Devices => header.devices = cells,
            Holds::Widths => {
                let is_width = |cell: &String| {
                    let digits = cell.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
                    digits.len() < cell.len() && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
                };
                if !cells.iter().all(is_width) {
                    return Err(format!("the header on line {}: the format has column widths there, as 20d", line.number));
                }
            }
            Holds::Skip => {}
        }
        Ok(())
    }

    fn cells(&self, line: &Line<'_>) -> Result<Vec<String>, String> {
        let at = |problem: String| format!("the header on line {}: {problem}", line.number);
        if let Some(fault) = line.fault {
            return Err(at(fault.to_string()));
        }
        let mut cells = Vec::new();
        // Headers often lack the delimiter that their rows end with.
        let syntax = Syntax { trailing_delimiter: false, ..self.syntax.clone() };
        tokenise(line.text.trim_start_matches('\u{feff}'), &syntax, &mut cells).map_err(|fault| at(fault.to_string()))?;
        if self.syntax.trailing_delimiter && cells.len() > 1 && cells.last().is_some_and(|cell| cell.text.is_empty()) {
            cells.pop();
        }
        let cells = cells.iter().map(|cell| cell.value().trim().to_owned());
        let row: Vec<String> = self.delimited.keys.leading.iter().cloned().chain(cells).collect();
        match row.iter().any(|name| name.chars().any(char::is_control)) {
            true => Err(at("holds control characters".to_owned())),
            false => Ok(row),
        }
    }

    /// Names from the definition, for files that have none: those of its columns, then as many more as the first row has cells.
    pub(super) fn own_names<'t>(&self, rows: impl IntoIterator<Item = Line<'t>>) -> Vec<String> {
        let mut names: Vec<String> = self.form.columns.iter().map(|column| column.name.clone()).collect();
        if let Some(rest) = &self.delimited.keys.rest {
            let mut cells = Vec::new();
            let width = rows.into_iter().find_map(|line| {
                tokenise(line.text, self.syntax, &mut cells).ok()?;
                Some(cells.len())
            });
            let width = width.unwrap_or_default();
            names.extend((names.len()..width).zip(1..).map(|(_, number)| format!("{}{number}", rest.name)));
        }
        names
    }

    /// Makes all rows of the header as long as that of the names.
    fn even(&self, header: &mut Header) -> Result<(), String> {
        let width = header.names.len();
        let rows = [
            ("units", &mut header.units),
            ("kinds of processing", &mut header.process),
            ("names in the row below", &mut header.more),
            ("devices", &mut header.devices),
        ];
        for (what, row) in rows {
            // Spreadsheets fill lines with empty cells, which say nothing.
            let used = row.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
            if used > width || (row.len() < width && !row.is_empty() && !self.delimited.keys.short_rows) {
                return Err(format!("{width} names in the header, but {} {what}", row.len()));
            }
            row.resize(width, String::new());
        }
        Ok(())
    }

    /// What a header begins with up to the delimiter behind the time's name. No row begins so.
    fn beginning(&self, line: &Line<'_>, header: &Header) -> Option<String> {
        let Separator::Byte(delimiter) = self.syntax.separator else { return None };
        let times = self.form.timing.keys.columns.iter().filter_map(|at| at.index(&header.names));
        let time = times.min()?.checked_sub(self.delimited.keys.leading.len())?;
        let mut quoted = false;
        let mut delimiters = line.text.bytes().enumerate().filter(|(_, byte)| {
            quoted ^= self.syntax.quote == Some(*byte);
            *byte == delimiter && !quoted
        });
        let (end, _) = delimiters.nth(time)?;
        let begins = line.text.get(..=end)?;
        begins.bytes().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii()).then(|| begins.to_owned())
    }

    fn is_time(&self, text: &str) -> bool {
        self.form.timing.format.read(text).is_some()
    }

    /// What a line has where rows have their time. Not known before the names are, or when no part of it is in the row.
    fn time_of(&self, line: &Line<'_>, names: &[String], facts: &Facts<'_>) -> Option<String> {
        let columns = &self.form.timing.keys.columns;
        let fact = |at: &ColumnAt| match at {
            ColumnAt::Name(name) => facts.get(name),
            ColumnAt::Position(_) => None,
        };
        let index = |at: &ColumnAt| match at {
            ColumnAt::Position(position) => position.checked_sub(1),
            ColumnAt::Name(_) => at.index(names),
        };
        let in_row = columns.iter().any(|at| fact(at).is_none());
        if !in_row || line.fault.is_some() || columns.iter().any(|at| fact(at).is_none() && index(at).is_none()) {
            return None;
        }
        let mut cells: Vec<Cell<'_>> = Vec::new();
        tokenise(line.text, self.syntax, &mut cells).ok()?;
        let part = |at| fact(at).or_else(|| Some(cells.get(index(at)?)?.text));
        Some(columns.iter().map(part).collect::<Option<Vec<&str>>>()?.join(" "))
    }
}
