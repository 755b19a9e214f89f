//! What the names in a header hold beside names: units, and the time's offset from UTC.

use regex::Regex;

use super::keys::DelimitedKeys;
use crate::format::definition::Problems;
use crate::time;

/// How names in the header are taken apart.
#[derive(Debug)]
pub(super) struct Naming {
    names: Option<Regex>,
    zone: Option<Regex>,
}

impl Naming {
    pub(super) fn new(keys: &DelimitedKeys, problems: &mut Problems<'_>) -> Option<Self> {
        let names = regex("delimited.names", keys.names.as_deref(), &["name", "unit"], problems);
        let zone = regex("delimited.timestamp.zone", keys.timestamp.zone.as_deref(), &["zone"], problems);
        Some(Self { names: names?, zone: zone? })
    }

    /// The name and the unit in a header's cell; the latter is empty when there is none.
    pub(super) fn apart<'h>(&self, cell: &'h str) -> (&'h str, &'h str) {
        let Some(found) = self.names.as_ref().and_then(|names| names.captures(cell)) else { return (cell, "") };
        let group = |name| found.name(name).map_or("", |group| group.as_str().trim());
        (group("name"), group("unit"))
    }

    /// The seconds east of Greenwich that the header of the time says, where the format has them there.
    pub(super) fn offset(&self, header: &str) -> Result<Option<i64>, String> {
        let Some(zone) = &self.zone else { return Ok(None) };
        let found = zone.captures(header);
        let offset = found.and_then(|found| time::offset(found.name("zone")?.as_str().as_bytes()));
        offset
            .map(Some)
            .ok_or_else(|| format!("the header of the time, {header:?}, has no offset from UTC, where the format has one"))
    }
}

/// A regular expression with these groups, when there is one; `None` when a problem was noted.
fn regex(key: &str, written: Option<&str>, groups: &[&str], problems: &mut Problems<'_>) -> Option<Option<Regex>> {
    let Some(written) = written else { return Some(None) };
    let regex = problems.note(key, Regex::new(written))?;
    let missing = groups.iter().find(|group| !regex.capture_names().flatten().any(|name| name == **group));
    if let Some(missing) = missing {
        problems.add(key, format!("needs a group (?<{missing}>…)"));
        return None;
    }
    Some(Some(regex))
}
