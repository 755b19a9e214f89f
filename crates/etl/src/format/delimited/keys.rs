//! `[delimited]` as it is written.

use serde::Deserialize;

/// What delimited text looks like.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::format) struct DelimitedKeys {
    /// A single ASCII character.
    pub(super) delimiter: char,
    /// Whether `"` quotes cells.
    #[serde(default = "yes")]
    pub(super) quoted: bool,
    /// Whether quoted cells may hold line ends. If not, a quote that does not close costs its own line and no other.
    #[serde(default)]
    pub(super) multiline: bool,
    /// Whether every line ends with a delimiter that separates nothing.
    #[serde(default)]
    pub(super) trailing_delimiter: bool,
    /// How many lines stand above the header, blank ones counted.
    #[serde(default)]
    pub(super) preamble: u32,
    /// What lines begin with that are neither header nor rows.
    pub(super) comment: Option<String>,
    /// What each header row holds, from the first on; none for a file of rows alone.
    #[serde(default = "names")]
    pub(super) header: Vec<HeaderRow>,
    /// A regular expression that takes the names in the header apart, into groups `(?<name>…)` and `(?<unit>…)`. A name that it
    /// does not match has no unit in it.
    pub(super) names: Option<String>,
    /// Names for the first columns of the rows, where the header leaves them out.
    #[serde(default)]
    pub(super) leading: Vec<String>,
    /// Cells that stand for no value, beside empty ones, compared as text.
    #[serde(default)]
    pub(super) nulls: Vec<String>,
    /// The decimal sign.
    #[serde(default = "point")]
    pub(super) decimal: char,
    pub(super) timestamp: TimestampKeys,
    /// What the file does not say of its columns; without a header row of names, all columns in their order.
    #[serde(default)]
    pub(super) columns: Vec<ColumnKeys>,
}

fn yes() -> bool {
    true
}

fn names() -> Vec<HeaderRow> {
    vec![HeaderRow::Names]
}

fn point() -> char {
    '.'
}

/// A row's time.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimestampKeys {
    /// The columns that give it together, joined by a space.
    pub(super) columns: Vec<ColumnAt>,
    /// `iso8601`, or a pattern (see [`crate::time`]).
    #[serde(default = "iso")]
    pub(super) format: String,
    /// A regular expression over the header of the time's first column, with a group `(?<zone>…)` that holds an offset from UTC.
    pub(super) zone: Option<String>,
    /// The column with each row's offset from UTC in minutes, positive east of Greenwich.
    pub(super) offset_minutes: Option<ColumnAt>,
}

fn iso() -> String {
    "iso8601".to_owned()
}

/// A column, by its name in the header, the beginning of its name with a `*` behind it, or its 1-based position.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum ColumnAt {
    Position(usize),
    Name(String),
}

impl ColumnAt {
    /// The index of the column among those that a file has.
    pub(super) fn find(&self, names: &[String]) -> Result<usize, String> {
        match self {
            Self::Position(position) => position
                .checked_sub(1)
                .filter(|index| *index < names.len())
                .ok_or_else(|| format!("no column {position}: the header has {}", names.len())),
            Self::Name(name) => {
                let is = |other: &String| match name.strip_suffix('*') {
                    Some(beginning) => other.starts_with(beginning),
                    None => other == name,
                };
                names.iter().position(is).ok_or_else(|| format!("no column {name:?} in the header, where the format expects one"))
            }
        }
    }
}

/// What a header row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum HeaderRow {
    Names,
    Units,
    Process,
    Skip,
}

/// What the definition says of a column.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnKeys {
    /// As the header has it; without one, what to call the column.
    pub(super) name: String,
    #[serde(rename = "type", default)]
    pub(super) kind: ColumnType,
    /// Instead of the header's.
    pub(super) unit: Option<String>,
    /// Instead of the format's.
    #[serde(default)]
    pub(super) nulls: Vec<String>,
}

/// The type of a column's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ColumnType {
    /// The file's values decide (see [`crate::column`]).
    #[default]
    Auto,
    Double,
    Long,
    Boolean,
    Text,
    /// In the format of the row's time.
    Timestamp,
    /// Left out of the table.
    Skip,
}
