//! One kind of table, as a definition describes it: the keys of `[delimited]`, and of one of its tables over them.

use regex::Regex;

use super::keys::{ColumnAt, ColumnKeys, DelimitedKeys, HeaderRow, Holds, OneOrMore, TableKeys, TimestampKeys};
use super::naming::regex;
use crate::format::definition::Problems;
use crate::time::{Pattern, TimeFormat};
use crate::zone::Zone;

/// One kind of table.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) name: String,
    /// What the first line of its header begins with; empty for a table that begins where the file does.
    pub(super) begins: Vec<String>,
    pub(super) skip: bool,
    pub(super) header: Vec<HeaderRow>,
    pub(super) timing: Timing,
    pub(super) columns: Vec<ColumnKeys>,
}

/// Where a row's time is, and how it is written.
#[derive(Debug)]
pub(super) struct Timing {
    pub(super) keys: TimestampKeys,
    pub(super) format: TimeFormat,
    pub(super) zone: Option<Regex>,
    pub(super) zones: Vec<(String, Zone)>,
}

impl Form {
    /// The kinds of tables of a definition: one, or each of those that it lists.
    pub(super) fn all(keys: &DelimitedKeys, problems: &mut Problems<'_>) -> Option<Vec<Self>> {
        if keys.tables.is_empty() {
            return Some(vec![Self::one(keys, None, problems)?]);
        }
        if keys.kind.is_none() && keys.tables.iter().any(|table| table.begins.is_empty()) {
            problems.add("delimited.tables.begins", "says where a table begins, and every one needs it (or all of them `kind`)");
            return None;
        }
        let forms: Vec<Option<Self>> = keys.tables.iter().map(|table| Self::one(keys, Some(table), problems)).collect();
        forms.into_iter().collect()
    }

    fn one(keys: &DelimitedKeys, table: Option<&TableKeys>, problems: &mut Problems<'_>) -> Option<Self> {
        let header = table.and_then(|table| table.header.as_ref()).or(keys.header.as_ref());
        let header = match header {
            Some(rows) => rows.clone(),
            None if keys.labels.is_empty() => vec![HeaderRow { what: Holds::Names, repeated: false }],
            None => Vec::new(),
        };
        if header.iter().rev().skip(1).any(|row| row.repeated) || keys.above.iter().any(|row| row.repeated) {
            problems.add("delimited.header", "only the last header row can be repeated");
        }
        let columns = table.map(|table| &table.columns).filter(|columns| !columns.is_empty()).unwrap_or(&keys.columns).clone();
        let named = !keys.labels.is_empty() || header.iter().any(|row| row.what == Holds::Names);
        if !named && columns.is_empty() && keys.rest.is_none() {
            problems.add("delimited.columns", "without a header row of names every column must be given, in the file's order");
        }
        let timing = table.and_then(|table| table.timestamp.as_ref()).or(keys.timestamp.as_ref());
        let timing = match timing {
            Some(timing) => Timing::new(timing, problems),
            None => {
                problems.add("delimited.timestamp", "says where a row's time is");
                None
            }
        };
        Some(Self {
            name: table.map(|table| table.name.clone()).unwrap_or_default(),
            begins: table
                .map(|table| table.begins.clone())
                .filter(|begins| !begins.is_empty())
                .unwrap_or_else(|| keys.begins.clone()),
            skip: table.is_some_and(|table| table.skip),
            header,
            timing: timing?,
            columns,
        })
    }

    /// What the definition says of the column with this name in the header.
    pub(super) fn column(&self, name: &str) -> Option<&ColumnKeys> {
        self.columns.iter().find(|keys| keys.name == name)
    }
}

impl Timing {
    fn new(keys: &TimestampKeys, problems: &mut Problems<'_>) -> Option<Self> {
        if keys.columns.is_empty() {
            problems.add("delimited.timestamp.columns", "at least one is needed");
        }
        if keys.columns.contains(&ColumnAt::Position(0)) {
            problems.add("delimited.timestamp.columns", "positions count from 1");
        }
        let format = time_format(&keys.format, keys, problems);
        let zone = regex("delimited.timestamp.zone", keys.zone.as_deref(), &["zone"], problems);
        let mut zones = Vec::with_capacity(keys.zones.len());
        for (name, stands_for) in &keys.zones {
            let zone = Zone::named(stands_for).ok_or_else(|| format!("{stands_for:?} is neither a time zone nor an offset"));
            zones.push((name.clone(), problems.note("delimited.timestamp.zones", zone)?));
        }
        Some(Self { keys: keys.clone(), format: format?, zone: zone?, zones })
    }
}

fn time_format(written: &OneOrMore, keys: &TimestampKeys, problems: &mut Problems<'_>) -> Option<TimeFormat> {
    const KEY: &str = "delimited.timestamp.format";
    let one = |written: &String| match written.as_str() {
        "iso8601" => Ok(TimeFormat::Iso),
        "iso8601-or-year-last" => Ok(TimeFormat::IsoOrYearLast(keys.date_order)),
        notation => Pattern::new(notation).map(TimeFormat::Pattern),
    };
    let formats: Result<Vec<TimeFormat>, _> = written.as_slice().iter().map(one).collect();
    let mut formats = problems.note(KEY, formats)?;
    let mut orders = formats.iter().filter_map(TimeFormat::date_order);
    let first = orders.next();
    if orders.any(|order| Some(order) != first) {
        problems.add(KEY, "has the day first and the month first, and nothing says which of them a date is written in");
        return None;
    }
    if formats.len() == 1 { formats.pop() } else { Some(TimeFormat::Any(formats)) }
}
