//! What must hold of whatever devices send. `fuzz/` tries these properties on bytes of its own making, the tests on `fuzz/seeds`,
//! where what fuzzing finds is kept.
//!
//! The first byte chooses one of a parser's definitions, the rest is the file: no panic, every row in one place, refused bytes within the
//! file and apart from each other.

use std::sync::OnceLock;

use arrow::array::Array;

use super::{File, Formats, Source};
use crate::container::Member;
use crate::limits::Limits;
use crate::rows::Parsed;

macro_rules! definitions {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../pipeline/formats/", $name, ".toml")))),*]
    };
}

type Definition = (&'static str, &'static str);

const DELIMITED: &[Definition] = definitions!(
    "csv",
    "hobo",
    "minidot",
    "ecowitt",
    "egx",
    "toaci1",
    "campbell-array",
    "acquisuite",
    "hioki",
    "graphtec",
    "yokogawa",
    "jma",
    "tepco",
    "usgs-rdb",
    "usgs-rdb-instantaneous",
    "surfrad",
    "uscrn-subhourly",
    "isd",
    "srml",
    "inmet",
    "inmet-history",
    "windographer",
    "dexma",
);

/// Notations of numbers that no definition which comes with Inlet declares.
const GROUPED: &[Definition] = &[
    (
        "grouped",
        "format = \"grouped\"\ntable = \"t\"\ndevice = { account = true }\n[match]\npaths = [\"**\"]\n[delimited]\ndelimiter = \";\"\n\
         decimal = \",\"\nthousands = \".\"\ntimestamp = { columns = [1], format = \"iso8601-or-year-last\" }\n",
    ),
    (
        "apart",
        "format = \"apart\"\ntable = \"t\"\ndevice = { account = true }\n[match]\npaths = [\"**\"]\n[delimited]\ndelimiter = \"\\t\"\n\
         thousands = \"'\"\ntimestamp = { columns = [1], format = [\"%d.%m.%y %I:%M:%S %p\", \"%Y%m%d %{HHMM}\"] }\n",
    ),
];

/// Delimited text, and text with cells at fixed places.
pub fn delimited(bytes: &[u8]) {
    static FORMATS: OnceLock<Vec<Formats>> = OnceLock::new();
    check(FORMATS.get_or_init(|| formats(&[DELIMITED, GROUPED].concat())), bytes);
}

/// What `inlet sniff` proposes for a file: TOML, and a whole definition where nothing is left open.
pub fn sniff(bytes: &[u8]) {
    let limits = Limits { line_bytes: bytesize::ByteSize::kib(64), ..Limits::for_tests() };
    let file = File { path: "/a_1.csv", device: "d", zone: None, arrived: None, bytes };
    let Ok(proposal) = crate::propose(&file, &limits) else { return };
    let text = &proposal.definition;
    assert!(toml::from_str::<toml::Table>(text).is_ok(), "no TOML: {text}");
    let formats = Formats::load(&[Source { file: "proposed", text }], "UTC", limits);
    assert!(formats.is_ok() || !proposal.open.is_empty(), "{formats:?}: {text}");
}

/// Campbell TOA5.
pub fn toa5(bytes: &[u8]) {
    static FORMATS: OnceLock<Vec<Formats>> = OnceLock::new();
    check(FORMATS.get_or_init(|| formats(definitions!("toa5"))), bytes);
}

/// MELSEC data logging.
pub fn melsec(bytes: &[u8]) {
    static FORMATS: OnceLock<Vec<Formats>> = OnceLock::new();
    check(FORMATS.get_or_init(|| formats(definitions!("melsec"))), bytes);
}

/// SHEF messages.
pub fn shef(bytes: &[u8]) {
    static FORMATS: OnceLock<Vec<Formats>> = OnceLock::new();
    check(FORMATS.get_or_init(|| formats(definitions!("shef"))), bytes);
}

/// SMA CSV1.
pub fn sma_csv(bytes: &[u8]) {
    static FORMATS: OnceLock<Vec<Formats>> = OnceLock::new();
    check(FORMATS.get_or_init(|| formats(definitions!("sma-csv"))), bytes);
}

/// Solar-Log's JavaScript.
pub fn solar_log(bytes: &[u8]) {
    static FORMATS: OnceLock<Vec<Formats>> = OnceLock::new();
    check(FORMATS.get_or_init(|| formats(definitions!("solar-log"))), bytes);
}

/// JSON by paths.
pub fn json(bytes: &[u8]) {
    static FORMATS: OnceLock<Vec<Formats>> = OnceLock::new();
    parsed(FORMATS.get_or_init(|| formats(definitions!("the-things-stack", "csijson"))), bytes);
}

/// SenML packs.
pub fn senml(bytes: &[u8]) {
    static FORMATS: OnceLock<Vec<Formats>> = OnceLock::new();
    parsed(FORMATS.get_or_init(|| formats(definitions!("senml"))), bytes);
}

/// Answers of the Fronius Solar API.
pub fn fronius(bytes: &[u8]) {
    static FORMATS: OnceLock<Vec<Formats>> = OnceLock::new();
    parsed(FORMATS.get_or_init(|| formats(definitions!("fronius"))), bytes);
}

/// Prometheus' text and OpenMetrics.
pub fn prometheus(bytes: &[u8]) {
    static FORMATS: OnceLock<Vec<Formats>> = OnceLock::new();
    check(FORMATS.get_or_init(|| formats(definitions!("prometheus", "openmetrics"))), bytes);
}

/// Campbell TOB1 to TOB3.
pub fn tob(bytes: &[u8]) {
    static FORMATS: OnceLock<Vec<Formats>> = OnceLock::new();
    check(FORMATS.get_or_init(|| formats(definitions!("tob"))), bytes);
}

/// InfluxDB line protocol.
pub fn line_protocol(bytes: &[u8]) {
    static FORMATS: OnceLock<Vec<Formats>> = OnceLock::new();
    check(FORMATS.get_or_init(|| formats(definitions!("line-protocol"))), bytes);
}

/// What comes out of gzip and zip: bounded, and called by what can be shown to people.
pub fn containers(bytes: &[u8]) {
    let limits = Limits { unwrapped_bytes: bytesize::ByteSize::mib(4), ..Limits::for_tests() };
    let Ok(members) = crate::unwrap(bytes, &limits) else { return };
    let mut unwrapped = 0;
    for Member { name, bytes } in members {
        assert!(!name.iter().any(|name| name.chars().any(char::is_control)), "{name:?} has control characters");
        unwrapped += bytes.map_or(0, |bytes| bytes.len());
    }
    let most = limits.unwrapped_bytes.as_u64().max(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    assert!(u64::try_from(unwrapped).is_ok_and(|unwrapped| unwrapped <= most), "{unwrapped} bytes, {most} allowed");
}

/// Each definition alone, and claiming every file.
fn formats(definitions: &[Definition]) -> Vec<Formats> {
    let limits = Limits { line_bytes: bytesize::ByteSize::kib(64), ..Limits::for_tests() };
    let load = |(name, text): &Definition| {
        let (before, rest) = text.split_once("[match]\n").unwrap_or((text, ""));
        let after = rest.find("\n[").and_then(|at| rest.get(at..)).unwrap_or_default();
        let text = format!("{before}[match]\npaths = [\"**\"]\n{after}");
        let formats = Formats::load(&[Source { file: name, text: &text }], "UTC", limits.clone());
        assert!(formats.is_ok(), "{name}: {formats:?}");
        formats.ok()
    };
    definitions.iter().filter_map(load).collect()
}

/// A file in which no line is a row and refused at once.
fn check(formats: &[Formats], bytes: &[u8]) {
    let Some(parsed) = parsed(formats, bytes) else { return };
    for refused in &parsed.refused {
        let row = i64::try_from(refused.row);
        let good = parsed.parts.iter().any(|part| part.row.values().iter().any(|line| row == Ok(*line)));
        assert!(!good, "line {} is a row and refused", refused.row);
    }
}

/// What a file gives, if anything, and that it has a shape.
fn parsed(formats: &[Formats], bytes: &[u8]) -> Option<Parsed> {
    let (choice, bytes) = bytes.split_first()?;
    let formats = formats.get(usize::from(*choice) % formats.len().max(1))?;
    let file = File { path: "/a", device: "d", zone: Some("Europe/Berlin"), arrived: None, bytes };
    let parsed = formats.parse(&file).ok()?;
    let mut end = 0;
    for refused in &parsed.refused {
        let range = refused.bytes.clone();
        assert!(range.start >= end && range.start < range.end && range.end <= bytes.len(), "{refused:?} is not in its place");
        end = range.end;
    }
    for part in &parsed.parts {
        let rows = part.row.len();
        assert!(rows > 0 && part.device.len() == rows && part.ts.len() == rows, "a part of unequal columns");
        assert!(part.columns.iter().all(|(_, array)| array.len() == rows), "a part of unequal columns");
    }
    Some(parsed)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Tries a property on every seed of its target.
    #[track_caller]
    fn on_seeds(target: &str, property: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
        let mut seeds = 0;
        for seed in std::fs::read_dir(folder).unwrap() {
            property(&std::fs::read(seed.unwrap().path()).unwrap());
            seeds += 1;
        }
        assert!(seeds > 0, "no seeds of {target}");
    }

    #[test]
    fn what_was_found_before_holds() {
        on_seeds("delimited", super::delimited);
        on_seeds("toa5", super::toa5);
        on_seeds("melsec", super::melsec);
        on_seeds("shef", super::shef);
        on_seeds("sma_csv", super::sma_csv);
        on_seeds("solar_log", super::solar_log);
        on_seeds("json", super::json);
        on_seeds("senml", super::senml);
        on_seeds("fronius", super::fronius);
        on_seeds("prometheus", super::prometheus);
        on_seeds("tob", super::tob);
        on_seeds("line_protocol", super::line_protocol);
        on_seeds("containers", super::containers);
        on_seeds("sniff", super::sniff);
    }
}
