//! Rows of files too long for memory, on disk between reading and writing. A spool has no name: nothing of it outlives the process.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek as _, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Field, Int64Type, Schema, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;

use crate::rows::{Column, Part};

/// The columns before the metrics: device, time and line.
const OWN: usize = 3;
/// So much is read from the disk at once.
const CHUNK_BYTES: usize = 256 << 10;

/// A file that parts are written to.
#[derive(Debug)]
pub(crate) struct Spool(Arc<File>);

/// A part that is in a spool.
#[derive(Clone, Debug)]
pub(crate) struct Spooled {
    pub(crate) table: String,
    pub(crate) columns: Arc<[Column]>,
    pub(crate) rows: usize,
    /// The line of its first row.
    pub(crate) line: i64,
    file: Arc<File>,
    /// Where it stands in the file.
    at: Range<u64>,
}

impl Spool {
    /// Makes one in that directory, which is made when it is not there.
    pub(crate) fn create(directory: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        Ok(Self(Arc::new(tempfile::tempfile_in(directory)?)))
    }

    /// Writes a part without flaw (see [`crate::batch::flaw`]), which is of no archive. `columns` are its columns.
    pub(crate) fn write(&mut self, part: &Part, columns: Arc<[Column]>) -> Result<Spooled, ArrowError> {
        let own: [ArrayRef; OWN] = [Arc::new(part.device.clone()), Arc::new(part.ts.clone()), Arc::new(part.row.clone())];
        let arrays: Vec<ArrayRef> = own.into_iter().chain(part.columns.iter().map(|(_, values)| values.clone())).collect();
        // Names are with the columns; here a place is enough.
        let field = |(at, array): (usize, &ArrayRef)| Field::new(at.to_string(), array.data_type().clone(), true);
        let schema = Arc::new(Schema::new(arrays.iter().enumerate().map(field).collect::<Vec<_>>()));
        let mut file: &File = &self.0;
        let start = file.seek(io::SeekFrom::End(0))?;
        let mut writer = StreamWriter::try_new(BufWriter::new(file), &schema)?;
        writer.write(&RecordBatch::try_new(schema, arrays)?)?;
        writer.into_inner()?.flush()?;
        let end = file.stream_position()?;
        let line = part.row.values().first().copied().unwrap_or_default();
        let (table, rows) = (part.table.clone(), part.ts.len());
        Ok(Spooled { table, columns, rows, line, file: self.0.clone(), at: start..end })
    }
}

impl Spooled {
    /// Reads the part back.
    pub(crate) fn read(&self) -> Result<Part, ArrowError> {
        let bytes = io::BufReader::with_capacity(CHUNK_BYTES, Section { file: &self.file, at: self.at.clone() });
        let batch = StreamReader::try_new(bytes, None)?.next().ok_or_else(lost)??;
        let (device, ts, row) = match batch.columns() {
            [device, ts, row, ..] => (device, ts, row),
            _ => return Err(lost()),
        };
        Ok(Part {
            table: self.table.clone(),
            member: None,
            device: device.as_string_opt::<i32>().ok_or_else(lost)?.clone(),
            ts: ts.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(lost)?.clone(),
            row: row.as_primitive_opt::<Int64Type>().ok_or_else(lost)?.clone(),
            columns: self.columns.iter().cloned().zip(batch.columns().iter().skip(OWN).cloned()).collect(),
        })
    }
}

fn lost() -> ArrowError {
    ArrowError::IpcError("a spool does not hold what was written to it".to_owned())
}

/// A stretch of a file that others read at the same time.
struct Section<'f> {
    file: &'f File,
    at: Range<u64>,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.at.end.saturating_sub(self.at.start)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let Some(buffer) = buffer.get_mut(..wanted) else { return Ok(0) };
        let read = self.file.read_at(buffer, self.at.start)?;
        self.at.start = self.at.start.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
