//! InfluxDB line protocol, after docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol.
//!
//! Each measurement is a table, each tag a column of text, each field a column of the type that its first value has; a row whose
//! field has another type is refused. Whether times are nanoseconds, as the protocol has it when nobody says otherwise, only the
//! format can say; a point without one has no time but that of its arrival, and is refused unless the format takes that.

mod points;

use points::Point;
use serde::Deserialize;

use super::{Reading, Yield};
use crate::block;
use crate::rows::{Kind, Refusal, Refused};
use crate::sheet::{self, Entry, Role, Row, Sheets, Unusable};
use crate::text::{Line, Text};
use crate::time::TimeFormat;
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

    /// The line to add for a time that can be believed only if it counts something else.
    fn line_to_add(time: i64, local: &Local<'_>) -> Option<&'static str> {
        let lines = [
            (Self::S, "precision = \"s\""),
            (Self::Ms, "precision = \"ms\""),
            (Self::Us, "precision = \"us\""),
            (Self::Ns, "precision = \"ns\""),
        ];
        let is_believed = |unit: Self| unit.micros(time).is_some_and(|time| local.check(time).is_ok());
        lines.into_iter().find(|(unit, _)| is_believed(*unit)).map(|(_, line)| line)
    }
}

impl LineProtocol {
    /// All points of a file, table by table in the order of their first points.
    pub(super) fn read(self, reading: &Reading<'_>, local: &mut Local<'_>) -> Result<Yield, Refusal> {
        let (parts, refused) = sheet::read(reading.room(), &TimeFormat::Iso, |sheets| {
            let mut refused = Vec::new();
            for line in reading.text.lines() {
                if line.is_blank() || line.text.starts_with('#') {
                    continue;
                }
                let added = match line.fault {
                    Some(fault) => Err(fault.to_string().into()),
                    None => self.add(&line, reading, sheets, local),
                };
                match added {
                    Ok(()) => {}
                    Err(Unusable::File(refusal)) => return Err(refusal),
                    Err(Unusable::Row(reason)) => {
                        refused.push(Refused { member: None, row: line.number, bytes: line.raw, reason })
                    }
                }
            }
            refused.extend(block::tail_of(reading.text));
            Ok(refused)
        })?;
        Ok(Yield { parts, refused, skipped: 0 })
    }

    fn add(self, line: &Line<'_>, reading: &Reading<'_>, sheets: &mut Sheets<'_>, local: &mut Local<'_>) -> Result<(), Unusable> {
        let point = Point::read(line.text)?;
        let time = match point.time {
            Some(time) => self.precision.micros(time).ok_or("its time is too far away for a table")?,
            None => local.arrival()?,
        };
        local.check(time).map_err(|reason| match point.time.and_then(|time| Precision::line_to_add(time, local)) {
            Some(line) => format!("{reason}; with {line} below [line_protocol] it is believed"),
            None => reason,
        })?;
        let device = device(reading, &point)?;
        let table = reading.format.table.name(&device, &point.measurement)?;
        let device_tag = reading.format.device.column();
        let tags = point.tags.iter().filter(|(key, _)| Some(key.as_str()) != device_tag);
        let tags = tags.map(|(key, value)| Entry::declared(Role::Tag, key, Kind::Text, value));
        let fields = point.fields.iter().map(|field| Entry::declared(Role::Field, &field.key, field.kind, &field.value));
        let entries: Vec<Entry<'_>> = tags.chain(fields).collect();
        sheets.add(&table, Row { number: line.number, device, time }, &entries, local)
    }
}

/// Whether the first line is a point with a time that may be one, as it is in no other text.
pub(super) fn is_first_line_a_point(text: &Text<'_>) -> bool {
    /// Seconds have ten digits since 2001.
    const TIME_MIN: i64 = 1_000_000_000;
    let first = text.lines().find(|line| !line.is_blank() && !line.text.starts_with('#'));
    let point = first.filter(|line| line.fault.is_none()).and_then(|line| Point::read(line.text).ok());
    point.and_then(|point| point.time).is_some_and(|time| time >= TIME_MIN)
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
