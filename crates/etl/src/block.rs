//! The rows under one header: lines to cells to columns, good rows into a part, bad ones refused with their bytes.

mod row;

use std::ops::Range;

use arrow::array::{Int64Array, StringArray, TimestampMicrosecondArray};
use row::{Rows, Source};

use crate::column::{CellFault, Filling, Rules, Typing, excerpt};
use crate::number::{self, Decimal};
use crate::rows::{Column, Kind, Part, Refusal, Refused};
use crate::text::{Line, Lines};
use crate::time::{Stamp, TimeFormat};
use crate::tokenise::{Cell, Syntax};
use crate::zone::Local;

/// What a header, and the format, say of the rows below it.
#[derive(Debug)]
pub(crate) struct Layout<'f> {
    pub(crate) table: String,
    /// The device of every row; of those whose device column is empty when there is one.
    pub(crate) device: String,
    /// One for each cell of a row.
    pub(crate) fields: Vec<Field>,
    pub(crate) syntax: &'f Syntax,
    /// Lines that begin so are no rows.
    pub(crate) comment: Option<&'f str>,
    pub(crate) time: TimeFormat,
    /// Seconds east of Greenwich of times that carry no offset of their own, when the header says so.
    pub(crate) offset: Option<i64>,
    pub(crate) decimal: Decimal,
    pub(crate) nulls: &'f [String],
}

/// What one cell of each row is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// The time, or the part of it with this place; parts are joined by a space.
    Time(usize),
    /// The time's offset from UTC in minutes, for times that carry none of their own.
    Offset,
    /// The device.
    Device,
    /// A measurement, with markers of its own for no value.
    Metric { column: Column, typing: Typing, nulls: Vec<String> },
    /// Nothing that anyone wants.
    Skip,
}

/// What came of the rows under one header.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// `None` when there was no good row.
    pub(crate) part: Option<Part>,
    pub(crate) refused: Vec<Refused>,
}

/// Reads rows until the lines end or one comes at which `stop` says so; that line is left.
pub(crate) fn read<'t>(
    lines: &mut Lines<'t>,
    layout: &Layout<'_>,
    local: &mut Local<'_>,
    stop: fn(&Line<'t>) -> bool,
) -> Result<Outcome, Refusal> {
    let start = lines.clone();
    let first = Block::new(layout, &vec![None; layout.fields.len()]).fill(lines, local, stop);
    if !first.columns.iter().flatten().any(|column| column.contested().is_some()) {
        return first.finish();
    }
    // What a column is shows only at its end. Its type is then what its first cells were not read as: read again.
    let decided: Vec<Option<Kind>> = first.columns.iter().map(|column| column.as_ref()?.contested()).collect();
    *lines = start;
    Block::new(layout, &decided).fill(lines, local, stop).finish()
}

struct Block<'f> {
    layout: &'f Layout<'f>,
    /// Where the parts of the time stand in a row, in their order.
    time_cells: Vec<usize>,
    offset_cell: Option<usize>,
    device_cell: Option<usize>,
    columns: Vec<Option<Filling>>,
    decided: Vec<Option<Kind>>,
    times: Vec<i64>,
    numbers: Vec<i64>,
    devices: Vec<String>,
    /// The parts of a row's time, joined.
    joined: String,
    rows_expected: usize,
    refused: Vec<Refused>,
}

impl<'f> Block<'f> {
    fn new(layout: &'f Layout<'f>, decided: &[Option<Kind>]) -> Self {
        let mut time_cells: Vec<(usize, usize)> = Vec::new();
        for (cell, field) in layout.fields.iter().enumerate() {
            if let Field::Time(place) = field {
                time_cells.push((*place, cell));
            }
        }
        time_cells.sort_unstable();
        Self {
            layout,
            time_cells: time_cells.into_iter().map(|(_, cell)| cell).collect(),
            offset_cell: layout.fields.iter().position(|field| *field == Field::Offset),
            device_cell: layout.fields.iter().position(|field| *field == Field::Device),
            columns: Vec::new(),
            decided: decided.to_vec(),
            times: Vec::new(),
            numbers: Vec::new(),
            devices: Vec::new(),
            joined: String::new(),
            rows_expected: 0,
            refused: Vec::new(),
        }
    }

    fn fill<'t>(mut self, lines: &mut Lines<'t>, local: &mut Local<'_>, stop: fn(&Line<'t>) -> bool) -> Self {
        let mut rows = Rows::new(lines, self.layout.syntax, self.layout.comment, stop);
        let mut cells = Vec::with_capacity(self.layout.fields.len());
        while let Some(Source { line, fault }) = rows.next(&mut cells) {
            if self.columns.is_empty() {
                self.begin(rows.rows_left(&line));
            }
            let result = match fault {
                Some(fault) => Err(fault),
                None => self.row(line.number, &cells, local),
            };
            if let Err(reason) = result {
                self.refused.push(Refused { member: None, row: line.number, bytes: line.raw, reason });
            }
        }
        if self.columns.is_empty() {
            self.begin(0);
        }
        self
    }

    fn begin(&mut self, rows: usize) {
        self.rows_expected = rows;
        self.times.reserve(rows);
        self.numbers.reserve(rows);
        let filling = |(field, decided): (&Field, &Option<Kind>)| match field {
            Field::Metric { typing, .. } => Some(Filling::new(*typing, *decided, rows)),
            _ => None,
        };
        self.columns = self.layout.fields.iter().zip(&self.decided).map(filling).collect();
    }

    fn row(&mut self, number: u64, cells: &[Cell<'_>], local: &mut Local<'_>) -> Result<(), String> {
        let layout = self.layout;
        if cells.len() != layout.fields.len() {
            return Err(format!("{} cells, where the header has {}", cells.len(), layout.fields.len()));
        }
        let time = self.time(cells, local)?;
        let device = self.device_cell.and_then(|cell| cells.get(cell));
        let device = device.map(device_of).transpose()?;
        let rows = self.times.len();
        for (index, ((cell, column), field)) in cells.iter().zip(&mut self.columns).zip(&layout.fields).enumerate() {
            let (Some(column), Field::Metric { column: of, nulls, .. }) = (column, field) else { continue };
            let nulls = if nulls.is_empty() { layout.nulls } else { nulls };
            let rules = Rules { decimal: layout.decimal, time: &layout.time, nulls };
            if let Err(fault) = column.push(cell, &rules, local, self.rows_expected) {
                self.columns.iter_mut().take(index + 1).flatten().for_each(|column| column.truncate(rows));
                return Err(format!("cell {} ({}): {fault}", index + 1, of.original));
            }
        }
        self.times.push(time);
        self.numbers.push(i64::try_from(number).map_err(|_| "more lines than can be counted".to_owned())?);
        if self.device_cell.is_some() {
            self.devices.push(device.filter(|device| !device.is_empty()).unwrap_or_else(|| layout.device.clone()));
        }
        Ok(())
    }

    fn time(&mut self, cells: &[Cell<'_>], local: &mut Local<'_>) -> Result<i64, String> {
        let text = match self.time_cells.as_slice() {
            [cell] => cells.get(*cell).map_or("", |cell| cell.text),
            parts => {
                self.joined.clear();
                for (place, cell) in parts.iter().filter_map(|cell| cells.get(*cell)).enumerate() {
                    self.joined.extend((place > 0).then_some(' '));
                    self.joined.push_str(cell.text);
                }
                &self.joined
            }
        };
        let fault = |fault| format!("the row's time: {fault}");
        let stamp = self.layout.time.read(text).ok_or_else(|| fault(self.time_fault(text)))?;
        let offset = self.offset_cell.and_then(|cell| cells.get(cell)).map(offset_of).transpose()?;
        let stamp = Stamp { offset: stamp.offset.or(offset).or(self.layout.offset), ..stamp };
        let time = local.utc(stamp).map_err(|zone| fault(CellFault::Zone(excerpt(text), zone).to_string()))?;
        local.check(time).map(|()| time)
    }

    fn time_fault(&self, text: &str) -> String {
        let undecided =
            matches!(self.layout.time, TimeFormat::IsoOrYearLast(None)) && crate::time::YearLast::read(text).is_some();
        if undecided {
            format!("{} has its day and month in an order that nothing says", excerpt(text))
        } else {
            CellFault::NotTime(excerpt(text)).to_string()
        }
    }

    fn finish(self) -> Result<Outcome, Refusal> {
        let rows = self.times.len();
        let refused = self.refused;
        if rows == 0 {
            return Ok(Outcome { part: None, refused });
        }
        let mut columns = Vec::with_capacity(self.columns.len());
        for (field, filling) in self.layout.fields.iter().zip(self.columns) {
            let (Field::Metric { column, .. }, Some(filling)) = (field, filling) else { continue };
            let (kind, array) =
                filling.finish().map_err(|error| Refusal { reason: format!("column {}: {error}", column.original) })?;
            columns.push((Column { kind, ..column.clone() }, array));
        }
        let device = if self.device_cell.is_some() {
            StringArray::from(self.devices)
        } else {
            StringArray::from_iter_values(std::iter::repeat_n(&self.layout.device, rows))
        };
        let part = Part {
            table: self.layout.table.clone(),
            member: None,
            device,
            ts: TimestampMicrosecondArray::from(self.times).with_timezone("+00:00"),
            row: Int64Array::from(self.numbers),
            columns,
        };
        Ok(Outcome { part: Some(part), refused })
    }
}

/// Seconds east of Greenwich from minutes. A row without them says no time: the zone may be the wrong one.
fn offset_of(cell: &Cell<'_>) -> Result<i64, String> {
    const MINUTES_MAX: i64 = 18 * 60;
    let minutes = number::long(cell.text).filter(|minutes| (-MINUTES_MAX..=MINUTES_MAX).contains(minutes));
    minutes.map(|minutes| minutes * 60).ok_or_else(|| format!("{} is no offset from UTC in minutes", excerpt(cell.text)))
}

fn device_of(cell: &Cell<'_>) -> Result<String, String> {
    device(&cell.value()).map_err(|problem| format!("the row's device {} {problem}", excerpt(cell.text)))
}

/// A device's name as the file writes it, if it can be one.
pub(crate) fn device(name: &str) -> Result<String, &'static str> {
    const BYTES_MAX: usize = 256;
    let name = name.trim();
    if name.chars().any(char::is_control) {
        return Err("holds control characters");
    }
    if name.len() > BYTES_MAX {
        return Err("is longer than 256 bytes");
    }
    Ok(name.to_owned())
}

/// A run of bytes at the end of a file that no device meant to write.
pub(crate) fn tail(lines: &Lines<'_>, bytes: Range<usize>) -> Refused {
    let reason = format!("{} bytes that end in nothing but 0xFF or NUL, as erased or lost memory does", bytes.len());
    Refused { member: None, row: lines.number() + 1, bytes, reason }
}

#[cfg(test)]
mod tests;
