//! One data file, from its first row group to what the table's manifest says of it.

use std::collections::HashMap;
use std::{fmt, mem};

use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use ::parquet::errors::{self, ParquetError};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::ColumnDescPtr;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Field, Float64Type, SchemaRef};
use arrow::error::ArrowError;
use iceberg::io::{FileWrite, OutputFile};
use iceberg::spec::{DataFile, PartitionKey};
use iceberg::{Error, ErrorKind, Result};

use super::chunk::Chunks;
use super::described::describe;
use super::zstd_level;
use crate::batch::Group;
use crate::packed::Dictionary;

/// A data file that is being written.
pub(super) struct File {
    output: OutputFile,
    write: Box<dyn FileWrite>,
    /// What it writes stays in memory until it is passed on.
    parquet: SerializedFileWriter<Vec<u8>>,
    writers: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    chunks: Chunks,
    /// For each column of doubles, by its field id, how many values are not a number.
    nans: HashMap<i32, u64>,
}

/// The leaves of a column: a map has two, all others that we make have one.
type Leaves = Vec<(ColumnDescPtr, ArrowColumnWriter)>;

impl File {
    pub(super) async fn create(output: OutputFile, schema: &SchemaRef, properties: &WriterProperties) -> Result<Self> {
        let chunks = Chunks::new(zstd_level()).map_err(failed)?;
        let writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties.clone())).map_err(failed)?;
        let (parquet, writers) = writer.into_serialized_writer().map_err(failed)?;
        let write = output.writer().await?;
        Ok(Self { output, write, parquet, writers, schema: schema.clone(), chunks, nans: HashMap::new() })
    }

    /// How long the file is by now.
    pub(super) fn bytes(&self) -> usize {
        self.parquet.bytes_written()
    }

    /// Writes a row group.
    pub(super) async fn write(&mut self, group: &Group<'_>) -> Result<()> {
        self.encode(group)?;
        self.pass_on().await
    }

    /// Ends the file, and says what is in it.
    pub(super) async fn close(mut self, partition: &PartitionKey) -> Result<DataFile> {
        let metadata = self.parquet.finish().map_err(failed)?;
        self.pass_on().await?;
        self.write.close().await?;
        let bytes = u64::try_from(self.bytes()).unwrap_or(u64::MAX);
        describe(self.output.location(), bytes, &metadata, partition, self.nans)
    }

    fn encode(&mut self, group: &Group<'_>) -> Result<()> {
        let columns = self.leaves().map_err(failed)?;
        let mut row_group = self.parquet.next_row_group().map_err(failed)?;
        for ((place, field), mut leaves) in self.schema.fields().iter().enumerate().zip(columns) {
            let dictionary = dictionary(group, place, field);
            let mut nans = 0;
            let arrays = dictionary.is_none().then(|| group.column(place)).into_iter().flatten();
            for array in arrays {
                let array = array.map_err(misfit)?;
                nans += nans_of(&array);
                for (values, (_, writer)) in compute_leaves(field, &array).map_err(failed)?.iter().zip(&mut leaves) {
                    writer.write(values).map_err(failed)?;
                }
            }
            for (column, writer) in leaves {
                if *field.data_type() == DataType::Float64 {
                    *self.nans.entry(column.self_type().get_basic_info().id()).or_default() += nans;
                }
                if let Some(dictionary) = &dictionary {
                    let (bytes, close) = self.chunks.make(dictionary, &column).map_err(failed)?;
                    row_group.append_column(&bytes, close).map_err(failed)?;
                } else {
                    let chunk = writer.close().map_err(failed)?;
                    chunk.append_to_row_group(&mut row_group).map_err(failed)?;
                }
            }
        }
        row_group.close().map_err(failed)?;
        Ok(())
    }

    /// The leaves of each column, with the writers of another row group.
    fn leaves(&self) -> errors::Result<Vec<Leaves>> {
        let form = self.parquet.schema_descr();
        let mut columns: Vec<Leaves> = self.schema.fields().iter().map(|_| Vec::new()).collect();
        let row_group = self.parquet.flushed_row_groups().len();
        for (leaf, writer) in self.writers.create_column_writers(row_group)?.into_iter().enumerate() {
            if let Some(column) = columns.get_mut(form.get_column_root_idx(leaf)) {
                column.push((form.column(leaf), writer));
            }
        }
        Ok(columns)
    }

    async fn pass_on(&mut self) -> Result<()> {
        self.write.write(mem::take(self.parquet.inner_mut()).into()).await
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("output", &self.output).finish_non_exhaustive()
    }
}

/// The dictionary of a column, where one is at hand.
fn dictionary(group: &Group<'_>, place: usize, field: &Field) -> Option<Dictionary> {
    let is_number = matches!(field.data_type(), DataType::Float64 | DataType::Int64);
    Dictionary::of(&group.packed(place).filter(|_| is_number)?)
}

fn nans_of(array: &dyn Array) -> u64 {
    let doubles = array.as_primitive_opt::<Float64Type>();
    let nans = doubles.map(|doubles| doubles.iter().flatten().filter(|value| value.is_nan()).count());
    u64::try_from(nans.unwrap_or_default()).unwrap_or(u64::MAX)
}

/// What will not pass.
fn misfit(error: ArrowError) -> Error {
    Error::new(ErrorKind::DataInvalid, "rows do not fit the table").with_source(error)
}

fn failed(error: ParquetError) -> Error {
    Error::new(ErrorKind::Unexpected, "write Parquet").with_source(error)
}
