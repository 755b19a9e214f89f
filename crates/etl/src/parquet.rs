//! Arranged rows → Parquet files of a table, one or more for each partition.
//!
//! Column chunks of rounded numbers are made here ([`chunk`]), all others by the parquet crate.

mod chunk;
mod described;
mod file;
mod hybrid;
mod values;

use ::parquet::basic::{Compression, Encoding, ZstdLevel};
use ::parquet::file::metadata::SortingColumn;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::schema::types::ColumnPath;
use futures::stream::{self, StreamExt, TryStreamExt};
use iceberg::spec::{DataFile, DataFileFormat, PartitionKey, PrimitiveType, Schema, Struct, Type};
use iceberg::table::Table;
use iceberg::writer::file_writer::location_generator::{
    DefaultFileNameGenerator, DefaultLocationGenerator, FileNameGenerator, LocationGenerator,
};
use iceberg::{Error, ErrorKind};

use crate::batch::{Arranged, Span};
use crate::table::{DEVICE, Partition, ROW, TS};
use file::File;

const FILE_BYTES_TARGET: usize = 512 << 20;
/// A dictionary is written once a row group: the more rows, the less it costs. Readers skip row groups: the fewer rows, the more of them.
const ROW_GROUP_ROWS: usize = 320 << 10;
/// A row group is held in memory until it is whole: of rows that are long, it has fewer.
const ROW_GROUP_BYTES: usize = 64 << 20;
/// What dictionaries leave is hardly smaller at level 3, by 2 % at most on loggers' files, and its contexts take more memory.
const ZSTD_LEVEL: i32 = 1;
/// Files written at the same time, and the rows that they hold together.
const SPANS_AT_ONCE: usize = 8;
const OPEN_ROWS_MAX: usize = 64 << 10;

/// How much is written together.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    row_group_rows: usize,
    /// A file as long as that is ended.
    file_bytes: usize,
}

/// Writes rows under names that begin with `name`, which nobody else uses. The files belong to no table until they are committed.
pub(crate) async fn write(table: &Table, arranged: &Arranged<'_>, name: &str) -> iceberg::Result<Vec<DataFile>> {
    let row_group_rows = (ROW_GROUP_BYTES / arranged.row_bytes().max(1)).clamp(1, ROW_GROUP_ROWS);
    write_in(Sizes { row_group_rows, file_bytes: FILE_BYTES_TARGET }, table, arranged, name).await
}

async fn write_in(sizes: Sizes, table: &Table, arranged: &Arranged<'_>, name: &str) -> iceberg::Result<Vec<DataFile>> {
    let metadata = table.metadata();
    let schema = metadata.current_schema();
    let spec = metadata.default_partition_spec();
    let by = partition(table)?;
    let properties = properties(schema, arranged.devices);
    let folders = DefaultLocationGenerator::new(metadata)?;
    let names = DefaultFileNameGenerator::new(name.to_owned(), None, DataFileFormat::Parquet);
    let spans = arranged.spans.iter().map(|span| {
        let partition = Struct::from_iter([Some(by.literal(span.number))]);
        let partition = PartitionKey::new(spec.as_ref().clone(), schema.clone(), partition);
        let (properties, folders, names) = (&properties, &folders, &names);
        async move {
            let mut written = Vec::new();
            let mut open = None;
            for group in arranged.groups(span, sizes.row_group_rows) {
                let mut file = match open.take() {
                    Some(file) => file,
                    None => {
                        let path = folders.generate_location(Some(&partition), &names.generate_file_name());
                        File::create(table.file_io().new_output(path)?, arranged.schema(), properties).await?
                    }
                };
                file.write(&group).await?;
                if file.bytes() < sizes.file_bytes {
                    open = Some(file);
                } else {
                    written.push(file.close(&partition).await?);
                }
            }
            if let Some(file) = open {
                written.push(file.close(&partition).await?);
            }
            Ok::<_, Error>(written)
        }
    });
    // Small ones together, so that a batch over many days waits for storage once and not day by day; large ones one by one, for each
    // holds a row group while it waits.
    let rows = arranged.spans.iter().map(Span::rows).max().unwrap_or_default();
    let at_once = (OPEN_ROWS_MAX / rows.max(1)).clamp(1, SPANS_AT_ONCE);
    // All are made before the first is driven: a stream that makes them on its way is not `Send`.
    let spans: Vec<_> = spans.collect();
    let files: Vec<Vec<DataFile>> = stream::iter(spans).buffer_unordered(at_once).try_collect().await?;
    Ok(files.into_iter().flatten().collect())
}

/// The partition that a table's files keep to.
pub(crate) fn partition(table: &Table) -> iceberg::Result<Partition> {
    let metadata = table.metadata();
    let by = Partition::of(metadata.default_partition_spec(), metadata.current_schema());
    by.ok_or_else(|| {
        Error::new(ErrorKind::DataInvalid, "the table is not partitioned by the day or month of ts, and by that alone")
    })
}

/// How rows of this table are stored. Sensors give rounded numbers that repeat, for which a dictionary is the best encoding by far;
/// byte stream split is for columns whose dictionary grew too large. Times and line numbers climb: for these it is deltas.
fn properties(schema: &Schema, devices: usize) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("inlet ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(zstd_level()))
        .set_statistics_enabled(EnabledStatistics::Page);
    let mut sorted_by = Vec::new();
    for (field, position) in schema.as_struct().fields().iter().zip(0..) {
        let column = || ColumnPath::new(vec![field.name.clone()]);
        if [DEVICE, TS].contains(&field.name.as_str()) {
            sorted_by.push(SortingColumn { column_idx: position, descending: false, nulls_first: true });
        }
        let climbs = field.name == ROW || *field.field_type == Type::Primitive(PrimitiveType::Timestamptz);
        properties = match *field.field_type {
            _ if climbs => {
                let deltas = properties.set_column_encoding(column(), Encoding::DELTA_BINARY_PACKED);
                deltas.set_column_dictionary_enabled(column(), false)
            }
            Type::Primitive(PrimitiveType::Double) => properties.set_column_encoding(column(), Encoding::BYTE_STREAM_SPLIT),
            Type::Primitive(PrimitiveType::Long) => properties.set_column_encoding(column(), Encoding::DELTA_BINARY_PACKED),
            _ => properties,
        };
    }
    let device = || ColumnPath::from(DEVICE);
    properties
        .set_sorting_columns(Some(sorted_by))
        .set_column_bloom_filter_enabled(device(), true)
        .set_column_bloom_filter_ndv(device(), u64::try_from(devices).unwrap_or(u64::MAX).max(1))
        .build()
}

fn zstd_level() -> ZstdLevel {
    ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default()
}

/// Removes files that no commit can refer to any more. One that stays costs space and nothing else.
pub(crate) async fn discard(table: &Table, files: &[DataFile]) {
    let paths: Vec<String> = files.iter().map(|file| file.file_path().to_owned()).collect();
    if let Err(error) = table.file_io().delete_stream(stream::iter(paths)).await {
        tracing::warn!(%error, table = table.identifier().name(), "data files that nobody refers to stay");
    }
}

#[cfg(test)]
mod tests;
