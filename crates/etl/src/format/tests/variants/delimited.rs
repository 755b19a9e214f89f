//! Plain delimited text, as anything may write it.

use super::{check, check_refusal};

const ROWS: &str = "2026-01-01 00:00:00,20.5,51\n2026-01-01 01:00:00,21.5,52\n";
const SHOWN: [&str; 2] =
    ["account-device 2026-01-01T00:00:00Z temp=20.5 hum=51.0", "account-device 2026-01-01T01:00:00Z temp=21.5 hum=52.0"];

#[test]
fn marks_line_ends_and_delimiters_at_the_end_change_nothing() {
    let plain = format!("time,temp,hum\n{ROWS}");
    check("/a.csv", &plain, &SHOWN, &[]);
    check("/a.csv", format!("\u{feff}{plain}"), &SHOWN, &[]);
    for end in ["\r\n", "\r", "\n\r\n"] {
        check("/a.csv", plain.replace('\n', end), &SHOWN, &[]);
    }
    check("/a.csv", plain.replace('\n', ",\n"), &SHOWN, &[]);
    check("/a.csv", plain.replace("52\n", "52,,\n"), &SHOWN, &[]);
    check("/a.csv", plain.trim_end(), &SHOWN, &[]);
    check("/a.csv", format!("sep=;\n{}", plain.replace(',', ";")), &SHOWN, &[]);
    for big in [false, true] {
        let unit = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        let bytes: Vec<u8> = format!("\u{feff}{plain}").encode_utf16().flat_map(unit).collect();
        check("/a.csv", bytes, &SHOWN, &[]);
    }
}

#[test]
fn nothing_stands_in_a_file_that_has_only_a_header() {
    for text in ["", "\u{feff}", "\r\n\r\n", "time,temp", "time,temp\r\n\r\n"] {
        check("/a.csv", text, &[], &[]);
    }
}

#[test]
fn numbers_in_a_notation_that_nobody_declared_refuse_the_file() {
    for cell in ["20,5", "1,234", "1.234,5", "1,234.5", "-1.234.567"] {
        let text = format!("time,temp\n2026-01-01,\"{cell}\"\n2026-01-02,\"{cell}\"\n2026-01-03,\n");
        check_refusal("/a.csv", text, "add decimal and thousands to it");
    }
    // Among other numbers it costs its row.
    let text = "time,temp\n2026-01-01,\"20,5\"\n2026-01-02,21\n2026-01-03,22\n2026-01-04,23\n";
    let rows = ["02", "03", "04"]
        .map(|day| format!("account-device 2026-01-{day}T00:00:00Z temp={}.0", day.parse::<u8>().unwrap() + 19));
    check("/a.csv", text, &rows.each_ref().map(String::as_str), &[(2, "\"20,5\" is not a number")]);
}

#[test]
fn what_may_stand_for_no_value_costs_its_row_and_the_reason_has_the_line_to_add() {
    for marker in ["---", "N/A", "null", "#N/A", "?", "Err"] {
        let text = format!("time,temp,hum\n{ROWS}2026-01-01 02:00:00,{marker},53\n");
        check("/a.csv", text, &SHOWN, &[(4, &format!("add nulls = [{marker:?}]"))]);
    }
    // Numbers that are often such markers are numbers until somebody says otherwise; NaN is none in any spelling.
    for (cell, shown) in [
        ("-9999", " temp=-9999.0"),
        ("7999", " temp=7999.0"),
        ("-0.0", " temp=-0.0"),
        ("INF", " temp=inf"),
        ("nan", ""),
        ("\"NAN\"", ""),
    ] {
        let text = format!("time,temp\n2026-01-01,1e2\n2026-01-02,+.5\n2026-01-03,{cell}\n");
        let last = format!("account-device 2026-01-03T00:00:00Z{shown}");
        check(
            "/a.csv",
            text,
            &["account-device 2026-01-01T00:00:00Z temp=100.0", "account-device 2026-01-02T00:00:00Z temp=0.5", &last],
            &[],
        );
    }
}

#[test]
fn a_time_in_another_notation_costs_its_row() {
    for time in ["01/02/2026 03:04", "1767225600", "46023.5", "2026-01-01 3:04 PM", "2026-02-30 00:00", "2026-01-01T25:00"] {
        let refused = [(4, "is not a time: if it is one, add how it is written to timestamp's format")];
        check("/a.csv", format!("time,temp,hum\n{ROWS}{time},1,2\n"), &SHOWN, &refused);
    }
    let midnight = ["account-device 2026-01-02T00:00:00Z temp=1.0"];
    check("/a.csv", "time,temp\n2026-01-01 24:00,1\n2026-01-01 24:01,1\n", &midnight, &[(3, "is not a time")]);
}

#[test]
fn a_header_may_come_again_with_other_columns() {
    let swapped = format!("time,temp,hum\n{ROWS}time,hum,temp\n2026-02-01 00:00:00,50,20\n");
    let expected = [SHOWN[0], SHOWN[1], "account-device 2026-02-01T00:00:00Z hum=50.0 temp=20.0"];
    check("/a.csv", swapped, &expected, &[]);
    // One that does not begin as the first does is no header to the format, and what stands behind it may be anything.
    let renamed = format!("time,temp,hum\n{ROWS}when,hum,temp\n2026-02-01 00:00:00,50,20\n2026-02-02 00:00:00,50,20\n");
    let refused = [(4, "is not a time"), (5, "behind line 4, which names columns"), (6, "behind line 4")];
    check("/a.csv", renamed, &SHOWN, &refused);
    // Units below the names, and what people write below a table, are no headers.
    check("/a.csv", format!("time,temp,hum\ns,degC,%\n{ROWS}"), &SHOWN, &[(2, "\"s\" is not a time")]);
    check("/a.csv", format!("time,temp,hum\nTotal,42,103\n{ROWS}"), &SHOWN, &[(2, "\"Total\" is not a time")]);
}

#[test]
fn cut_and_shifted_rows_are_refused() {
    for (row, reason) in [
        ("2026-01-01 02:00:00,22.5", "2 cells, where the header has 3: if rows may lack their last ones, add short_rows = true"),
        ("2026-01-01 02:00:00,22.5,53,9", "4 cells, where the header has 3"),
        ("2026-01-01 02:00:00,\"22.5,53", "a quote opens and does not close"),
        ("2026-01-01 02:00:00,22.5,5\u{0}", "holds NUL bytes"),
    ] {
        check("/a.csv", format!("time,temp,hum\n{ROWS}{row}\n"), &SHOWN, &[(4, reason)]);
    }
}
