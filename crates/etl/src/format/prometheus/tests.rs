use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;

use super::sample::Sample;
use crate::format::File;
use crate::format::tests::{only, parse};
use crate::rows::{Parsed, Refusal};

const TEXT: &str = include_str!("../../../../../pipeline/formats/prometheus.toml");
const OPENMETRICS: &str = include_str!("../../../../../pipeline/formats/openmetrics.toml");

#[track_caller]
fn check(line: &str, metric: &str, labels: &[(&str, &str)], value: &str, time: Option<&str>) {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let (metric, value, time) = (metric.to_owned(), value.to_owned(), time.map(str::to_owned));
    assert_eq!(Sample::read(line, false), Ok(Sample { metric, labels, value, time, exemplar: None }));
}

#[test]
fn a_sample_has_a_name_labels_a_value_and_a_time() {
    check("up 1", "up", &[], "1", None);
    check("  a:b_c1 \t +Inf  1767225600000 ", "a:b_c1", &[], "INF", Some("1767225600000"));
    check(r#"m{} -Inf"#, "m", &[], "-INF", None);
    check(r#"m { a = "x\"y\\z\n\q" , b="" , } NaN -5"#, "m", &[("a", "x\"y\\z\n\\q"), ("b", "")], "NaN", Some("-5"));
    check(r#"{"a metric", "a label"="x"} 1e3"#, "a metric", &[("a label", "x")], "1e3", None);
}

#[test]
fn what_is_no_sample_says_why() {
    for (line, reason) in [
        ("1m 1", "\"1m 1\" is no metric's name"),
        ("m", "\"\" where a value and perhaps a time should be"),
        ("m 1 2 3", "\"1 2 3\" where a value and perhaps a time should be"),
        ("m one", "\"one\" is no value"),
        ("m 1 1.5", "\"1.5\" is no time"),
        ("m{a=\"x\"", "\"\" where , or } should be"),
        ("m{a=\"x} 1", "a quote opens and does not close on the line"),
        ("m{a=x} 1", "\"x} 1\" where a quote should be"),
        ("m{a} 1", "\"} 1\" where a label and = should be"),
        ("m{a=\"1\",a=\"2\"} 1", "label \"a\" twice"),
        ("m{=\"1\"} 1", "a label without a name"),
    ] {
        assert_eq!(Sample::read(line, false), Err(reason.to_owned()), "{line}");
    }
}

fn open(text: &str) -> Result<Parsed, Refusal> {
    let formats = only(&OPENMETRICS.replace("[match]\ncontent = true", "receipt_time = true\n[match]\npaths = [\"**\"]"));
    let arrived = "2026-01-01T00:00:00Z".parse().ok();
    formats.parse(&File { path: "/a", device: "d", zone: None, arrived, bytes: text.as_bytes() })
}

#[test]
fn samples_are_rows_and_labels_columns() {
    let text = "# HELP temp In °C.\n# TYPE temp gauge\ntemp{room=\"a\"} 21.5 1767225600000\ntemp{room=\"b\",metric=\"x\"} NaN 1767225600001\n\n# a word\nlone 1 1767225600000\nlone 1\n";
    let parsed = parse(&only(TEXT), "/a.prom", text.as_bytes()).unwrap();
    let [part] = parsed.parts.as_slice() else { panic!("{} parts", parsed.parts.len()) };
    assert_eq!((part.table.as_str(), part.row.values().to_vec()), ("prometheus", vec![3, 4, 7]));
    assert_eq!(part.ts.value(1), 1_767_225_600_001_000);
    let names: Vec<_> = part.columns.iter().map(|(column, _)| column.name.as_str()).collect();
    assert_eq!(names, ["metric", "type", "value", "room", "metric_2"]);
    assert_eq!(part.columns[1].1.as_string::<i32>().iter().collect::<Vec<_>>(), [Some("gauge"), Some("gauge"), None]);
    let values: Vec<_> = part.columns[2].1.as_primitive::<Float64Type>().iter().collect();
    assert_eq!(values, [Some(21.5), None, Some(1.0)]);
    let [refused] = parsed.refused.as_slice() else { panic!("{:?}", parsed.refused) };
    let reason = "no time of its own: to take that of its arrival, add receipt_time = true to format \"prometheus\"";
    assert_eq!((refused.row, refused.reason.as_str()), (8, reason));
}

#[test]
fn a_label_may_name_the_device() {
    let formats = only(
        &TEXT
            .replace("{ account = true }", "{ column = \"instance\" }")
            .replace("\"prometheus\"\ndevice", "\"p_{table}\"\ndevice"),
    );
    let text = "# TYPE up gauge\nup{instance=\"pump\"} 1 1767225600000\nup 0 1767225600000\n";
    let parsed = parse(&formats, "/a", text.as_bytes()).unwrap();
    let part = &parsed.parts[0];
    assert_eq!((part.table.as_str(), part.columns.len()), ("p_up", 3));
    assert_eq!(part.device.iter().flatten().collect::<Vec<_>>(), ["pump", "account-device"]);
}

#[test]
fn openmetrics_counts_seconds_and_keeps_exemplars() {
    let text = "# TYPE r histogram\n# UNIT r \n# HELP r x\nr_bucket{le=\"1.0\"} 3 1767225600.25 # {id=\"7\"} 0.5 1767225600\nr_bucket{le=\"+Inf\"} 4\nr_count 4\nr_sum 2.5\n# EOF\n";
    let parsed = open(text).unwrap();
    let part = &parsed.parts[0];
    assert_eq!((part.row.len(), part.ts.value(0), parsed.by_arrival), (4, 1_767_225_600_250_000, true));
    let (exemplar, values) = part.columns.iter().find(|(column, _)| column.name == "exemplar").unwrap();
    assert_eq!((exemplar.original.as_str(), values.as_string::<i32>().value(0)), ("exemplar", "{id=\"7\"} 0.5 1767225600"));
    assert!(values.is_null(1));
}

#[test]
fn openmetrics_is_valid_as_a_whole_or_not_at_all() {
    for (text, reason) in [
        ("a 1\n", "it does not end with # EOF, so it was cut, or is no OpenMetrics"),
        ("a 1\n\n# EOF\n", "line 2: a blank line"),
        ("# EOF\na 1\n# EOF\n", "line 2: \"a 1\" behind # EOF"),
        ("a  1\n# EOF", "line 1: \"\" is no value"),
        ("a 1 1.1.1\n# EOF\n", "line 1: \"1.1.1\" is no time"),
        ("# word\n# EOF\n", "line 1: \"# word\" says nothing"),
        ("# TYPE a counters\n# EOF\n", "line 1: \"counters\" is no type of a metric"),
        ("# TYPE a counter\na_total -1\n# EOF\n", "line 2: \"a_total\" is of type counter: it cannot be less than nothing"),
        ("# TYPE a counter\na 1\n# EOF\n", "line 2: \"a\" is of type counter: it has no such sample"),
        ("# TYPE a gauge\n# TYPE a gauge\n# EOF\n", "line 2: TYPE of \"a\" twice"),
        ("a 1\n# TYPE a gauge\n# EOF\n", "line 2: TYPE of \"a\" behind its samples"),
        ("a 1\nb 1\na 2\n# EOF\n", "line 3: \"a\" comes again behind other metrics"),
        ("# UNIT a seconds\n# EOF\n", "line 1: the name \"a\" does not end with its unit \"seconds\""),
        ("# TYPE a histogram\na_bucket 1\n# EOF\n", "line 2: \"a_bucket\" is of type histogram: it needs a label le"),
        ("# TYPE a summary\na 1\n# EOF\n", "line 2: \"a\" is of type summary: it needs a label quantile"),
        ("# TYPE a info\na_info 2\n# EOF\n", "line 2: \"a_info\" is of type info: its value is 1"),
        ("# TYPE  a gauge\n# EOF\n", "line 1: \"# TYPE  a gauge\" is not # TYPE, a name and what it is, with one space between"),
        ("a 1 # {b=\"1\" 2\n# EOF\n", "line 1: \" 2\" where , or } should be"),
    ] {
        assert_eq!(open(text).unwrap_err().reason, reason, "{text}");
    }
}

#[test]
fn each_exposition_is_known_by_what_only_it_has() {
    for (definition, text, claimed) in [
        (TEXT, "# TYPE a gauge\na 1 1\n", true),
        (OPENMETRICS, "# TYPE a gauge\na 1 1\n", false),
        (TEXT, "# TYPE a gauge\na 1 1\n# EOF\n", false),
        (OPENMETRICS, "# TYPE a gauge\na 1 1\n# EOF", true),
        (OPENMETRICS, "# TYPE a unknown\na 1 1\n", true),
        (TEXT, "time,a\n2026-01-01,1\n", false),
        (TEXT, "# TYPE of pump: a\n", false),
    ] {
        let outcome = parse(&only(definition), "/a", text.as_bytes());
        let unclaimed = outcome.is_err_and(|refusal| refusal.reason.contains("no format claims"));
        assert_eq!(!unclaimed, claimed, "{text}");
    }
}
