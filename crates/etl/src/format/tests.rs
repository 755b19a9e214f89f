//! Whole files through the definitions in force and those of the tests.

mod damage;
mod extra;
mod golden;
mod hobo;
mod properties;
mod samples;
mod variants;

use std::path::{Path, PathBuf};

use super::{File, Formats, Source};
use crate::limits::Limits;
use crate::rows::{Parsed, Refusal};

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The definitions that Inlet comes with, and those that only tests use.
fn formats() -> Formats {
    let mut definitions = Vec::new();
    for folder in ["pipeline/formats", "tests/formats"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            definitions.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    definitions.sort();
    let sources: Vec<Source<'_>> = definitions.iter().map(|(file, text)| Source { file, text }).collect();
    let limits = Limits { year_min: 1990, year_max: 2099, ..Limits::for_tests() };
    Formats::load(&sources, "UTC", limits).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// One definition alone.
pub(super) fn only(text: &str) -> Formats {
    Formats::load(&[Source { file: "test.toml", text }], "UTC", Limits::for_tests()).unwrap_or_else(|errors| panic!("{errors:?}"))
}

pub(super) fn parse(formats: &Formats, path: &str, bytes: &[u8]) -> Result<Parsed, Refusal> {
    formats.parse(&File { path, device: "account-device", zone: None, arrived: None, bytes })
}

fn rows(parsed: &Parsed) -> usize {
    parsed.parts.iter().map(|part| part.row.len()).sum()
}

/// The errors of a definition, as people see them.
#[track_caller]
pub(super) fn check_errors(text: &str, expected: &[&str]) {
    let errors = Formats::load(&[Source { file: "test.toml", text }], "UTC", Limits::for_tests()).unwrap_err();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors, expected);
}

const CSV: &str = r#"
format = "t"
table = "t"
device = { account = true }
match = { paths = ["**"] }
[delimited]
delimiter = ","
timestamp = { columns = ["time"] }
"#;

#[test]
fn a_definition_that_is_wrong_says_where() {
    check_errors("format = 1\n", &["test.toml: line 1 (format): invalid type: integer `1`, expected a string"]);
    check_errors(
        &CSV.replace("delimiter = \",\"", "delimeter = \",\""),
        &["test.toml: line 7 (delimeter): unknown field `delimeter`, expected one of `delimiter`, `quote`, `multiline`, \
           `trailing_delimiter`, `short_rows`, `preamble`, `comment`, `begins`, `blank_line_ends`, `facts`, `header`, `labels`, \
           `above`, `names`, `words`, `leading`, `nulls`, `decimal`, `thousands`, `quoted_text`, `timestamp`, `columns`, `rest`, `long`, `kind`, \
           `tables`"],
    );
    check_errors(
        &CSV.replace("**", "{a"),
        &[
            "test.toml: match.paths: error parsing glob '{a': unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)",
        ],
    );
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let wrong = r#"
format = "t"
table = "x_{table}"
device = { account = true, column = "a" }
zone = "Europe/Nowhere"
encodings = ["utf-9"]
match = {}
[delimited]
delimiter = "x"
decimal = ";"
timestamp = { columns = [], format = "%Q" }
"#;
    check_errors(
        wrong,
        &[
            "test.toml: delimited.delimiter: \"x\" cannot separate cells",
            "test.toml: delimited.decimal: is \".\" or \",\", not ';'",
            "test.toml: delimited.timestamp.columns: at least one is needed",
            "test.toml: delimited.timestamp.format: unknown part %Q",
            "test.toml: device: needs exactly one of account = true, path, header, column",
            "test.toml: match: needs devices, paths, begins, first_line, lines, columns, first_column, members or content",
            "test.toml: zone: \"Europe/Nowhere\" is neither a time zone nor an offset",
            "test.toml: encodings: unknown encoding \"utf-9\"",
        ],
    );
    let errors = Formats::load(&[], "Europe/Nowhere", Limits::for_tests()).unwrap_err();
    assert_eq!(errors[0].to_string(), "configuration: default_zone: \"Europe/Nowhere\" is neither a time zone nor an offset");
}

#[test]
fn a_zone_is_the_formats_then_the_accounts_then_the_default() {
    let check = |format: &str, account: Option<&str>, text: &str, zone: Option<&str>, utc: i64| {
        let formats = only(format);
        let file = File { path: "/a.csv", device: "d", zone: account, arrived: None, bytes: text.as_bytes() };
        let parsed = formats.parse(&file).unwrap();
        assert_eq!(parsed.zone.as_deref(), zone);
        assert_eq!(parsed.parts[0].ts.value(0), utc * 1_000_000);
    };
    let text = "time,v\n1970-01-01 12:00:00,1\n";
    let declared = format!("zone = \"-07:00\"\n{CSV}");
    check(CSV, None, text, Some("UTC"), 12 * 3600);
    check(CSV, Some("Asia/Tokyo"), text, Some("Asia/Tokyo"), 3 * 3600);
    check(&declared, Some("Asia/Tokyo"), text, Some("-07:00"), 19 * 3600);
    check(&declared, None, "time,v\n1970-01-01T12:00:00+02:00,1\n", None, 10 * 3600);
    let file = File { path: "/a.csv", device: "d", zone: Some("Mars"), arrived: None, bytes: text.as_bytes() };
    assert!(only(CSV).parse(&file).unwrap_err().reason.contains("\"Mars\""));
}

#[test]
fn an_hour_that_occurs_twice_is_refused_row_by_row() {
    let text = "time,v\n2025-10-26 01:45:00,1\n2025-10-26 02:15:00,2\n2025-10-26 02:15:00+01:00,3\n2025-10-26 03:00:00,4\n";
    let parsed = parse(&only(&format!("zone = \"Europe/Berlin\"\n{CSV}")), "/a", text.as_bytes()).unwrap();
    assert_eq!(parsed.parts[0].row.values().to_vec(), [2, 4, 5]);
    let [refused] = parsed.refused.as_slice() else { panic!("{:?}", parsed.refused) };
    assert_eq!((refused.row, &text[refused.bytes.clone()]), (3, "2025-10-26 02:15:00,2"));
    let reason =
        "the row's time: \"2025-10-26 02:15:00\": 2025-10-26T02:15:00 occurs twice in Europe/Berlin, when its clocks go back";
    assert_eq!(refused.reason, reason);
}
