//! What a table's manifest says of a data file, from what the file says of itself.

use std::collections::HashMap;

use ::parquet::file::metadata::ParquetMetaData;
use ::parquet::file::statistics::Statistics;
use iceberg::spec::{DataContentType, DataFile, DataFileBuilder, DataFileFormat, Datum, PartitionKey, Schema, Type};
use iceberg::{Error, ErrorKind, Result};

/// Describes a file as the [specification](https://iceberg.apache.org/spec/#data-file-fields) asks. `nans` counts the values of each
/// column of doubles that are not a number, by field id.
pub(super) fn describe(
    path: &str,
    bytes: u64,
    metadata: &ParquetMetaData,
    partition: &PartitionKey,
    nans: HashMap<i32, u64>,
) -> Result<DataFile> {
    let (mut sizes, mut values, mut nulls) = (HashMap::new(), HashMap::new(), HashMap::new());
    let (mut lower, mut upper) = (HashMap::new(), HashMap::new());
    let chunks = metadata.row_groups().iter().flat_map(|group| group.columns());
    for chunk in chunks {
        let field = chunk.column_descr().self_type().get_basic_info();
        if !field.has_id() {
            continue;
        }
        let id = field.id();
        *sizes.entry(id).or_insert(0) += unsigned(chunk.compressed_size());
        *values.entry(id).or_insert(0) += unsigned(chunk.num_values());
        let Some(statistics) = chunk.statistics() else { continue };
        *nulls.entry(id).or_insert(0) += statistics.null_count_opt().unwrap_or_default();
        let (smallest, largest) = bounds(partition.schema(), id, statistics)?;
        keep(&mut lower, id, smallest, |new, old| new < old);
        keep(&mut upper, id, largest, |new, old| new > old);
    }
    let offsets = metadata.row_groups().iter().filter_map(|group| group.file_offset());
    DataFileBuilder::default()
        .content(DataContentType::Data)
        .file_path(path.to_owned())
        .file_format(DataFileFormat::Parquet)
        .partition(partition.data().clone())
        .partition_spec_id(partition.spec().spec_id())
        .record_count(unsigned(metadata.file_metadata().num_rows()))
        .file_size_in_bytes(bytes)
        .column_sizes(sizes)
        .value_counts(values)
        .null_value_counts(nulls)
        .nan_value_counts(nans)
        .lower_bounds(lower)
        .upper_bounds(upper)
        .split_offsets(Some(offsets.collect()))
        .build()
        .map_err(|error| Error::new(ErrorKind::DataInvalid, "a data file cannot be described").with_source(error))
}

/// What no value of a chunk is below or above: the smallest and the largest, or of a long text a beginning that is still a bound. Parquet's
/// plain encoding of a bound is Iceberg's single-value serialization of it, for the types that our tables have.
fn bounds(schema: &Schema, id: i32, statistics: &Statistics) -> Result<(Option<Datum>, Option<Datum>)> {
    let Some(Type::Primitive(of)) = schema.field_by_id(id).map(|field| field.field_type.as_ref()) else {
        return Ok((None, None));
    };
    let datum = |bytes: Option<&[u8]>| bytes.map(|bytes| Datum::try_from_bytes(bytes, of.clone())).transpose();
    Ok((datum(statistics.min_bytes_opt())?, datum(statistics.max_bytes_opt())?))
}

fn keep(bounds: &mut HashMap<i32, Datum>, id: i32, new: Option<Datum>, reaches_further: impl Fn(&Datum, &Datum) -> bool) {
    let Some(new) = new else { return };
    if bounds.get(&id).is_none_or(|old| reaches_further(&new, old)) {
        bounds.insert(id, new);
    }
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}
