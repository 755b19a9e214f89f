//! The long form: each row is one value of one quantity. All values that a device has of one moment become one row of a wide table.
//!
//! A quantity that comes twice for one device and moment begins a second row of that moment: nothing is lost, and nothing wins.

use std::collections::{BTreeSet, HashMap};

use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};

use super::Delimited;
use super::keys::LongKeys;
use crate::block::{self, Clock, Field, Layout, Outcome, Rows, Source, Take};
use crate::column::{Filling, Rules, Typing};
use crate::extra::{Room, check_columns};
use crate::format::Reading;
use crate::name::Names;
use crate::rows::{Column, Kind, Part, Refusal, Refused};
use crate::text::{Line, Lines};
use crate::tokenise::Cell;
use crate::zone::{Local, Place};

/// Every wide row has a cell in every column, with a value or without: half a gigabyte.
const CELLS_MAX: usize = 64 << 20;

/// A value, and the row and quantity that it belongs to.
struct Entry<'c> {
    line: Refused,
    row: usize,
    quantity: usize,
    cell: Cell<'c>,
}

/// A row to be.
struct Row {
    device: String,
    time: i64,
    number: i64,
    quantities: BTreeSet<usize>,
}

struct Quantity {
    name: String,
    unit: String,
    typing: Typing,
}

/// All values under one header.
#[derive(Default)]
struct Values<'c> {
    entries: Vec<Entry<'c>>,
    rows: Vec<Row>,
    /// The rows of a moment, by device and time.
    at: HashMap<(String, i64), Vec<usize>>,
    quantities: Vec<Quantity>,
    by_name: HashMap<String, usize>,
    refused: Vec<Refused>,
}

impl Delimited {
    /// Reads rows, and gives them as a wide table.
    pub(super) fn read_long<'t>(
        &self,
        long: &LongKeys,
        lines: &mut Lines<'t>,
        layout: Layout<'_>,
        local: &mut Local<'_>,
        take: impl Fn(&Line<'t>) -> Take,
        reading: &Reading<'_>,
    ) -> Result<Outcome, Refusal> {
        let refusal = |reason| Refusal { reason };
        let at = Cells::of(long, &layout).map_err(refusal)?;
        let mut clock = Clock::new(&layout);
        let mut values = Values::default();
        let mut cells = Vec::new();
        let mut rows = Rows::new(lines, layout.syntax, layout.comment, &take);
        while let Some(Source { line, fault }) = rows.next(&mut cells) {
            let fitted = fault.map_or_else(|| block::fit(&mut cells, &layout, values.entries.len() + values.refused.len()), Err);
            cells.extend(layout.facts.iter().map(|fact| Cell::bare(fact)));
            let added = fitted.and_then(|()| {
                let time = clock.read(&cells, local)?;
                let device = at.device.and_then(|cell| cells.get(cell)).map(block::device_of).transpose()?;
                let device = device.filter(|device| !device.is_empty()).unwrap_or_else(|| layout.device.clone());
                values.add(&line, device, time, at.quantity(&cells), &cells)
            });
            if let Err(reason) = added {
                values.refused.push(Refused { member: None, row: line.number, bytes: line.raw, reason });
            }
            if values.rows.len().saturating_mul(values.quantities.len()) > CELLS_MAX {
                return Err(refusal(format!("its values are too sparse for one table: more than {CELLS_MAX} cells")));
            }
        }
        check_columns(values.quantities.len()).map_err(refusal)?;
        values.finish(self, &layout, reading.room(), local)
    }
}

/// Where a row has what.
struct Cells {
    quantity: usize,
    value: usize,
    unit: Option<usize>,
    device: Option<usize>,
}

impl Cells {
    /// Every column must be one of those that a value needs, or be left out by the definition: what is in it would be lost.
    fn of(long: &LongKeys, layout: &Layout<'_>) -> Result<Self, String> {
        let names: Vec<String> = layout.fields.iter().map(name_of).collect();
        let cells = Self {
            quantity: long.parameter.find(&names)?,
            value: long.value.find(&names)?,
            unit: long.unit.as_ref().map(|unit| unit.find(&names)).transpose()?,
            device: layout.fields.iter().position(|field| *field == Field::Device),
        };
        let has = |index: usize| index == cells.quantity || index == cells.value || cells.unit == Some(index);
        let lost = layout.fields.iter().enumerate().find(|(index, field)| matches!(field, Field::Metric(_)) && !has(*index));
        match lost {
            None => Ok(cells),
            Some((_, field)) => {
                let name = name_of(field);
                let line = format!("columns = [{{ name = {name:?}, type = \"skip\" }}]");
                Err(format!("column {name:?} has no place in a wide table; if nobody needs it, add {line} to the format"))
            }
        }
    }

    fn quantity<'c>(&self, cells: &[Cell<'c>]) -> (Cell<'c>, String, String) {
        let text = |at: usize| cells.get(at).map_or_else(String::new, |cell| cell.value().trim().to_owned());
        let value = cells.get(self.value).copied().unwrap_or(Cell::bare(""));
        (value, text(self.quantity), self.unit.map_or_else(String::new, text))
    }
}

fn name_of(field: &Field) -> String {
    match field {
        Field::Metric(metric) => metric.column.original.clone(),
        _ => String::new(),
    }
}

impl<'c> Values<'c> {
    fn add(
        &mut self,
        line: &Line<'_>,
        device: String,
        time: i64,
        (cell, name, unit): (Cell<'c>, String, String),
        cells: &[Cell<'c>],
    ) -> Result<(), String> {
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(format!("one of its {} cells should name what the value is of, and does not", cells.len()));
        }
        let new = self.quantities.len();
        let quantity = *self.by_name.entry(name.clone()).or_insert(new);
        if quantity == new {
            self.quantities.push(Quantity { name: name.clone(), unit: unit.clone(), typing: Typing::ByValues });
        }
        if let Some(known) = self.quantities.get_mut(quantity) {
            if known.unit.is_empty() {
                known.unit = unit;
            } else if !unit.is_empty() && known.unit != unit {
                return Err(format!("{name} is in {unit} here and in {} above", known.unit));
            }
        }
        let number = i64::try_from(line.number).map_err(|_| "more lines than can be counted".to_owned())?;
        let of_moment = self.at.entry((device.clone(), time)).or_default();
        let free =
            of_moment.iter().copied().find(|row| self.rows.get(*row).is_some_and(|row| !row.quantities.contains(&quantity)));
        let row = free.unwrap_or_else(|| {
            of_moment.push(self.rows.len());
            self.rows.push(Row { device, time, number, quantities: BTreeSet::new() });
            self.rows.len() - 1
        });
        if let Some(row) = self.rows.get_mut(row) {
            row.quantities.insert(quantity);
        }
        let line = Refused { member: None, row: line.number, bytes: line.raw.clone(), reason: String::new() };
        self.entries.push(Entry { line, row, quantity, cell });
        Ok(())
    }

    fn finish(
        mut self,
        delimited: &Delimited,
        layout: &Layout<'_>,
        room: Room<'_>,
        local: &mut Local<'_>,
    ) -> Result<Outcome, Refusal> {
        self.settle_typing(delimited, room);
        let mut decided = vec![None; self.quantities.len()];
        let (fillings, _) = self.fill(delimited, layout, &decided, local);
        let contested: Vec<Option<Kind>> = fillings.iter().map(Filling::contested).collect();
        let (mut fillings, bad) = match contested.iter().any(Option::is_some) {
            false => self.fill(delimited, layout, &decided, local),
            true => {
                decided = contested;
                self.fill(delimited, layout, &decided, local)
            }
        };
        if let Some((quantity, _)) = self.quantities.iter().zip(&fillings).find(|(_, filling)| filling.tally().is_otherwise()) {
            return Err(Refusal { reason: block::notation_undeclared(&quantity.name) });
        }
        if !bad.is_empty() {
            self.drop(bad);
            (fillings, _) = self.fill(delimited, layout, &decided, local);
        }
        let mut names = Names::new();
        let mut columns: Vec<(Column, ArrayRef)> = Vec::new();
        for ((quantity, filling), position) in self.quantities.iter().zip(fillings).zip(1..) {
            let (kind, array) = filling.finish().map_err(|error| Refusal { reason: format!("{}: {error}", quantity.name) })?;
            let said = delimited.forms.first().and_then(|form| form.column(&quantity.name));
            let called = said.and_then(|said| said.called.clone()).unwrap_or_else(|| delimited.naming.called(&quantity.name));
            let unit =
                said.and_then(|said| said.unit.clone()).or_else(|| Some(quantity.unit.clone()).filter(|unit| !unit.is_empty()));
            let name = names.column(&called, position);
            columns.push((Column { name, original: quantity.name.clone(), unit, process: None, kind }, array));
        }
        let mut outcome = Outcome { parts: Vec::new(), refused: self.refused };
        if !self.rows.is_empty() {
            outcome.parts.push(Part {
                table: layout.table.clone(),
                member: None,
                device: StringArray::from_iter_values(self.rows.iter().map(|row| &row.device)),
                ts: TimestampMicrosecondArray::from_iter_values(self.rows.iter().map(|row| row.time)).with_timezone("+00:00"),
                row: Int64Array::from_iter_values(self.rows.iter().map(|row| row.number)),
                columns,
            });
        }
        Ok(outcome)
    }

    /// What the format says of the quantities, and which of them the table has no room for.
    fn settle_typing(&mut self, delimited: &Delimited, room: Room<'_>) {
        let mut before = 0;
        for quantity in &mut self.quantities {
            let said = delimited.forms.first().and_then(|form| form.column(&quantity.name));
            if said.is_some_and(|said| said.divisor.is_some()) || room.is_for(&quantity.name, before) {
                before += 1;
                quantity.typing = delimited.typing(said, &quantity.name).unwrap_or(Typing::ByValues);
            } else {
                quantity.typing = Typing::Declared(Kind::Extra);
            }
        }
    }

    /// A column for each quantity, and the entries that have no place in theirs, with the reason.
    fn fill(
        &self,
        delimited: &Delimited,
        layout: &Layout<'_>,
        decided: &[Option<Kind>],
        local: &mut Local<'_>,
    ) -> (Vec<Filling>, HashMap<usize, String>) {
        let mut of_quantity: Vec<Vec<(usize, usize)>> = vec![Vec::new(); self.quantities.len()];
        for (index, entry) in self.entries.iter().enumerate() {
            of_quantity.get_mut(entry.quantity).into_iter().for_each(|of| of.push((entry.row, index)));
        }
        let mut bad = HashMap::new();
        let mut fillings = Vec::with_capacity(of_quantity.len());
        let none = Cell::bare("");
        for ((mut entries, quantity), decided) in of_quantity.into_iter().zip(&self.quantities).zip(decided) {
            entries.sort_unstable();
            let said = delimited.forms.first().and_then(|form| form.column(&quantity.name));
            let nulls = said.map(|said| said.nulls.as_slice()).filter(|nulls| !nulls.is_empty()).unwrap_or(layout.nulls);
            let divisor = said.and_then(|said| said.divisor);
            let rules = Rules { decimal: layout.decimal, divisor, time: &layout.time, place: &Place::Undeclared, nulls };
            let mut filling = Filling::new(quantity.typing, *decided, self.rows.len());
            let mut entries = entries.into_iter().peekable();
            for row in 0..self.rows.len() {
                let entry = entries.next_if(|(of, _)| *of == row).map(|(_, index)| index);
                let cell = entry.and_then(|index| self.entries.get(index)).map_or(none, |entry| entry.cell);
                if let Err(fault) = filling.push(&cell, &rules, local, self.rows.len()) {
                    filling.truncate(row);
                    filling.push_null();
                    bad.extend(entry.map(|index| (index, format!("{}: {fault}", quantity.name))));
                }
            }
            fillings.push(filling);
        }
        (fillings, bad)
    }

    /// Refuses entries, and takes away the rows that have none left.
    fn drop(&mut self, mut bad: HashMap<usize, String>) {
        let mut kept = Vec::with_capacity(self.entries.len());
        for (index, entry) in std::mem::take(&mut self.entries).into_iter().enumerate() {
            match bad.remove(&index) {
                Some(reason) => self.refused.push(Refused { reason, ..entry.line }),
                None => kept.push(entry),
            }
        }
        let used: BTreeSet<usize> = kept.iter().map(|entry| entry.row).collect();
        let mut moved = HashMap::with_capacity(used.len());
        let rows = std::mem::take(&mut self.rows).into_iter().enumerate().filter(|(row, _)| used.contains(row));
        for (row, kept) in rows {
            moved.insert(row, self.rows.len());
            self.rows.push(kept);
        }
        // A row is called by the first of its lines that stays.
        let mut numbered = BTreeSet::new();
        for entry in &mut kept {
            entry.row = moved.get(&entry.row).copied().unwrap_or_default();
            if let (true, Some(row), Ok(line)) =
                (numbered.insert(entry.row), self.rows.get_mut(entry.row), i64::try_from(entry.line.row))
            {
                row.number = line;
            }
        }
        self.entries = kept;
    }
}
