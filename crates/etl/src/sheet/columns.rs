//! The columns of one table while rows with columns of their own come.

use std::collections::HashMap;

use arrow::array::ArrayRef;

use crate::column::{Filling, Rules, Typing, excerpt};
use crate::extra::{Room, check_columns};
use crate::name::Names;
use crate::number;
use crate::rows::{Column, Kind, Refusal};
use crate::time::TimeFormat;
use crate::tokenise::Cell;
use crate::zone::Local;

/// What a column is filled from: both may use the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Role {
    /// What tells one series from another: a tag, a label.
    Tag,
    /// What was measured.
    Field,
}

/// A row's value in one column.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'v> {
    pub(crate) role: Role,
    /// The column's name as the file writes it.
    pub(crate) name: &'v str,
    pub(crate) unit: Option<&'v str>,
    pub(crate) process: Option<&'v str>,
    /// What the value is, or what the format or protocol says that it is.
    pub(crate) kind: Kind,
    /// Whether the kind is certain, so that the column's other values have no say.
    pub(crate) declared: bool,
    /// As text that a column of the kind reads; empty for no value.
    pub(crate) value: &'v str,
}

impl<'v> Entry<'v> {
    /// A value of a kind that is known beforehand.
    pub(crate) fn declared(role: Role, name: &'v str, kind: Kind, value: &'v str) -> Self {
        Self { role, name, unit: None, process: None, kind, declared: true, value }
    }
}

/// What columns were found to be, by role and name.
pub(crate) type Kinds = HashMap<(Role, String), Kind>;

/// The columns, in the order of their first values.
#[derive(Debug)]
pub(crate) struct Columns {
    names: Names,
    columns: Vec<Growing>,
    tags: HashMap<String, usize>,
    fields: HashMap<String, usize>,
    decided: Kinds,
    /// How many of them are columns of the table.
    own: usize,
}

#[derive(Debug)]
struct Growing {
    role: Role,
    column: Column,
    filling: Filling,
    /// How many rows it has cells for.
    rows: usize,
    declared: bool,
    numbers: usize,
    booleans: usize,
    texts: usize,
    codes: usize,
    contested: bool,
}

impl Columns {
    pub(super) fn new(decided: Kinds) -> Self {
        let (tags, fields) = (HashMap::new(), HashMap::new());
        Self { names: Names::new(), columns: Vec::new(), tags, fields, decided, own: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    /// Adds the values of the row behind the first `rows`, or none of them.
    pub(super) fn add(
        &mut self,
        entries: &[Entry<'_>],
        rows: usize,
        room: Room<'_>,
        time: &TimeFormat,
        local: &mut Local<'_>,
    ) -> Result<(), String> {
        let before = self.columns.len();
        for (count, entry) in entries.iter().enumerate() {
            if let Err(reason) = self.push(entry, rows, room, time, local) {
                self.take_back(entries.get(..=count).unwrap_or(entries), rows, before);
                return Err(reason);
            }
        }
        Ok(())
    }

    fn push(
        &mut self,
        entry: &Entry<'_>,
        rows: usize,
        room: Room<'_>,
        time: &TimeFormat,
        local: &mut Local<'_>,
    ) -> Result<(), String> {
        let place = match self.places(entry.role).get(entry.name) {
            Some(place) => *place,
            None => self.begin(entry, room)?,
        };
        let Some(growing) = self.columns.get_mut(place) else { return Err("its column is missing".to_owned()) };
        growing.push(entry, rows, time, local).map_err(|problem| format!("{}: {problem}", entry.name))
    }

    fn begin(&mut self, entry: &Entry<'_>, room: Room<'_>) -> Result<usize, String> {
        let place = self.columns.len();
        check_columns(place + 1)?;
        let decided = self.decided.get(&(entry.role, entry.name.to_owned())).copied();
        let kind = decided.filter(|_| !entry.declared).unwrap_or(entry.kind);
        let is_own = room.is_for(entry.name, self.own);
        self.own += usize::from(is_own);
        let kind = if is_own { kind } else { Kind::Extra };
        let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        self.columns.push(Growing {
            role: entry.role,
            column: Column {
                name: self.names.column(entry.name, place + 1),
                original: entry.name.to_owned(),
                unit: text(entry.unit),
                process: text(entry.process),
                kind,
            },
            filling: Filling::new(Typing::Declared(kind), None, 0),
            rows: 0,
            declared: entry.declared || decided.is_some() || kind == Kind::Extra,
            numbers: 0,
            booleans: 0,
            texts: 0,
            codes: 0,
            contested: false,
        });
        self.places_mut(entry.role).insert(entry.name.to_owned(), place);
        Ok(place)
    }

    /// Makes the columns as they were before a row of which these entries have been pushed.
    fn take_back(&mut self, entries: &[Entry<'_>], rows: usize, before: usize) {
        for growing in self.columns.drain(before..) {
            self.own -= usize::from(!growing.is_extra());
            self.names.release(&growing.column.name);
        }
        for entry in entries {
            let places = match entry.role {
                Role::Tag => &mut self.tags,
                Role::Field => &mut self.fields,
            };
            match places.get(entry.name) {
                Some(place) if *place >= before => {
                    places.remove(entry.name);
                }
                Some(place) => self.columns.iter_mut().skip(*place).take(1).for_each(|growing| growing.truncate(rows)),
                None => {}
            }
        }
    }

    fn places(&self, role: Role) -> &HashMap<String, usize> {
        match role {
            Role::Tag => &self.tags,
            Role::Field => &self.fields,
        }
    }

    fn places_mut(&mut self, role: Role) -> &mut HashMap<String, usize> {
        match role {
            Role::Tag => &mut self.tags,
            Role::Field => &mut self.fields,
        }
    }

    pub(super) fn is_contested(&self) -> bool {
        self.columns.iter().any(|growing| growing.contested)
    }

    /// What each column is by all its values.
    pub(super) fn kinds(&self) -> Kinds {
        let open = self.columns.iter().filter(|growing| !growing.declared);
        open.map(|growing| ((growing.role, growing.column.original.clone()), growing.majority())).collect()
    }

    /// The arrays of a table with so many rows. A column in which no row has a value needs no place, unless its type is certain.
    pub(super) fn finish(self, rows: usize) -> Result<Vec<(Column, ArrayRef)>, Refusal> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for mut growing in self.columns {
            growing.filling.push_nulls(rows.saturating_sub(growing.rows));
            let (kind, array) = growing
                .filling
                .finish()
                .map_err(|error| Refusal { reason: format!("column {}: {error}", growing.column.original) })?;
            if growing.declared || array.null_count() < rows {
                columns.push((Column { kind, ..growing.column }, array));
            }
        }
        Ok(columns)
    }
}

impl Growing {
    fn push(&mut self, entry: &Entry<'_>, rows: usize, time: &TimeFormat, local: &mut Local<'_>) -> Result<(), String> {
        if self.rows > rows {
            return Err("twice".to_owned());
        }
        self.filling.push_nulls(rows - self.rows);
        self.rows = rows;
        if entry.unit.is_some() && self.column.unit.as_deref() != entry.unit.filter(|unit| !unit.is_empty()) {
            let shown = |unit: Option<&str>| unit.map_or("no unit".to_owned(), str::to_owned);
            return Err(format!("is in {} here and in {} at first", shown(entry.unit), shown(self.column.unit.as_deref())));
        }
        if entry.declared && entry.kind != self.column.kind && !self.is_extra() {
            return Err("has another type than at first".to_owned());
        }
        let value = self.fitting(entry)?;
        let rules = Rules { time, ..Rules::PLAIN };
        let pushed = self.filling.push(&Cell::bare(value), &rules, local, 0);
        self.rows = rows + 1;
        pushed.map_err(|fault| fault.to_string())
    }

    /// The value, if its kind may stand in the column; nothing, while it is not settled what may.
    fn fitting<'v>(&mut self, entry: &Entry<'v>) -> Result<&'v str, String> {
        if entry.declared || entry.value.is_empty() || self.is_extra() {
            return Ok(entry.value);
        }
        let is_code = entry.kind == Kind::Double && number::is_code(entry.value);
        match entry.kind {
            Kind::Double if is_code => self.codes += 1,
            Kind::Double => self.numbers += 1,
            Kind::Boolean => self.booleans += 1,
            _ => self.texts += 1,
        }
        match self.column.kind {
            // Anything can stand in a column of text, and loses nothing there.
            Kind::Text if self.declared => Ok(entry.value),
            kind if kind == entry.kind && !is_code => Ok(entry.value),
            _ if !self.declared => {
                self.contested = true;
                Ok("")
            }
            Kind::Double => Err(format!("{} is not a number", excerpt(entry.value))),
            _ => Err(format!("{} is neither true nor false", excerpt(entry.value))),
        }
    }

    fn majority(&self) -> Kind {
        let values = self.numbers + self.booleans + self.texts;
        match () {
            () if self.codes > 0 => Kind::Text,
            () if values > 0 && self.numbers * 2 >= values => Kind::Double,
            () if self.booleans * 2 > values => Kind::Boolean,
            () => Kind::Text,
        }
    }

    /// Whether its values are for a map.
    fn is_extra(&self) -> bool {
        self.column.kind == Kind::Extra
    }

    fn truncate(&mut self, rows: usize) {
        if self.rows > rows {
            self.filling.truncate(rows);
            self.rows = rows;
        }
    }
}
