//! Meters and inverters: Schneider gateways, SMA, Solar-Log, AcquiSuite.

use super::{check, check_refusal, latin_1};

const EGX: &str = "Gateway Name,Gateway SN\r\nEGX,1\r\n\r\n,,,Topic ID1\r\n,,,1617\r\n\r\nError,UTC Offset (minutes),Local Time Stamp,Energy (kWh)\r\n";

#[test]
fn a_rows_own_offset_decides_and_a_row_without_one_is_refused() {
    let path = "/Main Meter_20260101141500.csv";
    let fold = ["Main Meter 2025-10-26T00:30:00Z error=0 energy=1.0", "Main Meter 2025-10-26T01:30:00Z error=0 energy=2.0"];
    check(path, format!("{EGX}0,120,2025-10-26 02:30:00,1\r\n0,60,2025-10-26 02:30:00,2\r\n"), &fold, &[]);
    let bad = format!("{EGX}0,,2026-01-01 00:00:00,1\r\n0,6000,2026-01-01 00:00:00,1\r\n0,0,1998-01-01 00:00:00,3.9e+135\r\n");
    check(path, bad, &[], &[(8, "no offset from UTC"), (9, "no offset from UTC"), (10, "before the first year")]);
    let row = ["Main Meter 2026-01-13T19:15:00Z error=0 energy=1.0"];
    for time in ["2026-01-13 14:15:00", "13/01/2026 14:15", "13-01-2026 14:15:00", "1/13/2026 2:15:00 PM"] {
        check(path, format!("{EGX}0,-300,{time},1\r\n"), &row, &[]);
    }
    let semicolons = format!("{EGX}0,-300,2026-01-13 14:15:00,1\r\n").replace(',', ";");
    check(path, &semicolons, &row, &[]);
    check_refusal(path, semicolons.replace(";1\r", ";1,5\r"), "add decimal and thousands to it");
    check_refusal(path, format!("{EGX}0,-300,02/01/2026 14:15:00,1\r\n"), "add date_order");
    for energy in ["7.728,5", "7728,5"] {
        check_refusal(path, format!("{EGX}0,-300,2026-01-13 14:15:00,\"{energy}\"\r\n"), "add decimal and thousands to it");
    }
    let degrees = EGX.replace("Energy (kWh)", "T (°C)");
    check(path, latin_1(&format!("{degrees}0,-300,2026-01-13 14:15:00,1\r\n")), &[&row[0].replace("energy", "t")], &[]);
}

#[test]
fn points_are_never_taken_for_the_decimal_sign_that_the_file_does_not_have() {
    let sma = |sign: &str, value: &str| {
        format!(
            "sep=;\nVersion CSV1|Tool SE|Linebreaks CR/LF|Delimiter semicolon|Decimalpoint {sign}|Precision 3\n\n;SN: 2110\n;SB 3000\n\
             ;2110\n;Total yield\n;Counter\ndd.MM.yyyy HH:mm;kWh\n31.01.2026 10:00;{value}\n"
        )
    };
    let row = ["2110 2026-01-31T10:00:00Z total_yield=1234.5"];
    check("/a.csv", sma("comma", "1234,5"), &row, &[]);
    check("/a.csv", sma("dot", "1234.5"), &row, &[]);
    for value in ["1.234", "1.234,5"] {
        check_refusal("/a.csv", sma("comma", value), "add decimal and thousands to it");
    }
    check("/a.csv", sma("comma", "1234,5").replace("10:00;", "10:00:30;"), &[], &[(10, "is not a time")]);
    // Sunny Explorer in English.
    let english = sma("dot", "1234.5")
        .replace("dd.MM.yyyy HH:mm", "dd/MM/yyyy hh:mm tt")
        .replace("31.01.2026 10:00", "31/01/2026 10:00 AM");
    check("/a.csv", &english, &row, &[]);
    let utf_16: Vec<u8> = format!("\u{feff}{english}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    check("/a.csv", utf_16, &row, &[]);
    check("/a.csv", sma("comma", "---"), &["2110 2026-01-31T10:00:00Z"], &[]);
    // A list of events begins alike, and has no measurements.
    let events = "sep=;\nVersion CSV1|Tool SE|Linebreaks CR/LF|Delimiter semicolon\n\nDate;Device;Event\n31.01.2026 10:00;SN: 2110;Start\n";
    check_refusal("/a.csv", events, "no format");
}

#[test]
fn inverters_that_a_line_has_no_values_of_have_none() {
    let one = "m[mi++]=\"31.01.26 16:10:00|100;110;5000;350\"\r\n";
    let row = "account-device 2026-01-31T16:10:00Z inv1_pac=100.0 inv1_pdc1=110.0 inv1_day_yield=5000.0 inv1_udc1=350.0";
    check("/min_day.js", one, &[row], &[]);
    check("/min_day.js", one.replace("\"\r", "\";\r"), &[row], &[]);
    let two = "account-device 2026-01-31T16:10:00Z inv1_pac=1.0 inv1_pdc1=2.0 inv1_pdc2=3.0 inv1_day_yield=4.0 inv1_udc1=5.0 inv1_udc2=6.0";
    check("/min_day.js", format!("{one}{}", one.replace("100;110;5000;350", "1;2;3;4;5;6")), &[row, two], &[]);
    check("/min_day.js", format!("{one}m[mi++]=\"31.01.26 16:05:00|100;11"), &[row], &[(2, "no whole record")]);
    check("/min_day.js", format!("{one}{}", one.replace("31.01", "01/31")), &[row], &[(2, "is not a time")]);
}

#[test]
fn a_meter_that_did_not_answer_has_no_values() {
    let text = "'2026-01-31 18:30:00',0,0x02,0,-0.00,89.29\n'2026-01-31 18:45:00',139,0,0,,NULL\n'2026-01-31 19:00:00',161\n";
    let rows = [
        "account-device 2026-01-31T18:30:00Z error=0 low_alarm=0x02 high_alarm=0 point_1=-0.0 point_2=89.29",
        "account-device 2026-01-31T18:45:00Z error=139 low_alarm=0 high_alarm=0",
    ];
    check("/mb-001.log", text, &rows, &[(3, "2 cells, where the header has 6")]);
}
