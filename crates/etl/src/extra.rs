//! Columns of a file that its table has no column for: in each row one map from their names to their values, as the file writes these.
//!
//! Which columns those are a file and its format say first: what the format names as rare, and what stands behind as many others as a
//! table may have (`etl.limits.columns`); those values are kept as the file writes them. Then the table says it: a column that it does not
//! have yet, and has no more room for, since other files have other columns, goes there with its values as the table would show them.
//! What a table has it keeps. Until a data file is written the map of a row is the text of a JSON object, in
//! the order of its names: equal rows have equal texts, and whoever carries rows on the way knows nothing of maps.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, MapArray, StringArray, StringBuilder, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef};
use arrow::error::ArrowError;
use globset::{GlobBuilder, GlobMatcher};

use crate::block::Field;
use crate::column::Typing;
use crate::rows::{Column, Kind, Part, Refusal};

/// The column that the map is in.
pub(crate) const EXTRA: &str = "extra";
/// A header with more columns than this is no device's.
const COLUMNS_MAX: usize = 1 << 16;
/// Names stand in every row again. What one header may grow to by that is a gigabyte.
const BYTES_MAX: usize = 1 << 30;
/// Values that are put into maps at once.
const CELLS_MAX: usize = 4 << 20;

/// The columns that a format says are rare, by globs over their names.
#[derive(Debug, Default)]
pub(crate) struct Rare(Vec<GlobMatcher>);

static NONE: Rare = Rare(Vec::new());

impl Rare {
    /// Reads globs, in which `*` stands for anything and case does not matter.
    pub(crate) fn new(globs: &[String]) -> Result<Self, globset::Error> {
        let matcher = |glob: &String| Ok(GlobBuilder::new(glob).case_insensitive(true).build()?.compile_matcher());
        globs.iter().map(matcher).collect::<Result<_, _>>().map(Self)
    }

    fn has(&self, column: &str) -> bool {
        self.0.iter().any(|glob| glob.is_match(column))
    }
}

/// Which columns of a file are columns of its tables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room<'f> {
    columns_max: usize,
    rare: &'f Rare,
}

impl<'f> Room<'f> {
    /// Columns in every place.
    pub(crate) const ENDLESS: Room<'static> = Room { columns_max: usize::MAX, rare: &NONE };

    /// Room for so many columns that are not rare.
    pub(crate) fn new(columns_max: usize, rare: &'f Rare) -> Self {
        Self { columns_max, rare }
    }

    /// Whether a column of this name is one of the table's, behind so many that are.
    pub(crate) fn is_for(self, original: &str, before: usize) -> bool {
        before < self.columns_max && !self.rare.has(original)
    }

    /// The fields of a row, those among them that there is no room for marked as extra. A column that the format has a divisor for is
    /// always one of the table's, since what the file writes is not its value.
    pub(crate) fn fields(self, mut fields: Vec<Field>) -> Vec<Field> {
        let mut taken: Vec<usize> = Vec::new();
        for field in &mut fields {
            let Field::Metric(metric) = field else { continue };
            taken.resize(taken.len().max(metric.device + 1), 0);
            let Some(before) = taken.get_mut(metric.device) else { continue };
            if metric.divisor.is_some() || self.is_for(&metric.column.original, *before) {
                *before += 1;
            } else {
                metric.typing = Typing::Declared(Kind::Extra);
            }
        }
        fields
    }
}

/// Refuses what has more columns, extra ones among them, than any file of a device.
pub(crate) fn check_columns(columns: usize) -> Result<(), String> {
    if columns <= COLUMNS_MAX { Ok(()) } else { Err(format!("{columns} columns: no device has more than {COLUMNS_MAX}")) }
}

/// The column of all maps of a part.
pub(crate) fn column() -> Column {
    Column { name: EXTRA.to_owned(), original: EXTRA.to_owned(), unit: None, process: None, kind: Kind::Extra }
}

/// Whether a part has values for columns that its table has not.
pub(crate) fn is_beyond<'c>(columns: impl IntoIterator<Item = &'c Column>, has: impl Fn(&str) -> bool) -> bool {
    columns.into_iter().any(|column| column.kind != Kind::Unknown && !has(&column.name))
}

/// Puts the columns that a table has not into the map, some rows at a time.
pub(crate) fn within(part: &Part, has: impl Fn(&str) -> bool) -> Result<Vec<Part>, ArrowError> {
    let mut columns = Vec::with_capacity(part.columns.len());
    let mut beyond = 0;
    for (column, values) in part.columns.iter().filter(|(column, _)| column.kind != Kind::Unknown) {
        columns.push(if has(&column.name) {
            (column.clone(), values.clone())
        } else {
            beyond += 1;
            (Column { kind: Kind::Extra, ..column.clone() }, cast(values, &DataType::Utf8)?)
        });
    }
    let rows_at_once = (CELLS_MAX / beyond.max(1)).max(1);
    let starts = (0..part.row.len()).step_by(rows_at_once);
    let slices = starts.map(|start| {
        let rows = rows_at_once.min(part.row.len() - start);
        let slice = Part {
            table: part.table.clone(),
            member: part.member.clone(),
            device: part.device.slice(start, rows),
            ts: part.ts.slice(start, rows),
            row: part.row.slice(start, rows),
            columns: columns.iter().map(|(column, values)| (column.clone(), values.slice(start, rows))).collect(),
        };
        folded(slice).map_err(|refusal| ArrowError::ComputeError(refusal.reason))
    });
    slices.collect()
}

/// Puts the columns of kind [`Kind::Extra`] together to one, with the map that there is already. A part without such columns stays as
/// it is; one in which they have no values has no map.
pub(crate) fn folded(mut part: Part) -> Result<Part, Refusal> {
    let is_map = |(column, _): &(Column, ArrayRef)| column.name == EXTRA;
    let map = part.columns.iter().position(is_map).map(|at| part.columns.remove(at).1);
    let map = map.as_ref().and_then(|map| map.as_string_opt::<i32>());
    let is_extra = |(column, _): &(Column, ArrayRef)| column.kind == Kind::Extra;
    if !part.columns.iter().any(is_extra) {
        return Ok(part);
    }
    let names = names(&part.columns);
    let columns = part.columns.iter().zip(&names).filter(|(column, _)| is_extra(column));
    let columns: Vec<(&StringArray, &String)> =
        columns.filter_map(|((_, values), name)| Some((values.as_string_opt::<i32>()?, name))).collect();
    let mut texts = StringBuilder::new();
    for row in 0..part.row.len() {
        let before = map.filter(|map| map.is_valid(row)).map(|map| map.value(row));
        let mut values: BTreeMap<Cow<'_, str>, Cow<'_, str>> =
            before.and_then(|before| serde_json::from_str(before).ok()).unwrap_or_default();
        for (column, name) in columns.iter().filter(|(values, _)| values.is_valid(row)) {
            let name = free(name, |name| values.contains_key(name));
            values.insert(name, column.value(row).into());
        }
        if values.is_empty() {
            texts.append_null();
            continue;
        }
        let text = serde_json::to_string(&values).unwrap_or_default();
        if texts.values_slice().len() + text.len() > BYTES_MAX {
            return Err(Refusal {
                reason: format!("the columns that are not the table's are more than {BYTES_MAX} bytes, with their names"),
            });
        }
        texts.append_value(text);
    }
    let texts = texts.finish();
    part.columns.retain(|column| !is_extra(column));
    if texts.null_count() < texts.len() {
        part.columns.push((column(), Arc::new(texts)));
    }
    Ok(part)
}

/// What each column is called in a map: as the file calls it, and its unit where that is not in the name. A map has no other place for a
/// unit. A name that an earlier column has gets `_2`, `_3` and so on.
fn names(columns: &[(Column, ArrayRef)]) -> Vec<String> {
    let mut taken = HashSet::new();
    let name = |(Column { original, unit, .. }, _): &(Column, ArrayRef)| {
        let unit = unit.as_ref().filter(|unit| !original.contains(unit.as_str()));
        let base = unit.map_or_else(|| original.clone(), |unit| format!("{original} [{unit}]"));
        let name = free(&base, |name| taken.contains(name)).into_owned();
        taken.insert(name.clone());
        name
    };
    columns.iter().map(name).collect()
}

/// A name, or the first of `name_2`, `name_3` and so on that is not taken.
fn free(name: &str, is_taken: impl Fn(&str) -> bool) -> Cow<'_, str> {
    let others = (2..).map(|count| Cow::Owned(format!("{name}_{count}")));
    std::iter::once(Cow::Borrowed(name)).chain(others).find(|name| !is_taken(name)).unwrap_or(Cow::Borrowed(name))
}

/// Maps of the type that the table's column has, from their texts.
pub(crate) fn maps(texts: &StringArray, of: &DataType) -> Result<ArrayRef, ArrowError> {
    let mistyped = || ArrowError::SchemaError(format!("{of} is no map of texts"));
    let DataType::Map(entry, ordered) = of else { return Err(mistyped()) };
    let DataType::Struct(fields) = entry.data_type() else { return Err(mistyped()) };
    let (mut names, mut values, mut lengths) = (StringBuilder::new(), StringBuilder::new(), Vec::with_capacity(texts.len()));
    for text in texts {
        let text = text.unwrap_or("{}");
        let row: BTreeMap<Cow<'_, str>, Cow<'_, str>> =
            serde_json::from_str(text).map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
        lengths.push(row.len());
        for (name, value) in row {
            names.append_value(name);
            values.append_value(value);
        }
    }
    let entries = StructArray::try_new(fields.clone(), vec![Arc::new(names.finish()), Arc::new(values.finish())], None)?;
    let entry: FieldRef = entry.clone();
    let maps = MapArray::try_new(entry, OffsetBuffer::from_lengths(lengths), entries, texts.nulls().cloned(), *ordered)?;
    Ok(Arc::new(maps))
}

#[cfg(test)]
mod tests;
