//! The points of one measurement: rows whose columns come and go.

use std::collections::HashMap;

use arrow::array::{Int64Array, StringArray, TimestampMicrosecondArray};

use super::points::Point;
use crate::column::{Filling, Rules, Typing};
use crate::format::Reading;
use crate::name::Names;
use crate::rows::{Column, Kind, Part, Refusal};
use crate::tokenise::Cell;
use crate::zone::Local;

/// What a column is filled from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum From {
    Tag,
    Field,
}

/// A part that grows by rows and by columns.
#[derive(Debug)]
pub(super) struct Table {
    name: String,
    names: Names,
    columns: Vec<(Column, Filling)>,
    places: HashMap<(From, String), usize>,
    devices: Vec<String>,
    times: Vec<i64>,
    numbers: Vec<i64>,
}

impl Table {
    pub(super) fn new(name: String) -> Self {
        let (columns, places, names) = (Vec::new(), HashMap::new(), Names::new());
        Self { name, names, columns, places, devices: Vec::new(), times: Vec::new(), numbers: Vec::new() }
    }

    /// Adds a point as a row, wholly or not at all.
    pub(super) fn add(
        &mut self,
        point: &Point,
        number: u64,
        time: i64,
        device: String,
        reading: &Reading<'_>,
        local: &mut Local<'_>,
    ) -> Result<(), String> {
        let number = i64::try_from(number).map_err(|_| "more lines than can be counted")?;
        let (rows, before) = (self.times.len(), self.columns.len());
        if let Err(reason) = self.fill(point, reading, local) {
            for (column, _) in self.columns.drain(before..) {
                self.names.release(&column.name);
            }
            self.places.retain(|_, place| *place < before);
            self.columns.iter_mut().for_each(|(_, column)| column.truncate(rows));
            return Err(reason);
        }
        self.devices.push(device);
        self.times.push(time);
        self.numbers.push(number);
        Ok(())
    }

    fn fill(&mut self, point: &Point, reading: &Reading<'_>, local: &mut Local<'_>) -> Result<(), String> {
        let device_tag = reading.format.device.column();
        let tags = point.tags.iter().filter(|(key, _)| Some(key.as_str()) != device_tag);
        let tags = tags.map(|(key, value)| (From::Tag, key, Kind::Text, value));
        let fields = point.fields.iter().map(|field| (From::Field, &field.key, field.kind, &field.value));
        let mut cells: HashMap<usize, &str> = HashMap::new();
        for (from, key, kind, value) in tags.chain(fields) {
            let place = self.place(from, key, kind, reading)?;
            cells.insert(place, value);
        }
        let rules = Rules::PLAIN;
        for (place, (column, filling)) in self.columns.iter_mut().enumerate() {
            let cell = Cell::bare(cells.get(&place).copied().unwrap_or_default());
            filling.push(&cell, &rules, local, 0).map_err(|fault| format!("{}: {fault}", column.original))?;
        }
        Ok(())
    }

    /// The column of a tag or a field; a new one has no values in the rows before.
    fn place(&mut self, from: From, key: &str, kind: Kind, reading: &Reading<'_>) -> Result<usize, String> {
        if let Some(place) = self.places.get(&(from, key.to_owned())) {
            return match self.columns.get(*place) {
                Some((column, _)) if column.kind == kind => Ok(*place),
                _ => Err(format!("field {key} has another type than at first")),
            };
        }
        let place = self.columns.len();
        reading.check_columns(place + 1)?;
        let name = self.names.column(key, place + 1);
        let column = Column { name, original: key.to_owned(), unit: None, process: None, kind };
        self.columns.push((column, Filling::without_values(Typing::Declared(kind), self.times.len())));
        self.places.insert((from, key.to_owned()), place);
        Ok(place)
    }

    /// Cells in memory, those without a value among them.
    pub(super) fn cells(&self) -> usize {
        self.times.len().saturating_mul(self.columns.len())
    }

    /// Its rows; `None` when every one was refused.
    pub(super) fn finish(self) -> Result<Option<Part>, Refusal> {
        if self.times.is_empty() {
            return Ok(None);
        }
        let mut columns = Vec::with_capacity(self.columns.len());
        for (column, filling) in self.columns {
            let (_, array) =
                filling.finish().map_err(|error| Refusal { reason: format!("column {}: {error}", column.original) })?;
            columns.push((column, array));
        }
        Ok(Some(Part {
            table: self.name,
            member: None,
            device: StringArray::from(self.devices),
            ts: TimestampMicrosecondArray::from(self.times).with_timezone("+00:00"),
            row: Int64Array::from(self.numbers),
            columns,
        }))
    }
}
