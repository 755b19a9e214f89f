//! Rows of a file before they are in a table, drawn as they will stand there.

use std::io::Write;
use std::sync::Arc;

use anyhow::Context as _;
use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use etl::{Column, Kind, Parsed, Part};

/// How many rows a part has.
pub(super) fn count(part: &Part) -> usize {
    part.ts.len()
}

/// Writes the first rows of each part, below the columns with their types and units.
pub(super) fn write(out: &mut impl Write, parsed: &Parsed, limit: usize) -> anyhow::Result<()> {
    for part in &parsed.parts {
        let rows = count(part).min(limit);
        writeln!(out, "table {}, {} rows by format {}", part.table, count(part), parsed.format)?;
        for (column, values) in &part.columns {
            writeln!(out, "  {}{}", column.name, described(column, values))?;
        }
        let batch = batch(part)?.slice(0, rows);
        writeln!(out, "{}", pretty_format_batches(&[batch]).context("draw the rows")?)?;
        if rows < count(part) {
            writeln!(out, "… {} more", count(part) - rows)?;
        }
    }
    Ok(())
}

/// The type, and what the column's comment in the table will say.
fn described(column: &Column, values: &ArrayRef) -> String {
    let of = match values.data_type() {
        _ if column.kind == Kind::Extra => "map<string,string>",
        DataType::Float64 => "double",
        DataType::Int64 => "long",
        DataType::Boolean => "boolean",
        DataType::Utf8 => "string",
        DataType::Timestamp(..) => "timestamptz",
        DataType::Null => "not known yet: no row has a value",
        _ => "other",
    };
    let unit = column.unit.as_ref().map(|unit| format!(", in {unit}")).unwrap_or_default();
    let process = column.process.as_ref().map(|process| format!(", {process}")).unwrap_or_default();
    format!(" {of} ({:?}{unit}{process})", column.original)
}

fn batch(part: &Part) -> anyhow::Result<RecordBatch> {
    let mut columns: Vec<(String, ArrayRef)> =
        vec![("device".to_owned(), Arc::new(part.device.clone())), ("ts".to_owned(), Arc::new(part.ts.clone()))];
    columns.extend(part.columns.iter().map(|(column, values)| (column.name.clone(), Arc::clone(values))));
    columns.push(("_row".to_owned(), Arc::new(part.row.clone())));
    let fields: Vec<Field> = columns.iter().map(|(name, values)| Field::new(name, values.data_type().clone(), true)).collect();
    let columns = columns.into_iter().map(|(_, values)| values).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).context("arrange the rows")
}
