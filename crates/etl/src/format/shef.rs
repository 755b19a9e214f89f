//! SHEF, the Standard Hydrometeorological Exchange Format: `.A` (one station, one time), `.E` (one station, times at an interval) and
//! `.B` (many stations, the same quantities), with continuations and revisions. Source: NWS, "SHEF Code Manual", sections 3 to 5.
//!
//! A message is no table, and what a station sends changes from one to the next: each value is a row, with the quantity's code beside
//! it. `-9999`, `M`, `MM` and a bare `+` are missing values, as the manual has them; a letter behind a number is its qualifier, and `T`
//! a trace. A value without a time of day, or a date without its year, is refused: the manual's defaults are the reader's guess.

mod message;
mod when;

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use message::{Message, Value};
use serde::Deserialize;

use super::{Reading, Yield};
use crate::block;
use crate::rows::{Column, Kind, Part, Refusal, Refused};
use crate::text::Line;
use crate::zone::Local;

/// `[shef]` as it is written: it has no keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shef {}

impl Shef {
    /// All values of a file.
    pub(super) fn read(&self, reading: &Reading<'_>, local: &mut Local<'_>) -> Result<Yield, Refusal> {
        let refusal = |reason| Refusal { reason };
        let mut values: Vec<Value> = Vec::new();
        let mut refused: Vec<Refused> = Vec::new();
        let mut message: Option<Message> = None;
        let mut lines = reading.text.lines();
        let mut refuse = |line: &Line<'_>, reason: String| {
            refused.push(Refused { member: None, row: line.number, bytes: line.raw.clone(), reason });
        };
        for line in lines.by_ref() {
            let text = said(line.text);
            let text = text.trim_end();
            let result = match line.fault {
                Some(fault) => Err(fault.to_string()),
                None if text.trim().is_empty() => continue,
                None if text.starts_with('.') => Message::line(&mut message, text, line.number, local, &mut values),
                None => match &mut message {
                    Some(open) if open.has_body() => open.body(text, line.number, local, &mut values),
                    // Bulletins stand between an address and NNNN.
                    _ => continue,
                },
            };
            if let Err(reason) = result {
                refuse(&line, reason);
            }
        }
        let mut read = Yield { refused, ..Yield::default() };
        if !values.is_empty() {
            let table = reading.format.table.name(reading.file.device, "").map_err(refusal)?;
            read.parts.push(part(table, &values).map_err(refusal)?);
        }
        read.refused.extend(reading.text.tail().map(|bytes| block::tail(lines.number(), bytes)));
        Ok(read)
    }
}

/// A line without its comments: a colon begins one, and the next colon or the line's end ends it, as in `GRB : Green Bay : 34 / 30`.
fn said(text: &str) -> Cow<'_, str> {
    match text.find(':') {
        None => Cow::Borrowed(text),
        // A line that begins with a comment is one to its end: in those the colons of `sent at 12:05` separate nothing.
        Some(first) if text.get(..first).is_some_and(|before| before.trim().is_empty()) => Cow::Borrowed(""),
        Some(_) => Cow::Owned(text.split(':').step_by(2).collect()),
    }
}

fn part(table: String, values: &[Value]) -> Result<Part, String> {
    let column = |name: &str, kind, array: ArrayRef| {
        (Column { name: name.to_owned(), original: name.to_owned(), unit: None, process: None, kind }, array)
    };
    let texts = |text: fn(&Value) -> &str| -> ArrayRef {
        Arc::new(values.iter().map(|value| Some(text(value)).filter(|text| !text.is_empty())).collect::<StringArray>())
    };
    let numbers: Result<Vec<i64>, _> = values.iter().map(|value| i64::try_from(value.line)).collect();
    let device: Result<Vec<String>, _> = values.iter().map(|value| block::device(&value.station)).collect();
    Ok(Part {
        table,
        member: None,
        device: StringArray::from(device.map_err(|problem| format!("a station's name {problem}"))?),
        ts: TimestampMicrosecondArray::from_iter_values(values.iter().map(|value| value.time)).with_timezone("+00:00"),
        row: Int64Array::from(numbers.map_err(|_| "more lines than can be counted".to_owned())?),
        columns: vec![
            column("code", Kind::Text, texts(|value| &value.code)),
            column("value", Kind::Double, Arc::new(values.iter().map(|value| value.number).collect::<Float64Array>())),
            column("qualifier", Kind::Text, texts(|value| &value.qualifier)),
            column("units", Kind::Text, texts(|value| value.units)),
        ],
    })
}

#[cfg(test)]
mod tests;
