//! Which format a file is in.
//!
//! A format claims a file when every kind of condition that its `[match]` names holds, each by any one of its entries (for
//! `columns`: by all). Of several formats the more specific wins: one that names devices before one that does not, then one that
//! names paths, then the one that asks for more columns or members, then the one with the longer beginning, then the one that asks
//! for more lines at the top, then one that asks for a first line, then one that asks for a first column, then one whose parser knows
//! the text for its own. Between equals nothing decides, and the file is refused.

use std::cmp::Ordering;

use encoding_rs::Encoding;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use regex::Regex;
use serde::Deserialize;

use super::definition::Problems;
use super::delimited::skip_separator_line;
use super::{File, Format, Parser};
use crate::json::{self, Path};
use crate::limits::Limits;
use crate::rows::Refusal;
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
            problems.add("match.content", "is for parsers that know their files: senml, fronius, prometheus");
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
    fn place_missing(&self, file: &File<'_>) -> Option<String> {
        if !self.written.devices.is_empty() && !self.devices.is_match(file.device) {
            return Some(format!("the device is not {}", one_of(&self.written.devices)));
        }
        if !self.written.paths.is_empty() && !self.paths.is_match(file.path) {
            return Some(format!("the path is not {}", one_of(&self.written.paths)));
        }
        None
    }

    /// How specific the claim on this text is, or what is missing.
    fn rank(&self, text: &Text<'_>, parser: &Parser) -> Result<Rank, String> {
        let Match { begins, columns, first_column, .. } = &self.written;
        let mut top = text.lines();
        skip_separator_line(&mut top);
        let first = top.find(|line| !line.is_blank());
        let start = first.as_ref().map_or("", |line| line.text);
        let begun = begins.iter().filter(|begin| start.starts_with(begin.as_str())).map(String::len).max();
        if !begins.is_empty() && begun.is_none() {
            return Err(format!("it does not begin with {}", one_of(begins)));
        }
        if !self.first_line.is_empty() && !self.first_line.iter().any(|regex| regex.is_match(start)) {
            return Err(format!("its first line is not {}", one_of(&self.written.first_line)));
        }
        if let Some(regex) = self.lines.iter().find(|regex| !text.lines().take(TOP_LINES).any(|line| regex.is_match(line.text))) {
            return Err(format!("none of its first {TOP_LINES} lines is `{regex}`"));
        }
        if !(columns.is_empty() && first_column.is_empty()) {
            let names = parser.names(text)?;
            let has = |column: &String| names.iter().any(|name| same(name, column));
            if let Some(missing) = columns.iter().find(|column| !has(column)) {
                return Err(format!("its header has no column {missing:?}"));
            }
            let is_first = |column: &String| names.first().is_some_and(|name| same(name, column));
            if !first_column.is_empty() && !first_column.iter().any(is_first) {
                let found: String = names.first().into_iter().flat_map(|name| name.chars()).take(SHOWN).collect();
                return Err(format!("its first column is {found:?}, not {}", one_of(first_column)));
            }
        }
        if !self.members.is_empty() {
            // A look for the names is much cheaper than to read a document for nothing.
            let names: Vec<&str> = self.members.iter().flat_map(Path::names).collect();
            let root = Some(text).filter(|text| text.has(&names)).and_then(json::first);
            let root = root.ok_or("it is no JSON with the names of match.members in it")?;
            if let Some(missing) = self.members.iter().find(|path| path.find(&root).is_none()) {
                return Err(format!("its first document has no {}", missing.flat()));
            }
        }
        if self.written.content && !parser.recognises(text) {
            return Err("its text is of another kind".to_owned());
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
}

/// Alternatives as a reader sees them.
fn one_of(entries: &[String]) -> String {
    entries.iter().map(|entry| format!("`{entry}`")).collect::<Vec<_>>().join(" or ")
}

fn same(name: &str, other: &str) -> bool {
    name.trim().to_lowercase() == other.trim().to_lowercase()
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

/// The format that claims a file, and the file's text in that format's encoding; `None` when the file has nothing in it. `formats` are
/// in the order of [`Claim::rank_max`], the highest first, so that most are not even looked at.
pub(super) fn claimed<'f, 'b>(
    formats: &'f [Format],
    file: &File<'b>,
    limits: &Limits,
) -> Result<Option<(&'f Format, Text<'b>)>, Refusal> {
    if file.bytes.trim_ascii().is_empty() {
        return Ok(None);
    }
    let mut missing = Vec::new();
    let mut best: Option<(Rank, &Format)> = None;
    let mut rival = None;
    let mut texts: Vec<(&[&'static Encoding], Result<Text<'b>, Refusal>)> = Vec::new();
    let is_ascii = file.bytes.is_ascii();
    let alike = |one: &[&'static Encoding], other: &[&'static Encoding]| {
        // ASCII is the same text in all of these.
        let compatible = |encodings: &[&'static Encoding]| encodings.first().is_some_and(|first| first.is_ascii_compatible());
        one == other || (is_ascii && compatible(one) && compatible(other))
    };
    for format in formats {
        if best.is_some_and(|(rank, _)| rank > format.claim.rank_max()) {
            break;
        }
        if let Some(what) = format.claim.place_missing(file) {
            missing.push(format!("{}: {what}", format.name));
            continue;
        }
        if !texts.iter().any(|(encodings, _)| alike(encodings, &format.encodings)) {
            texts.push((&format.encodings, Text::decode(file.bytes, &format.encodings, limits)));
        }
        let text = texts.iter().find(|(encodings, _)| alike(encodings, &format.encodings)).map(|(_, text)| text);
        let rank = match text {
            Some(Ok(text)) if text.is_blank() => return Ok(None),
            Some(Ok(text)) => format.claim.rank(text, &format.parser),
            Some(Err(refusal)) => Err(refusal.reason.clone()),
            None => continue,
        };
        match rank {
            Err(what) => missing.push(format!("{}: {what}", format.name)),
            Ok(rank) => match best.map_or(Ordering::Greater, |(other, _)| rank.cmp(&other)) {
                Ordering::Greater => (best, rival) = (Some((rank, format)), None),
                Ordering::Equal => rival = Some(format),
                Ordering::Less => {}
            },
        }
    }
    let Some((_, format)) = best else {
        return Err(Refusal { reason: format!("no format claims the file ({})", missing.join("; ")) });
    };
    if let Some(rival) = rival {
        let reason = format!("formats {} and {} both claim the file: give one of them paths or devices", format.name, rival.name);
        return Err(Refusal { reason });
    }
    let text = texts.into_iter().find(|(encodings, _)| alike(encodings, &format.encodings)).map(|(_, text)| text);
    text.transpose().map(|text| text.map(|text| (format, text)))
}

#[cfg(test)]
mod tests;
