//! Agencies and their networks: USGS, JMA, The Things Stack, Campbell's JSON.

use super::{check, check_refusal, shift_jis};

const RDB: &str =
    "# retrieved: 2026-01-02\nagency_cd\tsite_no\tdatetime\ttz_cd\t1_00060\t1_00060_cd\n5s\t15s\t20d\t6s\t14n\t10s\n";

#[test]
fn each_station_of_a_download_has_its_own_header() {
    let second = RDB.replace("1_00060", "2_00065") + "USGS\t01646501\t2026-07-01 00:15\tCDT\t5\tP\n";
    let text = format!("{RDB}USGS\t01646500\t2026-01-01 00:15\tEST\t1500\tP\n{second}");
    let rows = [
        "01646500 2026-01-01T05:15:00Z agency_cd=USGS c_1_00060=1500.0 c_1_00060_cd=P",
        "01646501 2026-07-01T05:15:00Z agency_cd=USGS c_2_00065=5.0 c_2_00065_cd=P",
    ];
    check("/two.rdb", &text, &rows, &[]);
    check("/two.rdb", text.replace('\n', "\r\n"), &rows, &[]);
    let more = format!("{text}USGS\t01646501\t2026-07-01 00:30\tXYZ\t5\tP\nUSGS\t01646501\t2026-07-01 00:45\tCDT\tIce\tP\n");
    check("/two.rdb", more, &rows, &[(9, "zones = { \"XYZ\" ="), (10, "add nulls = [\"Ice\"]")]);
}

const JMA: &str = "ダウンロードした時刻：2026/01/20 10:00:00\r\n\r\n,東京,東京,東京\r\n年月日時,気温(℃),気温(℃),気温(℃)\r\n,,品質情報,均質番号\r\n";

#[test]
fn hours_may_be_written_with_seconds_or_without() {
    let rows = [
        "東京 2025-12-31T16:00:00Z air_temperature=5.1 air_temperature_quality=8.0 air_temperature_homogeneity=1.0",
        "東京 2026-01-01T15:00:00Z air_temperature_quality=1.0 air_temperature_homogeneity=1.0",
    ];
    for (first, last) in [("1:00:00", "24:00:00"), ("1:00", "24:00"), ("01:00", "24:00")] {
        for missing in ["", "--", "///", "×", "#"] {
            check(
                "/data.csv",
                shift_jis(&format!("{JMA}2026/1/1 {first},5.1,8,1\r\n2026/1/1 {last},{missing},1,1\r\n")),
                &rows,
                &[],
            );
        }
    }
    // What is no time is no row of the header either.
    let dots = format!("{JMA}2026.1.1 1:00,5.1,8,1\r\n2026.1.1 2:00,5.2,8,1\r\n");
    check("/data.csv", shift_jis(&dots), &[], &[(6, "is not a time"), (7, "is not a time")]);
    let doubtful = format!("{JMA}2026/1/1 1:00,5.1,8,1\r\n2026/1/1 2:00,5.3 ),5,1\r\n");
    check("/data.csv", shift_jis(&doubtful), &rows[..1], &[(7, "\"5.3 )\" is not a number")]);
    check_refusal("/data.csv", format!("{JMA}2026/1/1 1:00,5.1,8,1\r\n"), "add \"utf-8\" to its encodings");
}

#[test]
fn year_month_and_day_may_have_columns_of_their_own() {
    let daily = "ダウンロードした時刻：2026/07/22 21:05:15\r\n\r\n,,,東京,東京,東京\r\n年,月,日,最高気温(℃),最高気温(℃),最高気温(℃)\r\n\
                 ,,,,,\r\n,,,,品質情報,均質番号\r\n2024,7,1,29.4,8,1\r\n2024,7,32,29.4,8,1\r\n";
    let row = [
        "東京 2024-06-30T15:00:00Z air_temperature_max=29.4 air_temperature_max_quality=8.0 air_temperature_max_homogeneity=1.0",
    ];
    check("/data.csv", shift_jis(daily), &row, &[(8, "is not a time")]);
    let hourly = "ダウンロードした時刻：2026/01/01 00:00:00\r\n,,,,東京,東京\r\n年,月,日,時,降水量(mm),降水量(mm)\r\n,,,,,品質情報\r\n\
                  2024,1,1,1,1.0,8\r\n2024,1,1,24,--,8\r\n";
    let rows = [
        "東京 2023-12-31T16:00:00Z precipitation=1.0 precipitation_quality=8.0",
        "東京 2024-01-01T15:00:00Z precipitation_quality=8.0",
    ];
    check("/data.csv", shift_jis(hourly), &rows, &[]);
}

#[test]
fn what_archives_have_may_be_older_than_loggers() {
    let rows = ["東京 1975-12-31T16:00:00Z air_temperature=5.1 air_temperature_quality=8.0 air_temperature_homogeneity=1.0"];
    check("/data.csv", shift_jis(&format!("{JMA}1976/1/1 1:00,5.1,8,1\r\n")), &rows, &[]);
    let head = "agency_cd\tsite_no\tdatetime\t1_00060\n5s\t15s\t20d\t14n\n";
    let daily = format!("{head}USGS\t01646500\t1930-03-01\t1500\nUSGS\t01646500\t1799-12-31\t1\n");
    let rows = ["01646500 1930-03-01T00:00:00Z agency_cd=USGS c_1_00060=1500.0"];
    check("/daily.rdb", &daily, &rows, &[(4, "before the first year that is believed")]);
}

#[test]
fn line_protocol_is_known_by_its_first_point() {
    let row = ["account-device 2026-01-01T00:00:00Z host=a temp=20.5"];
    for path in ["/metrics.out", "/a.txt", "/a.lp"] {
        check(path, "# from telegraf\nweather,host=a temp=20.5 1767225600000000000\n", &row, &[]);
    }
    let seconds = "weather,host=a temp=20.5 1767225600\n";
    check("/metrics.out", seconds, &[], &[(1, "precision = \"s\" below [line_protocol]")]);
    for text in ["weather,host=a temp=20.5\n", "weather,host=a temp=20.5 7\n", "a=1 b=2 c=3\n", "temp=20.5 1767225600000000000\n"]
    {
        check_refusal("/metrics.out", text, "no format claims the file");
    }
}

#[test]
fn a_field_of_a_loggers_json_may_lack_its_unit() {
    let text = r#"{"head":{"environment":{"station_name":"orchard","table_name":"Met"},"fields":[{"name":"T","units":"C","process":"Avg"},
        {"name":"S"}]},"data":[{"time":"2026-01-01T00:00:00","no":1,"vals":[1.5,"a"]},{"time":"2026-01-01T00:01:00.5","no":2,"vals":["NAN","b"]},
        {"time":"2026-01-01T00:02:00","no":3,"vals":[2.5]}]}"#;
    let rows = ["orchard 2026-01-01T00:00:00Z record=1 t=1.5 s=a", "orchard 2026-01-01T00:01:00.500Z record=2 s=b"];
    check("/met.json", text, &rows, &[(3, "1 values in vals, and 2 names for them")]);
    check_refusal("/met.json", &text[..text.len() - 40], "no format claims");
}

#[test]
fn points_in_another_unit_of_time_are_refused_and_not_put_into_1970() {
    for (time, precision) in [("1767225600", "s"), ("1767225600000", "ms"), ("1767225600000000", "us")] {
        let line = format!(
            "before the first year that is believed (etl.limits.year_min, or the format's); with precision = {precision:?}"
        );
        check("/w.lp", format!("w t=1 {time}\n"), &[], &[(1, &line)]);
    }
    check(
        "/w.lp",
        "\u{feff}w,a=b t=1,n=5i 1767225600000000000\r\nw t=1i 1767225600000000000\n",
        &["account-device 2026-01-01T00:00:00Z a=b t=1.0 n=5"],
        &[(2, "another type")],
    );
}
