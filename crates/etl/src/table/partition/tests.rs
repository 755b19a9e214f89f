use super::*;

fn check(by: Partition, moment: &str, expected: (i32, &str, &str)) {
    let (number, span) = by.span(moment.parse::<Timestamp>().unwrap().as_microsecond()).unwrap();
    let told = |ts| Timestamp::from_microsecond(ts).unwrap().to_string();
    assert_eq!((number, told(span.start).as_str(), told(span.end).as_str()), expected, "{moment}");
}

#[test]
fn a_moment_lies_within_its_span() {
    check(Partition::Day, "1970-01-01T00:00:00Z", (0, "1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z"));
    check(Partition::Day, "1969-12-31T23:59:59.999999Z", (-1, "1969-12-31T00:00:00Z", "1970-01-01T00:00:00Z"));
    check(Partition::Month, "1970-01-31T23:59:59.999999Z", (0, "1970-01-01T00:00:00Z", "1970-02-01T00:00:00Z"));
    check(Partition::Month, "1969-12-31T23:59:59Z", (-1, "1969-12-01T00:00:00Z", "1970-01-01T00:00:00Z"));
    check(Partition::Month, "2026-02-01T00:00:00Z", (673, "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"));
}
