use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};

use crate::format::tests::{check_errors, only, parse};
use crate::format::{File, Formats};
use crate::rows::{Kind, Parsed};

fn definition(keys: &str) -> String {
    format!("format = \"t\"\ntable = \"t\"\ndevice = {{ column = \"dev\" }}\nmatch = {{ paths = [\"**\"] }}\n[json]\n{keys}")
}

fn formats(keys: &str) -> Formats {
    only(&definition(keys))
}

const TIME: &str = "timestamp = { paths = [\"t\"] }\n";

/// Column names and kinds, the lines of the rows, and what is refused.
#[track_caller]
fn check(keys: &str, text: &str, columns: &[(&str, Kind)], rows: &[i64], refused: &[(u64, &str, &str)]) -> Parsed {
    let parsed = parse(&formats(keys), "/a.json", text.as_bytes()).unwrap();
    let got: Vec<_> =
        parsed.parts.iter().flat_map(|part| &part.columns).map(|(column, _)| (column.name.as_str(), column.kind)).collect();
    assert_eq!(got, columns);
    assert_eq!(parsed.parts.iter().flat_map(|part| part.row.values().to_vec()).collect::<Vec<_>>(), rows);
    let told: Vec<_> = parsed.refused.iter().map(|one| (one.row, &text[one.bytes.clone()], one.reason.as_str())).collect();
    assert_eq!(told, refused);
    parsed
}

fn texts(parsed: &Parsed, column: usize) -> Vec<Option<String>> {
    parsed.parts[0].columns[column].1.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

#[test]
fn scalars_are_columns_named_by_their_way() {
    let text = r#"{"t":"2026-01-01T00:00:00.123456789Z","dev":"d1","a":{"b":[1,{"c":"x"}],"on":true},"n":null,"s":"5"}"#;
    let parsed = check(
        TIME,
        text,
        &[("a_b_0", Kind::Double), ("a_b_1_c", Kind::Text), ("a_on", Kind::Boolean), ("s", Kind::Text)],
        &[1],
        &[],
    );
    assert_eq!(parsed.parts[0].ts.value(0), 1_767_225_600_123_456);
    assert_eq!(parsed.parts[0].device.value(0), "d1");
    assert_eq!(parsed.parts[0].columns[1].0.original, "a.b.1.c");
}

#[test]
fn rows_are_where_the_format_says() {
    let keys = "rows = \"$.plant.*.data[*]\"\nkeys = [\"unit\"]\ntimestamp = { paths = [\"d\", \"h\"], format = \"%Y-%m-%d %H:%M\" }\n\
                columns = [{ path = \"$.site\", name = \"site\" }]";
    let text = "{\"site\": \"S\",\n \"plant\": {\"u1\": {\"data\": [\n{\"d\":\"2026-01-01\",\"h\":\"10:00\",\"v\":1},\n{\"d\":\"2026-01-01\",\"v\":2}]},\n\
                \"u2\": {\"data\": [{\"d\":\"2026-01-01\",\"h\":\"10:05\",\"v\":3}]}}}";
    let refused = [(4, "{\"d\":\"2026-01-01\",\"v\":2}", "the row's time: nothing at h")];
    let parsed = check(keys, text, &[("unit", Kind::Text), ("site", Kind::Text), ("v", Kind::Double)], &[3, 5], &refused);
    assert_eq!(texts(&parsed, 0), [Some("u1".to_owned()), Some("u2".to_owned())]);
    assert_eq!(texts(&parsed, 1), [Some("S".to_owned()), Some("S".to_owned())]);
    assert_eq!(parsed.parts[0].device.value(0), "account-device");
    check(keys, "{\"plant\": {}}", &[], &[], &[]);
    let reason = "no \"data\" in plant.*";
    check(
        keys,
        "{\"plant\":{\"u\":{}}}\n{\"x\":1}",
        &[],
        &[],
        &[(1, "{\"plant\":{\"u\":{}}}", reason), (2, "{\"x\":1}", "no \"plant\" in the document")],
    );
}

#[test]
fn a_bad_line_costs_a_row() {
    let text = "{\"t\":\"2026-01-01\",\"v\":1}\n{\"t\":\"2026-01-01\",\"v\":\n{\"t\":\"soon\",\"v\":2}\n[]\n7\n{\"t\":\"2026-01-01\",\"v\":3}\n";
    check(
        TIME,
        text,
        &[("v", Kind::Double)],
        &[1, 6],
        &[
            (2, "{\"t\":\"2026-01-01\",\"v\":", "character 23: it ends where a value should be"),
            (3, "{\"t\":\"soon\",\"v\":2}", "the row's time: \"soon\" is not a time"),
            (4, "[]", "the row's time: nothing at t"),
            (5, "7", "a number where a row should be"),
        ],
    );
}

#[test]
fn a_document_that_is_cut_is_refused_with_what_comes_behind_it() {
    let text = "{\"t\":\"2026-01-01\",\n\"v\":1}\n{\"t\":\"2026-01-01\",\n\"v\":";
    check(
        TIME,
        text,
        &[("v", Kind::Double)],
        &[1],
        &[(3, "{\"t\":\"2026-01-01\",\n\"v\":", "line 4: it ends where a value should be")],
    );
}

#[test]
fn a_name_twice_is_two_claims_and_no_row() {
    let text = "{\"t\":\"2026-01-01\",\"a\":{\"v\":1,\"v\":2}}\n{\"t\":\"2026-01-01\",\"a.b\":1,\"a\":{\"b\":2}}\n{\"t\":\"2026-01-01\",\"v\":1,\"V\":2}";
    check(
        TIME,
        text,
        &[("v", Kind::Double), ("v_2", Kind::Double)],
        &[3],
        &[
            (1, "{\"t\":\"2026-01-01\",\"a\":{\"v\":1,\"v\":2}}", "\"v\" twice in one object"),
            (2, "{\"t\":\"2026-01-01\",\"a.b\":1,\"a\":{\"b\":2}}", "a.b: twice"),
        ],
    );
}

#[test]
fn what_nobody_wants_is_counted() {
    let keys = format!("{TIME}when = [{{ path = \"kind\", is = [\"data\", \"alarm\"] }}, {{ path = \"v\" }}]");
    let text = "{\"t\":\"2026-01-01\",\"kind\":\"data\",\"v\":1}\n{\"kind\":\"hello\"}\n{\"t\":\"2026-01-01\",\"kind\":\"data\",\"v\":null}\n";
    let parsed = check(&keys, text, &[("kind", Kind::Text), ("v", Kind::Double)], &[1], &[]);
    assert_eq!(parsed.skipped, 2);
}

#[test]
fn columns_are_what_the_format_says() {
    let keys = "timestamp = { paths = [\"t\"], epoch = \"ms\" }\nflatten = false\nnulls = [\"-999\"]\ncolumns = [\n\
        { path = \"id\", type = \"long\" },\n{ path = \"w\", name = \"Power\", type = \"double\", unit_path = \"u\" },\n\
        { path = \"raw\", type = \"text\" },\n{ path = \"at\", type = \"timestamp\" },\n{ path = \"x\", nulls = [\"--\"] },\n{ path = \"gone\", type = \"skip\" }]";
    let text = "{\"t\":1767225600123,\"id\":9007199254740993,\"w\":\"1.5\",\"u\":\"kW\",\"raw\":[1, {}],\"at\":1767225600000,\"x\":\"--\",\"gone\":{},\"other\":1}\n\
                {\"t\":1767225600123,\"id\":1.5}\n{\"t\":1767225600123,\"w\":-999,\"x\":\"-999\"}\n";
    let columns = [("id", Kind::Long), ("power", Kind::Double), ("raw", Kind::Text), ("at", Kind::Timestamp), ("x", Kind::Text)];
    let parsed =
        check(keys, text, &columns, &[1, 3], &[(2, "{\"t\":1767225600123,\"id\":1.5}", "id: \"1.5\" is not a whole number")]);
    let part = &parsed.parts[0];
    assert_eq!(part.ts.value(0), 1_767_225_600_123_000);
    assert_eq!(part.columns[0].1.as_primitive::<Int64Type>().value(0), 9_007_199_254_740_993);
    assert_eq!(part.columns[1].0.unit.as_deref(), Some("kW"));
    assert!(part.columns[1].1.is_null(1));
    assert_eq!(texts(&parsed, 2)[0].as_deref(), Some("[1, {}]"));
    assert_eq!(part.columns[3].1.as_primitive::<TimestampMicrosecondType>().value(0), 1_767_225_600_000_000);
    let text = "{\"t\":1767225600123,\"id\":{}}";
    check(keys, text, &[], &[], &[(1, text, "id is an object, and its column is not text")]);
}

#[test]
fn names_of_values_may_be_elsewhere() {
    let keys = "rows = \"$.data[*]\"\ntimestamp = { paths = [\"t\"] }\nfields = { values = \"vals\", names = \"$.head[*].n\", units = \"$.head[*].u\" }";
    let text = "{\"head\":[{\"n\":\"a\",\"u\":\"V\"},{\"n\":\"b\",\"u\":\"\"}],\"data\":[{\"t\":\"2026-01-01\",\"vals\":[1,\"x\"]},{\"t\":\"2026-01-01\",\"vals\":[1]}]}";
    let refused = [(1, "{\"t\":\"2026-01-01\",\"vals\":[1]}", "1 values in vals, and 2 names for them")];
    for text in [text, &text.replace(",\"u\":\"\"", "")] {
        let parsed = check(keys, text, &[("a", Kind::Double), ("b", Kind::Text)], &[1], &refused);
        assert_eq!(parsed.parts[0].columns[0].0.unit.as_deref(), Some("V"));
    }
}

#[test]
fn rows_without_a_time_have_that_of_their_arrival_only_when_the_format_says_so() {
    let text = "{\"v\":1}";
    let arrived = "2026-01-01T00:00:00Z".parse().ok();
    let file = File { path: "/a", device: "d", zone: None, arrived, bytes: text.as_bytes() };
    let declared = definition("").replace("match", "receipt_time = true\nmatch");
    let parsed = only(&declared).parse(&file).unwrap();
    assert_eq!((parsed.parts[0].ts.value(0), parsed.by_arrival), (1_767_225_600_000_000, true));
    let nobody_knows = only(&declared).parse(&File { arrived: None, ..file }).unwrap();
    assert_eq!(nobody_knows.refused[0].reason, "no time of its own, and nobody knows when it arrived");
    let parsed = formats(TIME).parse(&File { bytes: b"{\"t\":\"2026-01-01\"}", ..file }).unwrap();
    assert!(!parsed.by_arrival);
}

#[test]
fn a_definition_that_is_wrong_says_where() {
    check_errors(
        &definition(
            "rows = \"data\"\nkeys = [\"a\"]\ntable = \"$.a[*]\"\ncolumns = [{ path = \"a..b\" }, { path = \"a\" }, { path = \"a\" }]",
        ),
        &[
            "test.toml: json.rows: begins at the document, with $",
            "test.toml: json.keys: has more names than rows has .*",
            "test.toml: json.timestamp: is needed, unless receipt_time = true says that rows have the time of their arrival",
            "test.toml: json.table: \"$.a[*]\" stands for several values",
            "test.toml: json.columns.path: \"a..b\" is no path",
            "test.toml: json.columns: \"a\" twice",
        ],
    );
    check_errors(
        &definition("timestamp = { paths = [\"t\"], format = \"%Q\", epoch = \"s\" }\n"),
        &["test.toml: json.timestamp: has either format or epoch"],
    );
    check_errors(
        &definition("").replace("match", "receipt_time = true\narrival = \"snapshot\"\nmatch"),
        &["test.toml: receipt_time: is not for arrival = \"snapshot\", whose rows are known again by their own time"],
    );
    check_errors(
        &definition(TIME).replace("column = \"dev\"", "column = \"a[*]\""),
        &["test.toml: device.column: \"a[*]\" stands for several values"],
    );
}
