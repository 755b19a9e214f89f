//! JSON in its kinds.

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;
use serde_json::Value;

use super::{File, folder, formats, micros, outcome, parse, rows, truths};
use crate::rows::{Kind, Parsed, Part};

/// A file whose rows and first and last time are known.
#[track_caller]
fn check_times(name: &str, format: &str) -> Option<Parsed> {
    let (_, facts) = truths().into_iter().find(|(known, _)| known == name)?;
    let parsed = outcome(name).unwrap();
    assert_eq!((parsed.format.as_str(), parsed.refused.as_slice()), (format, [].as_slice()), "{name}");
    assert_eq!(rows(&parsed) as u64, facts["row_count"].as_u64().unwrap(), "{name}");
    let times = || parsed.parts.iter().flat_map(|part| part.ts.values().iter().copied());
    assert_eq!(times().min(), Some(micros(facts["min_ts"].as_str().unwrap())), "{name}");
    assert_eq!(times().max(), Some(micros(facts["max_ts"].as_str().unwrap())), "{name}");
    Some(parsed)
}

fn column<'p>(part: &'p Part, original: &str) -> &'p dyn Array {
    part.columns.iter().find(|(column, _)| column.original == original).map(|(_, array)| array.as_ref()).unwrap()
}

#[test]
fn documents_on_lines() {
    check_times("ndjson/web_requests-100.json", "web-requests");
    let Some(parsed) = check_times("ndjson/2022-11-26_15-49-57_GW-MQTT-API-data.txt", "the-things-stack") else { return };
    let [part] = parsed.parts.as_slice() else { panic!("{} parts", parsed.parts.len()) };
    assert_eq!(part.device.value(0), "008000000000ab75");
    // One of the messages is a join.
    assert_eq!(column(part, "join_accept.received_at").len() - column(part, "join_accept.received_at").null_count(), 1);
    assert_eq!(column(part, "uplink_message.frm_payload").null_count(), 1);
}

#[test]
fn packs_of_records() {
    let Some(folder) = folder() else { return };
    let arrived = "2026-01-01T00:00:00Z".parse().ok();
    for example in ["ex1", "ex2", "ex3", "ex5", "ex8"] {
        let counts_from_now = ["ex1", "ex2"].contains(&example);
        let resolved = std::fs::read(folder.join(format!("senml/{example}.gen.resolved.json"))).unwrap();
        let resolved: Value = serde_json::from_slice(&resolved).unwrap();
        let bytes = std::fs::read(folder.join(format!("senml/{example}.json"))).unwrap();
        let file = File { path: "/arriving/pack.json", device: "d", zone: None, arrived, bytes: &bytes };
        let parsed = formats().parse(&file).unwrap();
        assert_eq!(parsed.refused, [], "{example}");
        let [part] = parsed.parts.as_slice() else { panic!("{example}") };
        let records = resolved.as_array().unwrap();
        assert_eq!(part.row.len(), records.len(), "{example}");
        for (row, record) in records.iter().enumerate() {
            assert_eq!(Some(column(part, "name").as_string::<i32>().value(row)), record["n"].as_str(), "{example}");
            assert_eq!(Some(column(part, "unit").as_string::<i32>().value(row)), record["u"].as_str(), "{example}");
            assert_eq!(Some(column(part, "value").as_primitive::<Float64Type>().value(row)), record["v"].as_f64(), "{example}");
            let now = arrived.unwrap().as_microsecond() as f64;
            let expected = if counts_from_now { now } else { record["t"].as_f64().unwrap() * 1e6 };
            assert!((part.ts.value(row) as f64 - expected).abs() < 1.0, "{example}");
        }
        // Without a word on receipt only absolute times are rows.
        let parsed = parse(&formats(), "/pack.json", &bytes).unwrap();
        let absolute = if counts_from_now { 0 } else { records.len() };
        assert_eq!((rows(&parsed), parsed.refused.len()), (absolute, records.len() - absolute), "{example}");
    }
}

#[test]
fn answers_of_the_solar_api() {
    for (name, facts) in truths().iter().filter(|(name, _)| name.starts_with("fronius_json/")) {
        let parsed = outcome(name).unwrap();
        assert_eq!(parsed.refused, [], "{name}");
        let at = micros(&jiff_utc(facts["head_timestamp"].as_str().unwrap()));
        for (leaf, value) in facts["numeric_leaves"].as_object().into_iter().flatten() {
            let path: Vec<&str> = leaf.trim_start_matches('/').split('/').collect();
            let channel = if path[0] == "Site" || path[0] == "Inverters" { *path.last().unwrap() } else { path[0] };
            let found = parsed.parts.iter().flat_map(|part| &part.columns).find(|(column, _)| column.original == channel);
            let (column, array) = found.unwrap_or_else(|| panic!("{name}: {leaf}"));
            assert_eq!(column.kind, Kind::Double);
            assert_eq!(array.as_primitive::<Float64Type>().value(0), value.as_f64().unwrap(), "{name}: {leaf}");
            assert!(parsed.parts.iter().all(|part| part.ts.value(0) == at), "{name}");
        }
        for (channel, facts) in facts["channels"].as_object().into_iter().flatten() {
            let (node, channel) = channel.split_once('/').unwrap();
            let [part] = parsed.parts.as_slice() else { panic!("{name}") };
            assert!(column(part, "node").as_string::<i32>().iter().all(|name| name == Some(node)));
            let values = column(part, channel).as_primitive::<Float64Type>();
            assert_eq!(values.len() as u64, facts["count"].as_u64().unwrap(), "{name}");
            assert_eq!(arrow::compute::sum(values), facts["sum"].as_f64(), "{name}");
            let start = micros("2017-08-29T22:00:00Z");
            assert_eq!(part.ts.value(0) - start, facts["first_offset"].as_i64().unwrap() * 1_000_000);
            assert_eq!(part.ts.value(287) - start, facts["last_offset"].as_i64().unwrap() * 1_000_000);
        }
    }
}

/// A time with an offset as one in UTC.
fn jiff_utc(text: &str) -> String {
    text.parse::<jiff::Timestamp>().unwrap().to_string()
}

/// The records of a binary file are those that its maker's converter found in it.
#[test]
fn binary_tables() {
    if folder().is_none() {
        return;
    }
    for (name, twin) in [
        ("tob/TOB1_full27.dat", "toa5/TOA5_TOB1_full27_2026_02_19_0946.dat"),
        ("tob/TOB3_long27.dat", "toa5/TOA5_TOB3_long27_2026_02_19_0946.dat"),
    ] {
        let (binary, twin) = (outcome(name).unwrap(), outcome(twin).unwrap());
        assert_eq!(binary.refused, [], "{name}");
        let ([binary], [twin]) = (binary.parts.as_slice(), twin.parts.as_slice()) else { panic!("{name}") };
        assert_eq!(binary.table.trim_start_matches("tob_"), twin.table.trim_start_matches("toa5_"));
        assert_eq!((&binary.device, &binary.ts), (&twin.device, &twin.ts), "{name}");
        for (column, array) in &twin.columns {
            let (of, values) = binary.columns.iter().find(|(other, _)| other.original == column.original).unwrap();
            let at = format!("{name}: {}", column.original);
            assert_eq!(
                (&of.name, &of.unit, &of.process, of.kind),
                (&column.name, &column.unit, &column.process, column.kind),
                "{at}"
            );
            match column.kind {
                // The converter writes 7 digits of what has four bytes, and 15 of what has eight.
                Kind::Double => {
                    let (values, others) = (values.as_primitive::<Float64Type>(), array.as_primitive::<Float64Type>());
                    for (value, other) in values.iter().zip(others) {
                        let close = |value: f64, other: f64| (value - other).abs() <= 5e-7 * other.abs().max(f64::MIN_POSITIVE);
                        assert!(
                            value == other || value.zip(other).is_some_and(|(value, other)| close(value, other)),
                            "{at}: {value:?} {other:?}"
                        );
                    }
                }
                _ => assert_eq!(values, array, "{at}"),
            }
        }
    }
}

/// Reads a sample as one that has just arrived.
fn arriving(name: &str) -> Result<Parsed, String> {
    let bytes = std::fs::read(folder().unwrap().join(name)).unwrap();
    let arrived = "2026-01-01T00:00:00Z".parse().ok();
    let file = File { path: "/arriving/metrics", device: "d", zone: None, arrived, bytes: &bytes };
    formats().parse(&file).map_err(|refusal| refusal.reason)
}

#[test]
fn metrics() {
    for (name, facts) in truths().iter().filter(|(name, _)| name.starts_with("prometheus/")) {
        let parsed = arriving(name).unwrap();
        assert_eq!((parsed.format.as_str(), parsed.refused.as_slice()), ("prometheus-receipt", [].as_slice()), "{name}");
        assert_eq!(rows(&parsed) as u64, facts["samples"].as_u64().unwrap(), "{name}");
        let names: std::collections::BTreeSet<_> = column(&parsed.parts[0], "metric").as_string::<i32>().iter().collect();
        assert_eq!(names.len() as u64, facts["distinct_sample_names"].as_u64().unwrap(), "{name}");
        let unread = outcome(name).unwrap();
        assert_eq!((rows(&unread), unread.refused.len() as u64), (0, facts["samples"].as_u64().unwrap()), "{name}");
    }
    for (name, facts) in truths().iter().filter(|(name, _)| name.starts_with("openmetrics/")) {
        let parsed = arriving(name);
        match facts["must_parse"].as_bool().unwrap() {
            true => {
                assert!(parsed.as_ref().is_ok_and(|parsed| parsed.refused.is_empty() && rows(parsed) > 0), "{name}: {parsed:?}")
            }
            false => assert!(parsed.as_ref().is_err_and(|reason| reason.starts_with("line ")), "{name}: {parsed:?}"),
        }
    }
}
