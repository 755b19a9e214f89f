//! One line to one point.

use crate::column::excerpt;
use crate::number::{self, Decimal};
use crate::rows::Kind;

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) measurement: String,
    pub(super) tags: Vec<(String, String)>,
    pub(super) fields: Vec<Field>,
    /// In the file's precision, since 1970 UTC; `None` when the line gives none.
    pub(super) time: Option<i64>,
}

/// A field's value, as text that a column of its kind reads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) key: String,
    pub(super) kind: Kind,
    pub(super) value: String,
}

impl Point {
    /// Reads `measurement,tag=value field=value time`, or says why that cannot be.
    pub(super) fn read(line: &str) -> Result<Self, String> {
        if line.chars().any(|character| character.is_control() && character != '\t') {
            return Err("holds control characters".to_owned());
        }
        let mut rest = line.trim_start_matches(' ');
        let measurement = token(&mut rest, ", ");
        if measurement.is_empty() {
            return Err("no measurement".to_owned());
        }
        let mut tags: Vec<(String, String)> = Vec::new();
        while let Some(after) = rest.strip_prefix(',') {
            rest = after;
            let key = key(&mut rest)?;
            let value = token(&mut rest, ",= ");
            if value.is_empty() || rest.starts_with('=') {
                return Err(format!("tag {} has no value, or one with a bare =", excerpt(&key)));
            }
            if tags.iter().any(|(other, _)| *other == key) {
                return Err(format!("tag {} twice", excerpt(&key)));
            }
            tags.push((key, value));
        }
        rest = rest.trim_start_matches(' ');
        let mut fields: Vec<Field> = Vec::new();
        loop {
            let key = key(&mut rest)?;
            let (kind, value) = value(&mut rest).map_err(|problem| format!("field {}: {problem}", excerpt(&key)))?;
            if fields.iter().any(|other| other.key == key) {
                return Err(format!("field {} twice", excerpt(&key)));
            }
            fields.push(Field { key, kind, value });
            match rest.strip_prefix(',') {
                Some(after) => rest = after,
                None => break,
            }
        }
        let time = rest.trim_matches(' ');
        let time = match time {
            "" => None,
            time => {
                let time = number::long(time).filter(|_| rest.starts_with(' '));
                Some(time.ok_or_else(|| format!("{} where the time should be", excerpt(rest)))?)
            }
        };
        Ok(Self { measurement, tags, fields, time })
    }
}

/// A key and the `=` behind it.
fn key(rest: &mut &str) -> Result<String, String> {
    let key = token(rest, ",= ");
    *rest =
        rest.strip_prefix('=').filter(|_| !key.is_empty()).ok_or_else(|| format!("{} is no key with a value", excerpt(&key)))?;
    Ok(key)
}

/// Text up to the first of `ends`, which a backslash makes characters like others. A backslash before anything else is one.
fn token(rest: &mut &str, ends: &str) -> String {
    let mut token = String::new();
    let mut characters = rest.char_indices();
    let mut end = rest.len();
    while let Some((at, character)) = characters.next() {
        if ends.contains(character) {
            end = at;
            break;
        }
        let escaped = characters.clone().next().filter(|(_, next)| character == '\\' && ends.contains(*next));
        if escaped.is_some() {
            characters.next();
        }
        token.push(escaped.map_or(character, |(_, next)| next));
    }
    *rest = rest.get(end..).unwrap_or_default();
    token
}

/// A field's value: `"text"`, `1i`, `1u`, `true`, or a double.
fn value(rest: &mut &str) -> Result<(Kind, String), String> {
    if let Some(quoted) = rest.strip_prefix('"') {
        return text(rest, quoted).map(|text| (Kind::Text, text));
    }
    let end = rest.find([',', ' ']).unwrap_or(rest.len());
    let (written, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    *rest = after;
    let none = || format!("{} is no value", excerpt(written));
    match written {
        "t" | "T" | "true" | "True" | "TRUE" => return Ok((Kind::Boolean, "true".to_owned())),
        "f" | "F" | "false" | "False" | "FALSE" => return Ok((Kind::Boolean, "false".to_owned())),
        _ => {}
    }
    if let Some(digits) = written.strip_suffix(['i', 'u']) {
        let fits = number::long(digits).is_some_and(|value| value >= 0 || written.ends_with('i'));
        return fits.then(|| (Kind::Long, digits.to_owned())).ok_or_else(none);
    }
    let starts_as_number = written.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.'));
    let is_finite = number::double(written, Decimal::Point).is_some_and(f64::is_finite);
    (starts_as_number && is_finite).then(|| (Kind::Double, written.to_owned())).ok_or_else(none)
}

/// Quoted text, of which `quoted` begins behind the quote; a backslash stands before a quote or itself.
fn text<'l>(rest: &mut &'l str, quoted: &'l str) -> Result<String, String> {
    let mut text = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        if character == '"' {
            *rest = quoted.get(at + 1..).unwrap_or_default();
            return Ok(text);
        }
        let escaped = characters.clone().next().filter(|(_, next)| character == '\\' && matches!(next, '"' | '\\'));
        if escaped.is_some() {
            characters.next();
        }
        text.push(escaped.map_or(character, |(_, next)| next));
    }
    Err("a quote opens and does not close on the line".to_owned())
}
