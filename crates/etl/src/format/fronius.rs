//! Fronius Solar API v1 (42,0410,2012) as the Push Service uploads it (42,0410,2152): the answer of a request, in one of five forms.
//!
//! `Head.Timestamp` is the time of current data; logged data have their own, `Start` and seconds from there. What measured stands in
//! column `node`: an inverter's number, `inverter/1`, `meter:16220118`. `Body.Data` may be `Body` itself.
//!
//! | form | rows | `{table}` |
//! |---|---|---|
//! | nodes with `Start` and `Data` | one for each node and second | `log` |
//! | `Site` and `Inverters` | one for the site, one for each inverter | `power_flow`, `power_flow_inverter` |
//! | channels with `Values` by node | one for each node | `inverter` |
//! | one device's values | one | the request's `DeviceClass`, else `inverter` for a `DataCollection` of them, else `device` |
//! | devices by number | one for each | the same |

mod forms;

use forms::{Form, Measured};
use serde::Deserialize;

use super::{Reading, Yield};
use crate::block;
use crate::column::excerpt;
use crate::json::{Document, Documents, Node, Style};
use crate::rows::{Kind, Refusal, Refused};
use crate::sheet::{self, Entry, Role, Row, Sheets, Unusable};
use crate::time::TimeFormat;
use crate::zone::Local;

/// `[fronius]`, which has no keys: the answer says everything itself.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fronius {}

/// Whether a document is an answer of the Solar API.
pub(super) fn is_answer(root: &Node<'_>) -> bool {
    let head = root.get("Head");
    let told = |name| head.is_some_and(|head| head.get(name).is_some());
    root.get("Body").is_some_and(|body| body.members().is_some()) && told("Timestamp") && told("Status")
}

impl Fronius {
    /// All rows of a file.
    pub(super) fn read(self, reading: &Reading<'_>, local: &mut Local<'_>) -> Result<Yield, Refusal> {
        let style = Style::of(reading.text);
        let (parts, refused) = sheet::read(reading.room(), &TimeFormat::Iso, |sheets| {
            let mut refused = Vec::new();
            for document in Documents::new(reading.text, style).map_err(|reason| Refusal { reason })? {
                let added = match &document.root {
                    Ok(root) => answer(&document, root, reading, sheets, local, &mut refused),
                    Err(reason) => Err(reason.clone().into()),
                };
                match added {
                    Ok(()) => {}
                    Err(Unusable::File(refusal)) => return Err(refusal),
                    Err(Unusable::Row(reason)) => {
                        refused.push(Refused { member: None, row: document.line, bytes: document.raw.clone(), reason });
                    }
                }
            }
            refused.extend(block::tail_of(reading.text));
            Ok(refused)
        })?;
        Ok(Yield { parts, refused, skipped: 0 })
    }
}

/// Adds the rows of one answer; an error says that there are none.
fn answer(
    document: &Document<'_>,
    root: &Node<'_>,
    reading: &Reading<'_>,
    sheets: &mut Sheets<'_>,
    local: &mut Local<'_>,
    refused: &mut Vec<Refused>,
) -> Result<(), Unusable> {
    if let Some(name) = root.repeated() {
        return Err(format!("{} twice in one object", excerpt(name)).into());
    }
    if document.bytes(root).is_none() {
        return Err("an answer on one line that is not UTF-8".into());
    }
    let head = root.get("Head").ok_or("no Head")?;
    check_status(head)?;
    let body = root.get("Body").ok_or("no Body")?;
    let data = body.get("Data").unwrap_or(body);
    let members = data.members().ok_or_else(|| format!("Body.Data is {}", data.kind()))?;
    let at = head.get("Timestamp").and_then(Node::text).ok_or("no Head.Timestamp")?;
    for measured in Form::of(members).rows(members, head)? {
        let node = measured.node;
        let added = row(&measured, at, document, reading, sheets, local);
        match added {
            Ok(()) => {}
            Err(Unusable::Row(reason)) => {
                let bytes = document.bytes(node).unwrap_or_else(|| document.raw.clone());
                refused.push(Refused { member: None, row: document.line(node), bytes, reason });
            }
            Err(file) => return Err(file),
        }
    }
    Ok(())
}

/// An answer that reports an error has no values.
fn check_status(head: &Node<'_>) -> Result<(), String> {
    let status = head.get("Status");
    let code = status.and_then(|status| status.get("Code")).and_then(Node::scalar);
    if code.is_none_or(|code| code == "0") {
        return Ok(());
    }
    let reason = status.and_then(|status| status.get("Reason")).and_then(Node::scalar).unwrap_or_default();
    Err(format!("the device reports error {}: {}", excerpt(code.unwrap_or_default()), excerpt(reason)))
}

fn row(
    measured: &Measured<'_, '_>,
    at: &str,
    document: &Document<'_>,
    reading: &Reading<'_>,
    sheets: &mut Sheets<'_>,
    local: &mut Local<'_>,
) -> Result<(), Unusable> {
    let start = block::time(measured.start.unwrap_or(at), &TimeFormat::Iso, local)?;
    let time = start.checked_add(measured.offset).ok_or("its time is too far away for a table")?;
    let device = reading.format.device.device(reading.file, |_| String::new())?;
    let table = reading.format.table.name(&device, &measured.table)?;
    let mut entries = Vec::with_capacity(measured.values.len() + 1);
    entries.extend(measured.name.as_deref().map(|name| Entry::declared(Role::Tag, "node", Kind::Text, name)));
    for value in &measured.values {
        // Events are objects; they stay what they are, as text.
        let (kind, text) = match value.node.scalar() {
            Some(text) => (if value.node.number().is_some() { Kind::Double } else { Kind::Text }, text),
            None => (Kind::Text, document.written(value.node)),
        };
        let kind = if matches!(value.node.value, crate::json::Value::Boolean(_)) { Kind::Boolean } else { kind };
        if !value.node.is_null() {
            let (name, unit) = (value.name.as_str(), value.unit);
            entries.push(Entry { role: Role::Field, name, unit, process: None, kind, declared: false, value: text });
        }
    }
    sheets.add(&table, Row { number: document.line(measured.node), device, time }, &entries, local)
}

#[cfg(test)]
mod tests;
