//! What other firmware, other settings and other years make of a kind of file: exactly its rows, or none and a reason that says why.

mod delimited;
mod energy;
mod loggers;
mod networks;

use arrow::array::Array;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::{formats, parse};
use crate::rows::{Parsed, Part};

/// A row as `<device> <time> <column>=<value> …`, without the columns that have no value in it.
fn shown(part: &Part, row: usize) -> String {
    let options = FormatOptions::new();
    let value = |array: &dyn Array| ArrayFormatter::try_new(array, &options).unwrap().value(row).to_string();
    let metrics = part.columns.iter().filter(|(_, array)| !array.logical_nulls().is_some_and(|nulls| nulls.is_null(row)));
    let metrics = metrics.map(|(column, array)| format!(" {}={}", column.name, value(array)));
    format!("{} {}{}", part.device.value(row), value(&part.ts), metrics.collect::<String>())
}

fn rows(parsed: &Parsed) -> Vec<String> {
    parsed.parts.iter().flat_map(|part| (0..part.row.len()).map(|row| shown(part, row))).collect()
}

/// The rows of a file, and the lines of it that are refused with a part of the reason.
#[track_caller]
fn check(path: &str, bytes: impl AsRef<[u8]>, expected: &[&str], refused: &[(u64, &str)]) {
    let parsed = parse(&formats(), path, bytes.as_ref()).unwrap_or_else(|refusal| panic!("{path}: {refusal}"));
    assert_eq!(rows(&parsed), expected, "{path}: {:?}", parsed.refused);
    let lines: Vec<u64> = parsed.refused.iter().map(|refused| refused.row).collect();
    assert_eq!(lines, refused.iter().map(|(line, _)| *line).collect::<Vec<_>>(), "{path}: {:?}", parsed.refused);
    for (got, (line, part)) in parsed.refused.iter().zip(refused) {
        assert!(got.reason.contains(part), "{path}, line {line}: {}", got.reason);
    }
}

/// A part of the reason that a whole file is refused for.
#[track_caller]
fn check_refusal(path: &str, bytes: impl AsRef<[u8]>, part: &str) {
    match parse(&formats(), path, bytes.as_ref()) {
        Err(refusal) => assert!(refusal.reason.contains(part), "{path}: {}", refusal.reason),
        Ok(parsed) => panic!("{path} gives {:?}", rows(&parsed)),
    }
}

fn latin_1(text: &str) -> Vec<u8> {
    encoding_rs::WINDOWS_1252.encode(text).0.into_owned()
}

fn shift_jis(text: &str) -> Vec<u8> {
    encoding_rs::SHIFT_JIS.encode(text).0.into_owned()
}
