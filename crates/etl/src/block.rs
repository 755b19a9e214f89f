//! The rows under one header: lines to cells to columns, good rows into a part, bad ones refused with their bytes.

mod clock;
mod dates;
mod layout;
mod row;
mod typings;

use std::ops::Range;

use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
pub(crate) use clock::Clock;
pub(crate) use dates::{DateOrderFault, date_order};
pub(crate) use layout::{Field, Layout, Metric, ShortRows};
pub(crate) use row::{Rows, Source};
pub(crate) use typings::{Typings, Verdict};

use crate::column::{CellFault, Filling, Rules, excerpt};
use crate::number;
use crate::rows::{Column, Kind, Part, Refusal, Refused};
use crate::text::{Line, Lines, Text};
use crate::time::TimeFormat;
use crate::tokenise::Cell;
use crate::zone::Local;

/// What came of the rows under one header.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// One, or one for each device when the columns are of several; none when there was no good row.
    pub(crate) parts: Vec<Part>,
    pub(crate) refused: Vec<Refused>,
}

/// What a line is to whoever reads rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    /// A row, unless it is blank or a comment.
    Row,
    /// Nothing: it is passed over.
    Pass,
    /// The line behind the last row.
    End,
}

impl Take {
    /// Rows up to the line for which `end` holds.
    pub(crate) fn until(end: bool) -> Self {
        if end { Self::End } else { Self::Row }
    }
}

/// Reads rows until the lines end or one comes that `take` says is behind them; that line is left.
pub(crate) fn read<'t>(
    lines: &mut Lines<'t>,
    layout: &Layout<'_>,
    local: &mut Local<'_>,
    take: impl Fn(&Line<'t>) -> Take,
) -> Result<Outcome, Refusal> {
    if let Some(typings) = layout.typings {
        return read_piece(lines, layout, local, take, typings);
    }
    let start = lines.clone();
    let first = Block::new(layout, &vec![None; layout.fields.len()]).fill(lines, local, &take);
    if !first.columns.iter().flatten().any(|column| column.contested().is_some()) {
        return first.finish();
    }
    // What a column is shows only at its end. Its type is then what its first cells were not read as: read again.
    let decided: Vec<Option<Kind>> = first.columns.iter().map(|column| column.as_ref()?.contested()).collect();
    *lines = start;
    Block::new(layout, &decided).fill(lines, local, &take).finish()
}

/// Reads rows that are not all there are under their header.
fn read_piece<'t>(
    lines: &mut Lines<'t>,
    layout: &Layout<'_>,
    local: &mut Local<'_>,
    take: impl Fn(&Line<'t>) -> Take,
    typings: &Typings,
) -> Result<Outcome, Refusal> {
    let decided = layout.fields.iter().enumerate().map(|(at, field)| match field {
        Field::Metric(metric) => typings.decided(&layout.table, at, &metric.column),
        _ => None,
    });
    let decided: Vec<Option<Kind>> = decided.collect();
    let block = Block::new(layout, &decided).fill(lines, local, &take);
    for (at, (field, column)) in layout.fields.iter().zip(&block.columns).enumerate() {
        if let (Field::Metric(metric), Some(column)) = (field, column) {
            let read_as = (column.kind(), column.contested().is_some());
            typings.tell((&layout.table, at, &metric.column), column.typing(), column.tally(), read_as);
        }
    }
    block.finish()
}

/// Refuses the lines that `take` says are rows, for what is wrong with the header above them.
pub(crate) fn refuse<'t>(lines: &mut Lines<'t>, reason: &str, take: impl Fn(&Line<'t>) -> Take) -> Vec<Refused> {
    let mut refused = Vec::new();
    while let Some(line) = lines.clone().next() {
        match take(&line) {
            Take::End => break,
            Take::Row if !line.is_blank() => {
                refused.push(Refused { member: None, row: line.number, bytes: line.raw, reason: reason.to_owned() });
            }
            Take::Row | Take::Pass => {}
        }
        lines.next();
    }
    refused
}

struct Block<'f> {
    layout: &'f Layout<'f>,
    clock: Clock<'f>,
    device_cell: Option<usize>,
    columns: Vec<Option<Filling>>,
    decided: Vec<Option<Kind>>,
    times: Vec<i64>,
    numbers: Vec<i64>,
    devices: Vec<String>,
    rows_expected: usize,
    refused: Vec<Refused>,
    /// Why nothing behind a line can be read any more.
    behind: Option<String>,
}

impl<'f> Block<'f> {
    fn new(layout: &'f Layout<'f>, decided: &[Option<Kind>]) -> Self {
        Self {
            layout,
            clock: Clock::new(layout),
            device_cell: layout.fields.iter().position(|field| *field == Field::Device),
            columns: Vec::new(),
            decided: decided.to_vec(),
            times: Vec::new(),
            numbers: Vec::new(),
            devices: Vec::new(),
            rows_expected: 0,
            refused: Vec::new(),
            behind: None,
        }
    }

    fn fill<'t>(mut self, lines: &mut Lines<'t>, local: &mut Local<'_>, take: &impl Fn(&Line<'t>) -> Take) -> Self {
        let layout = self.layout;
        let mut rows = Rows::new(lines, layout.syntax, layout.comment, take);
        let mut cells = Vec::with_capacity(layout.fields.len());
        while let Some(Source { line, fault }) = rows.next(&mut cells) {
            if self.columns.is_empty() {
                self.begin(rows.rows_left(&line));
            }
            let is_readable = fault.is_none();
            let fitted = fault.map_or_else(|| fit(&mut cells, layout, self.times.len() + self.refused.len()), Err);
            cells.extend(layout.facts.iter().map(|fact| Cell::bare(fact)));
            let row = match &self.behind {
                Some(header) => Err(header.clone()),
                None => fitted.and_then(|()| self.row(line.number, &cells, local)),
            };
            if let Err(reason) = row {
                if is_readable {
                    self.look_for_header(&line, &cells);
                }
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
            Field::Metric(metric) => Some(Filling::new(metric.typing, *decided, rows)),
            _ => None,
        };
        self.columns = self.layout.fields.iter().zip(&self.decided).map(filling).collect();
    }

    /// Looks whether a line that is no row is a header that the format does not know as one. If its columns are others than those of the
    /// header above, what the rows behind it hold is not known.
    fn look_for_header(&mut self, line: &Line<'_>, cells: &[Cell<'_>]) {
        let layout = self.layout;
        let names = || layout.fields.iter().filter_map(Field::original);
        let is_word = |cell: &Cell<'_>| number::double(cell.text, layout.decimal).is_none();
        let is_header = cells.iter().all(is_word) && cells.iter().any(|cell| names().any(|name| name == cell.text));
        let is_same = layout.fields.iter().zip(cells).all(|(field, cell)| field.original().is_none_or(|name| name == cell.text));
        if self.behind.is_none() && is_header && !(is_same && cells.len() == layout.fields.len()) {
            let reason = format!(
                "behind line {}, which names columns, and not as the header above does: a line begins = […] in the format says how all its \
                 headers begin",
                line.number
            );
            layout.typings.into_iter().for_each(|typings| typings.tell_obstacle(&reason));
            self.behind = Some(reason);
        }
    }

    fn row(&mut self, number: u64, cells: &[Cell<'_>], local: &mut Local<'_>) -> Result<(), String> {
        let layout = self.layout;
        let time = self.clock.read(cells, local)?;
        let device = self.device_cell.and_then(|cell| cells.get(cell));
        let device = device.map(device_of).transpose()?;
        let rows = self.times.len();
        for (index, ((cell, column), field)) in cells.iter().zip(&mut self.columns).zip(&layout.fields).enumerate() {
            let (Some(column), Field::Metric(metric)) = (column, field) else { continue };
            let nulls = if metric.nulls.is_empty() { layout.nulls } else { &metric.nulls };
            let (time, place) = (&layout.time, self.clock.place());
            let rules = Rules { decimal: layout.decimal, divisor: metric.divisor, time, place, nulls };
            if let Err(fault) = column.push(cell, &rules, local, self.rows_expected) {
                self.columns.iter_mut().take(index + 1).flatten().for_each(|column| column.truncate(rows));
                let line = layout.null_to_add(cell, &fault).unwrap_or_default();
                return Err(format!("cell {} ({}): {fault}{line}", index + 1, metric.column.original));
            }
        }
        self.times.push(time);
        self.numbers.push(i64::try_from(number).map_err(|_| "more lines than can be counted".to_owned())?);
        if self.device_cell.is_some() {
            self.devices.push(device.filter(|device| !device.is_empty()).unwrap_or_else(|| layout.device.clone()));
        }
        Ok(())
    }

    fn finish(self) -> Result<Outcome, Refusal> {
        let rows = self.times.len();
        let layout = self.layout;
        let devices = if layout.devices.is_empty() { std::slice::from_ref(&layout.device) } else { &layout.devices };
        let mut columns: Vec<Vec<(Column, ArrayRef)>> = devices.iter().map(|_| Vec::with_capacity(self.columns.len())).collect();
        for (field, filling) in layout.fields.iter().zip(self.columns) {
            let (Field::Metric(metric), Some(filling)) = (field, filling) else { continue };
            let column = &metric.column;
            if layout.typings.is_none() && filling.tally().is_otherwise() {
                return Err(Refusal { reason: notation_undeclared(&column.original) });
            }
            let (kind, array) =
                filling.finish().map_err(|error| Refusal { reason: format!("column {}: {error}", column.original) })?;
            if let Some(columns) = columns.get_mut(metric.device) {
                columns.push((Column { kind, ..column.clone() }, array));
            }
        }
        let mut outcome = Outcome { parts: Vec::new(), refused: self.refused };
        if rows == 0 {
            return Ok(outcome);
        }
        let ts = TimestampMicrosecondArray::from(self.times).with_timezone("+00:00");
        let row = Int64Array::from(self.numbers);
        for (device, columns) in devices.iter().zip(columns) {
            outcome.parts.push(Part {
                table: layout.table.clone(),
                member: None,
                device: match self.device_cell {
                    Some(_) => self.devices.iter().map(Some).collect(),
                    None => StringArray::from_iter_values(std::iter::repeat_n(device, rows)),
                },
                ts: ts.clone(),
                row: row.clone(),
                columns,
            });
        }
        Ok(outcome)
    }
}

/// Gives a row as many cells as the header has. Empty cells behind the last one say nothing; a value there is a column that the
/// header does not name.
pub(crate) fn fit(cells: &mut Vec<Cell<'_>>, layout: &Layout<'_>, rows_before: usize) -> Result<(), String> {
    let (found, width) = (cells.len(), layout.width());
    let beyond = cells.get(width..).unwrap_or_default();
    if found < width && layout.may_end(found, rows_before == 0) {
        cells.resize(width, Cell::bare(""));
    } else if found > width && beyond.iter().all(|cell| cell.text.is_empty()) {
        cells.truncate(width);
    }
    let line = if found < width && layout.definable { ": if rows may lack their last ones, add short_rows = true" } else { "" };
    if cells.len() == width { Ok(()) } else { Err(format!("{found} cells, where the header has {width}{line}")) }
}

/// When a row was measured, in microseconds since 1970 UTC, from the text of its time.
pub(crate) fn time(text: &str, format: &TimeFormat, local: &mut Local<'_>) -> Result<i64, String> {
    let stamp = format.read(text).ok_or_else(|| format!("the row's time: {}", CellFault::NotTime(excerpt(text))))?;
    let time = local.utc(stamp).map_err(|zone| format!("the row's time: {}", CellFault::Zone(excerpt(text), zone)))?;
    local.check(time).map(|()| time)
}

/// Why a file is refused whose numbers have signs that may be another thing.
pub(crate) fn notation_undeclared(column: &str) -> String {
    format!(
        "column {column:?} has numbers with other signs than the format declares: add decimal and thousands to it, as decimal = \",\" or \
         thousands = \",\", or columns = [{{ name = {column:?}, type = \"text\" }}]"
    )
}

/// A row's device.
pub(crate) fn device_of(cell: &Cell<'_>) -> Result<String, String> {
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
pub(crate) fn tail(last_line: u64, bytes: Range<usize>) -> Refused {
    let reason = format!("{} bytes that end in nothing but 0xFF or NUL, as erased or lost memory does", bytes.len());
    Refused { member: None, row: last_line + 1, bytes, reason }
}

/// The junk at the end of a text, if there is any.
pub(crate) fn tail_of(text: &Text<'_>) -> Option<Refused> {
    let bytes = text.tail()?;
    let mut lines = text.lines();
    lines.by_ref().for_each(drop);
    Some(tail(lines.number(), bytes))
}

#[cfg(test)]
mod tests;
