//! SMA's "CSV1", of Sunny Explorer and Cluster Controller: the file says its delimiter, its decimal sign, and how its times are written.
//!
//! Above the rows stand, with the first cell empty, what each column is of: the device by its serial number, and the value's name; the
//! last of these lines says what kind of value it is. The line below them has the notation of the time and the units, and may change
//! from one file of a plant to the next. Columns are of the device whose serial number is above them: a line of a file with several
//! inverters is a row for each. The first row may lack cells (Cluster Controller manual, "CSV files").

use serde::Deserialize;

use super::delimited::skip_separator_line;
use super::{Reading, Yield};
use crate::block::{self, Field, Layout, Metric, Take};
use crate::column::Typing;
use crate::extra::check_columns;
use crate::name::Names;
use crate::number::Decimal;
use crate::rows::{Column, Kind, Refusal};
use crate::text::{Line, Lines};
use crate::time::{Pattern, TimeFormat};
use crate::tokenise::{Syntax, tokenise};
use crate::zone::Local;

/// `[sma_csv]` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SmaCsv {
    /// Cells that stand for no value, beside empty ones.
    #[serde(default)]
    nulls: Vec<String>,
}

/// So many lines may stand above the rows.
const HEADER_LINES_MAX: usize = 64;

/// What the file says of itself.
struct Header {
    syntax: Syntax,
    decimal: Decimal,
    /// The lines whose first cell is empty.
    above: Vec<Vec<String>>,
    time: TimeFormat,
    units: Vec<String>,
}

impl SmaCsv {
    /// All rows of a file, a part for each device.
    pub(super) fn read(&self, reading: &Reading<'_>, local: &mut Local<'_>) -> Result<Yield, Refusal> {
        let refusal = |reason| Refusal { reason };
        let mut lines = reading.text.lines();
        let mut read = Yield::default();
        if let Some(header) = Header::read(&mut lines).map_err(refusal)? {
            let layout = self.layout(&header, reading).map_err(refusal)?;
            let outcome = block::read(&mut lines, &layout, local, |_| Take::Row)?;
            read.parts = outcome.parts;
            read.refused = outcome.refused;
        }
        read.refused.extend(reading.text.tail().map(|bytes| block::tail(lines.number(), bytes)));
        Ok(read)
    }

    fn layout<'f>(&'f self, header: &'f Header, reading: &Reading<'_>) -> Result<Layout<'f>, String> {
        let width = header.units.len();
        check_columns(width)?;
        let [.., names, kinds] = header.above.as_slice() else { return Err("no names stand above the rows".to_owned()) };
        let is_serial = |cell: &String| !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit());
        let serials = header.above.iter().find(|row| row.len() > 1 && row.iter().skip(1).all(is_serial));
        let account = reading.format.device.device(reading.file, |_| String::new())?;
        let table = reading.format.table.name(&account, "")?;
        let mut devices: Vec<String> = Vec::new();
        let mut taken: Vec<Names> = Vec::new();
        let mut fields = vec![Field::Time(0)];
        for index in 1..width {
            let of = |row: &Vec<String>| row.get(index).filter(|text| !text.is_empty()).cloned();
            let original = of(names).ok_or_else(|| format!("column {} has no name above it", index + 1))?;
            let serial = serials.and_then(of).unwrap_or_else(|| account.clone());
            let device = devices.iter().position(|device| *device == serial).unwrap_or_else(|| {
                devices.push(serial);
                taken.push(Names::new());
                devices.len() - 1
            });
            let name = taken.get_mut(device).map_or_else(String::new, |names| names.column(&original, index + 1));
            let column = Column { name, original, unit: of(&header.units), process: of(kinds), kind: Kind::Unknown };
            let metric = Metric { column, typing: Typing::ByValues, nulls: Vec::new(), divisor: None, device };
            fields.push(Field::Metric(metric));
        }
        Ok(Layout {
            devices,
            decimal: header.decimal,
            nulls: &self.nulls,
            short_rows: 1,
            ..Layout::new(table, account, fields, reading.room(), &header.syntax, header.time.clone())
        })
    }
}

impl Header {
    /// Reads what stands above the rows; `None` when the file ends within it.
    fn read(lines: &mut Lines<'_>) -> Result<Option<Self>, String> {
        skip_separator_line(lines);
        let Some(version) = lines.find(|line| !line.is_blank()) else { return Ok(None) };
        let (syntax, decimal) = notation(&version)?;
        let mut above: Vec<Vec<String>> = Vec::new();
        for line in lines.filter(|line| !line.is_blank()).take(HEADER_LINES_MAX) {
            let mut cells = Vec::new();
            let problem = |problem: String| format!("line {}: {problem}", line.number);
            line.fault.map_or(Ok(()), |fault| Err(problem(fault.to_string())))?;
            tokenise(line.text, &syntax, &mut cells).map_err(|fault| problem(fault.to_string()))?;
            let cells: Vec<String> = cells.iter().map(|cell| cell.value().trim().to_owned()).collect();
            let first = cells.first().map_or("", String::as_str);
            if first.is_empty() {
                above.push(cells);
                continue;
            }
            let time = pattern(first).ok_or_else(|| problem(format!("{first:?} is not how times are written")))?;
            return Ok(Some(Self { syntax, decimal, above, time, units: cells }));
        }
        Ok(None)
    }
}

/// Delimiter and decimal sign, from `Version CSV1|Tool SE|Linebreaks CR/LF|Delimiter semicolon|Decimalpoint comma|Precision 3`.
fn notation(version: &Line<'_>) -> Result<(Syntax, Decimal), String> {
    let said = |key: &str| {
        let value = version.text.split('|').find_map(|part| part.trim().strip_prefix(key));
        value.map(|value| value.trim().trim_end_matches([';', ',']).to_ascii_lowercase())
    };
    let missing = |key: &str| format!("line {} does not say the {key} in a way that is known", version.number);
    let delimiter = match said("Delimiter ").as_deref() {
        Some("semicolon") => b';',
        Some("comma") => b',',
        Some("tab" | "tabulator") => b'\t',
        _ => return Err(missing("delimiter")),
    };
    let decimal = match said("Decimalpoint ").as_deref() {
        Some("comma") => Decimal::Comma,
        Some("dot" | "point") => Decimal::Point,
        _ => return Err(missing("decimal sign")),
    };
    Ok((Syntax::delimited(delimiter), decimal))
}

/// `dd.MM.yyyy HH:mm` as a pattern.
fn pattern(notation: &str) -> Option<TimeFormat> {
    const PARTS: [(&str, &str); 8] =
        [("yyyy", "%Y"), ("yy", "%y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"), ("hh", "%I"), ("mm", "%M"), ("ss", "%S")];
    let mut pattern = notation.replace("tt", "%p");
    for (part, letter) in PARTS {
        pattern = pattern.replace(part, letter);
    }
    let letters = |text: &str| text.split('%').skip(1).all(|rest| !rest.chars().skip(1).any(char::is_alphabetic));
    if !letters(&pattern) {
        return None;
    }
    Pattern::new(&pattern).ok().map(TimeFormat::Pattern)
}

#[cfg(test)]
mod tests;
