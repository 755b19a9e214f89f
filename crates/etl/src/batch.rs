//! Rows of many uploads → the columns of the table, partition by partition, within one by device and time.
//!
//! Files hold their rows in order already, so what is sorted is runs of rows. They are given away column by column, and a column a
//! slice at a time, so that a batch is in memory once, packed, and not once more as it is written.

mod order;

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, Int64Array, PrimitiveArray, StringArray, StringBuilder,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::buffer::ScalarBuffer;
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use jiff::Timestamp;

use crate::extra;
use crate::packed::{Packed, Sequence, Stretch, Values, Whole, nulls};
use crate::rows::{Column, Kind, Part};
use crate::table::{DEVICE, INGESTED_AT, Partition, ROW, TS, UPLOAD, is_own};

use order::Run;
pub(crate) use order::Span;

/// Rows of one array at most.
const SLICE_ROWS: usize = 16 << 10;
/// 0001-01-01, the first day that every reader of tables knows.
const YEAR_1_MICROSECONDS: i64 = -62_135_596_800_000_000;

/// Some of the rows of a part, and the id of the upload that brought them.
#[derive(Clone, Debug)]
pub(crate) struct Rows<'p> {
    pub(crate) upload: &'p str,
    pub(crate) of: &'p Packed,
    pub(crate) rows: Range<usize>,
}

/// Rows in the order of the files to be.
#[derive(Debug)]
pub(crate) struct Arranged<'p> {
    schema: SchemaRef,
    parts: Vec<Rows<'p>>,
    /// For each part, which of the headers it has.
    headers: Vec<usize>,
    /// For each header and each field of the schema, the column that goes there.
    places: Vec<Vec<Option<usize>>>,
    /// The partitions, ascending, with the rows of each.
    pub(crate) spans: Vec<Span>,
    /// How many devices they are from.
    pub(crate) devices: usize,
    ingested_at: i64,
}

/// Arranges rows in the form of `schema`, which must have a place for all their columns.
pub(crate) fn arrange<'p>(
    schema: &SchemaRef,
    by: Partition,
    parts: Vec<Rows<'p>>,
    ingested_at: Timestamp,
) -> Result<Arranged<'p>, ArrowError> {
    let mut known: HashMap<*const Column, usize> = HashMap::new();
    let mut places = Vec::new();
    let mut headers = Vec::with_capacity(parts.len());
    for Rows { of, .. } in &parts {
        headers.push(*known.entry(of.columns.as_ptr()).or_insert_with(|| {
            let place = |field: &Arc<Field>| of.columns.iter().position(|column| column.name == *field.name());
            places.push(schema.fields().iter().map(place).collect());
            places.len() - 1
        }));
    }
    let names: BTreeSet<&str> = parts.iter().flat_map(|part| part.of.names(part.rows.clone())).collect();
    let devices = names.len();
    let spans = order::spans(by, &parts, &names.into_iter().zip(0..).collect())?;
    Ok(Arranged { schema: schema.clone(), parts, headers, places, spans, devices, ingested_at: moment(ingested_at) })
}

/// Rows of a partition that are written together, in their order.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    of: &'a Arranged<'a>,
    slices: Vec<Vec<Run>>,
}

impl Arranged<'_> {
    /// The form of the rows.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// About how many bytes a row takes, as it is packed.
    pub(crate) fn row_bytes(&self) -> usize {
        // Uploads of a row or two share what was packed together.
        let packed = self.parts.chunk_by(|a, b| std::ptr::eq(a.of, b.of)).filter_map(|parts| parts.first());
        let (bytes, rows) = packed.fold((0, 0), |(bytes, rows), part| (bytes + part.of.bytes(), rows + part.of.rows()));
        bytes / rows.max(1)
    }

    /// The rows of a partition in their order, so many together at most.
    pub(crate) fn groups(&self, span: &Span, rows_max: usize) -> impl Iterator<Item = Group<'_>> {
        order::slices(&span.runs, rows_max).map(|runs| Group { of: self, slices: order::slices(&runs, SLICE_ROWS).collect() })
    }
}

impl Group<'_> {
    /// The column at a place of the schema, some rows at a time.
    pub(crate) fn column(&self, place: usize) -> impl Iterator<Item = Result<ArrayRef, ArrowError>> {
        self.slices.iter().map(move |runs| self.of.column(place, runs))
    }

    /// The metric at a place of the schema as it is packed; `None` when it is not packed everywhere, or no metric.
    pub(crate) fn packed(&self, place: usize) -> Option<Vec<Stretch<'_>>> {
        if is_own(self.of.schema.field(place).name()) {
            return None;
        }
        let stretch = |run: &Run| match self.of.values(place, run) {
            None => Some((None, run.rows.clone())),
            Some(Values::Whole(whole)) => Some((Some(whole), run.rows.clone())),
            Some(Values::Array(array)) => (array.data_type() == &DataType::Null).then(|| (None, run.rows.clone())),
        };
        self.slices.iter().flatten().map(stretch).collect()
    }
}

impl<'p> Arranged<'p> {
    /// The values of a metric in the part that a run is of; `None` where it has no such column.
    fn values(&self, place: usize, run: &Run) -> Option<&'p Values> {
        let column = (*self.places.get(*self.headers.get(run.part)?)?.get(place)?)?;
        self.parts.get(run.part)?.of.values.get(column)
    }

    fn column(&self, place: usize, runs: &[Run]) -> Result<ArrayRef, ArrowError> {
        let field = self.schema.field(place);
        let rows = runs.iter().map(|run| run.rows.len()).sum();
        Ok(match field.name().as_str() {
            DEVICE => Arc::new(self.devices(runs, rows)),
            TS => Arc::new(TimestampMicrosecondArray::from(self.gather(runs, rows, |part| &part.ts)).with_timezone("+00:00")),
            ROW => Arc::new(Int64Array::from(self.gather(runs, rows, |part| &part.row))),
            UPLOAD => {
                let mut column = StringBuilder::with_capacity(rows, rows * ulid::ULID_LEN);
                for (run, part) in self.parts(runs) {
                    run.rows.clone().for_each(|_| column.append_value(part.upload));
                }
                Arc::new(column.finish())
            }
            INGESTED_AT => Arc::new(TimestampMicrosecondArray::from_value(self.ingested_at, rows).with_timezone_utc()),
            _ => self.metric(place, field.data_type(), runs, rows)?,
        })
    }

    /// Runs with the parts that they are of.
    fn parts<'a>(&'a self, runs: &'a [Run]) -> impl Iterator<Item = (&'a Run, &'a Rows<'a>)> {
        runs.iter().filter_map(|run| Some((run, self.parts.get(run.part)?)))
    }

    fn devices(&self, runs: &[Run], rows: usize) -> StringArray {
        let mut column = StringBuilder::with_capacity(rows, 0);
        for (run, part) in self.parts(runs) {
            // A run is of one device.
            let device = part.of.device(run.rows.start).unwrap_or_default();
            run.rows.clone().for_each(|_| column.append_value(device));
        }
        column.finish()
    }

    fn gather<'a>(&'a self, runs: &'a [Run], rows: usize, values: impl Fn(&'a Packed) -> &'a Sequence) -> Vec<i64> {
        let mut column = Vec::with_capacity(rows);
        for (run, part) in self.parts(runs) {
            column.extend(values(part.of).some(run.rows.clone()));
        }
        column
    }

    /// A metric of all runs; null where a part has no such column, or no value in it.
    fn metric(&self, place: usize, of: &DataType, runs: &[Run], rows: usize) -> Result<ArrayRef, ArrowError> {
        let values = |run: &Run| self.values(place, run);
        match of {
            DataType::Float64 => numbers::<Float64Type>(runs, rows, of, values, Whole::push_doubles),
            DataType::Int64 => numbers::<Int64Type>(runs, rows, of, values, Whole::push_longs),
            _ => {
                let is_map = matches!(of, DataType::Map(..));
                let carried = if is_map { &DataType::Utf8 } else { of };
                let arrays: Vec<ArrayRef> = runs.iter().map(|run| array(values(run), carried, &run.rows)).collect();
                let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
                let column = concat(&arrays)?;
                if is_map { extra::maps(column.as_string_opt().ok_or_else(mistyped)?, of) } else { Ok(column) }
            }
        }
    }
}

/// Numbers of all runs. `push` unpacks those that are packed.
fn numbers<'v, T: ArrowPrimitiveType>(
    runs: &[Run],
    rows: usize,
    of: &DataType,
    values: impl Fn(&Run) -> Option<&'v Values>,
    push: impl Fn(&Whole, Range<usize>, &mut Vec<T::Native>, &mut Vec<bool>),
) -> Result<ArrayRef, ArrowError> {
    let (mut column, mut valid) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    for run in runs {
        match values(run) {
            Some(Values::Whole(whole)) => push(whole, run.rows.clone(), &mut column, &mut valid),
            other => {
                let array = array(other, of, &run.rows);
                let numbers = array.as_primitive_opt::<T>().ok_or_else(mistyped)?;
                column.extend_from_slice(numbers.values());
                valid.extend((0..numbers.len()).map(|at| numbers.is_valid(at)));
            }
        }
    }
    Ok(Arc::new(PrimitiveArray::<T>::try_new(ScalarBuffer::from(column), nulls(&valid))?))
}

fn array(values: Option<&Values>, of: &DataType, rows: &Range<usize>) -> ArrayRef {
    values.map_or_else(|| new_null_array(of, rows.len()), |values| values.array(of, rows.clone()))
}

fn mistyped() -> ArrowError {
    ArrowError::SchemaError("a column of another type than its table's".to_owned())
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

/// The Arrow type that a kind promises.
pub(crate) fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Double => DataType::Float64,
        Kind::Long => DataType::Int64,
        Kind::Boolean => DataType::Boolean,
        Kind::Text | Kind::Extra => DataType::Utf8,
        Kind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        Kind::Unknown => DataType::Null,
    }
}

/// A moment as tables hold it: microseconds since the Unix epoch.
pub(crate) fn moment(at: Timestamp) -> i64 {
    at.as_microsecond()
}

#[cfg(test)]
mod tests;
