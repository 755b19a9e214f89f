//! Format definitions: TOML to a format, with everything that is wrong named by its key.

use encoding_rs::Encoding;
use serde::Deserialize;

use super::claim::{Claim, Match};
use super::delimited::{Delimited, DelimitedKeys};
use super::fronius::Fronius;
use super::json::{Json, JsonKeys};
use super::line_protocol::LineProtocol;
use super::melsec::Melsec;
use super::origin::{DeviceKeys, DeviceRule, TableRule};
use super::prometheus::Prometheus;
use super::senml::Senml;
use super::shef::Shef;
use super::sma_csv::SmaCsv;
use super::solar_log::{SolarLog, SolarLogKeys};
use super::toa5::{Toa5, Toa5Keys};
use super::tob::Tob;
use super::{Format, FormatError, Parser};
use crate::extra::Rare;
use crate::zone::Zone;

/// A definition as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    /// The format's name, unique among all definitions.
    format: String,
    /// The table of its rows, with `{device}` and `{table}`, where the file names one.
    table: String,
    device: DeviceKeys,
    /// What it means that a file comes again under the same path.
    #[serde(default)]
    arrival: Arrival,
    /// The zone of times without one, before the account's and the default.
    zone: Option<String>,
    /// Whether rows without a time of their own have that of the upload's arrival.
    #[serde(default)]
    receipt_time: bool,
    /// What text may be encoded in, in order (see [`crate::text`]), by WHATWG's labels.
    #[serde(default = "utf_8")]
    encodings: Vec<String>,
    /// Globs over the names of columns that few rows have a use for: their values are in the table's map.
    #[serde(default)]
    extra: Vec<String>,
    #[serde(rename = "match")]
    matches: Match,
    toa5: Option<Toa5Keys>,
    delimited: Option<DelimitedKeys>,
    line_protocol: Option<LineProtocol>,
    melsec: Option<Melsec>,
    shef: Option<Shef>,
    sma_csv: Option<SmaCsv>,
    solar_log: Option<SolarLogKeys>,
    json: Option<JsonKeys>,
    senml: Option<Senml>,
    fronius: Option<Fronius>,
    tob: Option<Tob>,
    prometheus: Option<Prometheus>,
}

/// What it means that a file comes again under the same path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Arrival {
    /// All its rows are new ones, unless its bytes are the same.
    #[default]
    New,
    /// It is the same file, sent whole: rows that were there before are the same rows.
    Snapshot,
}

/// One for each parser.
const SECTIONS: &str = "toa5, delimited, line_protocol, json, senml, fronius, tob, prometheus, melsec, shef, sma_csv, solar_log";

fn utf_8() -> Vec<String> {
    vec!["utf-8".to_owned()]
}

/// What is wrong with one definition.
#[derive(Debug)]
pub(super) struct Problems<'s> {
    file: &'s str,
    errors: Vec<FormatError>,
}

impl<'s> Problems<'s> {
    pub(super) fn new(file: &'s str) -> Self {
        Self { file, errors: Vec::new() }
    }

    pub(super) fn add(&mut self, key: impl Into<String>, problem: impl std::fmt::Display) {
        self.errors.push(FormatError { file: self.file.to_owned(), key: key.into(), problem: problem.to_string() });
    }

    /// The value, or `None` with the problem noted.
    pub(super) fn note<T, E: std::fmt::Display>(&mut self, key: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|problem| self.add(key, problem)).ok()
    }

    pub(super) fn into_errors(self) -> Vec<FormatError> {
        self.errors
    }
}

/// Reads a definition; `None` when a problem has been noted.
pub(super) fn read(text: &str, problems: &mut Problems<'_>) -> Option<Format> {
    let definition: Definition = toml::from_str(text).map_err(|error| note_syntax(text, &error, problems)).ok()?;
    if definition.format.is_empty() {
        problems.add("format", "a format needs a name");
    }
    let receipt_time = definition.receipt_time;
    let mut parsers = Vec::new();
    parsers.extend(definition.toa5.map(|keys| Some(Parser::Toa5(Toa5::new(keys)))));
    let delimited = definition.delimited.map(|keys| Delimited::new(keys, problems));
    parsers.extend(delimited.map(|delimited| Some(Parser::Delimited(Box::new(delimited?)))));
    parsers.extend(definition.line_protocol.map(|line_protocol| Some(Parser::LineProtocol(line_protocol))));
    let json = definition.json.map(|keys| Json::new(keys, receipt_time, problems));
    parsers.extend(json.map(|json| Some(Parser::Json(Box::new(json?)))));
    parsers.extend(definition.senml.map(|senml| Some(Parser::Senml(senml))));
    parsers.extend(definition.fronius.map(|fronius| Some(Parser::Fronius(fronius))));
    parsers.extend(definition.tob.map(|tob| Some(Parser::Tob(tob))));
    parsers.extend(definition.prometheus.map(|prometheus| Some(Parser::Prometheus(prometheus))));
    parsers.extend(definition.shef.map(|shef| Some(Parser::Shef(shef))));
    parsers.extend(definition.melsec.map(|melsec| Some(Parser::Melsec(melsec))));
    parsers.extend(definition.sma_csv.map(|sma| Some(Parser::SmaCsv(sma))));
    parsers.extend(definition.solar_log.map(|keys| SolarLog::new(&keys).map(Parser::SolarLog)));
    if parsers.len() != 1 {
        problems.add(SECTIONS, "a definition has exactly one of these sections");
    }
    let parser = parsers.pop().flatten();
    let takes =
        matches!(parser, Some(Parser::Json(_) | Parser::Senml(_) | Parser::Prometheus(_) | Parser::LineProtocol(_)) | None);
    if receipt_time && !takes {
        problems.add("receipt_time", "is not for rows that always have a time");
    }
    if receipt_time && definition.arrival == Arrival::Snapshot {
        // A row is known again by its time, and such rows have another one at every push.
        problems.add("receipt_time", "is not for arrival = \"snapshot\", whose rows are known again by their own time");
    }
    let device = DeviceRule::new(definition.device, parser.as_ref(), problems);
    let table = TableRule::new(definition.table, device.as_ref(), parser.as_ref(), problems);
    let claim = Claim::new(definition.matches, parser.as_ref(), problems);
    let zone = definition.zone.map(|name| {
        let zone = Zone::named(&name).ok_or_else(|| format!("{name:?} is neither a time zone nor an offset"));
        problems.note("zone", zone)
    });
    let encodings = encodings(&definition.encodings, problems);
    let rare = problems.note("extra", Rare::new(&definition.extra));
    let zone = match zone {
        None => None,
        Some(zone) => Some(zone?),
    };
    Some(Format {
        name: definition.format,
        arrival: definition.arrival,
        claim: claim?,
        device: device?,
        table: table?,
        zone,
        receipt_time,
        encodings: encodings?,
        rare: rare?,
        parser: parser?,
    })
}

fn encodings(labels: &[String], problems: &mut Problems<'_>) -> Option<Vec<&'static Encoding>> {
    if labels.is_empty() {
        problems.add("encodings", "at least one is needed");
        return None;
    }
    let encoding = |label: &String| {
        let encoding = Encoding::for_label_no_replacement(label.as_bytes()).ok_or_else(|| format!("unknown encoding {label:?}"));
        problems.note("encodings", encoding)
    };
    let encodings: Vec<Option<&'static Encoding>> = labels.iter().map(encoding).collect();
    encodings.into_iter().collect()
}

/// Names the key on whose line the TOML or its types go wrong.
fn note_syntax(text: &str, error: &toml::de::Error, problems: &mut Problems<'_>) {
    let at = error.span().map_or(0, |span| span.start);
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count();
    let key = text.lines().nth(line).and_then(|line| line.split('=').next()).unwrap_or_default().trim();
    problems.add(format!("line {} ({key})", line + 1), error.message());
}
