//! Real device files against the facts that are known of them, where the folder that holds both is at hand.

mod text;
mod trees;

use std::path::PathBuf;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int64Type};
use serde_json::Value;

use super::{File, formats, parse, rows};
use crate::limits::Limits;
use crate::members;
use crate::rows::{Kind, Parsed, Part};

/// The folder with the samples and `truth.json`, when the environment names one.
#[allow(
    clippy::disallowed_methods,
    reason = "the samples may not be part of the repository, so the environment says where they are"
)]
fn folder() -> Option<PathBuf> {
    std::env::var("INLET_SAMPLES").ok().map(PathBuf::from)
}

/// The files that a truth is known of, or one line that says why there are none.
#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
fn truths() -> Vec<(String, Value)> {
    let Some(folder) = folder() else {
        eprintln!("skipped: INLET_SAMPLES names no folder with samples");
        return Vec::new();
    };
    let truth: Value = serde_json::from_slice(&std::fs::read(folder.join("truth.json")).unwrap()).unwrap();
    let known = truth.as_object().unwrap().iter();
    known.map(|(name, facts)| (name.trim_start_matches("open/").to_owned(), facts.clone())).collect()
}

fn outcome(name: &str) -> Result<Parsed, String> {
    let bytes = std::fs::read(folder().unwrap().join(name)).unwrap();
    let file = File { path: &format!("/{name}"), device: "account-device", zone: None, arrived: None, bytes: &bytes };
    members::read(&formats(), &file, &Limits::for_tests()).map(|read| read.parsed).map_err(|refusal| refusal.reason)
}

/// How the values of a column compare with what is known of it.
fn check_column(at: &str, array: &dyn Array, kind: Kind, facts: &Value) {
    let count = array.len() - array.logical_null_count();
    let nulls = usize::try_from(facts["nulls"].as_u64().unwrap()).unwrap();
    assert_eq!(array.logical_null_count(), nulls, "{at}: nulls");
    let numbers: Vec<f64> = match kind {
        Kind::Double => array.as_primitive::<Float64Type>().iter().flatten().collect(),
        Kind::Long => {
            array.as_primitive::<Int64Type>().iter().flatten().map(|value| value.to_string().parse().unwrap()).collect()
        }
        Kind::Text if facts["type"] == "number" => {
            array.as_string::<i32>().iter().flatten().map(|text| text.parse().unwrap()).collect()
        }
        Kind::Text => {
            let texts: Vec<&str> = array.as_string::<i32>().iter().flatten().collect();
            assert_eq!(texts.first().copied(), facts["first"].as_str(), "{at}: first");
            assert_eq!(texts.last().copied(), facts["last"].as_str(), "{at}: last");
            assert_eq!(count as u64, facts["count"].as_u64().unwrap(), "{at}: count");
            return;
        }
        _ => return,
    };
    if numbers.is_empty() {
        assert_eq!(facts["type"], "all-null", "{at}");
        return;
    }
    let close = |what: &str, got: f64| {
        let expected = facts[what].as_f64().unwrap_or_else(|| panic!("{at}: {facts}"));
        assert!((got - expected).abs() <= 1e-9 * expected.abs().max(1e-300), "{at}: {what} {got}, expected {expected}");
    };
    assert_eq!(count as u64, facts["count"].as_u64().unwrap(), "{at}: count");
    close("min", numbers.iter().copied().fold(f64::INFINITY, f64::min));
    close("max", numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    close("first", numbers[0]);
    close("last", numbers[numbers.len() - 1]);
    let sum: f64 = numbers.iter().sum();
    let expected = facts["sum"].as_f64().unwrap();
    let scale: f64 = numbers.iter().map(|value| value.abs()).sum();
    assert!((sum - expected).abs() <= 1e-9 * scale, "{at}: sum {sum}, expected {expected}");
}

/// The sums of the fields, table by table, against `truth.json`.
fn check_points(name: &str, path: &str) {
    let Some((_, facts)) = truths().into_iter().find(|(known, _)| known == name) else { return };
    let bytes = std::fs::read(folder().unwrap().join(name)).unwrap();
    let parsed = parse(&formats(), path, &bytes).unwrap();
    assert_eq!(parsed.refused, [], "{name}");
    assert_eq!(rows(&parsed) as u64, facts["points"].as_u64().unwrap(), "{name}");
    let mut compared = 0;
    for part in &parsed.parts {
        let measurement = part.table.trim_start_matches("influx_");
        assert_eq!(part.row.len() as u64, facts["measurements"][measurement].as_u64().unwrap(), "{name}: {measurement}");
        for (column, array) in &part.columns {
            let field = &facts["fields"][format!("{measurement}.{}", column.original)];
            let sum = match column.kind {
                Kind::Double => arrow::compute::sum(array.as_primitive::<Float64Type>()).unwrap(),
                Kind::Long => arrow::compute::sum(array.as_primitive::<Int64Type>()).unwrap() as f64,
                _ => continue,
            };
            let at = format!("{name}: {measurement}.{}", column.original);
            assert_eq!((array.len() - array.null_count()) as u64, field["count"].as_u64().unwrap(), "{at}");
            let expected = field["sum"].as_f64().unwrap();
            assert!((sum - expected).abs() <= 1e-9 * expected.abs(), "{at}: {sum}, expected {expected}");
            compared += 1;
        }
    }
    assert!(compared > 0, "{name}");
    let times = || parsed.parts.iter().flat_map(|part| part.ts.values().iter().copied());
    let unit = if path.contains("/seconds/") { 1_000_000.0 } else { 0.001 };
    for (what, got) in [("min_ts", times().min()), ("max_ts", times().max())] {
        let expected = facts[what].as_f64().unwrap() * unit;
        assert!((got.unwrap() as f64 - expected).abs() < 1.0, "{name}: {what}");
    }
}

#[test]
fn line_protocol() {
    check_points("line_protocol/metrics.lp", "/metrics.lp");
    check_points("line_protocol/air_and_water.lp", "/seconds/air.lp");
    check_points("line_protocol/temperature.lp", "/seconds/t.lp");
    if folder().is_some() {
        // Seconds that are taken for nanoseconds are of 1970.
        let parsed = outcome("line_protocol/temperature.lp").unwrap();
        assert_eq!((rows(&parsed), parsed.refused.len()), (0, 6));
    }
}

fn micros(text: &str) -> i64 {
    let text = if text.len() == 10 { format!("{text}T00:00:00") } else { text.to_owned() };
    let zoned = text.ends_with('Z') || text.ends_with("+00:00");
    let text = if zoned { text } else { format!("{text}Z") };
    text.parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

/// One part that has all rows of a file, against what is known of it; `compared` is how many of its columns are to be compared.
fn check_part(name: &str, part: &Part, facts: &Value, compared: usize) {
    assert_eq!(part.row.len() as u64, facts["row_count"].as_u64().unwrap(), "{name}: rows");
    let time = &facts["timestamp"];
    for (what, got) in [("min", arrow::compute::min(&part.ts)), ("max", arrow::compute::max(&part.ts))] {
        let expected = time[format!("{what}_utc")].as_str().or(time[what].as_str()).unwrap();
        assert_eq!(got, Some(micros(expected)), "{name}: {what} time");
    }
    let mut known: Vec<&Value> = facts["column_stats"].as_object().unwrap().values().collect();
    known.sort_by_key(|facts| facts["index"].as_u64());
    let mut known = known.into_iter();
    let mut seen = 0;
    for (column, array) in &part.columns {
        let original = if column.original == "row" { "(row)" } else { &column.original };
        let facts = known.find(|facts| facts["name"].as_str().unwrap().trim() == original);
        check_column(&format!("{name}: {original}"), array, column.kind, facts.unwrap_or_else(|| panic!("{name}: {original}")));
        seen += 1;
    }
    assert_eq!(seen, compared, "{name}: columns");
}

/// A whole file against `truth.json`.
#[track_caller]
fn check(name: &str, format: &str, columns: usize) {
    let Some((_, facts)) = truths().into_iter().find(|(known, _)| known == name) else { return };
    let parsed = outcome(name).unwrap();
    assert_eq!(parsed.format, format, "{name}");
    assert_eq!(parsed.refused, [], "{name}");
    let [part] = parsed.parts.as_slice() else { panic!("{name}: {} parts", parsed.parts.len()) };
    check_part(name, part, &facts, columns);
}

#[test]
fn toa5() {
    check("toa5/TOA5_TOB1_full27_2026_02_19_0946.dat", "toa5", 19);
    check("toa5/TOA5_TOB3_long27_2026_02_19_0946.dat", "toa5", 17);
    check("toa5/TestLogger_Daily_1.dat", "toa5", 8);
    check("toa5/test_raw_SlimTableMem1.txt", "toa5", 42);
    check("toa5/campbell_scientific_demo_data1.csv", "toa5-spreadsheet", 32);
}

#[test]
fn delimited() {
    check("csv_generic/ambient_temperature_system_failure.csv", "csv", 1);
    check("csv_generic/00702699999.csv", "isd-csv", 22);
    check("csv_generic/datatest.txt", "occupancy", 7);
    check("csv_generic/midc_20181014.txt", "midc", 5);
    check("csv_generic/seattle-weather.csv", "seattle", 5);
    check("ecowitt/202501A.CSV", "ecowitt", 20);
    check("hobo/QU5_Mooring_15m_20392468_20210803.csv", "hobo-mooring", 5);
    check("hobo/Charlies_AW_20170726_20170926.csv", "hobo", 5);
    check("minidot/2019-12-13 151700Z.txt", "minidot", 4);
    check("minidot/2019-12-14 154700Z.txt", "minidot", 4);
    check("usgs_rdb/RDB1Example.txt", "usgs-rdb", 3);
    check("windographer_tsv/windographer_demo_data1.txt", "windographer-day-first", 29);
}

/// Values, nulls and sum of columns that the facts have only as text with decimal commas; counted from the file by hand.
#[test]
fn semicolons_and_decimal_commas() {
    if folder().is_none() {
        return;
    }
    let parsed = outcome("semicolon_decimal_comma/AirQualityUCI.csv").unwrap();
    assert_eq!((rows(&parsed), parsed.refused.len()), (9357, 0));
    let part = &parsed.parts[0];
    assert_eq!(arrow::compute::min(&part.ts), Some(micros("2004-03-10T18:00:00")));
    assert_eq!(arrow::compute::max(&part.ts), Some(micros("2005-04-04T14:00:00")));
    assert_eq!(part.columns.len(), 14);
    for (name, nulls, sum) in [
        ("CO(GT)", 1683, 16520.2),
        ("NMHC(GT)", 8443, 199_994.0),
        ("T", 366, 164_695.6),
        ("AH", 366, 9220.5427),
        ("CO_HIGH", 1683, 6118.0),
    ] {
        let (_, array) = part.columns.iter().find(|(column, _)| column.original == name).unwrap();
        let got: f64 = array.as_primitive::<Float64Type>().iter().flatten().sum();
        assert_eq!(array.null_count(), nulls, "{name}");
        assert!((got - sum).abs() < 1e-6, "{name}: {got}");
    }
}

#[test]
fn one_row_files() {
    let Some((_, facts)) = truths().into_iter().find(|(name, _)| name == "one_row_files/") else { return };
    let folder = folder().unwrap().join("one_row_files");
    let mut sums = [0.0; 7];
    let mut rows = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = format!("one_row_files/{}", entry.unwrap().file_name().to_str().unwrap());
        let parsed = outcome(&name).unwrap();
        assert_eq!(parsed.refused, [], "{name}");
        let [part] = parsed.parts.as_slice() else { panic!("{name}") };
        assert_eq!(part.device.value(0), "SEEDS1");
        rows += part.row.len();
        for (sum, (_, array)) in sums.iter_mut().zip(&part.columns) {
            *sum += array.as_primitive::<Float64Type>().value(0);
        }
    }
    assert_eq!(rows as u64, facts["row_count"].as_u64().unwrap());
    let known = facts["column_stats"].as_object().unwrap();
    let mut known: Vec<_> = known.values().collect();
    known.sort_by_key(|facts| facts["index"].as_u64());
    for (sum, facts) in sums.iter().zip(&known[1..]) {
        assert!((sum - facts["sum"].as_f64().unwrap()).abs() < 1e-6, "{facts}");
    }
}

/// What has to become of a damaged file: good rows and refused ones, or a part of the reason that the file is refused for.
#[track_caller]
fn check_nasty(name: &str, expected: Result<(usize, usize), &str>) {
    if folder().is_none() {
        return;
    }
    match (outcome(&format!("nasty/{name}")), expected) {
        (Ok(parsed), Ok(expected)) => assert_eq!((rows(&parsed), parsed.refused.len()), expected, "{name}: {:?}", parsed.refused),
        (Err(reason), Err(part)) => assert!(reason.contains(part), "{name}: {reason}"),
        (got, expected) => panic!("{name}: got {got:?}, expected {expected:?}"),
    }
}

#[test]
fn damaged_toa5() {
    check_nasty("TestLogger_Hourly_Bad01.dat", Ok((0, 0)));
    check_nasty("TestLogger_Hourly_Bad03.dat", Ok((0, 0)));
    check_nasty("TestLogger_Hourly_Bad05.dat", Err("9 fields"));
    check_nasty("TestLogger_Hourly_Bad07.dat", Ok((0, 0)));
    check_nasty("TestLogger_Hourly_Bad09.dat", Ok((0, 0)));
    check_nasty("TestLogger_Hourly_Bad11.dat", Err("7 names, 6 units"));
    check_nasty("toa5_slim_truncated_midrow.dat", Ok((99, 1)));
    // Whole by every sign: only the session knows whether it was cut, and a broken-off upload never comes here.
    check_nasty("toa5_slim_cut_at_number.dat", Ok((100, 0)));
    check_nasty("toa5_slim_no_final_newline_complete.dat", Ok((100, 0)));
    check_nasty("toa5_slim_header_repeated.dat", Ok((100, 0)));
    check_nasty("toa5_slim_schema_change.dat", Ok((100, 0)));
    check_nasty("toa5_slim_silent_extra_column.dat", Ok((50, 50)));
    check_nasty("toa5_slim_mixed_eol.dat", Ok((100, 0)));
    check_nasty("toa5_slim_cr_only.dat", Ok((100, 0)));
    check_nasty("toa5_slim_nul_block.dat", Ok((99, 1)));
    check_nasty("toa5_slim_ff_tail.dat", Ok((100, 1)));
    check_nasty("toa5_slim_utf16le_bom.dat", Ok((100, 0)));
    check_nasty("toa5_slim_utf8_bom.dat", Ok((100, 0)));
    check_nasty("toa5_slim_unbalanced_quote.dat", Ok((99, 1)));
    check_nasty("toa5_slim_duplicate_rows.dat", Ok((120, 0)));
    check_nasty("toa5_slim_shuffled.dat", Ok((100, 0)));
    check_nasty("toa5_slim_headerless.dat", Err("no format claims"));
    check_nasty("toa5_slim_dup_names.dat", Ok((100, 0)));
    check_nasty("toa5_slim_case_dup_names.dat", Ok((100, 0)));
    check_nasty("toa5_slim_gz_truncated.dat.gz", Err("cut short"));
    check_nasty("toa5_slim_gz_two_members.dat.gz", Ok((100, 0)));
    check_nasty("toa5_slim_gz_wrong_name.dat", Ok((100, 0)));
    check_nasty("toa5_slim_inf_markers.dat", Ok((100, 0)));
}

#[test]
fn damaged_files_of_other_kinds() {
    check_nasty("unbalanced_quote_swallows_rest.csv", Ok((499, 1)));
    check_nasty("one_byte_newline.csv", Ok((0, 0)));
    check_nasty("only_header.csv", Ok((0, 0)));
    check_nasty("huge_line.csv", Ok((199, 1)));
    check_nasty("dst_fall_back_europe_berlin.csv", Ok((12, 0)));
    check_nasty("sjis_nec_specials.csv", Ok((8760, 0)));
    check_nasty("sjis_as_utf8_mojibake.csv", Err("the text is UTF-8"));
    check_nasty("sjis_cut_in_multibyte.csv", Err("line 5: not valid Shift_JIS"));
    check_nasty("parquet_as_csv.csv", Err("no format claims"));
    check_nasty("jpeg_like.csv", Err("no format claims"));
    check_nasty("toa5_slim_zip_slip.zip", Ok((100, 1)));
    check_nasty("toa5_slim_zip_in_zip.zip", Ok((100, 0)));
    check_nasty("bomb_slim_64MiB.zip", Err("more than allowed"));
}

/// The rows of every file that was made from one are that one's rows.
#[test]
fn what_became_of_the_slim_table() {
    if folder().is_none() {
        return;
    }
    let whole = outcome("toa5/test_raw_SlimTableMem1.txt").unwrap();
    let hundred = |parsed: &Parsed, index: usize| {
        let (column, array) = &parsed.parts[0].columns[index];
        let values: Vec<Option<f64>> = array.as_primitive::<Float64Type>().iter().take(100).collect();
        (column.original.clone(), values)
    };
    for name in ["mixed_eol", "cr_only", "utf16le_bom", "utf8_bom", "gz_two_members", "gz_wrong_name", "zip_slip", "zip_in_zip"] {
        let file = ["dat", "dat.gz", "zip"].map(|end| format!("nasty/toa5_slim_{name}.{end}"));
        let file = file.iter().find(|file| folder().unwrap().join(file).exists()).unwrap();
        let parsed = outcome(file).unwrap();
        for index in [2, 3, 4, 10, 27, 41] {
            assert_eq!(hundred(&parsed, index), hundred(&whole, index), "{name}");
        }
        assert!(parsed.parts[0].ts.values()[..] == whole.parts[0].ts.values()[..100], "{name}");
    }
}

#[test]
fn a_header_that_changes_begins_a_part() {
    if folder().is_none() {
        return;
    }
    let parsed = outcome("nasty/toa5_slim_schema_change.dat").unwrap();
    let [before, after] = parsed.parts.as_slice() else { panic!("{} parts", parsed.parts.len()) };
    assert_eq!((before.row.len(), after.row.len()), (50, 50));
    let (added, array) = after.columns.last().unwrap();
    assert_eq!(added.original, "Added_Avg");
    assert_eq!(arrow::compute::sum(array.as_primitive::<Float64Type>()), Some(75.0));
    assert_eq!(after.columns.len(), before.columns.len() + 1);
    assert_eq!(outcome("nasty/toa5_slim_header_repeated.dat").unwrap().parts.len(), 2);
}

#[test]
fn infinities_stay_and_minus_7999_is_a_number() {
    if folder().is_none() {
        return;
    }
    let parsed = outcome("nasty/toa5_slim_inf_markers.dat").unwrap();
    let (column, array) = &parsed.parts[0].columns[2];
    assert_eq!((column.original.as_str(), column.kind), ("AirPressure_Avg", Kind::Double));
    let values: Vec<Option<f64>> = array.as_primitive::<Float64Type>().iter().collect();
    for expected in [None, Some(f64::INFINITY), Some(f64::NEG_INFINITY), Some(-7999.0)] {
        assert_eq!(values.iter().filter(|value| **value == expected).count(), 1, "{expected:?}");
    }
}

/// Every other sample is refused for a reason: nothing loads by accident.
#[test]
fn nothing_else_loads() {
    let kinds = ["line_protocol/line-protocol-corpus", "parquet", "vaisala", "vanessen"];
    for (name, _) in truths().iter().filter(|(name, _)| kinds.iter().any(|kind| name.starts_with(kind))) {
        let refused = match outcome(name) {
            Err(reason) => vec![reason],
            Ok(parsed) => {
                assert_eq!(rows(&parsed), 0, "{name}");
                parsed.refused.into_iter().map(|refused| refused.reason).collect()
            }
        };
        assert!(!refused.is_empty() && refused.iter().all(|reason| reason.contains("no format claims")), "{name}: {refused:?}");
    }
}
