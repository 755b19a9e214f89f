//! Prometheus' text exposition format, and OpenMetrics 1.0: each sample is a row.
//!
//! Its columns are `metric`, `type`, `value`, for OpenMetrics `exemplar` as it is written, and one for each label. The text format counts
//! time in milliseconds and a bad line costs its row. OpenMetrics counts in seconds, ends with `# EOF`, and is valid or not as a whole: a
//! file that is cut, or breaks its rules, is refused. Sources: prometheus.io/docs/instrumenting/exposition_formats; OpenMetrics 1.0.

mod families;
mod sample;

use families::Families;
use sample::Sample;
use serde::Deserialize;

use super::{Reading, Yield};
use crate::block;
use crate::column::excerpt;
use crate::rows::{Kind, Refusal, Refused};
use crate::sheet::{self, Entry, Role, Row, Sheets, Unusable};
use crate::text::Text;
use crate::time::{EpochUnit, TimeFormat, decimal_micros};
use crate::zone::Local;

/// `[prometheus]` as it is written.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prometheus {
    #[serde(default)]
    exposition: Exposition,
}

/// Which of the two it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Exposition {
    #[default]
    Text,
    OpenMetrics,
}

const END: &str = "# EOF";

/// Which exposition a text is, by what only one of them has in it; `None` when nothing shows.
fn exposition_of(text: &Text<'_>) -> Option<Exposition> {
    const PEEKED_LINES: usize = 20;
    if text.ends_with(END) {
        return Some(Exposition::OpenMetrics);
    }
    let mut types = text.lines().take(PEEKED_LINES).filter_map(|line| match families::descriptor(line.text)? {
        ("TYPE", _, "unknown" | "info" | "stateset" | "gaugehistogram") | ("UNIT", _, _) => Some(Exposition::OpenMetrics),
        ("TYPE", _, "counter" | "gauge" | "histogram" | "summary" | "untyped") => Some(Exposition::Text),
        _ => None,
    });
    let first = types.next()?;
    Some(types.find(|kind| *kind == Exposition::OpenMetrics).unwrap_or(first))
}

impl Prometheus {
    /// Whether a text shows that it is of this exposition.
    pub(super) fn recognises(self, text: &Text<'_>) -> bool {
        exposition_of(text) == Some(self.exposition)
    }

    /// All samples of a file.
    pub(super) fn read(self, reading: &Reading<'_>, local: &mut Local<'_>) -> Result<Yield, Refusal> {
        let strict = self.exposition == Exposition::OpenMetrics;
        if strict && !reading.text.ends_with(END) {
            let reason = format!("it does not end with {END}, so it was cut, or is no OpenMetrics");
            return Err(Refusal { reason });
        }
        let (parts, refused) = sheet::read(reading.room(), &TimeFormat::Iso, |sheets| {
            let mut families = Families::default();
            let mut refused = Vec::new();
            for line in reading.text.lines() {
                let added = match line.fault {
                    Some(fault) => Err(Bad::Line(fault.to_string())),
                    None => self.line(line.text, line.number, &mut families, reading, sheets, local),
                };
                match added {
                    Ok(()) => {}
                    Err(Bad::File(refusal)) => return Err(refusal),
                    Err(Bad::Line(problem)) if strict => {
                        return Err(Refusal { reason: format!("line {}: {problem}", line.number) });
                    }
                    Err(Bad::Line(reason) | Bad::Row(reason)) => {
                        refused.push(Refused { member: None, row: line.number, bytes: line.raw, reason });
                    }
                }
            }
            refused.extend(block::tail_of(reading.text));
            Ok(refused)
        })?;
        Ok(Yield { parts, refused, skipped: 0 })
    }

    fn line(
        self,
        line: &str,
        number: u64,
        families: &mut Families,
        reading: &Reading<'_>,
        sheets: &mut Sheets<'_>,
        local: &mut Local<'_>,
    ) -> Result<(), Bad> {
        let strict = self.exposition == Exposition::OpenMetrics;
        if families.ended {
            return if line.is_empty() { Ok(()) } else { Err(Bad::Line(format!("{} behind {END}", excerpt(line)))) };
        }
        if line.trim_ascii().is_empty() {
            return if strict { Err(Bad::Line("a blank line".to_owned())) } else { Ok(()) };
        }
        if line.starts_with('#') {
            let described = if strict { families.describe_strictly(line) } else { families.describe(line) };
            return described.map_err(Bad::Line);
        }
        let sample = Sample::read(line, strict).map_err(Bad::Line)?;
        if strict {
            families.check(&sample).map_err(Bad::Line)?;
        }
        let kind = families.kind_of(&sample.metric).to_owned();
        self.row(&sample, &kind, number, reading, sheets, local).map_err(Bad::from)
    }

    fn row(
        self,
        sample: &Sample,
        kind: &str,
        number: u64,
        reading: &Reading<'_>,
        sheets: &mut Sheets<'_>,
        local: &mut Local<'_>,
    ) -> Result<(), Unusable> {
        let unit = if self.exposition == Exposition::OpenMetrics { EpochUnit::S } else { EpochUnit::Ms };
        let time = match &sample.time {
            Some(time) => decimal_micros(time, unit).ok_or("its time is too far away for a table")?,
            None => local.arrival()?,
        };
        local.check(time)?;
        let rule = &reading.format.device;
        let label = rule.column().and_then(|name| sample.labels.iter().find(|(label, _)| label == name));
        let device = match label {
            Some((_, value)) => block::device(value).map_err(|problem| format!("the device's name {problem}"))?,
            None => rule.device(reading.file, |_| String::new())?,
        };
        let device = if device.is_empty() { reading.file.device.to_owned() } else { device };
        let table = reading.format.table.name(&device, &sample.metric)?;
        let mut entries = vec![
            Entry::declared(Role::Field, "metric", Kind::Text, &sample.metric),
            Entry::declared(Role::Field, "type", Kind::Text, kind),
            Entry::declared(Role::Field, "value", Kind::Double, &sample.value),
        ];
        entries.extend(sample.exemplar.as_deref().map(|exemplar| Entry::declared(Role::Field, "exemplar", Kind::Text, exemplar)));
        let labels = sample.labels.iter().filter(|(label, _)| rule.column() != Some(label));
        entries.extend(labels.map(|(label, value)| Entry::declared(Role::Tag, label, Kind::Text, value)));
        sheets.add(&table, Row { number, device, time }, &entries, local)
    }
}

/// What is wrong with a line.
enum Bad {
    /// It is none of this exposition.
    Line(String),
    /// It is, but no row.
    Row(String),
    File(Refusal),
}

impl From<Unusable> for Bad {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Row(reason) => Self::Row(reason),
            Unusable::File(refusal) => Self::File(refusal),
        }
    }
}

#[cfg(test)]
mod tests;
