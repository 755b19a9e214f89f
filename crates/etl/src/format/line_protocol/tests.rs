use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;

use serde_json::Value;

use super::points::{Field, Point};
use crate::format::tests::{check_errors, only, parse};
use crate::rows::{Kind, Parsed};

const DEFINITION: &str = "format = \"t\"\ntable = \"{table}\"\ndevice = { column = \"host\" }\nmatch = { paths = [\"**\"] }\n\
                          [line_protocol]\nprecision = \"s\"\n";

fn read(text: &str) -> Parsed {
    parse(&only(DEFINITION), "/a.lp", text.as_bytes()).unwrap()
}

#[track_caller]
fn check(line: &str, measurement: &str, tags: &[(&str, &str)], fields: &[(&str, Kind, &str)], time: i64) {
    let text = |text: &&str| (*text).to_owned();
    let expected = Point {
        measurement: measurement.to_owned(),
        tags: tags.iter().map(|(key, value)| (text(key), text(value))).collect(),
        fields: fields.iter().map(|(key, kind, value)| Field { key: text(key), kind: *kind, value: text(value) }).collect(),
        time: Some(time),
    };
    assert_eq!(Point::read(line), Ok(expected));
}

#[track_caller]
fn check_fault(line: &str, reason: &str) {
    assert_eq!(Point::read(line), Err(reason.to_owned()));
}

#[test]
fn a_point_has_a_measurement_tags_fields_and_a_time() {
    check("m v=1 5", "m", &[], &[("v", Kind::Double, "1")], 5);
    check("m,a=b,c=d v=1i,w=t  -5 ", "m", &[("a", "b"), ("c", "d")], &[("v", Kind::Long, "1"), ("w", Kind::Boolean, "true")], -5);
}

#[test]
fn a_backslash_makes_separators_characters_like_others() {
    check(r"m\,\ \=,a\=\ b=c\,\d v\,=1 5", r"m, \=", &[("a= b", r"c,\d")], &[("v,", Kind::Double, "1")], 5);
    check(r#"m v="a\"\\\n, =" 5"#, "m", &[], &[("v", Kind::Text, r#"a"\\n, ="#)], 5);
}

#[test]
fn what_is_no_point_says_why() {
    check_fault("m v=1 soon", "\" soon\" where the time should be");
    check_fault("m v=\"a\"5", "\"5\" where the time should be");
    check_fault("m 5", "\"5\" is no key with a value");
    check_fault(",a=b v=1 5", "no measurement");
    check_fault("m,a= v=1 5", "tag \"a\" has no value, or one with a bare =");
    check_fault("m,a=b,a=c v=1 5", "tag \"a\" twice");
    check_fault("m v=1,v=2 5", "field \"v\" twice");
    check_fault("m v=\"a 5", "field \"v\": a quote opens and does not close on the line");
    for value in ["NaN", "inf", "1e400", "-1u", "1.5i", "9223372036854775808i", "yes", ""] {
        check_fault(&format!("m v={value} 5"), &format!("field \"v\": {value:?} is no value"));
    }
}

#[test]
fn columns_come_as_they_are_first_met() {
    let parsed = read("m,host=x a=1 10\nm,host=y,t=u b=2 20\nn a=3 30\n# note\n\nm a=4,b=5 40\n");
    let [m, n] = parsed.parts.as_slice() else { panic!("{} parts", parsed.parts.len()) };
    assert_eq!((m.table.as_str(), n.table.as_str()), ("m", "n"));
    assert_eq!(m.device.iter().flatten().collect::<Vec<_>>(), ["x", "y", "account-device"]);
    assert_eq!((m.row.values().to_vec(), m.ts.value(2)), (vec![1, 2, 6], 40_000_000));
    let names: Vec<_> = m.columns.iter().map(|(column, _)| column.original.as_str()).collect();
    assert_eq!(names, ["a", "t", "b"]);
    let doubles = |index: usize| m.columns[index].1.as_primitive::<Float64Type>().iter().collect::<Vec<_>>();
    assert_eq!((doubles(0), doubles(2)), (vec![Some(1.0), None, Some(4.0)], vec![None, Some(2.0), Some(5.0)]));
    assert_eq!(m.columns[1].1.null_count(), 2);
}

#[test]
fn a_row_that_is_refused_leaves_nothing_behind() {
    let parsed = read("m a=1 10\nm new=1,a=2i 20\nm new2=\"\u{1}\",a=2 30\nm a=3 40\n");
    assert_eq!((parsed.parts[0].row.values().to_vec(), parsed.parts[0].columns.len()), (vec![1, 4], 1));
    let reasons: Vec<_> = parsed.refused.iter().map(|one| one.reason.as_str()).collect();
    assert_eq!(reasons, ["a: has another type than at first", "holds control characters"]);

    let parsed = read("m a=1 10\nm new=5,a=2i 20\nm new=6 30\n");
    let names: Vec<_> = parsed.parts[0].columns.iter().map(|(column, _)| column.name.as_str()).collect();
    assert_eq!(names, ["a", "new"]);
}

#[test]
fn measurements_without_end_refuse_the_file() {
    let text: String = (0..300).map(|number| format!("m{number} a=1 10\n")).collect();
    let refusal = parse(&only(DEFINITION), "/a.lp", text.as_bytes()).unwrap_err();
    assert!(refusal.reason.starts_with("rows for more than 256 tables"));
}

#[test]
fn a_definition_names_a_precision_that_there_is() {
    check_errors(
        &DEFINITION.replace("\"s\"", "\"m\""),
        &["test.toml: line 6 (precision): unknown variant `m`, expected one of `ns`, `us`, `ms`, `s`"],
    );
}

/// The cases of InfluxData's corpus that are one line with its time: what the corpus holds for an error is never read as a point, and
/// what both read is the same.
#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "the samples may not be part of the repository, so the environment says where they are"
)]
fn the_corpus() {
    let Ok(folder) = std::env::var("INLET_SAMPLES") else { return };
    let corpus = std::fs::read(format!("{folder}/line_protocol/line-protocol-corpus.open.json")).unwrap();
    let corpus: Value = serde_json::from_slice(&corpus).unwrap();
    let (mut same, mut refused) = (0, 0);
    let (mut wrong, mut stricter) = (Vec::new(), Vec::new());
    for case in corpus["decode"].as_object().unwrap().values() {
        let Some(text) = case["input"]["text"].as_str().filter(|text| !text.contains(['\n', '\r', '#'])) else { continue };
        // The corpus takes the time of arrival for points without one.
        let read = Point::read(text).or_else(|reason| match reason.starts_with("no time") {
            true => Point::read(&format!("{text} 5")),
            false => Err(reason),
        });
        match (case["output"]["result"].as_array().map(Vec::as_slice), read) {
            (None, Err(_)) => refused += 1,
            (Some(_), Err(reason)) => stricter.push(format!("{text:?}: {reason}")),
            (Some([point]), Ok(read)) if same_point(point, &read) => same += 1,
            (expected, Ok(read)) => wrong.push(format!("{text:?}: {read:?}, expected {expected:?} {}", case["output"]["error"])),
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(same > 150 && refused > 1000, "{same} the same, {refused} refused");
    // Beyond what a long holds, or what a table should.
    let known = |reason: &String| reason.contains("18446744073709551615u") || reason.ends_with("holds control characters");
    assert!(stricter.iter().all(known), "{stricter:?}");
}

fn same_point(expected: &Value, read: &Point) -> bool {
    let tags = expected["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    let fields = expected["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
    // The corpus has them sorted.
    let is_tag = |(key, value): &(String, String)| tags.iter().any(|tag| tag["key"] == **key && tag["value"] == **value);
    let same_field = |(expected, field): (&Value, &Field)| {
        let value = expected["value"].as_object().unwrap().values().next().unwrap();
        let same = match field.kind {
            Kind::Text => value == &*field.value,
            Kind::Boolean => value.as_bool() == Some(field.value == "true"),
            Kind::Long => value.as_i64() == field.value.parse().ok(),
            // Read from JSON a double may be off by its last bit.
            _ => {
                let (expected, got) = (value.as_f64().unwrap(), field.value.parse::<f64>().unwrap());
                (expected - got).abs() <= 1e-15 * got.abs()
            }
        };
        expected["key"] == *field.key && same
    };
    expected["name"] == *read.measurement
        && tags.len() == read.tags.len()
        && read.tags.iter().all(is_tag)
        && fields.len() == read.fields.len()
        && fields.iter().zip(&read.fields).all(same_field)
}
