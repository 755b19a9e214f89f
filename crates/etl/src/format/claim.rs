//! Which format a file is in.
//!
//! A format claims a file when every kind of condition that its `[match]` names holds, each by any one of its entries (for
//! `columns`: by all). Of several formats the more specific wins: one that names devices before one that does not, then one that
//! names paths, then the one that asks for more columns or members, then the one with the longer beginning, then the one that asks
//! for more lines at the top, then one that asks for a first line, then one that asks for a first column, then one whose parser knows
//! the text for its own. Between equals nothing decides, and the file is refused.

mod choice;
mod texts;

use choice::Missing;
pub(super) use choice::{Telling, claimed};
use encoding_rs::UTF_8;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use regex::Regex;
use serde::Deserialize;
use texts::Texts;

use super::definition::Problems;
use super::delimited::separator_line;
use super::{File, Format, Parser};
use crate::json::{self, Path};
use crate::text::Text;

/// So many lines at the top are looked through.
const TOP_LINES: usize = 64;
/// So many characters of a name are shown: read with the wrong delimiter, a name is a whole line.
const SHOWN: usize = 40;

/// `[match]` as it is written. Names and paths are compared without regard to case.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Match {
    /// Globs over the account's device.
    devices: Vec<String>,
    /// Globs over the path; `*` stays within a directory, `**` does not.
    paths: Vec<String>,
    /// What the text begins with.
    begins: Vec<String>,
    /// Regular expressions over the first line.
    first_line: Vec<String>,
    /// Regular expressions, each of which must be found in one of the lines at the top.
    lines: Vec<String>,
    /// Names that the header of a delimited file has.
    columns: Vec<String>,
    /// Names of which the first column has one.
    first_column: Vec<String>,
    /// Paths that lead to something in the first JSON document.
    members: Vec<String>,
    /// Whether the text itself shows that it is for the parser.
    content: bool,
}

/// The conditions under which a format claims a file.
#[derive(Debug)]
pub(super) struct Claim {
    written: Match,
    members: Vec<Path>,
    devices: GlobSet,
    paths: GlobSet,
    first_line: Vec<Regex>,
    lines: Vec<Regex>,
}

/// How specific a claim is; see the module's rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    devices: bool,
    paths: bool,
    columns: usize,
    begins_bytes: usize,
    lines: usize,
    first_line: bool,
    first_column: bool,
    content: bool,
}

impl Claim {
    pub(super) fn new(written: Match, parser: Option<&Parser>, problems: &mut Problems<'_>) -> Option<Self> {
        let Match { begins, first_line, lines, columns, first_column, members, .. } = &written;
        let of_text = [begins, first_line, lines, columns, first_column, members].iter().any(|entries| !entries.is_empty());
        let of_text = of_text || written.content;
        if written.devices.is_empty() && written.paths.is_empty() && !of_text {
            problems.add("match", "needs devices, paths, begins, first_line, lines, columns, first_column, members or content");
            return None;
        }
        let headerless = parser.is_some_and(|parser| !parser.has_names());
        for (key, names) in [("match.columns", &written.columns), ("match.first_column", &written.first_column)] {
            if headerless && !names.is_empty() {
                problems.add(key, "is for delimited files with a header that names their columns");
            }
        }
        let of_json = matches!(parser, Some(Parser::Json(_) | Parser::Senml(_) | Parser::Fronius(_)) | None);
        if !written.members.is_empty() && !of_json {
            problems.add("match.members", "is for JSON");
        }
        if written.content && parser.is_some_and(|parser| !parser.recognises_content()) {
            problems.add("match.content", "is for parsers that know their files: senml, fronius, prometheus, line_protocol");
        }
        let members: Vec<Option<Path>> =
            written.members.iter().map(|path| problems.note("match.members", Path::to_one(path))).collect();
        let members = members.into_iter().collect::<Option<Vec<Path>>>();
        let devices = globs("match.devices", &written.devices, problems);
        let paths = globs("match.paths", &written.paths, problems);
        let first_line = regexes("match.first_line", &written.first_line, problems);
        let lines = regexes("match.lines", &written.lines, problems);
        let (first_line, lines) = (first_line?, lines?);
        Some(Self { devices: devices?, paths: paths?, members: members?, first_line, lines, written })
    }

    /// What is missing of the conditions that the bytes have no part in.
    fn place_missing(&self, file: &File<'_>, telling: Telling) -> Result<(), Missing> {
        if !self.written.devices.is_empty() && !self.devices.is_match(file.device) {
            return Err(Missing::of_place(telling.say(|| format!("the device is not {}", one_of(&self.written.devices)))));
        }
        if !self.written.paths.is_empty() && !self.paths.is_match(file.path) {
            return Err(Missing::of_place(telling.say(|| format!("the path is not {}", one_of(&self.written.paths)))));
        }
        Ok(())
    }

    /// How specific the claim on this file is, or what is missing. Only what shows nowhere else is looked for in the whole of its text.
    fn rank(&self, texts: &mut Texts<'_, '_>, format: &Format, telling: Telling) -> Result<Rank, Missing> {
        let Match { columns, first_column, .. } = &self.written;
        let places = usize::from(!self.written.devices.is_empty()) + usize::from(!self.written.paths.is_empty());
        // Conditions that hold, of which each one makes the format likelier.
        let place = 2 * places;
        let mut held = place;
        let begun = match texts.head(&format.encodings) {
            Ok(text) => self.top_missing(text, &mut held, telling)?,
            Err(refusal) => {
                let reason = refusal.reason.clone();
                // The format's own file, saved in UTF-8, begins as its files do.
                let begins = texts.head(&[UTF_8]).is_ok_and(|text| self.top_missing(text, &mut held, Telling::Silent).is_ok());
                return Err(if begins { Missing::of_header(held, reason) } else { Missing::of_text(place, reason) });
            }
        };
        if !(columns.is_empty() && first_column.is_empty()) {
            let text = texts.head(&format.encodings).map_err(|refusal| Missing::of_text(held, refusal.reason.clone()))?;
            let names = format.parser.names(text, telling).map_err(|reason| Missing::of_text(held, reason))?;
            self.names_missing(&names, &mut held, telling)?;
        }
        if !self.members.is_empty() {
            // A look for the names is much cheaper than to read a document for nothing.
            let names: Vec<&str> = self.members.iter().flat_map(Path::names).collect();
            let text = texts.whole(&format.encodings).ok().filter(|text| json::begins(text) && text.has(&names));
            let root = text.and_then(json::first);
            let root =
                root.ok_or_else(|| Missing::of_text(held, "it is no JSON with the names of match.members in it".to_owned()))?;
            if let Some(missing) = self.members.iter().find(|path| path.find(&root).is_none()) {
                return Err(Missing::of_header(held, format!("its first document has no {}", missing.flat())));
            }
        }
        if self.written.content && !texts.whole(&format.encodings).is_ok_and(|text| format.parser.recognises(text)) {
            return Err(Missing::of_text(held, "its text is of another kind".to_owned()));
        }
        Ok(self.rank_with(begun))
    }

    /// The highest rank that the claim can have, whatever the text.
    pub(super) fn rank_max(&self) -> Rank {
        self.rank_with(self.written.begins.iter().map(String::len).max())
    }

    fn rank_with(&self, begun: Option<usize>) -> Rank {
        Rank {
            devices: !self.written.devices.is_empty(),
            paths: !self.written.paths.is_empty(),
            columns: self.written.columns.len() + self.members.len(),
            begins_bytes: begun.unwrap_or_default(),
            lines: self.lines.len(),
            first_line: !self.first_line.is_empty(),
            first_column: !self.written.first_column.is_empty(),
            content: self.written.content,
        }
    }

    /// What is missing of the conditions on the lines at the top; how long the beginning is that the text has of those listed.
    fn top_missing(&self, text: &Text<'_>, held: &mut usize, telling: Telling) -> Result<Option<usize>, Missing> {
        let Match { begins, first_line, .. } = &self.written;
        let start = match separator_line(text) {
            None => text.first_line().unwrap_or_default(),
            Some(_) => text.lines().filter(|line| !line.is_blank()).nth(1).map_or("", |line| line.text),
        };
        let begun = begins.iter().filter(|begin| start.starts_with(begin.as_str())).map(String::len).max();
        if !begins.is_empty() && begun.is_none() {
            return Err(Missing::of_text(*held, telling.say(|| format!("it does not begin with {}", one_of(begins)))));
        }
        *held += usize::from(begun.is_some());
        if !self.first_line.is_empty() && !self.first_line.iter().any(|regex| regex.is_match(start)) {
            return Err(Missing::of_text(*held, telling.say(|| format!("its first line is not {}", one_of(first_line)))));
        }
        *held += usize::from(!first_line.is_empty());
        for regex in &self.lines {
            if !text.lines().take(TOP_LINES).any(|line| regex.is_match(line.text)) {
                let what = telling.say(|| format!("none of its first {TOP_LINES} lines is `{regex}`"));
                return Err(Missing::of_text(*held, what));
            }
            *held += 1;
        }
        Ok(begun)
    }

    /// What is missing of the names in a header.
    fn names_missing(&self, names: &[String], held: &mut usize, telling: Telling) -> Result<(), Missing> {
        let Match { columns, first_column, .. } = &self.written;
        // Read with the wrong delimiter, a header is one name; and a header in which nothing is as expected is another's.
        let missing = |near: bool| if near && names.len() > 1 { Missing::of_header } else { Missing::of_text };
        let has = |column: &&String| names.iter().any(|name| same(name, column));
        let known = columns.iter().filter(has).count();
        *held += known;
        if let Some(absent) = columns.iter().find(|column| !has(column)) {
            return Err(missing(known > 0)(*held, telling.say(|| format!("its header has no column {absent:?}"))));
        }
        let is_first = |column: &String| names.first().is_some_and(|name| same(name, column));
        if !first_column.is_empty() && !first_column.iter().any(is_first) {
            let what = telling.say(|| {
                let found: String = names.first().into_iter().flat_map(|name| name.chars()).take(SHOWN).collect();
                let date = if same(&found, "date") { ", and a date alone does not say when on that day" } else { "" };
                format!("its first column is {found:?}, not {}{date}", one_of(first_column))
            });
            return Err(missing(true)(*held, what));
        }
        Ok(())
    }
}

/// Alternatives as a reader sees them.
fn one_of(entries: &[String]) -> String {
    entries.iter().map(|entry| format!("`{entry}`")).collect::<Vec<_>>().join(" or ")
}

fn same(name: &str, other: &str) -> bool {
    fn lower(text: &str) -> impl Iterator<Item = char> {
        text.chars().flat_map(char::to_lowercase)
    }
    let (name, other) = (name.trim(), other.trim());
    // Nearly all names are ASCII, and nearly all pairs of them differ in length.
    name.eq_ignore_ascii_case(other) || (!(name.is_ascii() && other.is_ascii()) && lower(name).eq(lower(other)))
}

fn regexes(key: &str, written: &[String], problems: &mut Problems<'_>) -> Option<Vec<Regex>> {
    let regexes: Vec<Option<Regex>> = written.iter().map(|regex| problems.note(key, Regex::new(regex))).collect();
    regexes.into_iter().collect()
}

fn globs(key: &str, globs: &[String], problems: &mut Problems<'_>) -> Option<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let glob = GlobBuilder::new(glob).literal_separator(true).case_insensitive(true).build();
        set.add(problems.note(key, glob)?);
    }
    problems.note(key, set.build())
}

#[cfg(test)]
mod tests;
