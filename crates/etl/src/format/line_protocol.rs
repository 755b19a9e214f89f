//! InfluxDB line protocol, after docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol.
//!
//! Each measurement is a table, each tag a column of text, each field a column of the type that its first value has; a row whose
//! field has another type is refused. Whether times are nanoseconds, as the protocol has it when nobody says otherwise, only the
//! format can say; a point without one has no time but that of its arrival, and is refused.

mod points;
mod table;

use std::collections::HashMap;

use points::Point;
use serde::Deserialize;
use table::Table;

use super::{Reading, Yield};
use crate::block;
use crate::rows::{Refusal, Refused};
use crate::zone::Local;

/// `[line_protocol]` as it is written.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineProtocol {
    /// What times count.
    #[serde(default)]
    precision: Precision,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Precision {
    #[default]
    Ns,
    Us,
    Ms,
    S,
}

impl Precision {
    /// Microseconds; what is finer is cut.
    fn micros(self, time: i64) -> Option<i64> {
        match self {
            Self::Ns => Some(time.div_euclid(1000)),
            Self::Us => Some(time),
            Self::Ms => time.checked_mul(1000),
            Self::S => time.checked_mul(1_000_000),
        }
    }
}

/// More measurements than this are no device's: one that writes a number or a time for a name would make a table a line.
const TABLES_MAX: usize = 256;
/// Each point has a cell in every column of its table, with a value or without: half a gigabyte.
const CELLS_MAX: usize = 64 << 20;

impl LineProtocol {
    /// All points of a file, table by table in the order of their first points.
    pub(super) fn read(self, reading: &Reading<'_>, local: &mut Local<'_>) -> Result<Yield, Refusal> {
        let mut tables: Vec<Table> = Vec::new();
        let mut by_name: HashMap<String, usize> = HashMap::new();
        let mut read = Yield::default();
        let mut cells = 0;
        let mut lines = reading.text.lines();
        for line in lines.by_ref() {
            if line.is_blank() || line.text.starts_with('#') {
                continue;
            }
            if tables.len() > TABLES_MAX {
                return Err(Refusal { reason: format!("more than {TABLES_MAX} measurements, each a table of its own") });
            }
            let added = match line.fault {
                Some(fault) => Err(fault.to_string()),
                None => Point::read(line.text).and_then(|point| {
                    let time = self.precision.micros(point.time).ok_or("its time is too far away for a table")?;
                    local.check(time)?;
                    let device = device(reading, &point)?;
                    let name = reading.format.table.name(&device, &point.measurement)?;
                    let at = *by_name.entry(name.clone()).or_insert(tables.len());
                    if at == tables.len() {
                        tables.push(Table::new(name));
                    }
                    let table = tables.get_mut(at).ok_or("its table is missing")?;
                    let before = table.cells();
                    table.add(&point, line.number, time, device, reading, local)?;
                    cells += table.cells() - before;
                    Ok(())
                }),
            };
            if cells > CELLS_MAX {
                return Err(Refusal { reason: format!("its points are too sparse for one table: more than {CELLS_MAX} cells") });
            }
            if let Err(reason) = added {
                read.refused.push(Refused { member: None, row: line.number, bytes: line.raw, reason });
            }
        }
        for table in tables {
            read.parts.extend(table.finish()?);
        }
        read.refused.extend(reading.text.tail().map(|bytes| block::tail(lines.number(), bytes)));
        Ok(read)
    }
}

/// The point's device: the tag that the format names, or what it says of the file.
fn device(reading: &Reading<'_>, point: &Point) -> Result<String, String> {
    let rule = &reading.format.device;
    let tag = rule.column().and_then(|name| point.tags.iter().find(|(key, _)| key == name));
    match tag {
        Some((_, value)) => block::device(value).map_err(|problem| format!("the device's name {problem}")),
        None => rule.device(reading.file, |_| String::new()),
    }
}

#[cfg(test)]
mod tests;
