//! Rows that name their own columns → parts. A column begins with the first row that has it; rows without it have no value there.
//!
//! A column's type is the format's or the protocol's to say. Where neither does, the file decides as it does for delimited text: a
//! column with a code in it (`007`, or an integer that no double holds) is text; else it is double when at least half of its values
//! are numbers, boolean when most are, else text, and rows with anything else are refused.

mod columns;

use std::collections::HashMap;

use arrow::array::{Int64Array, StringArray, TimestampMicrosecondArray};
use columns::Columns;
pub(crate) use columns::{Entry, Kinds, Role};

use crate::extra::Room;
use crate::rows::{Part, Refusal, Refused};
use crate::time::TimeFormat;
use crate::zone::Local;

/// More tables than this are no device's: one that writes a number or a time for a name would make a table a row.
const TABLES_MAX: usize = 256;
/// Each row has a cell in every column of its table, with a value or without: half a gigabyte.
const CELLS_MAX: usize = 64 << 20;

/// What every row has.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) number: u64,
    pub(crate) device: String,
    /// Microseconds since 1970 UTC.
    pub(crate) time: i64,
}

/// Why a row was not added.
#[derive(Debug)]
pub(crate) enum Unusable {
    Row(String),
    /// Nor can any other be: the file is none for tables.
    File(Refusal),
}

impl From<String> for Unusable {
    fn from(reason: String) -> Self {
        Self::Row(reason)
    }
}

impl From<&str> for Unusable {
    fn from(reason: &str) -> Self {
        Self::Row(reason.to_owned())
    }
}

/// The tables of one file, growing.
#[derive(Debug)]
pub(crate) struct Sheets<'f> {
    sheets: Vec<Sheet>,
    by_name: HashMap<String, usize>,
    cells: usize,
    room: Room<'f>,
    /// How times in cells are written.
    time: &'f TimeFormat,
    decided: HashMap<String, Kinds>,
}

#[derive(Debug)]
struct Sheet {
    name: String,
    columns: Columns,
    devices: Vec<String>,
    times: Vec<i64>,
    numbers: Vec<i64>,
}

/// Goes through a file by `fill`, and once more when only its end has shown what a column is. What `fill` refuses comes with the
/// parts.
pub(crate) fn read<'f>(
    room: Room<'f>,
    time: &'f TimeFormat,
    mut fill: impl FnMut(&mut Sheets<'f>) -> Result<Vec<Refused>, Refusal>,
) -> Result<(Vec<Part>, Vec<Refused>), Refusal> {
    let mut sheets = Sheets::new(room, time, HashMap::new());
    let mut refused = fill(&mut sheets)?;
    if let Some(decided) = sheets.contested() {
        sheets = Sheets::new(room, time, decided);
        refused = fill(&mut sheets)?;
    }
    Ok((sheets.finish()?, refused))
}

impl<'f> Sheets<'f> {
    fn new(room: Room<'f>, time: &'f TimeFormat, decided: HashMap<String, Kinds>) -> Self {
        Self { sheets: Vec::new(), by_name: HashMap::new(), cells: 0, room, time, decided }
    }

    /// Adds a row to a table, wholly or not at all.
    pub(crate) fn add(&mut self, table: &str, row: Row, entries: &[Entry<'_>], local: &mut Local<'_>) -> Result<(), Unusable> {
        let number = i64::try_from(row.number).map_err(|_| "more rows than can be counted")?;
        let at = match self.by_name.get(table) {
            Some(at) => *at,
            None => self.begin(table)?,
        };
        let Some(sheet) = self.sheets.get_mut(at) else { return Err("its table is missing".into()) };
        let before = sheet.cells();
        sheet.columns.add(entries, sheet.times.len(), self.room, self.time, local)?;
        sheet.devices.push(row.device);
        sheet.times.push(row.time);
        sheet.numbers.push(number);
        self.cells += sheet.cells().saturating_sub(before);
        if self.cells > CELLS_MAX {
            let reason = format!("its rows are too sparse for one table: more than {CELLS_MAX} cells");
            return Err(Unusable::File(Refusal { reason }));
        }
        Ok(())
    }

    fn begin(&mut self, table: &str) -> Result<usize, Unusable> {
        if self.sheets.len() >= TABLES_MAX {
            return Err(Unusable::File(Refusal { reason: format!("rows for more than {TABLES_MAX} tables") }));
        }
        let decided = self.decided.remove(table).unwrap_or_default();
        let at = self.sheets.len();
        self.sheets.push(Sheet {
            name: table.to_owned(),
            columns: Columns::new(decided),
            devices: Vec::new(),
            times: Vec::new(),
            numbers: Vec::new(),
        });
        self.by_name.insert(table.to_owned(), at);
        Ok(at)
    }

    /// What the columns must be read again as, when the values of one contradict each other.
    fn contested(&self) -> Option<HashMap<String, Kinds>> {
        let is_contested = self.sheets.iter().any(|sheet| sheet.columns.is_contested());
        is_contested.then(|| self.sheets.iter().map(|sheet| (sheet.name.clone(), sheet.columns.kinds())).collect())
    }

    fn finish(self) -> Result<Vec<Part>, Refusal> {
        self.sheets.into_iter().filter(|sheet| !sheet.times.is_empty()).map(Sheet::finish).collect()
    }
}

impl Sheet {
    /// Cells in memory, those without a value among them.
    fn cells(&self) -> usize {
        self.times.len().saturating_mul(self.columns.len())
    }

    fn finish(self) -> Result<Part, Refusal> {
        let columns = self.columns.finish(self.times.len())?;
        Ok(Part {
            table: self.name,
            member: None,
            device: StringArray::from(self.devices),
            ts: TimestampMicrosecondArray::from(self.times).with_timezone("+00:00"),
            row: Int64Array::from(self.numbers),
            columns,
        })
    }
}

#[cfg(test)]
mod tests;
