//! Rows of many uploads → one record batch in the table's form, day by day, within a day by device and time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringBuilder, TimestampMicrosecondArray, UInt32Array, new_null_array};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use jiff::Timestamp;

use crate::rows::{Kind, Part};
use crate::table::{DEVICE, INGESTED_AT, ROW, TS, UPLOAD};

const DAY_MICROSECONDS: i64 = 86_400_000_000;
/// 0001-01-01, the first day that every reader of tables knows.
const YEAR_1_MICROSECONDS: i64 = -62_135_596_800_000_000;

/// Rows in the order of the files to be.
#[derive(Debug)]
pub(crate) struct Arranged {
    pub(crate) rows: RecordBatch,
    /// Days since the Unix epoch, ascending, with the rows of each.
    pub(crate) days: Vec<(i32, Range<usize>)>,
    /// How many devices they are from.
    pub(crate) devices: usize,
}

/// Why a part cannot stand in a batch; `None` when it can. Parsers promise this, but the fault of one must not cost the rows of others.
pub(crate) fn flaw(part: &Part) -> Option<String> {
    let rows = part.ts.len();
    if part.device.len() != rows || part.row.len() != rows || part.columns.iter().any(|(_, values)| values.len() != rows) {
        return Some("columns of unequal length".to_owned());
    }
    if part.device.null_count() + part.ts.null_count() + part.row.null_count() > 0 {
        return Some("a row without device, time or line".to_owned());
    }
    let years = YEAR_1_MICROSECONDS..=moment(Timestamp::MAX);
    if !part.ts.values().iter().all(|ts| years.contains(ts)) {
        return Some("a time beyond the years that tables can hold".to_owned());
    }
    let mistyped = part.columns.iter().find(|(column, values)| *values.data_type() != data_type(column.kind));
    if let Some((column, values)) = mistyped {
        return Some(format!("column {} is {} instead of {:?}", column.name, values.data_type(), column.kind));
    }
    let mut names = BTreeSet::new();
    part.columns.iter().find(|(column, _)| !names.insert(&column.name)).map(|(column, _)| format!("two columns {}", column.name))
}

/// Arranges parts, each with the id of its upload, in the form of `schema`, which must have a place for all their columns.
pub(crate) fn arrange(schema: &SchemaRef, parts: &[(&str, &Part)], ingested_at: Timestamp) -> Result<Arranged, ArrowError> {
    let rows_in_all: usize = parts.iter().map(|(_, part)| part.ts.len()).sum();
    let order = order(parts)?;
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let column: ArrayRef = match field.name().as_str() {
            DEVICE => pick(parts, &order, |part| Arc::new(part.device.clone()))?,
            TS => pick(parts, &order, |part| Arc::new(part.ts.clone()))?,
            ROW => pick(parts, &order, |part| Arc::new(part.row.clone()))?,
            UPLOAD => uploads(parts, &order),
            INGESTED_AT => {
                let moments = TimestampMicrosecondArray::from_value(moment(ingested_at), rows_in_all);
                Arc::new(moments.with_timezone_utc())
            }
            name => metric(parts, &order, name, field.data_type())?,
        };
        columns.push(column);
    }
    Ok(Arranged {
        rows: RecordBatch::try_new(schema.clone(), columns)?,
        days: days(&order),
        devices: order.iter().map(|key| key.device).collect::<BTreeSet<_>>().len(),
    })
}

/// Where a row goes: ordered by day, device, time, and then as the rows came.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    day: i32,
    /// The device's place among the names of all devices.
    device: u32,
    ts: i64,
    /// The row's place among the rows of all parts.
    row: u32,
    part: u32,
}

fn order(parts: &[(&str, &Part)]) -> Result<Vec<Key>, ArrowError> {
    let names: BTreeSet<&str> = parts.iter().flat_map(|(_, part)| part.device.iter().flatten()).collect();
    let ranks: HashMap<&str, u32> = names.into_iter().zip(0..).collect();
    let mut keys = Vec::with_capacity(parts.iter().map(|(_, part)| part.ts.len()).sum());
    for ((_, part), number) in parts.iter().zip(0..) {
        for (device, ts) in part.device.iter().zip(part.ts.values()) {
            let device = device.and_then(|name| ranks.get(name)).copied().unwrap_or_default();
            let day = i32::try_from(ts.div_euclid(DAY_MICROSECONDS)).map_err(too_many)?;
            let row = u32::try_from(keys.len()).map_err(too_many)?;
            keys.push(Key { day, device, ts: *ts, row, part: number });
        }
    }
    keys.sort_unstable();
    Ok(keys)
}

fn days(order: &[Key]) -> Vec<(i32, Range<usize>)> {
    let mut at = 0;
    let mut days = Vec::new();
    for day in order.chunk_by(|a, b| a.day == b.day) {
        let rows = at..at + day.len();
        at = rows.end;
        days.extend(day.first().map(|key| (key.day, rows)));
    }
    days
}

fn pick(parts: &[(&str, &Part)], order: &[Key], column: impl Fn(&Part) -> ArrayRef) -> Result<ArrayRef, ArrowError> {
    let arrays: Vec<ArrayRef> = parts.iter().map(|(_, part)| column(part)).collect();
    let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    let rows: UInt32Array = order.iter().map(|key| key.row).collect::<Vec<_>>().into();
    take(&concat(&arrays)?, &rows, None)
}

/// A metric of all parts; null where a part has no such column, or no value in it.
fn metric(parts: &[(&str, &Part)], order: &[Key], name: &str, of: &DataType) -> Result<ArrayRef, ArrowError> {
    let values = |part: &Part| part.columns.iter().find(|(column, _)| column.name == name).map(|(_, values)| values.clone());
    pick(parts, order, |part| match values(part) {
        Some(values) if values.data_type() != &DataType::Null => values,
        _ => new_null_array(of, part.ts.len()),
    })
}

fn uploads(parts: &[(&str, &Part)], order: &[Key]) -> ArrayRef {
    let ids: BTreeMap<u32, &str> = (0..).zip(parts.iter().map(|(upload, _)| *upload)).collect();
    let mut column = StringBuilder::with_capacity(order.len(), order.len() * ulid::ULID_LEN);
    for key in order {
        column.append_value(ids.get(&key.part).copied().unwrap_or_default());
    }
    Arc::new(column.finish())
}

/// The Arrow type that a kind promises.
fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Double => DataType::Float64,
        Kind::Long => DataType::Int64,
        Kind::Boolean => DataType::Boolean,
        Kind::Text => DataType::Utf8,
        Kind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        Kind::Unknown => DataType::Null,
    }
}

/// A moment as tables hold it: microseconds since the Unix epoch.
pub(crate) fn moment(at: Timestamp) -> i64 {
    at.as_microsecond()
}

fn too_many(_: std::num::TryFromIntError) -> ArrowError {
    ArrowError::ComputeError("more rows or days than a batch can hold".to_owned())
}

#[cfg(test)]
mod tests;
