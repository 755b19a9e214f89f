use arrow::array::AsArray;
use arrow::datatypes::Float64Type;

use crate::format::File;
use crate::format::tests::{only, parse};
use crate::rows::Parsed;

const DEFINITION: &str = include_str!("../../../../../pipeline/formats/senml.toml");

fn read(text: &str) -> Parsed {
    parse(&only(&DEFINITION.replace("content = true", "paths = [\"**\"]")), "/a.json", text.as_bytes()).unwrap()
}

/// A column's values as text.
fn column(parsed: &Parsed, name: &str) -> Vec<Option<String>> {
    let (_, array) = parsed.parts[0].columns.iter().find(|(column, _)| column.name == name).unwrap();
    match array.as_string_opt::<i32>() {
        Some(texts) => texts.iter().map(|text| text.map(str::to_owned)).collect(),
        None => array.as_primitive::<Float64Type>().iter().map(|value| value.map(|value| value.to_string())).collect(),
    }
}

#[track_caller]
fn check_refused(text: &str, expected: &[(u64, &str)]) {
    let parsed = read(text);
    let refused: Vec<_> = parsed.refused.iter().map(|refused| (refused.row, refused.reason.as_str())).collect();
    assert_eq!(refused, expected);
}

#[test]
fn base_values_hold_from_their_record_on() {
    let parsed = read(
        "[{\"bn\":\"urn:x:\",\"bt\":1276020076,\"bu\":\"A\",\"bv\":10,\"n\":\"i\",\"v\":1},\n{\"n\":\"u\",\"u\":\"V\",\"t\":-1.5,\"v\":2.5},\n\
         {\"bn\":\"urn:y:\",\"bv\":0},\n{\"n\":\"s\",\"vs\":\"on\"},{\"n\":\"e\",\"s\":7,\"ut\":3600},{\"n\":\"d\",\"vd\":\"AQI\"}]",
    );
    assert_eq!(parsed.refused, []);
    let part = &parsed.parts[0];
    assert_eq!(part.table, "senml");
    assert_eq!(part.device.iter().flatten().collect::<Vec<_>>(), ["urn:x", "urn:x", "urn:y", "urn:y", "urn:y"]);
    assert_eq!(part.row.values().to_vec(), [1, 2, 4, 4, 4]);
    assert_eq!(part.ts.value(1) - part.ts.value(0), -1_500_000);
    let text = |values: &[&str]| values.iter().map(|value| Some((*value).to_owned())).collect::<Vec<_>>();
    assert_eq!(column(&parsed, "name"), text(&["urn:x:i", "urn:x:u", "urn:y:s", "urn:y:e", "urn:y:d"]));
    assert_eq!(column(&parsed, "unit"), text(&["A", "V", "A", "A", "A"]));
    assert_eq!(column(&parsed, "value")[..2], text(&["11", "12.5"]));
    assert_eq!(column(&parsed, "string_value")[2].as_deref(), Some("on"));
    assert_eq!(column(&parsed, "sum")[3].as_deref(), Some("7"));
}

#[test]
fn a_time_that_counts_from_now_needs_a_format_that_takes_the_arrival() {
    let text = "[{\"n\":\"a\",\"t\":-60,\"v\":1},{\"n\":\"b\",\"v\":2}]";
    let reason = "no time of its own: to take that of its arrival, add receipt_time = true to format \"senml\"";
    check_refused(text, &[(1, reason), (1, reason)]);
    let formats = only(&DEFINITION.replace("[match]\n", "receipt_time = true\n[match]\n"));
    let arrived = "2026-01-01T00:00:00Z".parse().ok();
    let parsed = formats.parse(&File { path: "/a", device: "d", zone: None, arrived, bytes: text.as_bytes() }).unwrap();
    assert_eq!(parsed.parts[0].ts.values().to_vec(), [1_767_225_540_000_000, 1_767_225_600_000_000]);
    assert!(parsed.by_arrival);
}

#[test]
fn a_record_that_cannot_be_understood_is_refused() {
    let at = "\"bt\":1276020076";
    check_refused(
        &format!(
            "[{{{at},\"n\":\"a\",\"v\":1}},\n{{\"n\":\"a\"}},\n{{\"v\":1}},\n{{\"n\":\"a\",\"v\":1,\"vs\":\"x\"}},\n{{\"n\":\"a\",\"v\":1,\"x_\":1}},\n\
                  {{\"n\":\"a\",\"v\":\"1\"}},\n{{\"n\":\"a\",\"n\":\"b\",\"v\":1}},\n7,\n{{\"n\":\"a\",\"v\":1}}]"
        ),
        &[
            (2, "a record without a value"),
            (3, "a record without a name"),
            (4, "a record with several values"),
            (5, "\"x_\" has to be understood (RFC 8428, 4.4), and is not"),
            (6, "v is not a number that a double holds"),
            (7, "\"n\" twice in one record"),
            (8, "a number where a record should be"),
            (9, "the base values of the record on line 8 are unknown"),
        ],
    );
    check_refused(
        &format!("[{{{at},\"bver\":11,\"n\":\"a\",\"v\":1}},\n{{\"n\":\"a\",\"vb\":true}}]"),
        &[(1, "bver is not a version up to 10"), (2, "the base values of the record on line 1 are unknown")],
    );
    check_refused(
        &format!("[{{{at},\"n\":\"a\",\"vd\":\"*\"}},{{\"n\":\"a\",\"vb\":1}},{{\"n\":\"a\",\"t\":1e300,\"v\":1}}]"),
        &[(1, "vd is not base64url"), (1, "vb is not a boolean"), (1, "t is not a time in seconds")],
    );
}

#[test]
fn what_is_no_pack_is_not_claimed() {
    for text in ["[]", "[1]", "{\"n\":\"a\",\"v\":1}", "[{\"v\":1}]", "[{\"n\":\"a\"}]", "[{\"n\":\"a\",\"v\":1},{\"x\":1}]"] {
        assert!(
            parse(&only(DEFINITION), "/a", text.as_bytes()).unwrap_err().reason.contains("its text is of another kind"),
            "{text}"
        );
    }
}
