//! What the names in a header hold beside names: units, words of another language, and where the time is.

use regex::Regex;

use super::keys::DelimitedKeys;
use crate::format::definition::Problems;
use crate::zone::Place;

/// How names in the header are taken apart.
#[derive(Debug)]
pub(super) struct Naming {
    names: Option<Regex>,
    /// Longer ones first, so that no word hides another that it is part of.
    words: Vec<(String, String)>,
}

impl Naming {
    pub(super) fn new(keys: &DelimitedKeys, problems: &mut Problems<'_>) -> Option<Self> {
        let names = regex("delimited.names", keys.names.as_deref(), &["name", "unit"], problems);
        let mut words: Vec<_> = keys.words.iter().map(|(word, called)| (word.clone(), called.clone())).collect();
        words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        Some(Self { names: names?, words })
    }

    /// The name and the unit in a header's cell; the latter is empty when there is none.
    pub(super) fn apart<'h>(&self, cell: &'h str) -> (&'h str, &'h str) {
        let Some(found) = self.names.as_ref().and_then(|names| names.captures(cell)) else { return (cell, "") };
        let group = |name| found.name(name).map_or("", |group| group.as_str().trim());
        (group("name"), group("unit"))
    }

    /// A name with the format's words for those of the file.
    pub(super) fn called(&self, name: &str) -> String {
        let replace = |name: String, (word, called): &(String, String)| name.replace(word, &format!(" {called} "));
        self.words.iter().fold(name.to_owned(), replace)
    }
}

/// Where the header of the time says that it is, when the format has it there.
pub(super) fn place(zone: Option<&Regex>, header: &str) -> Result<Place, String> {
    let Some(zone) = zone else { return Ok(Place::Undeclared) };
    let found = zone.captures(header).and_then(|found| Place::read(found.name("zone")?.as_str()));
    found.ok_or_else(|| format!("the header of the time, {header:?}, has no offset from UTC, where the format has one"))
}

/// A regular expression with these groups, when there is one; `None` when a problem was noted.
pub(super) fn regex(key: &str, written: Option<&str>, groups: &[&str], problems: &mut Problems<'_>) -> Option<Option<Regex>> {
    let Some(written) = written else { return Some(None) };
    let regex = problems.note(key, Regex::new(written))?;
    let missing = groups.iter().find(|group| !regex.capture_names().flatten().any(|name| name == **group));
    if let Some(missing) = missing {
        problems.add(key, format!("needs a group (?<{missing}>…)"));
        return None;
    }
    Some(Some(regex))
}
