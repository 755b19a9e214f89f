//! One line to one sample: `name{label="value"} 1.5 1767225600000`.

use crate::column::excerpt;
use crate::number::{self, Decimal};

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) metric: String,
    pub(super) labels: Vec<(String, String)>,
    /// As text that a column of doubles reads.
    pub(super) value: String,
    /// As it is written: milliseconds, or in OpenMetrics seconds.
    pub(super) time: Option<String>,
    /// What OpenMetrics has behind a `#`, as it is written.
    pub(super) exemplar: Option<String>,
}

impl Sample {
    /// Reads a line. `strict` is OpenMetrics: one space between parts, none at the ends.
    pub(super) fn read(line: &str, strict: bool) -> Result<Self, String> {
        let mut rest = if strict { line } else { line.trim_matches([' ', '\t']) };
        let mut metric = bare_name(&mut rest, true);
        let mut labels: Vec<(String, String)> = Vec::new();
        if !strict {
            rest = rest.trim_start_matches([' ', '\t']);
        }
        if let Some(after) = rest.strip_prefix('{') {
            rest = after;
            braces(&mut rest, &mut metric, &mut labels, strict)?;
        }
        if metric.is_empty() {
            return Err(format!("{} is no metric's name", excerpt(line)));
        }
        let (body, exemplar) = match rest.split_once(" # ") {
            Some((body, exemplar)) if strict => (body, Some(exemplar.to_owned())),
            _ => (rest, None),
        };
        if let Some(exemplar) = &exemplar {
            check_exemplar(exemplar)?;
        }
        let parts: Vec<&str> = if strict {
            let body = body.strip_prefix(' ').ok_or_else(|| format!("{} where a space and a value should be", excerpt(body)))?;
            body.split(' ').collect()
        } else {
            body.split([' ', '\t']).filter(|part| !part.is_empty()).collect()
        };
        let (written, time) = match parts.as_slice() {
            [value] => (*value, None),
            [value, time] => (*value, Some(*time)),
            _ => return Err(format!("{} where a value and perhaps a time should be", excerpt(body))),
        };
        let value = value(written).ok_or_else(|| format!("{} is no value", excerpt(written)))?;
        let is_time = |time: &str| if strict { is_decimal(time) } else { number::long(time).is_some() };
        if let Some(time) = time.filter(|time| !is_time(time)) {
            return Err(format!("{} is no time", excerpt(time)));
        }
        Ok(Self { metric, labels, value, time: time.map(str::to_owned), exemplar })
    }

    /// The label of this name.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str())
    }
}

/// A name without quotes: letters, digits, underscores, and in metrics' names colons.
fn bare_name(rest: &mut &str, colons: bool) -> String {
    let allowed = |character: char| character.is_ascii_alphanumeric() || character == '_' || (colons && character == ':');
    let end = rest.find(|character| !allowed(character)).unwrap_or(rest.len());
    let (name, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        return String::new();
    }
    *rest = after;
    name.to_owned()
}

/// What stands in braces, up to the one that closes: labels, and a metric's name in quotes.
fn braces(rest: &mut &str, metric: &mut String, labels: &mut Vec<(String, String)>, strict: bool) -> Result<(), String> {
    let space = |rest: &mut &str| {
        if !strict {
            *rest = rest.trim_start_matches([' ', '\t']);
        }
    };
    loop {
        space(rest);
        if let Some(after) = rest.strip_prefix('}').filter(|_| labels.is_empty() || !strict) {
            *rest = after;
            return Ok(());
        }
        let name = if rest.starts_with('"') { quoted(rest)? } else { bare_name(rest, false) };
        space(rest);
        if let Some(after) = rest.strip_prefix('=') {
            *rest = after;
            space(rest);
            if name.is_empty() {
                return Err("a label without a name".to_owned());
            }
            let value = quoted(rest)?;
            if labels.iter().any(|(other, _)| *other == name) {
                return Err(format!("label {} twice", excerpt(&name)));
            }
            labels.push((name, value));
        } else if metric.is_empty() && !name.is_empty() && labels.is_empty() {
            *metric = name;
        } else {
            return Err(format!("{} where a label and = should be", excerpt(rest)));
        }
        space(rest);
        match (rest.strip_prefix(','), rest.strip_prefix('}')) {
            (Some(after), _) => *rest = after,
            (_, Some(after)) => {
                *rest = after;
                return Ok(());
            }
            _ => return Err(format!("{} where , or }} should be", excerpt(rest))),
        }
    }
}

/// Text in quotes, in which a backslash stands before a quote, itself, or the n of a line end; before anything else it is one.
fn quoted(rest: &mut &str) -> Result<String, String> {
    let body = rest.strip_prefix('"').ok_or_else(|| format!("{} where a quote should be", excerpt(rest)))?;
    let mut text = String::new();
    let mut characters = body.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                *rest = body.get(at + 1..).unwrap_or_default();
                return Ok(text);
            }
            '\\' => match characters.clone().next() {
                Some((_, next @ ('"' | '\\' | 'n'))) => {
                    characters.next();
                    text.push(if next == 'n' { '\n' } else { next });
                }
                _ => text.push('\\'),
            },
            other => text.push(other),
        }
    }
    Err("a quote opens and does not close on the line".to_owned())
}

/// A value as text that a column of doubles reads.
fn value(written: &str) -> Option<String> {
    let lower = written.to_ascii_lowercase();
    let named = match lower.trim_start_matches(['+', '-']) {
        "nan" => Some("NaN"),
        "inf" | "infinity" => Some(if lower.starts_with('-') { "-INF" } else { "INF" }),
        _ => None,
    };
    if let Some(named) = named.filter(|_| lower.len() - lower.trim_start_matches(['+', '-']).len() <= 1) {
        return Some(named.to_owned());
    }
    number::double(written, Decimal::Point).filter(|value| value.is_finite()).map(|_| written.to_owned())
}

/// Digits with at most one point and one exponent.
fn is_decimal(text: &str) -> bool {
    number::double(text, Decimal::Point).is_some_and(f64::is_finite)
}

/// `{label="value"} 1 [time]`
fn check_exemplar(exemplar: &str) -> Result<(), String> {
    let problem = |_| format!("{} is no exemplar", excerpt(exemplar));
    let mut rest = exemplar.strip_prefix('{').ok_or(()).map_err(problem)?;
    let mut labels = Vec::new();
    braces(&mut rest, &mut "-".to_owned(), &mut labels, true)?;
    let parts: Vec<&str> = rest.strip_prefix(' ').map(|rest| rest.split(' ').collect()).unwrap_or_default();
    let good = match parts.as_slice() {
        [number] => value(number).is_some(),
        [number, time] => value(number).is_some() && is_decimal(time),
        _ => false,
    };
    let characters: usize = labels.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum();
    if good && characters <= 128 { Ok(()) } else { Err(problem(())) }
}
