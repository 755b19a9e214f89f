//! What a file says of its metrics: types, help, units, and in OpenMetrics which samples may follow.

use std::collections::{HashMap, HashSet};

use super::END;
use super::sample::Sample;
use crate::column::excerpt;
use crate::number::{self, Decimal};

/// The suffixes that samples of a family may have beside its own name.
const SUFFIXES: [&str; 8] = ["_total", "_created", "_bucket", "_count", "_sum", "_gcount", "_gsum", "_info"];

/// The families of one file, as far as it has been read.
#[derive(Debug, Default)]
pub(super) struct Families {
    types: HashMap<String, String>,
    /// Which of `TYPE`, `HELP` and `UNIT` each has had.
    described: HashSet<(String, &'static str)>,
    /// The family that lines belong to now, and those that are over.
    current: String,
    current_has_samples: bool,
    over: HashSet<String>,
    pub(super) ended: bool,
}

/// The parts of `# TYPE name counter`, `# HELP name text` and `# UNIT name seconds`.
pub(super) fn descriptor(line: &str) -> Option<(&'static str, &str, &str)> {
    let rest = line.strip_prefix('#')?.trim_start_matches([' ', '\t']);
    let (word, rest) = rest.split_once([' ', '\t'])?;
    let word = ["TYPE", "HELP", "UNIT"].into_iter().find(|known| *known == word)?;
    let rest = rest.trim_start_matches([' ', '\t']);
    let (name, what) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    Some((word, name.trim_matches('"'), what))
}

impl Families {
    /// Takes in a comment of the text format; any that says nothing is one.
    pub(super) fn describe(&mut self, line: &str) -> Result<(), String> {
        match descriptor(line) {
            Some(("TYPE", name, of)) => {
                let of = of.trim_matches([' ', '\t']);
                if !["counter", "gauge", "histogram", "summary", "untyped"].contains(&of) {
                    return Err(format!("{} is no type of a metric", excerpt(of)));
                }
                self.types.insert(name.to_owned(), of.to_owned());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Takes in a line of OpenMetrics that begins with `#`: there, nothing else may.
    pub(super) fn describe_strictly(&mut self, line: &str) -> Result<(), String> {
        if line == END {
            self.ended = true;
            return Ok(());
        }
        let (word, name, what) = descriptor(line).ok_or_else(|| format!("{} says nothing", excerpt(line)))?;
        let exact = [format!("# {word} {name} {what}"), format!("# {word} \"{name}\" {what}")].iter().any(|exact| exact == line);
        let is_name = !name.is_empty() && !name.starts_with(|first: char| first.is_ascii_digit());
        if !exact || !is_name {
            return Err(format!("{} is not # {word}, a name and what it is, with one space between", excerpt(line)));
        }
        self.enter(name)?;
        if self.current_has_samples {
            return Err(format!("{word} of {} behind its samples", excerpt(name)));
        }
        if !self.described.insert((name.to_owned(), word)) {
            return Err(format!("{word} of {} twice", excerpt(name)));
        }
        match word {
            "TYPE" => {
                let known = ["counter", "gauge", "histogram", "gaugehistogram", "stateset", "info", "summary", "unknown"];
                if !known.contains(&what) {
                    return Err(format!("{} is no type of a metric", excerpt(what)));
                }
                self.types.insert(name.to_owned(), what.to_owned());
                Ok(())
            }
            "UNIT" if !what.is_empty() && !name.ends_with(&format!("_{what}")) => {
                Err(format!("the name {} does not end with its unit {}", excerpt(name), excerpt(what)))
            }
            _ => Ok(()),
        }
    }

    /// Begins a family, or goes on with the one that is open.
    fn enter(&mut self, name: &str) -> Result<(), String> {
        if self.current == name {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.current, name.to_owned());
        self.over.insert(before);
        self.current_has_samples = false;
        if self.over.contains(name) {
            return Err(format!("{} comes again behind other metrics", excerpt(name)));
        }
        Ok(())
    }

    /// The family of a sample: what was described and the sample's name begins with, or the name itself.
    fn family<'n>(&self, metric: &'n str) -> (&'n str, &'n str) {
        let known = |name: &str| self.types.contains_key(name);
        let split = SUFFIXES.iter().filter_map(|suffix| Some((metric.strip_suffix(suffix)?, *suffix)));
        let found = split.into_iter().find(|(name, _)| known(name));
        let suffix_of = |name: &str| metric.get(name.len()..).unwrap_or_default();
        match found {
            Some((name, _)) if !known(metric) => (name, suffix_of(name)),
            _ => (metric, ""),
        }
    }

    /// The type of a sample's family; nothing when the file does not say.
    pub(super) fn kind_of(&self, metric: &str) -> &str {
        self.types.get(self.family(metric).0).map_or("", String::as_str)
    }

    /// Holds a sample to what OpenMetrics demands of its family's type.
    pub(super) fn check(&mut self, sample: &Sample) -> Result<(), String> {
        let (family, suffix) = self.family(&sample.metric);
        let family = family.to_owned();
        self.enter(&family)?;
        self.current_has_samples = true;
        let kind = self.types.get(&family).map_or("unknown", String::as_str);
        let suffixes: &[&str] = match kind {
            "counter" => &["_total", "_created"],
            "histogram" => &["_bucket", "_count", "_sum", "_created"],
            "gaugehistogram" => &["_bucket", "_gcount", "_gsum"],
            "summary" => &["", "_count", "_sum", "_created"],
            "info" => &["_info"],
            _ => &[""],
        };
        let is = |what: &str| format!("{} is of type {kind}: {what}", excerpt(&sample.metric));
        if !suffixes.contains(&suffix) {
            return Err(is("it has no such sample"));
        }
        let value = number::double(&sample.value, Decimal::Point).unwrap_or(f64::NAN);
        let needed = match (kind, suffix) {
            (_, "_bucket") => Some("le"),
            ("summary", "") => Some("quantile"),
            ("stateset", _) => Some(family.as_str()),
            _ => None,
        };
        if let Some(label) = needed.filter(|label| sample.label(label).is_none()) {
            return Err(is(&format!("it needs a label {label}")));
        }
        let counts = matches!(suffix, "_total" | "_bucket" | "_count" | "_gcount");
        let problem = match (kind, suffix) {
            (_, "_bucket" | "_count" | "_gcount") if value.fract() != 0.0 => Some("it counts in whole numbers"),
            ("counter" | "histogram" | "summary" | "gaugehistogram", _) if counts && (value < 0.0 || value.is_nan()) => {
                Some("it cannot be less than nothing")
            }
            ("histogram" | "summary", "_sum") if value < 0.0 || value.is_nan() => Some("its sum cannot be less than nothing"),
            ("info", _) if value != 1.0 => Some("its value is 1"),
            ("stateset", _) if value != 0.0 && value != 1.0 => Some("its value is 0 or 1"),
            _ => None,
        };
        match problem {
            Some(problem) => Err(is(problem)),
            None => Ok(()),
        }
    }
}
