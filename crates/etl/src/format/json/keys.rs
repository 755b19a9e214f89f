//! `[json]` as it is written.

use std::collections::HashMap;

use serde::Deserialize;

use super::{Condition, Declared, Fields, Json, Rule, Timestamp, Unit};
use crate::format::column_type::ColumnType;
use crate::format::definition::Problems;
use crate::json::{Path, Style};
use crate::time::{EpochUnit, Pattern, TimeFormat};

/// `[json]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JsonKeys {
    /// `lines` or `whole`; by the look of the text when left out.
    documents: Option<Style>,
    /// Where the rows are.
    #[serde(default = "document")]
    rows: String,
    /// Names of columns for what `.*` in `rows` stands for.
    #[serde(default)]
    keys: Vec<String>,
    /// Left out only with `receipt_time`.
    timestamp: Option<TimestampKeys>,
    /// What fills `{table}`.
    table: Option<String>,
    /// What must hold for a row to be wanted; others are counted as skipped.
    #[serde(default)]
    when: Vec<ConditionKeys>,
    /// Whether scalars that `columns` does not name are columns.
    #[serde(default = "yes")]
    flatten: bool,
    fields: Option<FieldsKeys>,
    #[serde(default)]
    columns: Vec<ColumnKeys>,
    /// Strings and numbers that stand for no value.
    #[serde(default)]
    nulls: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TimestampKeys {
    /// One, or several whose texts are joined by a space.
    paths: Vec<String>,
    /// A notation of `strftime`; ISO 8601 when left out.
    format: Option<String>,
    /// What a number counts, instead.
    epoch: Option<EpochUnit>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionKeys {
    path: String,
    #[serde(default)]
    is: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldsKeys {
    values: String,
    names: String,
    units: Option<String>,
    process: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnKeys {
    path: String,
    name: Option<String>,
    #[serde(default, rename = "type")]
    of: ColumnType,
    unit: Option<String>,
    unit_path: Option<String>,
    #[serde(default)]
    nulls: Vec<String>,
}

fn document() -> String {
    "$".to_owned()
}

fn yes() -> bool {
    true
}

impl Json {
    /// Checks the keys; `None` when a problem has been noted.
    pub(in crate::format) fn new(keys: JsonKeys, receipt_time: bool, problems: &mut Problems<'_>) -> Option<Self> {
        let rows = problems.note("json.rows", Path::new(&keys.rows));
        if let Some(rows) = &rows
            && !rows.absolute
        {
            problems.add("json.rows", "begins at the document, with $");
        }
        if let Some(rows) = &rows
            && keys.keys.len() > rows.wildcards()
        {
            problems.add("json.keys", "has more names than rows has .*");
        }
        if keys.timestamp.is_none() && !receipt_time {
            problems.add("json.timestamp", "is needed, unless receipt_time = true says that rows have the time of their arrival");
        }
        let timestamp = keys.timestamp.map(|keys| timestamp(keys, problems));
        let table = keys.table.map(|path| problems.note("json.table", Path::to_one(&path)));
        let when: Vec<Option<Condition>> = keys
            .when
            .into_iter()
            .map(|keys| Some(Condition { path: problems.note("json.when", Path::to_one(&keys.path))?, is: keys.is }))
            .collect();
        let fields = keys.fields.map(|keys| fields(&keys, problems));
        let mut columns = HashMap::new();
        let mut shared = Vec::new();
        for keys in keys.columns {
            let Some((path, rule)) = column(keys, problems) else { continue };
            let flat = path.flat();
            if path.absolute {
                shared.push((path, rule));
            } else if columns.insert(flat.clone(), rule).is_some() {
                problems.add("json.columns", format!("{flat:?} twice"));
            }
        }
        Some(Self {
            style: keys.documents,
            rows: rows?,
            keys: keys.keys,
            timestamp: settled(timestamp)?,
            table: settled(table)?,
            when: when.into_iter().collect::<Option<_>>()?,
            flatten: keys.flatten,
            fields: settled(fields)?,
            columns,
            shared,
            nulls: keys.nulls,
        })
    }
}

/// What was not asked for is as good as what was read; a problem is not.
fn settled<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

fn timestamp(keys: TimestampKeys, problems: &mut Problems<'_>) -> Option<Timestamp> {
    if keys.paths.is_empty() {
        problems.add("json.timestamp.paths", "at least one is needed");
    }
    let paths: Option<Vec<Path>> =
        keys.paths.iter().map(|path| problems.note("json.timestamp.paths", Path::to_one(path))).collect();
    let format = match (keys.format.as_deref(), keys.epoch) {
        (None | Some("iso8601"), None) => Some(TimeFormat::Iso),
        (None, Some(unit)) => Some(TimeFormat::Epoch(unit)),
        (Some(notation), None) => problems.note("json.timestamp.format", Pattern::new(notation)).map(TimeFormat::Pattern),
        (Some(_), Some(_)) => {
            problems.add("json.timestamp", "has either format or epoch");
            None
        }
    };
    Some(Timestamp { paths: paths?, format: format? })
}

fn fields(keys: &FieldsKeys, problems: &mut Problems<'_>) -> Option<Fields> {
    let values = problems.note("json.fields.values", Path::to_one(&keys.values));
    let names = problems.note("json.fields.names", Path::new(&keys.names));
    let units = keys.units.as_ref().map(|path| problems.note("json.fields.units", Path::new(path)));
    let process = keys.process.as_ref().map(|path| problems.note("json.fields.process", Path::new(path)));
    if names.as_ref().is_some_and(|names| !names.absolute) {
        problems.add("json.fields.names", "begins at the document, with $");
    }
    Some(Fields { values: values?.flat(), names: names?, units: settled(units)?, process: settled(process)? })
}

fn column(keys: ColumnKeys, problems: &mut Problems<'_>) -> Option<(Path, Rule)> {
    let path = problems.note("json.columns.path", Path::to_one(&keys.path))?;
    let unit = match (keys.unit, keys.unit_path) {
        (None, None) => Unit::None,
        (Some(unit), None) => Unit::Is(unit),
        (None, Some(at)) => Unit::At(problems.note("json.columns.unit_path", Path::to_one(&at))?),
        (Some(_), Some(_)) => {
            problems.add("json.columns", format!("{:?} has either unit or unit_path", keys.path));
            return None;
        }
    };
    let kind = match (keys.of, keys.of.declared()) {
        (_, Some(kind)) => Declared::Kind(kind),
        (ColumnType::Skip, None) => Declared::Skip,
        (_, None) => Declared::Auto,
    };
    let name = keys.name.unwrap_or_else(|| path.flat());
    Some((path, Rule { name, kind, unit, nulls: keys.nulls }))
}
