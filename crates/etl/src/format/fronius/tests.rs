use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;

use crate::format::tests::{only, parse};
use crate::rows::{Parsed, Part};

const DEFINITION: &str = include_str!("../../../../../pipeline/formats/fronius.toml");

fn read(text: &str) -> Parsed {
    parse(&only(DEFINITION), "/a.json", text.as_bytes()).unwrap()
}

fn answer(body: &str, arguments: &str) -> String {
    format!(
        "{{\"Body\": {body},\n\"Head\": {{\"RequestArguments\": {{{arguments}}}, \"Status\": {{\"Code\": 0}}, \
         \"Timestamp\": \"2026-06-01T12:00:00+02:00\"}}}}"
    )
}

/// `node | column[unit]=value …` for each row.
fn shown(part: &Part) -> Vec<String> {
    let node = part.columns.iter().find(|(column, _)| column.name == "node").map(|(_, array)| array.as_string::<i32>().clone());
    let row = |row: usize| {
        let mut line = node.as_ref().map(|node| node.value(row).to_owned()).unwrap_or_default();
        for (column, array) in part.columns.iter().filter(|(column, array)| column.name != "node" && array.is_valid(row)) {
            let value = match array.as_primitive_opt::<Float64Type>() {
                Some(numbers) => numbers.value(row).to_string(),
                None => array.as_string::<i32>().value(row).to_owned(),
            };
            let unit = column.unit.as_ref().map(|unit| format!("[{unit}]")).unwrap_or_default();
            line = format!("{line} {}{unit}={value}", column.name);
        }
        line
    };
    (0..part.row.len()).map(row).collect()
}

#[track_caller]
fn check(text: &str, expected: &[(&str, &[&str])]) {
    let parsed = read(text);
    assert_eq!(parsed.refused, []);
    let told: Vec<_> = parsed.parts.iter().map(|part| (part.table.as_str(), shown(part))).collect();
    let expected: Vec<_> =
        expected.iter().map(|(table, rows)| (*table, rows.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>())).collect();
    assert_eq!(told, expected);
}

#[test]
fn channels_by_node_with_or_without_data_around_them() {
    let channels =
        r#"{"PAC": {"Unit": "W", "Values": {"1": 10, "2": null}}, "DAY_ENERGY": {"Unit": "Wh", "Values": {"1": 7, "2": 8}}}"#;
    let expected: &[(&str, &[&str])] = &[("fronius_inverter", &["1 pac[W]=10 day_energy[Wh]=7", "2 day_energy[Wh]=8"])];
    check(&answer(channels, ""), expected);
    check(&answer(&format!("{{\"Data\": {channels}}}"), ""), expected);
    check(&answer(r#"{"Data": {"PAC": {"Unit": "W", "Values": {}}}}"#, ""), &[]);
    check(
        &answer(r#"{"PAC": {"Unit": "W", "Values": {"1": 10}}, "ERRORS": {"Values": null}}"#, ""),
        &[("fronius_inverter", &["1 pac[W]=10"])],
    );
}

#[test]
fn one_device_or_several() {
    let device = r#"{"Data": {"PAC": {"Unit": "W", "Value": 10}, "DeviceStatus": {"StatusCode": 7}}}"#;
    check(
        &answer(device, r#""DeviceClass": "Inverter", "DeviceId": "1""#),
        &[("fronius_inverter", &["1 pac[W]=10 devicestatus_statuscode=7"])],
    );
    // By the collection where there is no class, and with the number's name of API version 0.
    check(
        &answer(device, r#""DataCollection": "CommonInverterData", "DeviceIndex": "2""#),
        &[("fronius_inverter", &["2 pac[W]=10 devicestatus_statuscode=7"])],
    );
    check(&answer(device, ""), &[("fronius_device", &[" pac[W]=10 devicestatus_statuscode=7"])]);
    let meters = r#"{"Data": {"0": {"Details": {"Serial": "17"}, "Enable": 1, "PowerReal_P_Sum": -2.5}, "1": {"Enable": 0}}}"#;
    check(
        &answer(meters, r#""DeviceClass": "Meter""#),
        &[("fronius_meter", &["0 details_serial=17 enable=1 powerreal_p_sum=-2.5", "1 enable=0"])],
    );
    let sensors = r#"{"Data": {"1": {"0": {"Value": 24, "Unit": "°C"}}}}"#;
    check(&answer(sensors, r#""DeviceClass": "SensorCard""#), &[("fronius_sensorcard", &["1 c_0[°C]=24"])]);
}

#[test]
fn power_flow() {
    let flow = r#"{"Data": {"Inverters": {"1": {"P": 5, "SOC": 99}}, "Site": {"P_PV": 5, "P_Akku": null, "Mode": "meter"}, "Version": "12"}}"#;
    check(
        &answer(flow, ""),
        &[("fronius_power_flow", &[" p_pv=5 mode=meter version=12"]), ("fronius_power_flow_inverter", &["1 p=5 soc=99"])],
    );
}

#[test]
fn a_log_counts_seconds_from_its_start() {
    let log = r##"{"Data": {"inverter/1": {"Data": {"A": {"Unit": "Wh", "Values": {"600": 3, "0": 1, "300": 2}}, "E": {"Unit": "Object",
        "Values": {"300": {"#": 1}}}}, "Start": "2026-06-01T00:00:00+02:00", "End": "2026-06-01T23:59:59+02:00"}}}"##;
    check(
        &answer(log, ""),
        &[("fronius_log", &["inverter/1 a[Wh]=1", "inverter/1 a[Wh]=2 e[Object]={\"#\": 1}", "inverter/1 a[Wh]=3"])],
    );
    let parsed = read(&answer(log, ""));
    assert_eq!(parsed.parts[0].ts.values().to_vec(), [0, 300, 600].map(|seconds| (1_780_264_800 + seconds) * 1_000_000));
}

#[test]
fn an_answer_that_says_nothing_is_refused() {
    #[track_caller]
    fn check(text: &str, reason: &str) {
        let parsed = read(text);
        assert_eq!(parsed.parts.len(), 0);
        assert_eq!(parsed.refused[0].reason, reason);
    }
    let good = r#"{"PAC": {"Unit": "W", "Values": {"1": 1}}}"#;
    check(
        &answer(good, "").replace("\"Code\": 0", "\"Code\": 12, \"Reason\": \"LNRT\""),
        "the device reports error \"12\": \"LNRT\"",
    );
    check(&answer(r#"{"PAC": {"Values": {"1": 1, "1": 2}}}"#, ""), "\"1\" twice in one object");
    check(&answer(r#"{"PAC": {"Values": {"1": 1}}, "X": {}}"#, ""), "X has no Values, as other channels have");
    check(
        &answer(r#"{"n": {"Start": "2026-06-01", "Data": {"A": {"Values": {"noon": 1}}}}}"#, ""),
        "A of n: \"noon\" is no number of seconds",
    );
    check(&answer(good, "").replace("2026-06", "2026-16"), "the row's time: \"2026-16-01T12:00:00+02:00\" is not a time");
}
