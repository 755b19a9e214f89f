//! SenML in JSON (RFC 8428): packs of records, each resolved and a row of its own.
//!
//! The columns are `name`, `unit`, `value`, `string_value`, `boolean_value`, `data_value` (base64url, as it came), `sum` and
//! `update_time`. Base values hold from the record that gives them on: behind a record whose base values cannot be read nothing of
//! the pack can be told. A time less than 2^28 counts from now (4.5.3), and for a file now is when it arrived: only a format that
//! declares `receipt_time` believes in that.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::{Reading, Yield};
use crate::block;
use crate::column::excerpt;
use crate::json::{Document, Documents, Node, Style};
use crate::number::{self, Decimal};
use crate::rows::{Kind, Refusal, Refused};
use crate::sheet::{self, Entry, Role, Row, Sheets, Unusable};
use crate::time::{EpochUnit, TimeFormat, decimal_micros};
use crate::zone::Local;

/// `[senml]`, which has no keys: a pack says everything itself.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Senml {}

const BASES: [&str; 6] = ["bn", "bt", "bu", "bv", "bs", "bver"];
const VALUES: [&str; 5] = ["v", "vs", "vb", "vd", "s"];
/// The version of RFC 8428.
const VERSION_MAX: i64 = 10;
/// Times from here on are absolute: 4.5.3.
const ABSOLUTE_MIN_SECONDS: i64 = 1 << 28;

/// What holds for a record and those behind it.
#[derive(Clone, Debug, Default)]
struct Base {
    name: String,
    time: i64,
    unit: Option<String>,
    value: Option<f64>,
    sum: Option<f64>,
}

/// Whether a document is a pack: an array of records of which the first has a name, and some have values.
pub(super) fn is_pack(root: &Node<'_>) -> bool {
    const PEEKED: usize = 10;
    let Some([first, ..]) = root.elements() else { return false };
    let has = |record: &Node<'_>, labels: &[&str]| labels.iter().any(|label| record.get(label).is_some());
    let records = || root.elements().into_iter().flatten().take(PEEKED);
    has(first, &["bn", "n"])
        && records().all(|record| has(record, &VALUES) || has(record, &BASES))
        && records().any(|record| has(record, &VALUES))
}

impl Senml {
    /// All records of a file.
    pub(super) fn read(self, reading: &Reading<'_>, local: &mut Local<'_>) -> Result<Yield, Refusal> {
        let style = Style::of(reading.text);
        let (parts, refused) = sheet::read(reading.room(), &TimeFormat::Epoch(EpochUnit::S), |sheets| {
            let mut refused = Vec::new();
            for document in Documents::new(reading.text, style).map_err(|reason| Refusal { reason })? {
                let mut refuse = |row, bytes, reason| refused.push(Refused { member: None, row, bytes, reason });
                let records = document.root.as_ref().map_err(Clone::clone).and_then(|root| records(&document, root));
                let records = match records {
                    Ok(records) => records,
                    Err(reason) => {
                        refuse(document.line, document.raw.clone(), reason);
                        continue;
                    }
                };
                let mut base = Ok(Base::default());
                for record in records {
                    let line = document.line(record);
                    let added = add(record, line, &mut base, reading, sheets, local);
                    match added {
                        Ok(()) => {}
                        Err(Unusable::File(refusal)) => return Err(refusal),
                        Err(Unusable::Row(reason)) => {
                            refuse(line, document.bytes(record).unwrap_or_else(|| document.raw.clone()), reason);
                        }
                    }
                }
            }
            refused.extend(block::tail_of(reading.text));
            Ok(refused)
        })?;
        Ok(Yield { parts, refused, skipped: 0 })
    }
}

fn records<'n, 't>(document: &Document<'t>, root: &'n Node<'t>) -> Result<&'n [Node<'t>], String> {
    let records = root.elements().ok_or_else(|| format!("{} where a pack of records should be", root.kind()))?;
    match document.bytes(root) {
        None if records.len() > 1 => Err("several records on a line that is not UTF-8".to_owned()),
        _ => Ok(records),
    }
}

/// Adds a record as a row, if it has a value, with `base` brought up to it. `base` is the line whose base values are lost, when one is.
fn add(
    record: &Node<'_>,
    line: u64,
    base: &mut Result<Base, u64>,
    reading: &Reading<'_>,
    sheets: &mut Sheets<'_>,
    local: &mut Local<'_>,
) -> Result<(), Unusable> {
    let now = match base {
        Ok(base) => base,
        Err(lost) => return Err(format!("the base values of the record on line {lost} are unknown").into()),
    };
    let checked = match record.members() {
        None => Err(format!("{} where a record should be", record.kind())),
        Some(_) => record.repeated().map_or(Ok(()), |name| Err(format!("{} twice in one record", excerpt(name)))),
    };
    let gives_base = BASES.iter().any(|label| record.get(label).is_some());
    if let Err(reason) = checked.and_then(|()| now.take(record)) {
        if gives_base || record.members().is_none() {
            *base = Err(line);
        }
        return Err(reason.into());
    }
    if !VALUES.iter().any(|label| record.get(label).is_some()) {
        let only_base = record.members().is_some_and(|members| members.iter().all(|(label, _)| BASES.contains(&label)));
        return if only_base { Ok(()) } else { Err("a record without a value".into()) };
    }
    row(record, line, now, reading, sheets, local)
}

impl Base {
    /// Takes over what a record sets.
    fn take(&mut self, record: &Node<'_>) -> Result<(), String> {
        let number = |label| double(record, label);
        if let Some(version) = record.get("bver") {
            let known = version.number().and_then(number::long).is_some_and(|version| (1..=VERSION_MAX).contains(&version));
            if !known {
                return Err("bver is not a version up to 10".to_owned());
            }
        }
        if let Some(name) = text(record, "bn")? {
            name.clone_into(&mut self.name);
        }
        if record.get("bt").is_some() {
            self.time = micros(record, "bt")?;
        }
        if let Some(unit) = text(record, "bu")? {
            self.unit = Some(unit.to_owned());
        }
        self.value = number("bv")?.or(self.value);
        self.sum = number("bs")?.or(self.sum);
        Ok(())
    }
}

fn row(
    record: &Node<'_>,
    line: u64,
    base: &Base,
    reading: &Reading<'_>,
    sheets: &mut Sheets<'_>,
    local: &mut Local<'_>,
) -> Result<(), Unusable> {
    let must = record.members().into_iter().flat_map(crate::json::Members::iter).find(|(label, _)| label.ends_with('_'));
    if let Some((label, _)) = must {
        return Err(format!("{} has to be understood (RFC 8428, 4.4), and is not", excerpt(label)).into());
    }
    let name = format!("{}{}", base.name, text(record, "n")?.unwrap_or_default());
    if name.is_empty() {
        return Err("a record without a name".into());
    }
    if ["v", "vs", "vb", "vd"].iter().filter(|label| record.get(label).is_some()).count() > 1 {
        return Err("a record with several values".into());
    }
    let time = base.time.checked_add(micros(record, "t")?).ok_or("its time is too far away for a table")?;
    let time = if time < ABSOLUTE_MIN_SECONDS * 1_000_000 {
        local.arrival()?.checked_add(time).ok_or("its time is too far away for a table")?
    } else {
        time
    };
    local.check(time)?;

    let plus = |label: &str, base: Option<f64>| -> Result<Option<String>, String> {
        let own = double(record, label)?;
        Ok(match (own, base) {
            (None, _) => None,
            (Some(_), None) => record.get(label).and_then(Node::number).map(str::to_owned),
            (Some(own), Some(base)) => Some((own + base).to_string()),
        })
    };
    let (value, sum) = (plus("v", base.value)?, plus("s", base.sum)?);
    let unit = text(record, "u")?.or(base.unit.as_deref());
    let boolean = match record.get("vb").map(|value| (value.number(), value.text(), value.scalar())) {
        None => None,
        Some((None, None, Some(boolean))) => Some(boolean),
        Some(_) => return Err("vb is not a boolean".into()),
    };
    let data = text(record, "vd")?;
    if data.is_some_and(|data| BASE64_URL_SAFE_NO_PAD.decode(data.trim_end_matches('=')).is_err()) {
        return Err("vd is not base64url".into());
    }
    let update = double(record, "ut")?.and_then(|_| record.get("ut").and_then(Node::number));
    let fields = [
        ("unit", Kind::Text, unit),
        ("value", Kind::Double, value.as_deref()),
        ("string_value", Kind::Text, text(record, "vs")?),
        ("boolean_value", Kind::Boolean, boolean),
        ("data_value", Kind::Text, data),
        ("sum", Kind::Double, sum.as_deref()),
        ("update_time", Kind::Double, update),
    ];
    let mut entries = vec![Entry::declared(Role::Tag, "name", Kind::Text, &name)];
    let given = fields.into_iter().filter_map(|(name, kind, value)| Some(Entry::declared(Role::Field, name, kind, value?)));
    entries.extend(given);
    let device = device(reading, base, record)?;
    let table = reading.format.table.name(&device, "")?;
    sheets.add(&table, Row { number: line, device, time }, &entries, local)
}

/// Who measured: the base name without the separator that it ends with, or what the format says of the file.
fn device(reading: &Reading<'_>, base: &Base, record: &Node<'_>) -> Result<String, String> {
    let rule = &reading.format.device;
    let named = match rule.column() {
        Some("bn") => base.name.trim_end_matches([':', '/', '.', '-', '_']),
        Some(label) => text(record, label)?.unwrap_or_default(),
        None => return rule.device(reading.file, |_| String::new()),
    };
    let device = block::device(named).map_err(|problem| format!("the device's name {problem}"))?;
    Ok(if device.is_empty() { reading.file.device.to_owned() } else { device })
}

fn text<'n>(record: &'n Node<'_>, label: &str) -> Result<Option<&'n str>, String> {
    let Some(node) = record.get(label) else { return Ok(None) };
    node.text().map(Some).ok_or_else(|| format!("{label} is {}, not a string", node.kind()))
}

fn double(record: &Node<'_>, label: &str) -> Result<Option<f64>, String> {
    let Some(node) = record.get(label) else { return Ok(None) };
    let value = node.number().and_then(|text| number::double(text, Decimal::Point));
    value.map(Some).ok_or_else(|| format!("{label} is not a number that a double holds"))
}

/// Microseconds of a time in seconds; none is zero.
fn micros(record: &Node<'_>, label: &str) -> Result<i64, String> {
    let Some(node) = record.get(label) else { return Ok(0) };
    let micros = node.number().and_then(|text| decimal_micros(text, EpochUnit::S));
    micros.ok_or_else(|| format!("{label} is not a time in seconds"))
}

#[cfg(test)]
mod tests;
