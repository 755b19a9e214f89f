//! SMA's "CSV1", of Sunny Explorer and Cluster Controller, and "CSV", of Sunny Beam: the file says its delimiter, its decimal sign, and how
//! its times are written.
//!
//! Above the rows stand, with the first cell empty, what each column is of: the device by its serial number, and the value's name; the
//! last of these lines says what kind of value it is. The line below them has the notation of the time and the units, and may change
//! from one file of a plant to the next. Columns are of the device whose serial number is above them: a line of a file with several
//! inverters is a row for each. The first row may lack cells (Cluster Controller manual, "CSV files"), and any row all those of the last
//! inverters: Sunny Explorer writes so what was before they were added.
//!
//! Sunny Beam also says how far its clock is from UTC, `TZO=1`, and with `DST` that it is put forward in summer. By which rule it does not
//! say: the zone that format or account declares decides, if it is that far from UTC in winter.

use serde::Deserialize;

use super::delimited::skip_separator_line;
use super::{Reading, Yield};
use crate::block::{self, Field, Layout, Metric, ShortRows, Take};
use crate::column::Typing;
use crate::extra::check_columns;
use crate::name::Names;
use crate::number::Decimal;
use crate::rows::{Column, Kind, Refusal};
use crate::text::{Line, Lines};
use crate::time::{Pattern, TimeFormat};
use crate::tokenise::{Syntax, tokenise};
use crate::zone::{Local, Place};

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
    notation: Notation,
    /// The lines whose first cell is empty.
    above: Vec<Vec<String>>,
    time: TimeFormat,
    units: Vec<String>,
}

/// What its first line says.
struct Notation {
    line: u64,
    syntax: Syntax,
    decimal: Decimal,
    offset: Option<ClockOffset>,
}

/// How far from UTC a clock is.
struct ClockOffset {
    /// As the file has it.
    hours: String,
    seconds: i64,
    /// Whether it is put forward in summer.
    summer: bool,
}

impl SmaCsv {
    /// All rows of a file, a part for each device.
    pub(super) fn read(&self, reading: &Reading<'_>, local: &mut Local<'_>) -> Result<Yield, Refusal> {
        let refusal = |reason| Refusal { reason };
        let mut lines = reading.text.lines();
        let mut read = Yield::default();
        if let Some(header) = Header::read(&mut lines).map_err(refusal)? {
            let place = header.place(&lines, reading, local).map_err(refusal)?;
            let layout = Layout { place, ..self.layout(&header, reading).map_err(refusal)? };
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
            decimal: header.notation.decimal,
            nulls: &self.nulls,
            short_rows: ShortRows::FirstAndWholeDevices,
            ..Layout::new(table, account, fields, reading.room(), &header.notation.syntax, header.time.clone())
        })
    }
}

impl Header {
    /// Reads what stands above the rows; `None` when the file ends within it.
    fn read(lines: &mut Lines<'_>) -> Result<Option<Self>, String> {
        skip_separator_line(lines);
        let Some(version) = lines.find(|line| !line.is_blank()) else { return Ok(None) };
        let notation = Notation::read(&version)?;
        let mut above: Vec<Vec<String>> = Vec::new();
        for line in lines.filter(|line| !line.is_blank()).take(HEADER_LINES_MAX) {
            let mut cells = Vec::new();
            let problem = |problem: String| format!("line {}: {problem}", line.number);
            line.fault.map_or(Ok(()), |fault| Err(problem(fault.to_string())))?;
            tokenise(line.text, &notation.syntax, &mut cells).map_err(|fault| problem(fault.to_string()))?;
            let cells: Vec<String> = cells.iter().map(|cell| cell.value().trim().to_owned()).collect();
            let first = cells.first().map_or("", String::as_str);
            if first.is_empty() {
                above.push(cells);
                continue;
            }
            if let [delimiter @ (b',' | b';' | b'\t'), ..] = line.text.as_bytes() {
                let found = char::from(*delimiter);
                return Err(problem(format!(
                    "{found:?} stands between cells, where line {} says another delimiter",
                    notation.line
                )));
            }
            let time = pattern(first).ok_or_else(|| problem(format!("{first:?} is not how times are written")))?;
            return Ok(Some(Self { notation, above, time, units: cells }));
        }
        Ok(None)
    }

    /// Where the times are, `lines` being the rows.
    fn place(&self, lines: &Lines<'_>, reading: &Reading<'_>, local: &Local<'_>) -> Result<Place, String> {
        let Some(offset) = &self.notation.offset else { return Ok(Place::Undeclared) };
        if !offset.summer {
            return Ok(Place::Offset(offset.seconds));
        }
        let mut cells = Vec::new();
        let first = lines.clone().find_map(|line| {
            tokenise(line.text, &self.notation.syntax, &mut cells).ok()?;
            self.time.read(cells.first()?.text)
        });
        // Without a row there is no time to read in a wrong zone.
        if first.is_none_or(|first| local.winter_offset(first) == Some(offset.seconds)) {
            return Ok(Place::Undeclared);
        }
        Err(format!(
            "line {} says that the clock is put forward in summer (DST), and in winter {} hours ahead of UTC (TZO), which zone {} is not: \
             add the plant's, as zone = \"Europe/Berlin\", to format {:?}, or to one of its own for this device, or declare it for the \
             account",
            self.notation.line,
            offset.hours,
            local.zone_name(),
            reading.format.name
        ))
    }
}

impl Notation {
    /// Reads `Version CSV1|Tool SE|Linebreaks CR/LF|Delimiter semicolon|Decimalpoint comma|Precision 3|Language de-DE|TZO=1|DST`, of which
    /// the language and what follows may be missing.
    fn read(version: &Line<'_>) -> Result<Self, String> {
        let parts = || version.text.split('|').map(|part| part.trim().trim_end_matches([';', ',']));
        let said = |key: &str| parts().find_map(|part| part.strip_prefix(key)).map(|value| value.trim().to_ascii_lowercase());
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
        let summer = parts().any(|part| part == "DST");
        let offset = match said("TZO=") {
            Some(hours) => {
                let seconds = seconds_of(&hours).ok_or_else(|| missing("offset from UTC"))?;
                Some(ClockOffset { hours, seconds, summer })
            }
            None => None,
        };
        Ok(Self { line: version.number, syntax: Syntax::delimited(delimiter), decimal, offset })
    }
}

/// Seconds in `1`, `-5` or `5.5` hours.
fn seconds_of(hours: &str) -> Option<i64> {
    const HOURS_MAX: i64 = 18;
    let (whole, part) = hours.split_once('.').unwrap_or((hours, "0"));
    let part = match part {
        "0" | "00" => 0,
        "25" => 15 * 60,
        "5" | "50" => 30 * 60,
        "75" => 45 * 60,
        _ => return None,
    };
    let hours: i64 = whole.parse().ok().filter(|hours: &i64| hours.abs() <= HOURS_MAX)?;
    Some(hours * 3600 + if whole.starts_with('-') { -part } else { part })
}

/// `dd.MM.yyyy HH:mm` as a pattern.
fn pattern(notation: &str) -> Option<TimeFormat> {
    const PARTS: [(&str, &str); 10] = [
        ("yyyy", "%Y"),
        ("YYYY", "%Y"),
        ("yy", "%y"),
        ("MM", "%m"),
        ("dd", "%d"),
        ("DD", "%d"),
        ("HH", "%H"),
        ("hh", "%I"),
        ("mm", "%M"),
        ("ss", "%S"),
    ];
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
