//! Text of other kinds than TOA5 and plain delimited rows: what its cells are called is the definition's choice, so they are compared by
//! their place.

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;
use serde_json::Value;

use super::{check_column, folder, micros, outcome, truths};
use crate::format::tests::rows;
use crate::rows::Part;

/// Whether the columns of a part that are so far from the file's first cell hold what is known of them. What they are called, the
/// definition says.
fn check_by_place(name: &str, part: &Part, facts: &Value, columns: &[(usize, usize)]) {
    for (column, index) in columns {
        let known = facts["column_stats"].as_object().unwrap().values().find(|facts| facts["index"] == *index);
        let (of, array) = &part.columns[*column];
        check_column(&format!("{name}: {}", of.original), array, of.kind, known.unwrap());
    }
}

/// A file of one part, with how its columns stand in the file.
#[track_caller]
fn check_places(name: &str, format: &str, device: &str, columns: &[(usize, usize)]) {
    let Some((_, facts)) = truths().into_iter().find(|(known, _)| known == name) else { return };
    let parsed = outcome(name).unwrap();
    assert_eq!((parsed.format.as_str(), &parsed.refused[..]), (format, &[][..]), "{name}");
    let [part] = parsed.parts.as_slice() else { panic!("{name}: {} parts", parsed.parts.len()) };
    assert_eq!(part.device.value(0), device, "{name}");
    assert_eq!(part.row.len() as u64, facts["row_count"].as_u64().unwrap(), "{name}: rows");
    if let Some(time) = facts.get("timestamp") {
        for (what, got) in [("min", arrow::compute::min(&part.ts)), ("max", arrow::compute::max(&part.ts))] {
            let expected = time[format!("{what}_utc")].as_str().or(time[what].as_str()).unwrap();
            assert_eq!(got, Some(micros(expected)), "{name}: {what} time");
        }
    }
    check_by_place(name, part, &facts, columns);
}

#[test]
fn names_that_repeat_and_stations_above_the_columns() {
    check_places("jma_sjis/dl.csv", "jma", "東京", &[(0, 1), (1, 2), (2, 3)]);
    let all: Vec<(usize, usize)> = (0..40).map(|column| (column, column + 1)).collect();
    check_places("jma_sjis/data20131020-20141019.csv", "jma", "東京", &all);
}

#[test]
fn columns_between_blanks() {
    let measured: Vec<(usize, usize)> = (0..41).map(|column| (column, column + 7)).collect();
    check_places("fixed_width/surfrad-slv16001.dat", "surfrad", "Alamosa", &measured);
    let measured: Vec<(usize, usize)> = (0..15).map(|column| (column, column + 7)).collect();
    check_places("fixed_width/abq19056.dat", "solrad", "Albuquerque", &measured);
}

#[test]
fn a_year_in_the_header_and_times_without_leading_zeros() {
    let values: Vec<(usize, usize)> = (0..8).map(|column| (column, column + 2)).collect();
    check_places("csv_generic/SRML-day-EUPO1801.txt", "srml", "94255", &values);
    if folder().is_some() {
        let parsed = outcome("csv_generic/SRML-day-EUPO1801.txt").unwrap();
        let ts = &parsed.parts[0].ts;
        let ends = (arrow::compute::min(ts), arrow::compute::max(ts));
        assert_eq!(ends, (Some(micros("2018-01-01T08:01:00")), Some(micros("2018-01-02T08:00:00"))));
    }
}

#[test]
fn serial_numbers_above_the_columns() {
    check_places("sma_csv/Anlage1-20111201.csv", "sma-csv", "2100530599", &[(0, 1), (1, 2)]);
    check_places("sma_csv/Anlage1-201112.csv", "sma-csv", "2100530599", &[(0, 1), (1, 2)]);
}

#[test]
fn places_and_numbers_without_their_decimal_sign() {
    let name = "isd_gz/024130-99999-2016.gz";
    let Some((_, facts)) = truths().into_iter().find(|(known, _)| known == name) else { return };
    let parsed = outcome(name).unwrap();
    assert_eq!((parsed.format.as_str(), &parsed.refused[..]), ("isd", &[][..]));
    let part = &parsed.parts[0];
    assert_eq!((part.row.len() as u64, part.device.value(0)), (facts["uncompressed_lines"].as_u64().unwrap(), "02413099999"));
    let (_, air) = part.columns.iter().find(|(column, _)| column.name == "air_temperature").unwrap();
    let air: Vec<f64> = air.as_primitive::<Float64Type>().iter().flatten().collect();
    let known = &facts["air_temp_c"];
    assert_eq!(air.len() as u64, known["count"].as_u64().unwrap());
    assert!((air.iter().sum::<f64>() - known["sum"].as_f64().unwrap()).abs() < 1e-6);
    assert_eq!(air.iter().copied().fold(f64::INFINITY, f64::min), known["min"].as_f64().unwrap());
}

#[test]
fn inverters_by_their_place() {
    for (name, facts) in truths().iter().filter(|(name, _)| name.starts_with("solarlog/")) {
        let parsed = outcome(name).unwrap();
        assert_eq!((parsed.format.as_str(), &parsed.refused[..]), ("solar-log", &[][..]), "{name}");
        let [part] = parsed.parts.as_slice() else { panic!("{name}: {} parts", parsed.parts.len()) };
        assert_eq!(part.row.len() as u64, facts["row_count"].as_u64().unwrap(), "{name}");
        for (what, got) in [("min", arrow::compute::min(&part.ts)), ("max", arrow::compute::max(&part.ts))] {
            assert_eq!(got, Some(micros(facts["timestamp"][what].as_str().unwrap())), "{name}: {what}");
        }
        let sums: Vec<f64> = facts["sums"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|sums| sums.as_array().unwrap())
            .map(|sum| sum.as_f64().unwrap())
            .collect();
        let got: Vec<f64> =
            part.columns.iter().map(|(_, array)| arrow::compute::sum(array.as_primitive::<Float64Type>()).unwrap()).collect();
        assert_eq!(got, sums, "{name}");
    }
}

#[test]
fn eleven_tables_in_one_file() {
    let name = "tepco_multiblock_sjis/20221001_power_usage.csv";
    let Some((_, facts)) = truths().into_iter().find(|(known, _)| known == name) else { return };
    let parsed = outcome(name).unwrap();
    assert_eq!((parsed.format.as_str(), &parsed.refused[..]), ("tepco", &[][..]));
    let blocks = facts["blocks"].as_array().unwrap();
    assert_eq!(parsed.parts.len(), blocks.len());
    for (part, block) in parsed.parts.iter().zip(blocks) {
        assert_eq!(part.row.len() as u64, block["row_count"].as_u64().unwrap(), "{}", part.table);
        for facts in block["stats"].as_object().iter().flat_map(|stats| stats.values()) {
            let known = part.columns.iter().find(|(column, _)| facts["name"] == column.original.as_str());
            let Some((column, array)) = known else { continue };
            check_column(&format!("{}: {}", part.table, column.original), array, column.kind, facts);
        }
    }
    let hourly = &parsed.parts[4];
    assert_eq!((hourly.table.as_str(), arrow::compute::min(&hourly.ts)), ("tepco_hourly", Some(micros("2022-09-30T15:00:00"))));
    let month = outcome("tepco_multiblock_sjis/202204_power_usage.zip").unwrap();
    let known = truths().into_iter().find(|(name, _)| name.ends_with("202204_power_usage.zip")).unwrap().1;
    let known =
        known["member_detail"].as_object().unwrap().values().flat_map(|member| member["blocks"].as_array().unwrap().clone());
    assert_eq!(rows(&month) as u64, known.map(|block| block[1].as_u64().unwrap()).sum::<u64>());
    assert_eq!(month.refused, []);
}

#[test]
fn each_value_of_a_message_is_a_row() {
    let name = "shef/MT_Mesonet.shef";
    let Some((_, facts)) = truths().into_iter().find(|(known, _)| known == name) else { return };
    let parsed = outcome(name).unwrap();
    assert_eq!((parsed.format.as_str(), &parsed.refused[..]), ("shef", &[][..]));
    let part = &parsed.parts[0];
    let values = part.columns[1].1.as_primitive::<Float64Type>();
    assert_eq!(values.null_count() as u64, facts["missing"].as_u64().unwrap());
    assert_eq!((values.len() - values.null_count()) as u64, facts["values"].as_u64().unwrap());
    assert!((arrow::compute::sum(values).unwrap() - facts["sum"].as_f64().unwrap()).abs() < 1e-6);
    let stations: std::collections::BTreeSet<&str> = part.device.iter().flatten().collect();
    assert_eq!(stations.len() as u64, facts["stations"].as_u64().unwrap());
}
