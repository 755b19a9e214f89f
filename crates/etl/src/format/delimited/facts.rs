//! What the lines that are no rows say of the rows below them: a serial number, a station, the time that rows count from.

use regex::Regex;

use crate::format::definition::Problems;

/// How facts are found: regular expressions, whose named groups they are.
#[derive(Debug)]
pub(super) struct FactRules {
    rules: Vec<Regex>,
}

impl FactRules {
    pub(super) fn new(written: &[String], problems: &mut Problems<'_>) -> Option<Self> {
        let rule = |written: &String| {
            let rule = problems.note("delimited.facts", Regex::new(written))?;
            if rule.capture_names().flatten().next().is_none() {
                problems.add("delimited.facts", format!("{written:?} has no group that names what it finds, as (?<station>…)"));
                return None;
            }
            Some(rule)
        };
        let rules: Vec<Option<Regex>> = written.iter().map(rule).collect();
        Some(Self { rules: rules.into_iter().collect::<Option<_>>()? })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether there is a fact in a line.
    pub(super) fn find_in(&self, line: &str) -> bool {
        self.rules.iter().any(|rule| rule.is_match(line))
    }

    /// Whether a fact may be called so.
    pub(super) fn names(&self, fact: &str) -> bool {
        self.rules.iter().any(|rule| rule.capture_names().flatten().any(|name| name == fact))
    }
}

/// What has been found so far.
#[derive(Debug)]
pub(super) struct Facts<'r> {
    rules: &'r FactRules,
    /// Whether each rule has matched since the last row.
    matched: Vec<bool>,
    found: Vec<(String, String)>,
}

impl<'r> Facts<'r> {
    pub(super) fn new(rules: &'r FactRules) -> Self {
        Self { rules, matched: vec![false; rules.rules.len()], found: Vec::new() }
    }

    /// Looks at a line that is no row; whether there was a fact in it. The first line that has one counts, and a line behind the
    /// rows replaces what those above them said.
    pub(super) fn take(&mut self, line: &str) -> bool {
        let mut any = false;
        for (rule, matched) in self.rules.rules.iter().zip(&mut self.matched) {
            let Some(found) = rule.captures(line) else { continue };
            any = true;
            if std::mem::replace(matched, true) {
                continue;
            }
            for name in rule.capture_names().flatten() {
                let Some(value) = found.name(name).map(|value| value.as_str().trim().to_owned()) else { continue };
                match self.found.iter_mut().find(|(known, _)| known == name) {
                    Some((_, known)) => *known = value,
                    None => self.found.push((name.to_owned(), value)),
                }
            }
        }
        any
    }

    /// Rows have come: what follows them may say otherwise.
    pub(super) fn renew(&mut self) {
        self.matched.fill(false);
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.found.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(String, String)> {
        self.found.iter()
    }
}
