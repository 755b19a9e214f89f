//! Data logging files of Mitsubishi MELSEC high speed data loggers and CPU modules: the first line says on which lines the columns' types
//! and names and the first row stand, and the types say how times and numbers are written (QJ81DL96 manual, 3.6; iQ-R, appendix 9).
//!
//! Whole numbers are doubles like all others, `[HEX]` and strings text, `BIT[1;0]` boolean. A file of commas is `CSV`, one of tabs in
//! UTF-16 is what the manuals call Unicode text. Where the name of the time says its offset, `TIME(UTC+09:00)`, it holds.

use serde::Deserialize;

use super::{Reading, Yield};
use crate::block::{self, Field, Layout, Take};
use crate::column::Typing;
use crate::extra::check_columns;
use crate::name::Names;
use crate::rows::{Column, Kind, Refusal};
use crate::text::{Line, Text};
use crate::time::{Pattern, TimeFormat};
use crate::tokenise::{Syntax, tokenise};
use crate::zone::{Local, Place};

/// `[melsec]` as it is written: it has no keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Melsec {}

/// Where a file has what, by 1-based lines.
struct Places {
    syntax: Syntax,
    types: u64,
    names: u64,
    rows: u64,
}

impl Melsec {
    /// All rows of a file.
    pub(super) fn read(&self, reading: &Reading<'_>, local: &mut Local<'_>) -> Result<Yield, Refusal> {
        let refusal = |reason| Refusal { reason };
        let places = Places::read(reading.text).map_err(refusal)?;
        let mut read = Yield::default();
        let mut lines = reading.text.lines();
        if reading.text.lines().count() >= usize::try_from(places.rows).unwrap_or(usize::MAX) {
            let layout = layout(&places, reading).map_err(refusal)?;
            let take = |line: &Line<'_>| if line.number < places.rows { Take::Pass } else { Take::Row };
            let outcome = block::read(&mut lines, &layout, local, take)?;
            read.parts = outcome.parts;
            read.refused = outcome.refused;
        }
        read.refused.extend(reading.text.tail().map(|bytes| block::tail(lines.number(), bytes)));
        Ok(read)
    }
}

impl Places {
    /// Reads `[LOGGING],QD81DL96_1,2,3,4`.
    fn read(text: &Text<'_>) -> Result<Self, String> {
        const KEY: &str = "[LOGGING]";
        let first = text.lines().next().map_or("", |line| line.text).trim_start_matches('\u{feff}');
        let rest = first.strip_prefix(KEY).ok_or("it does not begin with [LOGGING]")?;
        let delimiter = match rest.as_bytes().first() {
            Some(delimiter @ (b',' | b'\t' | b';')) => *delimiter,
            _ => return Err("nothing that separates cells follows [LOGGING]".to_owned()),
        };
        let mut numbers = rest.split(char::from(delimiter)).skip(2).map(|cell| cell.trim().parse::<u64>().ok());
        let mut next = || numbers.next().flatten().filter(|line| *line > 1);
        let (Some(types), Some(names), Some(rows)) = (next(), next(), next()) else {
            return Err("its first line does not say where types, names and rows are".to_owned());
        };
        if rows <= types || rows <= names || types == names {
            return Err(format!("its first line has types on line {types}, names on line {names} and rows from line {rows} on"));
        }
        Ok(Self { syntax: Syntax::delimited(delimiter), types, names, rows })
    }

    fn cells(&self, text: &Text<'_>, number: u64) -> Result<Vec<String>, String> {
        let line = text.lines().find(|line| line.number == number).ok_or_else(|| format!("no line {number}"))?;
        let problem = |problem: String| format!("line {number}: {problem}");
        line.fault.map_or(Ok(()), |fault| Err(problem(fault.to_string())))?;
        let mut cells = Vec::new();
        tokenise(line.text, &self.syntax, &mut cells).map_err(|fault| problem(fault.to_string()))?;
        Ok(cells.iter().map(|cell| cell.value().trim().to_owned()).collect())
    }
}

fn layout<'p>(places: &'p Places, reading: &Reading<'_>) -> Result<Layout<'p>, String> {
    let types = places.cells(reading.text, places.types)?;
    let names = places.cells(reading.text, places.names)?;
    if types.len() != names.len() {
        return Err(format!("{} types, but {} names", types.len(), names.len()));
    }
    check_columns(names.len())?;
    let device = reading.format.device.device(reading.file, |_| String::new())?;
    let table = reading.format.table.name(&device, "")?;
    let mut time = None;
    let mut place = Place::Undeclared;
    let mut taken = Names::new();
    let mut fields = Vec::with_capacity(names.len());
    for (index, (written, original)) in types.iter().zip(names).enumerate() {
        let (word, detail) =
            written.split_once('[').map_or((written.as_str(), ""), |(word, rest)| (word, rest.trim_end_matches(']')));
        if word == "DATETIME" && time.is_none() {
            time = Some(pattern(detail).ok_or_else(|| format!("{written:?} is not how times are written"))?);
            let offset = original.split_once("UTC").map(|(_, offset)| offset.trim_end_matches(')'));
            place = offset.and_then(Place::read).unwrap_or_default();
            fields.push(Field::Time(0));
            continue;
        }
        let name = taken.column(&original, index + 1);
        let column = Column { name, original, unit: None, process: None, kind: Kind::Unknown };
        fields.push(Field::metric(column, typing(word, detail)));
    }
    let time = time.ok_or("no column is of type DATETIME, so its rows have no time")?;
    Ok(Layout { place, ..Layout::new(table, device, fields, reading.room(), &places.syntax, time) })
}

/// What a type of the file is here; of one that is not known the values decide.
fn typing(word: &str, detail: &str) -> Typing {
    let kind = match word {
        "BIT" if matches!(detail, "1;0" | "1,0" | "") => Kind::Boolean,
        "BIT" | "STRING" | "RAW" | "TRIGGER" => Kind::Text,
        _ if detail.starts_with("HEX") => Kind::Text,
        "SHORT" | "USHORT" | "LONG" | "ULONG" | "FLOAT" | "DOUBLE" | "INTERVAL" => Kind::Double,
        "INDEX" => Kind::Long,
        _ => return Typing::ByValues,
    };
    Typing::Declared(kind)
}

/// `YYYY/MM/DD hh:mm:ss.sss` as a pattern.
fn pattern(notation: &str) -> Option<TimeFormat> {
    const PARTS: [(&str, &str); 7] =
        [("YYYY", "%Y"), ("YY", "%y"), ("MM", "%m"), ("DD", "%d"), ("hh", "%H"), ("mm", "%M"), ("ss", "%S")];
    let notation = if notation.is_empty() { "YYYY/MM/DD hh:mm:ss.s" } else { notation };
    // The fraction of the second is written as many s behind a point or a comma.
    let is_fraction = |rest: &str| rest.len() > 1 && rest.bytes().skip(1).all(|letter| letter == b's');
    let (whole, fraction) = match notation.rfind(['.', ',']).and_then(|at| notation.split_at_checked(at)) {
        Some((whole, rest)) if is_fraction(rest) => (whole, "%.f"),
        _ => (notation, ""),
    };
    let whole = PARTS.iter().fold(whole.to_owned(), |pattern, (part, letter)| pattern.replace(part, letter));
    Pattern::new(&format!("{whole}{fraction}")).ok().map(TimeFormat::Pattern)
}

#[cfg(test)]
mod tests;
