//! Solar-Log's JavaScript data files: `m[mi++]="15.03.06 19:45:00|0;0;2421;0|0;0;0;4733"`, newest first, an inverter behind each `|`.
//!
//! What the numbers are follows from how many an inverter has, for its strings come in pairs: `min_day.js` and `minYYMMDD.js` have
//! `Pac;Pdc…;day's yield;Udc…`, and a temperature when they are odd in number; `days_hist.js`, and the files of months and years,
//! have the yield, and days the highest power beside it. Inverters have no names here but their places: each is a set of columns,
//! `inv1_pac`, `inv2_pac` and so on, so that a line of the file is a row of the table. Lines with other numbers of inverters or of
//! values than those before are parts of their own.

use super::{Reading, Yield};
use crate::block::{self, Field, Layout, Take};
use crate::column::Typing;
use crate::extra::check_columns;
use crate::name::Names;
use crate::rows::{Column, Kind, Refusal};
use crate::text::Line;
use crate::time::{Pattern, TimeFormat};
use crate::tokenise::{Separator, Syntax};
use crate::zone::Local;

use serde::Deserialize;

/// `[solar_log]` as it is written: it has no keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SolarLogKeys {}

/// Reads Solar-Log's files.
#[derive(Debug)]
pub(super) struct SolarLog {
    syntax: Syntax,
    minutes: TimeFormat,
    days: TimeFormat,
}

/// More shapes than this are no change of a plant: the file is damaged throughout.
const SHAPES_MAX: usize = 64;

/// What kind of line it is, and how many values each inverter has on it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shape {
    series: Series,
    values: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Series {
    Minutes,
    Days,
    Months,
    Years,
}

impl Series {
    /// The variables that the files fill.
    const ALL: [(&str, Self); 4] =
        [("m[mi++]=", Self::Minutes), ("da[dx++]=", Self::Days), ("mo[mx++]=", Self::Months), ("ye[yx++]=", Self::Years)];

    /// What `{table}` stands for.
    fn table(self) -> &'static str {
        match self {
            Self::Minutes => "minutes",
            Self::Days => "days",
            Self::Months => "months",
            Self::Years => "years",
        }
    }
}

impl Shape {
    /// The shape of a whole line; `None` for one that is no record, or that does not end as one.
    fn of(line: &str) -> Option<Self> {
        let line = line.trim_ascii();
        let (series, record) = Series::ALL.iter().find_map(|(begins, series)| Some((*series, line.strip_prefix(begins)?)))?;
        let record = record.strip_suffix(';').unwrap_or(record);
        let record = record.strip_prefix('"')?.strip_suffix('"')?;
        let mut inverters = record.split('|').skip(1).map(|inverter| inverter.split(';').count()).peekable();
        inverters.peek()?;
        Some(Self { series, values: inverters.collect() })
    }

    fn fields(&self) -> Vec<Field> {
        let mut names = Names::new();
        let mut fields = vec![Field::Skip, Field::Time(0)];
        for (values, inverter) in self.values.iter().zip(1..) {
            for (name, unit) in quantities(self.series, *values) {
                let original = format!("inv{inverter}_{name}");
                let name = names.column(&original, fields.len());
                let unit = unit.map(str::to_owned);
                let column = Column { name, original, unit, process: None, kind: Kind::Unknown };
                fields.push(Field::metric(column, Typing::Declared(Kind::Double)));
            }
        }
        fields
    }
}

/// The quantities of an inverter with so many values, and their units.
fn quantities(series: Series, values: usize) -> Vec<(String, Option<&'static str>)> {
    let plain = |name: &str, unit| (name.to_owned(), Some(unit));
    match (series, values) {
        (Series::Days, 2) => vec![plain("yield", "Wh"), plain("pac_max", "W")],
        (Series::Days | Series::Months | Series::Years, 1) => vec![plain("yield", "Wh")],
        (Series::Minutes, 4..) => {
            let has_temperature = values % 2 == 1;
            let strings = (values - 2) / 2;
            let of_strings = |name: &'static str, unit| (1..=strings).map(move |string| (format!("{name}{string}"), Some(unit)));
            let mut all = vec![plain("pac", "W")];
            all.extend(of_strings("pdc", "W"));
            all.push(plain("day_yield", "Wh"));
            all.extend(of_strings("udc", "V"));
            all.extend(has_temperature.then(|| plain("temperature", "°C")));
            all
        }
        // Meters and sensors have fewer values than an inverter, and what they are only base_vars.js says.
        _ => (1..=values).map(|value| (format!("value{value}"), None)).collect(),
    }
}

impl SolarLog {
    pub(super) fn new(_: &SolarLogKeys) -> Option<Self> {
        let syntax = Syntax { separator: Separator::AnyOf([b'|', b';', b'"']), quote: None, ..Syntax::delimited(b'|') };
        let pattern = |notation| Pattern::new(notation).ok().map(TimeFormat::Pattern);
        Some(Self { syntax, minutes: pattern("%d.%m.%y %H:%M:%S")?, days: pattern("%d.%m.%y")? })
    }

    /// All rows of a file, a part for each shape.
    pub(super) fn read(&self, reading: &Reading<'_>, local: &mut Local<'_>) -> Result<Yield, Refusal> {
        let refusal = |reason| Refusal { reason };
        let mut shapes: Vec<Shape> = Vec::new();
        for shape in reading.text.lines().filter_map(|line| Shape::of(line.text)) {
            if !shapes.contains(&shape) {
                shapes.push(shape);
            }
            if shapes.len() > SHAPES_MAX {
                return Err(refusal(format!("more than {SHAPES_MAX} numbers of inverters and values")));
            }
        }
        let device = reading.format.device.device(reading.file, |_| String::new()).map_err(refusal)?;
        let mut read = Yield::default();
        for shape in &shapes {
            check_columns(shape.values.iter().sum()).map_err(refusal)?;
            let table = reading.format.table.name(&device, shape.series.table()).map_err(refusal)?;
            let time = if shape.series == Series::Minutes { &self.minutes } else { &self.days };
            let layout = Layout::new(table, device.clone(), shape.fields(), reading.room(), &self.syntax, time.clone());
            let take = |line: &Line<'_>| if Shape::of(line.text).as_ref() == Some(shape) { Take::Row } else { Take::Pass };
            let outcome = block::read(&mut reading.text.lines(), &layout, local, take)?;
            read.parts.extend(outcome.parts);
            read.refused.extend(outcome.refused);
        }
        let mut lines = reading.text.lines();
        let take = |line: &Line<'_>| if Shape::of(line.text).is_none() { Take::Row } else { Take::Pass };
        read.refused.extend(block::refuse(&mut lines, "no whole record of a Solar-Log", take));
        read.refused.extend(reading.text.tail().map(|bytes| block::tail(lines.number(), bytes)));
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
