use super::PortRange;

fn check(text: &str, expected: Option<Vec<u16>>) {
    assert_eq!(text.parse::<PortRange>().ok().map(|range| range.ports().collect()), expected, "{text:?}");
}

#[test]
fn a_range_names_its_ports() {
    check("2122-2124", Some(vec![2122, 2123, 2124]));
    check("2122 - 2123", Some(vec![2122, 2123]));
    check("2122", Some(vec![2122]));
    check("0", Some(vec![0; 8]));
}

#[test]
fn what_is_no_range_is_refused() {
    for text in ["", "-", "a-b", "2124-2122", "0-10", "2122-", "65535-65536", "2122-2124-2126"] {
        check(text, None);
    }
}
