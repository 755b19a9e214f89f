//! Whose rows a file's are: the device and the table that a format gives them.

use regex::Regex;
use serde::Deserialize;

use super::definition::Problems;
use super::json::Json;
use super::toa5::HeaderField;
use super::{File, Parser};
use crate::block;
use crate::name;

/// The longest name of a table; its files' paths hold it.
const TABLE_BYTES_MAX: usize = 128;

/// `device` as it is written: exactly one of its keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeviceKeys {
    /// `true`: the account's device.
    account: Option<bool>,
    /// A regular expression over the path, with a group `(?<device>…)`.
    path: Option<String>,
    /// What the file says above its rows: a field of a TOA5 file's first line, or a fact of delimited text.
    header: Option<String>,
    /// The name of the column, of line protocol's tag or SenML's label, or the path, that holds each row's device.
    column: Option<String>,
}

/// Where the device's name is. Where that holds none, the account's device is meant.
#[derive(Debug)]
pub(super) enum DeviceRule {
    Account,
    Path(Regex),
    Header(HeaderField),
    Fact(String),
    Column(String),
}

impl DeviceRule {
    pub(super) fn new(keys: DeviceKeys, parser: Option<&Parser>, problems: &mut Problems<'_>) -> Option<Self> {
        match (keys.account, keys.path, keys.header, keys.column) {
            (Some(true), None, None, None) => Some(Self::Account),
            (None, Some(path), None, None) => {
                let regex = problems.note("device.path", Regex::new(&path))?;
                if !regex.capture_names().flatten().any(|name| name == "device") {
                    problems.add("device.path", "needs a group (?<device>…)");
                    return None;
                }
                Some(Self::Path(regex))
            }
            (None, None, Some(field), None) => {
                let rule = match parser? {
                    Parser::Toa5(_) | Parser::Tob(_) => HeaderField::named(&field).map(Self::Header),
                    Parser::Delimited(delimited) if delimited.has_fact(&field) => Some(Self::Fact(field.clone())),
                    _ => None,
                };
                rule.or_else(|| {
                    problems.add("device.header", format!("files of this kind do not say {field:?} above their rows"));
                    None
                })
            }
            (None, None, None, Some(column)) => {
                match parser {
                    Some(Parser::Json(_)) => Json::check_device(&column, problems),
                    Some(Parser::Fronius(_) | Parser::Tob(_)) => {
                        problems.add("device.column", "the rows of these files name no device");
                    }
                    Some(Parser::Senml(_)) if !["bn", "n"].contains(&column.as_str()) => {
                        problems.add("device.column", "is \"bn\" or \"n\" for SenML");
                    }
                    _ => {}
                }
                Some(Self::Column(column))
            }
            _ => {
                problems.add("device", "needs exactly one of account = true, path, header, column");
                None
            }
        }
    }

    /// The column that holds the device of each row, when one does.
    pub(super) fn column(&self) -> Option<&str> {
        match self {
            Self::Column(name) => Some(name),
            _ => None,
        }
    }

    /// The device of a file; `header` gives the fields of its header, where there are any.
    pub(super) fn device(&self, file: &File<'_>, header: impl FnOnce(HeaderField) -> String) -> Result<String, String> {
        let named = match self {
            Self::Account | Self::Column(_) | Self::Fact(_) => String::new(),
            Self::Header(field) => header(*field),
            Self::Path(regex) => {
                regex.captures(file.path).and_then(|found| Some(found.name("device")?.as_str().to_owned())).unwrap_or_default()
            }
        };
        self.named(file, &named)
    }

    /// The fact that names the device, when one does.
    pub(super) fn fact(&self) -> Option<&str> {
        match self {
            Self::Fact(name) => Some(name),
            _ => None,
        }
    }

    /// The device that something calls so; that of the account when nothing does.
    pub(super) fn named(&self, file: &File<'_>, name: &str) -> Result<String, String> {
        let device = block::device(name).map_err(|problem| format!("the device's name {problem}"))?;
        Ok(if device.is_empty() { file.device.to_owned() } else { device })
    }
}

/// The name of a format's table.
#[derive(Debug)]
pub(super) struct TableRule {
    template: String,
}

impl TableRule {
    pub(super) fn new(
        template: String,
        device: Option<&DeviceRule>,
        parser: Option<&Parser>,
        problems: &mut Problems<'_>,
    ) -> Option<Self> {
        let plain = template.replace("{device}", "d").replace("{table}", "t");
        let problem = if plain.contains(['{', '}']) {
            "only {device} and {table} can be filled in"
        } else if name::table(&plain).is_none() {
            "needs a letter or a digit"
        } else if template.contains("{table}") && parser.is_some_and(|parser| !parser.names_tables()) {
            "{table} is for files that name one"
        } else if template.contains("{device}") && device.is_some_and(|rule| rule.column().is_some()) {
            "{device} cannot be in it when each row has its own"
        } else {
            return Some(Self { template });
        };
        problems.add("table", problem);
        None
    }

    /// The table's name, sanitised.
    pub(super) fn name(&self, device: &str, table: &str) -> Result<String, String> {
        if self.template.contains("{table}") && name::table(table).is_none() {
            return Err(format!("{table:?} leaves no name for a table"));
        }
        let filled = self.template.replace("{table}", table).replace("{device}", device);
        let name = name::table(&filled).ok_or_else(|| format!("{filled:?} leaves no name for a table"))?;
        if name.len() > TABLE_BYTES_MAX {
            return Err(format!("the table's name is longer than {TABLE_BYTES_MAX} bytes"));
        }
        Ok(name)
    }
}
