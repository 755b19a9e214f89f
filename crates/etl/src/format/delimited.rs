//! Text with a delimiter between its cells, as a definition describes it.

mod keys;
mod naming;

use keys::ColumnKeys;
pub(super) use keys::DelimitedKeys;

use super::definition::Problems;
use super::{Reading, Yield};
use crate::block::{self, Field, Layout};
use crate::column::Typing;
use crate::name::Names;
use crate::number::Decimal;
use crate::rows::{Column, Kind, Refusal};
use crate::text::{Line, Lines, Text};
use crate::time::{Pattern, TimeFormat};
use crate::tokenise::{Syntax, tokenise};
use crate::zone::Local;
use keys::{ColumnAt, ColumnType, HeaderRow};
use naming::Naming;

/// Reads delimited text.
#[derive(Debug)]
pub(super) struct Delimited {
    keys: DelimitedKeys,
    syntax: Syntax,
    time: TimeFormat,
    decimal: Decimal,
    naming: Naming,
}

/// A header's rows, one entry for each cell of a row.
#[derive(Debug, Default)]
struct Header {
    names: Vec<String>,
    units: Vec<String>,
    process: Vec<String>,
}

impl Delimited {
    pub(super) fn new(keys: DelimitedKeys, problems: &mut Problems<'_>) -> Option<Self> {
        let delimiter = u8::try_from(keys.delimiter).ok().filter(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric());
        let delimiter = delimiter.filter(|byte| !matches!(byte, b'"' | b'\n' | b'\r' | b' ' | b'.' | b'-' | b'+'));
        if delimiter.is_none() {
            problems.add("delimited.delimiter", format!("{:?} cannot separate cells", keys.delimiter));
        }
        let decimal = match keys.decimal {
            '.' => Some(Decimal::Point),
            ',' => Some(Decimal::Comma),
            other => {
                problems.add("delimited.decimal", format!("is \".\" or \",\", not {other:?}"));
                None
            }
        };
        let time = match keys.timestamp.format.as_str() {
            "iso8601" => Some(TimeFormat::Iso),
            notation => problems.note("delimited.timestamp.format", Pattern::new(notation)).map(TimeFormat::Pattern),
        };
        if keys.timestamp.columns.is_empty() {
            problems.add("delimited.timestamp.columns", "at least one is needed");
        }
        if keys.timestamp.columns.contains(&ColumnAt::Position(0)) {
            problems.add("delimited.timestamp.columns", "positions count from 1");
        }
        if keys.header.iter().filter(|row| **row == HeaderRow::Names).count() > 1 {
            problems.add("delimited.header", "names the columns more than once");
        }
        if !keys.header.contains(&HeaderRow::Names) && keys.columns.is_empty() {
            problems.add("delimited.columns", "without a header row of names every column must be given, in the file's order");
        }
        let naming = Naming::new(&keys, problems);
        let syntax = Syntax {
            delimiter: delimiter?,
            quoted: keys.quoted,
            trailing_delimiter: keys.trailing_delimiter,
            multiline: keys.multiline,
        };
        Some(Self { syntax, time: time?, decimal: decimal?, naming: naming?, keys })
    }

    /// Whether each row is a line.
    pub(super) fn is_by_line(&self) -> bool {
        !self.syntax.multiline
    }

    /// Whether files say their columns' names themselves.
    pub(super) fn has_names(&self) -> bool {
        self.keys.header.contains(&HeaderRow::Names)
    }

    /// The names in a file's header, or why there are none.
    pub(super) fn names(&self, text: &Text<'_>) -> Result<Vec<String>, String> {
        match self.header(&mut text.lines())? {
            Some(header) => Ok(header.names),
            None => Err("it ends within its header".to_owned()),
        }
    }

    /// All rows of a file.
    pub(super) fn read(&self, reading: &Reading<'_>, local: &mut Local<'_>) -> Result<Yield, Refusal> {
        let mut lines = reading.text.lines();
        let mut read = Yield::default();
        let refusal = |reason| Refusal { reason };
        // A file that ends within its header has no rows.
        if let Some(header) = self.header(&mut lines).map_err(refusal)? {
            let layout = self.layout(header, reading).map_err(refusal)?;
            let outcome = block::read(&mut lines, &layout, local, |_| false)?;
            read.parts.extend(outcome.part);
            read.refused = outcome.refused;
        }
        read.refused.extend(reading.text.tail().map(|bytes| block::tail(&lines, bytes)));
        Ok(read)
    }

    /// Reads what stands above the rows; `None` when the file ends within it.
    fn header(&self, lines: &mut Lines<'_>) -> Result<Option<Header>, String> {
        for _ in 0..self.keys.preamble {
            if lines.next().is_none() {
                return Ok(None);
            }
        }
        let mut header = Header::default();
        for kind in &self.keys.header {
            let Some(line) = lines.find(|line| !line.is_blank() && !self.is_comment(line)) else { return Ok(None) };
            match kind {
                HeaderRow::Names => header.names = self.header_row(&line)?,
                HeaderRow::Units => header.units = self.header_row(&line)?,
                HeaderRow::Process => header.process = self.header_row(&line)?,
                HeaderRow::Skip => {}
            }
        }
        if !self.has_names() {
            header.names = self.keys.columns.iter().map(|column| column.name.clone()).collect();
        }
        let width = header.names.len();
        for (what, row) in [("units", &mut header.units), ("kinds of processing", &mut header.process)] {
            if !row.is_empty() && row.len() != width {
                return Err(format!("{width} names in the header, but {} {what}", row.len()));
            }
            row.resize(width, String::new());
        }
        Ok(Some(header))
    }

    fn is_comment(&self, line: &Line<'_>) -> bool {
        self.keys.comment.as_ref().is_some_and(|comment| line.text.starts_with(comment.as_str()))
    }

    fn header_row(&self, line: &Line<'_>) -> Result<Vec<String>, String> {
        let at = |problem: String| format!("the header on line {}: {problem}", line.number);
        if let Some(fault) = line.fault {
            return Err(at(fault.to_string()));
        }
        let mut cells = Vec::new();
        tokenise(line.text, &self.syntax, &mut cells).map_err(|fault| at(fault.to_string()))?;
        let cells = cells.iter().map(|cell| cell.value().trim().to_owned());
        let row: Vec<String> = self.keys.leading.iter().cloned().chain(cells).collect();
        match row.iter().any(|name| name.chars().any(char::is_control)) {
            true => Err(at("holds control characters".to_owned())),
            false => Ok(row),
        }
    }

    fn layout<'f>(&'f self, header: Header, reading: &Reading<'_>) -> Result<Layout<'f>, String> {
        reading.check_columns(header.names.len())?;
        let format = reading.format;
        let device = format.device.device(reading.file, |_| String::new())?;
        let table = format.table.name(&device, "")?;
        let mut time = Vec::with_capacity(self.keys.timestamp.columns.len());
        for at in &self.keys.timestamp.columns {
            time.push(at.find(&header.names)?);
        }
        let offset_cell = self.keys.timestamp.offset_minutes.as_ref().map(|at| at.find(&header.names)).transpose()?;
        let time_name = time.first().and_then(|cell| header.names.get(*cell));
        let offset = self.naming.offset(time_name.map_or("", String::as_str))?;
        let device_cell = format.device.column().map(|name| ColumnAt::Name(name.to_owned()).find(&header.names)).transpose()?;
        for column in &self.keys.columns {
            ColumnAt::Name(column.name.clone()).find(&header.names)?;
        }
        let mut names = Names::new();
        let mut fields = Vec::with_capacity(header.names.len());
        let units = header.units.into_iter().zip(header.process);
        for (index, (original, (unit, process))) in header.names.into_iter().zip(units).enumerate() {
            fields.push(if let Some(place) = time.iter().position(|cell| *cell == index) {
                Field::Time(place)
            } else if offset_cell == Some(index) {
                Field::Offset
            } else if device_cell == Some(index) {
                Field::Device
            } else {
                let (name, own_unit) = self.naming.apart(&original);
                let name = names.column(name, index + 1);
                let part = |text: String| Some(text).filter(|text| !text.is_empty());
                let unit = part(unit).or_else(|| part(own_unit.to_owned()));
                let column = Column { name, original, unit, process: part(process), kind: Kind::Unknown };
                self.metric(column)
            });
        }
        Ok(Layout {
            table,
            device,
            fields,
            syntax: &self.syntax,
            comment: self.keys.comment.as_deref(),
            time: self.time.clone(),
            offset,
            decimal: self.decimal,
            nulls: &self.keys.nulls,
        })
    }

    /// A column as the definition has it, where it says anything of it.
    fn metric(&self, column: Column) -> Field {
        let said: Option<&ColumnKeys> = self.keys.columns.iter().find(|keys| keys.name == column.original);
        let Some(keys) = said else { return Field::Metric { column, typing: Typing::ByValues, nulls: Vec::new() } };
        let typing = match keys.kind {
            ColumnType::Skip => return Field::Skip,
            ColumnType::Auto => Typing::ByValues,
            ColumnType::Double => Typing::Declared(Kind::Double),
            ColumnType::Long => Typing::Declared(Kind::Long),
            ColumnType::Boolean => Typing::Declared(Kind::Boolean),
            ColumnType::Text => Typing::Declared(Kind::Text),
            ColumnType::Timestamp => Typing::Declared(Kind::Timestamp),
        };
        let unit = keys.unit.clone().or(column.unit);
        Field::Metric { column: Column { unit, ..column }, typing, nulls: keys.nulls.clone() }
    }
}

#[cfg(test)]
mod tests;
