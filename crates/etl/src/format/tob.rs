//! Campbell Scientific TOB1, TOB2 and TOB3: a header in ASCII as TOA5 has it, then records of a fixed size. Source: LoggerNet instruction
//! manual, appendix B.2, and the frames of files that CardConvert has a twin of.
//!
//! Values are what CardConvert writes: TRUE is -1, eight booleans in a byte are eight digits with the highest first, four-byte floats are
//! their shortest decimal. Times show the logger's clock, which has no zone. A row's number counts the records in the file.

mod frames;
mod header;
mod types;

use frames::{Frames, Piece};
use header::Header;
use serde::Deserialize;

use super::{Reading, Yield};
use crate::extra::check_columns;
use crate::rows::{Kind, Refusal, Refused};
use crate::sheet::{self, Entry, Role, Row, Sheets, Unusable};
use crate::time::{Stamp, TimeFormat};
use crate::zone::Local;

/// `[tob]`, which has no keys: the header says everything.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tob {}

/// 1990-01-01, from which loggers count.
const EPOCH_SECONDS: i64 = 631_152_000;

impl Tob {
    /// All records of a file.
    pub(super) fn read(self, reading: &Reading<'_>, local: &mut Local<'_>) -> Result<Yield, Refusal> {
        let bytes = reading.file.bytes;
        let unusable = |problem: String| Refusal { reason: format!("the header: {problem}") };
        let header = Header::read(bytes).map_err(unusable)?;
        check_columns(header.columns.len()).map_err(unusable)?;
        let device = reading.format.device.device(reading.file, |field| header.field(field).to_owned()).map_err(unusable)?;
        let table = reading.format.table.name(&device, &header.table).map_err(unusable)?;
        let (parts, refused) = sheet::read(reading.room(), &TimeFormat::Iso, |sheets| {
            let mut refused = Vec::new();
            for piece in Frames::new(bytes, &header) {
                let (row, range, added) = match piece {
                    Piece::Broken { row, bytes, problem } => (row, bytes, Err(problem.into())),
                    Piece::Record(record) => {
                        let range = record.bytes.clone();
                        let read = Record { header: &header, at: record.time, number: record.number, row: record.row };
                        let data = bytes.get(range.clone()).unwrap_or_default();
                        (record.row, range, read.add(data, &device, &table, reading, sheets, local))
                    }
                };
                match added {
                    Ok(()) => {}
                    Err(Unusable::Row(reason)) => refused.push(Refused { member: None, row, bytes: range, reason }),
                    Err(Unusable::File(refusal)) => return Err(refusal),
                }
            }
            Ok(refused)
        })?;
        Ok(Yield { parts, refused, skipped: 0 })
    }
}

/// A record, about to be a row.
struct Record<'h> {
    header: &'h Header,
    /// What the clock showed, when its frame says so.
    at: Option<i64>,
    /// Its number, when its frame says so.
    number: Option<u32>,
    row: u64,
}

impl Record<'_> {
    fn add(
        &self,
        data: &[u8],
        device: &str,
        table: &str,
        reading: &Reading<'_>,
        sheets: &mut Sheets<'_>,
        local: &mut Local<'_>,
    ) -> Result<(), Unusable> {
        let header = self.header;
        let wall = match self.at {
            Some(at) => at,
            None => header.time.read(data).ok_or("the record's time cannot be read")?,
        };
        let time = local.utc(Stamp { wall, offset: None }).map_err(|fault| format!("the row's time: {fault}"))?;
        local.check(time)?;
        let mut values: Vec<Option<String>> = Vec::with_capacity(header.columns.len());
        for column in &header.columns {
            let value = column.of.read(data.get(column.at..).unwrap_or_default());
            values.push(value.map_err(|problem| format!("{}: {problem}", column.name))?);
        }
        let number = self.number.map(|number| number.to_string());
        let mut entries: Vec<Entry<'_>> = Vec::with_capacity(values.len() + 1);
        entries.extend(
            number
                .as_deref()
                .map(|number| Entry { unit: Some("RN"), ..Entry::declared(Role::Field, "RECORD", Kind::Long, number) }),
        );
        for (column, value) in header.columns.iter().zip(&values) {
            let (kind, value) = (column.of.kind(column.is_record), value.as_deref().unwrap_or_default());
            let own = Entry::declared(Role::Field, &column.key, kind, value);
            entries.push(Entry { unit: Some(&column.unit), process: Some(&column.process), ..own });
        }
        let row = Row { number: self.row, device: if device.is_empty() { reading.file.device } else { device }.to_owned(), time };
        sheets.add(table, row, &entries, local)
    }
}

#[cfg(test)]
mod tests;
