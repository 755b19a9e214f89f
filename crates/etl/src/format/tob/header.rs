//! The header's lines: environment, for framed files the frames, names, units, processing, types.

use std::ops::Range;

use super::types::{Order, Type, unsigned, wall};
use crate::column::excerpt;
use crate::format::toa5::HeaderField;
use crate::tokenise::{Syntax, tokenise};

/// The longest line of a header.
const LINE_BYTES_MAX: usize = 1 << 20;
const RECORD_BYTES_MAX: usize = 1 << 20;

/// What a header says.
#[derive(Debug)]
pub(super) struct Header {
    environment: Vec<String>,
    pub(super) table: String,
    /// `None` for TOB1, whose records stand one behind the other.
    pub(super) frames: Option<Framing>,
    pub(super) columns: Vec<Column>,
    pub(super) time: Clock,
    pub(super) record_bytes: usize,
    /// Where the records begin.
    pub(super) end: usize,
}

/// How records lie in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Framing {
    pub(super) bytes: usize,
    /// 12 in TOB3; 8 in TOB2, which has no record number.
    pub(super) header_bytes: usize,
    pub(super) stamp: u64,
    /// Microseconds from one record to the next.
    pub(super) interval: i64,
    /// Nanoseconds that a frame's fraction of a second counts.
    pub(super) resolution: u64,
}

#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// The name, told from that of an earlier column.
    pub(super) key: String,
    pub(super) unit: String,
    pub(super) process: String,
    pub(super) of: Type,
    /// Where it stands in a record.
    pub(super) at: usize,
    pub(super) is_record: bool,
}

/// Where TOB1 has a record's time.
#[derive(Debug, Default)]
pub(super) struct Clock {
    seconds: Option<Range<usize>>,
    nanos: Option<Range<usize>>,
}

impl Clock {
    pub(super) fn read(&self, record: &[u8]) -> Option<i64> {
        let number = |range: &Range<usize>| Some(unsigned(record.get(range.clone())?, Order::Low));
        let nanos = self.nanos.as_ref().map_or(Some(0), number)?;
        wall(number(self.seconds.as_ref()?)?, nanos)
    }
}

impl Header {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut at = 0;
        let environment = line(bytes, &mut at)?;
        let framed = match environment.first().map(String::as_str) {
            Some("TOB1") => None,
            Some("TOB2") => Some(8),
            Some("TOB3") => Some(12),
            _ => return Err("it does not begin with TOB1, TOB2 or TOB3".to_owned()),
        };
        if environment.len() < 8 {
            return Err(format!("{} fields in its first line, where there are 8", environment.len()));
        }
        let framing = match framed {
            None => None,
            Some(header_bytes) => Some((line(bytes, &mut at)?, header_bytes)),
        };
        let (names, units, process, types) =
            (line(bytes, &mut at)?, line(bytes, &mut at)?, line(bytes, &mut at)?, line(bytes, &mut at)?);
        let widths = [names.len(), units.len(), process.len(), types.len()];
        if widths.iter().any(|width| *width != names.len()) {
            let [names, units, process, types] = widths;
            return Err(format!("{names} names, {units} units, {process} kinds of processing and {types} types"));
        }
        let table = match &framing {
            None => environment.get(7).cloned(),
            Some((line, _)) => line.first().cloned(),
        };
        let mut header = Self {
            environment,
            table: table.unwrap_or_default(),
            frames: None,
            columns: Vec::with_capacity(names.len()),
            time: Clock::default(),
            record_bytes: 0,
            end: at,
        };
        for (((name, unit), process), of) in names.into_iter().zip(units).zip(process).zip(types) {
            header.add(name, unit, process, &of, framing.is_none())?;
        }
        if header.record_bytes == 0 || header.record_bytes > RECORD_BYTES_MAX {
            return Err(format!("records of {} bytes", header.record_bytes));
        }
        if framing.is_none() && header.time.seconds.is_none() {
            return Err("no column SECONDS, so its rows have no time".to_owned());
        }
        header.frames = match framing {
            None => None,
            Some((line, header_bytes)) => Some(Framing::read(&line, header_bytes, header.record_bytes)?),
        };
        Ok(header)
    }

    fn add(&mut self, name: String, unit: String, process: String, of: &str, tob1: bool) -> Result<(), String> {
        let of = Type::named(of).ok_or_else(|| format!("column {} has the unknown type {}", excerpt(&name), excerpt(of)))?;
        let at = self.record_bytes;
        self.record_bytes += of.bytes();
        let is_number = of.bytes() == 4 && matches!(of, Type::Whole { .. });
        match name.as_str() {
            "SECONDS" if tob1 && is_number && self.time.seconds.is_none() => self.time.seconds = Some(at..at + 4),
            "NANOSECONDS" if tob1 && is_number && self.time.nanos.is_none() => self.time.nanos = Some(at..at + 4),
            _ => {
                // Two quantities under one name are two columns, the second named for its place.
                let is_taken = self.columns.iter().any(|column| column.key == name);
                let key = if is_taken { format!("{name}_{}", self.columns.len() + 1) } else { name.clone() };
                let is_record = unit == "RN" || name == "RECORD";
                self.columns.push(Column { name, key, unit, process, of, at, is_record });
            }
        }
        Ok(())
    }

    /// A field of the first line, where TOA5 has it too.
    pub(super) fn field(&self, field: HeaderField) -> &str {
        let at = match field {
            HeaderField::Station => 1,
            HeaderField::Model => 2,
            HeaderField::Serial => 3,
            HeaderField::Os => 4,
            HeaderField::Program => 5,
            HeaderField::Signature => 6,
            HeaderField::Table => return &self.table,
        };
        self.environment.get(at).map_or("", String::as_str)
    }
}

impl Framing {
    /// From the second line: table, interval, size of frames, size of the table, validation stamp, resolution.
    fn read(line: &[String], header_bytes: usize, record_bytes: usize) -> Result<Self, String> {
        const FRAME_BYTES_MAX: usize = 1 << 24;
        const FOOTER_BYTES: usize = 4;
        let field = |at: usize| line.get(at).map_or("", |field| field.trim());
        let bytes: usize = field(2).parse().map_err(|_| format!("{} is no size of frames", excerpt(field(2))))?;
        if bytes < header_bytes + record_bytes + FOOTER_BYTES || bytes > FRAME_BYTES_MAX {
            return Err(format!("frames of {bytes} bytes for records of {record_bytes}"));
        }
        let stamp: u16 = field(4).parse().map_err(|_| format!("{} is no validation stamp", excerpt(field(4))))?;
        let interval = interval(field(1)).ok_or_else(|| format!("{} is no interval", excerpt(field(1))))?;
        let resolution = resolution(field(5)).ok_or_else(|| format!("{} is no resolution", excerpt(field(5))))?;
        Ok(Self { bytes, header_bytes, stamp: stamp.into(), interval, resolution })
    }
}

/// `5 MSEC` as microseconds; no unit means nanoseconds. 0 for tables that are not written at an interval.
fn interval(text: &str) -> Option<i64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let nanos: i64 = match unit.trim() {
        "" | "NSEC" => 1,
        "USEC" => 1_000,
        "MSEC" => 1_000_000,
        "SEC" => 1_000_000_000,
        "MIN" => 60_000_000_000,
        "HR" => 3_600_000_000_000,
        "DAY" => 86_400_000_000_000,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(nanos).map(|nanos| nanos / 1000)
}

/// `Sec100Usec` as nanoseconds.
fn resolution(text: &str) -> Option<u64> {
    let from = text.find(|character: char| character.is_ascii_digit())?;
    let rest = text.get(from..)?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = rest.split_at_checked(digits)?;
    let nanos = match unit.to_ascii_lowercase().as_str() {
        "nsec" => 1,
        "usec" => 1_000,
        "msec" => 1_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(nanos).filter(|nanos| *nanos <= 1_000_000_000)
}

/// The cells of the next line.
fn line(bytes: &[u8], at: &mut usize) -> Result<Vec<String>, String> {
    let rest = bytes.get(*at..).unwrap_or_default();
    let end = memchr::memchr(b'\n', rest).filter(|end| *end <= LINE_BYTES_MAX).ok_or("it is not complete")?;
    *at += end + 1;
    let line = rest.get(..end).unwrap_or_default();
    // Older programs write the degree sign of units as Latin-1.
    let text = std::str::from_utf8(line)
        .map_or_else(|_| encoding_rs::WINDOWS_1252.decode_without_bom_handling(line).0.into_owned(), str::to_owned);
    let syntax = Syntax::delimited(b',');
    let mut cells = Vec::new();
    tokenise(text.trim_end(), &syntax, &mut cells).map_err(|fault| fault.to_string())?;
    let cell = |text: String| match text.chars().any(char::is_control) {
        true => Err("holds control characters".to_owned()),
        false => Ok(text),
    };
    cells.iter().map(|value| cell(value.value().trim().to_owned())).collect()
}
