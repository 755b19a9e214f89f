//! Campbell Scientific TOA5: four header lines, then rows (LoggerNet manual, appendix B.1.4).
//!
//! A header can come again on the way, as FTP clients in append mode send it (`FTPClient`, FileOption 8 to 11), and can then be
//! another: rows are read under the header above them. `NAN` is no value, `INF` and `-INF` are infinite doubles, quoted or not,
//! and numbers like -7999 stay the numbers that they are. Strings are quoted and numbers are not, and that is how a column's type
//! is found; in a file that another program has saved (its times are not quoted, or its record numbers are) the values decide
//! instead, see [`crate::column`].

mod header;

use header::{Header, is_header};
use serde::Deserialize;

use super::{DATE_ORDER, Reading, Yield};
use crate::block::{self, DateOrderFault, Field, Layout, Take};
use crate::column::Typing;
use crate::extra::check_columns;
use crate::rows::Refusal;
use crate::text::{Line, Lines};
use crate::time::{DateOrder, TimeFormat, YearLast};
use crate::tokenise::{Cell, Syntax, tokenise};
use crate::zone::Local;

pub(super) use header::HeaderField;

/// `[toa5]` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Toa5Keys {
    /// The order of day and month in files that a spreadsheet has saved, for those that do not show it.
    date_order: Option<DateOrder>,
}

/// Reads TOA5.
#[derive(Debug)]
pub(super) struct Toa5 {
    date_order: Option<DateOrder>,
    syntax: Syntax,
}

impl Toa5 {
    pub(super) fn new(keys: Toa5Keys) -> Self {
        let syntax = Syntax::delimited(b',');
        Self { date_order: keys.date_order, syntax }
    }

    /// All rows of a file, a part for each header.
    pub(super) fn read(&self, reading: &Reading<'_>, local: &mut Local<'_>) -> Result<Yield, Refusal> {
        let mut read = Yield::default();
        let mut lines = reading.text.lines();
        while let Some(first) = lines.find(|line| !line.is_blank()) {
            if !is_header(&first) {
                return Err(Refusal { reason: format!("line {} is no TOA5 header", first.number) });
            }
            match Header::read(&first, &mut lines, &self.syntax) {
                // The file ends within its header, or the next one begins: no row can have been under it.
                Ok(None) => {}
                Ok(Some(header)) => {
                    let outcome = match self.layout(&header, &lines, reading) {
                        Ok(layout) => block::read(&mut lines, &layout, local, |line| Take::until(is_header(line)))?,
                        Err(Unusable::File(refusal)) => return Err(refusal),
                        Err(Unusable::Header(problem)) => self.under_bad_header(&first, &problem, &mut lines, &read)?,
                    };
                    read.parts.extend(outcome.parts);
                    read.refused.extend(outcome.refused);
                }
                Err(problem) => {
                    let outcome = self.under_bad_header(&first, &problem, &mut lines, &read)?;
                    read.refused.extend(outcome.refused);
                }
            }
        }
        read.refused.extend(reading.text.tail().map(|bytes| block::tail(lines.number(), bytes)));
        Ok(read)
    }

    /// Without a good header the file's first rows have no names, so the file is refused. Further on only the rows are, up to
    /// the next header.
    fn under_bad_header(
        &self,
        header: &Line<'_>,
        problem: &str,
        lines: &mut Lines<'_>,
        read: &Yield,
    ) -> Result<block::Outcome, Refusal> {
        let reason = format!("the header on line {}: {problem}", header.number);
        if read.parts.is_empty() && read.refused.is_empty() {
            return Err(Refusal { reason });
        }
        let refused = block::refuse(lines, &reason, |line| Take::until(is_header(line)));
        Ok(block::Outcome { parts: Vec::new(), refused })
    }

    fn layout<'f>(&'f self, header: &Header, lines: &Lines<'_>, reading: &Reading<'f>) -> Result<Layout<'f>, Unusable> {
        check_columns(header.columns.len())?;
        let device = reading.format.device.device(reading.file, |field| header.field(field).to_owned())?;
        let table = reading.format.table.name(&device, header.field(HeaderField::Table))?;
        let first_row = FirstRow::of(lines, header, &self.syntax);
        let order = match self.date_order {
            None if first_row.year_last => {
                reading.needs_all_rows(DATE_ORDER);
                Some(self.date_order_of(header, lines, &reading.format.name)?)
            }
            declared => declared,
        };
        let typing = if first_row.as_logged { Typing::ByQuotes } else { Typing::ByValues };
        let mut fields = header.fields(typing);
        if let Some(name) = reading.format.device.column() {
            *header.column(name, &mut fields)? = Field::Device;
        }
        let time = TimeFormat::IsoOrYearLast(order);
        let layout = Layout::new(table, device, fields, reading.room(), &self.syntax, time);
        Ok(Layout { typings: reading.typings, ..layout })
    }

    /// The order of day and month, from any time in the file that is a date in one order only.
    fn date_order_of(&self, header: &Header, lines: &Lines<'_>, format: &str) -> Result<DateOrder, Unusable> {
        let fault = match block::date_order(lines.clone(), &self.syntax, header.time, |_| Take::Row) {
            Ok(Some(order)) => return Ok(order),
            Ok(None) => DateOrderFault::NotShown { year_may_be_first: false },
            Err(fault) => fault,
        };
        Err(Unusable::File(Refusal { reason: fault.reason("below [toa5]", format) }))
    }
}

/// Why there is no reading the rows under a header.
enum Unusable {
    /// They, and those under other headers, may still be good.
    Header(String),
    /// Nothing in the file can be trusted.
    File(Refusal),
}

impl From<String> for Unusable {
    fn from(problem: String) -> Self {
        Self::Header(problem)
    }
}

/// What the first whole row shows of who wrote the file.
struct FirstRow {
    /// As a logger writes: times quoted, record numbers not.
    as_logged: bool,
    /// The time has its year last, as a spreadsheet leaves it.
    year_last: bool,
}

impl FirstRow {
    fn of(lines: &Lines<'_>, header: &Header, syntax: &Syntax) -> Self {
        let mut cells: Vec<Cell<'_>> = Vec::new();
        for line in lines.clone().take_while(|line| !is_header(line)) {
            if line.is_blank() || tokenise(line.text, syntax, &mut cells).is_err() || cells.len() != header.columns.len() {
                continue;
            }
            let Some(time) = cells.get(header.time) else { continue };
            let record = header.record.and_then(|record| cells.get(record));
            return Self {
                as_logged: time.quoted() && record.is_none_or(|record| !record.quoted()),
                year_last: YearLast::read(time.text).is_some(),
            };
        }
        Self { as_logged: true, year_last: false }
    }
}

#[cfg(test)]
mod tests;
