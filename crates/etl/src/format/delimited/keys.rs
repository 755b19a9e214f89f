//! `[delimited]` as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::format::column_type::ColumnType;

/// What delimited text looks like.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::format) struct DelimitedKeys {
    /// A single ASCII character; `blanks` for any number of spaces and tabs; `places` when each column has its place (`at`).
    pub(super) delimiter: String,
    /// What quotes cells; empty when nothing does.
    #[serde(default = "double_quote")]
    pub(super) quote: String,
    /// Whether quoted cells may hold line ends. If not, a quote that does not close costs its own line and no other.
    #[serde(default)]
    pub(super) multiline: bool,
    /// Whether every line ends with a delimiter that separates nothing.
    #[serde(default)]
    pub(super) trailing_delimiter: bool,
    /// Whether rows may lack their last cells.
    #[serde(default)]
    pub(super) short_rows: bool,
    /// How many lines stand above the header, blank ones counted.
    #[serde(default)]
    pub(super) preamble: u32,
    /// What lines begin with that are neither header nor rows.
    pub(super) comment: Option<String>,
    /// What the first line of a header begins with, wherever it stands: lines above the first are the preamble, and each one
    /// further on begins a table of its own.
    #[serde(default)]
    pub(super) begins: Vec<String>,
    /// Whether a blank line ends a table.
    #[serde(default)]
    pub(super) blank_line_ends: bool,
    /// Regular expressions over the lines that are no rows, whose named groups belong to every row below them.
    #[serde(default)]
    pub(super) facts: Vec<String>,
    /// What each header row holds, from the first on; none for a file of rows alone.
    pub(super) header: Option<Vec<HeaderRow>>,
    /// What header rows hold by their first cells, in any order and number up to the first row.
    #[serde(default)]
    pub(super) labels: BTreeMap<String, HeaderRow>,
    /// What the rows directly above the first one of the header hold.
    #[serde(default)]
    pub(super) above: Vec<HeaderRow>,
    /// A regular expression that takes the names in the header apart, into groups `(?<name>…)` and `(?<unit>…)`. A name that it
    /// does not match has no unit in it.
    pub(super) names: Option<String>,
    /// What to call the words that names are made of, where `[a-z0-9_]` has no letters for them.
    #[serde(default)]
    pub(super) words: BTreeMap<String, String>,
    /// Names for the first columns of the rows, where the header leaves them out.
    #[serde(default)]
    pub(super) leading: Vec<String>,
    /// Cells that stand for no value, beside empty ones, compared as text.
    #[serde(default)]
    pub(super) nulls: Vec<String>,
    /// The decimal sign; a point where none is declared.
    pub(super) decimal: Option<char>,
    /// What sets thousands apart, if anything.
    pub(super) thousands: Option<char>,
    /// Whether quoted cells are text and all others numbers.
    #[serde(default)]
    pub(super) quoted_text: bool,
    pub(super) timestamp: Option<TimestampKeys>,
    /// What the file does not say of its columns; without a header row of names, all columns in their order.
    #[serde(default)]
    pub(super) columns: Vec<ColumnKeys>,
    /// The columns behind those, as many as the first row has.
    pub(super) rest: Option<RestKeys>,
    /// Each row is one value of one quantity.
    pub(super) long: Option<LongKeys>,
    /// The position of the cell that says which kind of row it is, where rows of several kinds come in any order.
    pub(super) kind: Option<usize>,
    /// The tables of files that hold several, each with what differs from the above.
    #[serde(default)]
    pub(super) tables: Vec<TableKeys>,
}

fn double_quote() -> String {
    "\"".to_owned()
}

/// One of several tables in a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableKeys {
    /// What `{table}` stands for; with `kind`, what the cell holds.
    pub(super) name: String,
    /// What the first line of its header begins with.
    #[serde(default)]
    pub(super) begins: Vec<String>,
    /// Whether nobody wants its rows.
    #[serde(default)]
    pub(super) skip: bool,
    pub(super) header: Option<Vec<HeaderRow>>,
    pub(super) timestamp: Option<TimestampKeys>,
    #[serde(default)]
    pub(super) columns: Vec<ColumnKeys>,
}

/// A row's time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimestampKeys {
    /// The columns that give it together, joined by a space.
    pub(super) columns: Vec<ColumnAt>,
    /// `iso8601`, `iso8601-or-year-last`, or a pattern (see [`crate::time`]); or several, of which any may fit.
    #[serde(default = "iso")]
    pub(super) format: OneOrMore,
    /// The order of day and month for `iso8601-or-year-last`, in files that do not show it.
    pub(super) date_order: Option<crate::time::DateOrder>,
    /// A regular expression over the header of the time's first column, with a group `(?<zone>…)` that holds an offset from UTC or
    /// a zone.
    pub(super) zone: Option<String>,
    /// The column with each row's offset from UTC in minutes, positive east of Greenwich.
    pub(super) offset_minutes: Option<ColumnAt>,
    /// The column with each row's offset from UTC, or with its zone.
    pub(super) zone_column: Option<ColumnAt>,
    /// What is in that column beside offsets and names of the time zone database, and what it stands for.
    #[serde(default)]
    pub(super) zones: BTreeMap<String, String>,
    /// The column with the time that has gone by since.
    pub(super) elapsed: Option<ElapsedKeys>,
    /// Rows from earlier years are none that the device can have measured.
    pub(super) year_min: Option<i16>,
}

fn iso() -> OneOrMore {
    OneOrMore::One("iso8601".to_owned())
}

/// One text or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    pub(super) fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::More(more) => more,
        }
    }
}

/// Time that a row counts from one that its file has.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ElapsedKeys {
    pub(super) column: ColumnAt,
    pub(super) unit: TimeUnit,
}

/// What elapsed time is counted in.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) enum TimeUnit {
    #[serde(rename = "ms")]
    Milliseconds,
    #[serde(rename = "s")]
    Seconds,
    #[serde(rename = "min")]
    Minutes,
    #[serde(rename = "h")]
    Hours,
}

impl TimeUnit {
    pub(super) fn seconds(self) -> f64 {
        match self {
            Self::Milliseconds => 1e-3,
            Self::Seconds => 1.0,
            Self::Minutes => 60.0,
            Self::Hours => 3600.0,
        }
    }
}

/// A column, by its name in the header, a part of its name with a `*` where the rest is, before it, behind it or both, or its 1-based
/// position.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum ColumnAt {
    Position(usize),
    Name(String),
}

impl ColumnAt {
    /// The index of the column among those that a file has, or why there is none.
    pub(super) fn find(&self, names: &[String]) -> Result<usize, String> {
        self.index(names).ok_or_else(|| match self {
            Self::Position(position) => format!("no column {position}: the header has {}", names.len()),
            Self::Name(name) => format!("no column {name:?} in the header, where the format expects one"),
        })
    }

    /// The index of the column among those that a file has.
    pub(super) fn index(&self, names: &[String]) -> Option<usize> {
        match self {
            Self::Position(position) => position.checked_sub(1).filter(|index| *index < names.len()),
            Self::Name(name) => {
                let is = |other: &String| match (name.strip_prefix('*'), name.strip_suffix('*')) {
                    (Some(end), Some(_)) => other.contains(end.trim_end_matches('*')),
                    (Some(end), None) => other.ends_with(end),
                    (None, Some(beginning)) => other.starts_with(beginning),
                    (None, None) => other == name,
                };
                names.iter().position(is)
            }
        }
    }
}

/// What a header row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct HeaderRow {
    pub(super) what: Holds,
    /// Whether as many rows as there are up to the first one with a time hold the same.
    pub(super) repeated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// Names; a second row of them is put behind the first.
    Names,
    Units,
    Process,
    /// The device of each column.
    Devices,
    /// Column widths, as `20d`.
    Widths,
    Skip,
}

impl Holds {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::Units => "units",
            Self::Process => "process",
            Self::Devices => "devices",
            Self::Widths => "widths",
            Self::Skip => "skip",
        }
    }
}

impl TryFrom<String> for HeaderRow {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let all = [Holds::Names, Holds::Units, Holds::Process, Holds::Devices, Holds::Widths, Holds::Skip];
        let plain = text.strip_suffix('*').unwrap_or(&text);
        let what = all.into_iter().find(|what| what.as_str() == plain);
        let names = all.map(Holds::as_str).join(", ");
        let what = what.ok_or_else(|| format!("a header row holds one of {names}, not {text:?}"))?;
        Ok(Self { what, repeated: plain.len() < text.len() })
    }
}

/// What the definition says of a column.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnKeys {
    /// As the header has it; without one, what to call the column.
    pub(super) name: String,
    /// What the table calls it.
    #[serde(rename = "as")]
    pub(super) called: Option<String>,
    #[serde(rename = "type", default)]
    pub(super) kind: ColumnType,
    /// Instead of the header's.
    pub(super) unit: Option<String>,
    /// Instead of the format's.
    #[serde(default)]
    pub(super) nulls: Vec<String>,
    /// Its characters on the line, with `delimiter = "places"`.
    pub(super) at: Option<String>,
    /// What its numbers are divided by: 10 when 215 stands for 21.5. Makes it a double.
    pub(super) divisor: Option<f64>,
}

/// Columns that nobody has given names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RestKeys {
    /// What to call them; each has its number behind it, from 1.
    pub(super) name: String,
    #[serde(rename = "type", default)]
    pub(super) kind: ColumnType,
}

/// Which columns of a row say what it is a value of.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LongKeys {
    pub(super) parameter: ColumnAt,
    pub(super) value: ColumnAt,
    pub(super) unit: Option<ColumnAt>,
}
