mod names;

use super::*;
use crate::format::{Formats, Source};

fn file<'a>(path: &'a str, bytes: &'a [u8]) -> File<'a> {
    File { path, device: "pump-7", zone: None, arrived: None, bytes }
}

fn proposed(path: &str, bytes: &[u8]) -> Proposal {
    propose(&file(path, bytes), &Limits::for_tests()).unwrap()
}

/// Loads a definition in which these open lines were filled in, and counts the rows it gives of the file, and those it refuses.
fn filled(path: &str, bytes: &[u8], lines: &[&str]) -> (usize, usize) {
    let parsed = parsed(path, bytes, lines);
    (parsed.parts.iter().map(|part| part.ts.values().len()).sum(), parsed.refused.len())
}

/// What a definition in which these open lines were filled in makes of the file.
fn parsed(path: &str, bytes: &[u8], lines: &[&str]) -> crate::rows::Parsed {
    let Proposal { mut definition, .. } = proposed(path, bytes);
    for line in lines {
        let open = format!("# {line}\n");
        assert!(definition.contains(&open), "{line} is not open in\n{definition}");
        definition = definition.replace(&open, &format!("{line}\n"));
    }
    let formats = Formats::load(&[Source { file: "x.toml", text: &definition }], "UTC", Limits::for_tests());
    let formats = formats.unwrap_or_else(|errors| panic!("{errors:?} in\n{definition}"));
    formats.parse(&file(path, bytes)).unwrap_or_else(|refusal| panic!("{refusal} in\n{definition}"))
}

fn asks(proposal: &Proposal) -> Vec<&str> {
    proposal.open.iter().filter_map(|open| open.split(':').next()).collect()
}

#[test]
fn what_the_file_says_is_settled() {
    let text = b"Datum;Uhrzeit;Pegel (m);Temp (degC)\n28.11.2026;08:00:00;1,25;7,5\n28.11.2026;08:10:00;1,5;7,25\n";
    let proposal = proposed("/logs/pegel_20261128.csv", text);
    assert_eq!(asks(&proposal), ["zone"], "{}", proposal.definition);
    for line in [
        "format = \"pegel\"",
        "paths = [\"**/pegel_*.csv\"]",
        "delimiter = \";\"",
        "decimal = \",\"",
        "timestamp = { columns = [\"Datum\", \"Uhrzeit\"], format = \"%d.%m.%Y %H:%M:%S\" }",
        "# zone = \"Europe/Berlin\"",
    ] {
        assert!(proposal.definition.contains(&format!("{line}\n")), "{line} is not in\n{}", proposal.definition);
    }
    assert_eq!(filled("/logs/pegel_20261128.csv", text, &["zone = \"Europe/Berlin\""]), (2, 0));
}

#[test]
fn the_order_of_day_and_month_is_open_while_both_fit() {
    let text = b"when,level\n02/03/2026 08:00,1\n04/05/2026 08:00,2\n";
    let proposal = proposed("/a.csv", text);
    assert_eq!(asks(&proposal), ["timestamp", "zone"], "{}", proposal.definition);
    for format in ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"] {
        let line = format!("timestamp = {{ columns = [\"when\"], format = \"{format}\" }}");
        assert_eq!(filled("/a.csv", text, &[&line]), (2, 0));
    }
    let text = b"when,level\n02/03/2026 08:00,1\n14/05/2026 08:00,2\n";
    assert_eq!(filled("/a.csv", text, &[]), (2, 0), "a day above twelve settles it");
}

#[test]
fn every_order_that_fits_is_asked_about() {
    for (first, second, formats) in [
        ("24/07/20 21:00:00", "24/07/21 21:00:00", vec!["%d/%m/%y %H:%M:%S", "%y/%m/%d %H:%M:%S"]),
        ("02.03.2026", "03.03.2026", vec!["%d.%m.%Y", "%m.%d.%Y"]),
        ("02-03-04 1:00 PM", "02-03-05 1:00 PM", vec!["%d-%m-%y %I:%M %p", "%m-%d-%y %I:%M %p", "%y-%m-%d %I:%M %p"]),
    ] {
        let text = format!("when,level\n{first},1\n{second},2\n");
        let proposal = proposed("/a.csv", text.as_bytes());
        assert_eq!(asks(&proposal), ["timestamp", "zone"], "{}", proposal.definition);
        for format in &formats {
            assert!(proposal.definition.contains(&format!("format = \"{format}\"")), "{format}: {}", proposal.definition);
        }
        assert_eq!(proposal.definition.matches("format = \"%").count(), formats.len(), "{}", proposal.definition);
    }
}

#[test]
fn hours_in_a_column_of_their_own_are_asked_for() {
    let day = |day: u8| (1..=3).map(|hour| format!("260,2026010{day},{hour},7\n")).collect::<String>();
    let hourly = format!("STN,YYYYMMDD,HH,T\n{}{}", day(1), day(2));
    let proposal = proposed("/a.csv", hourly.as_bytes());
    assert_eq!(asks(&proposal), ["timestamp", "zone"], "{}", proposal.definition);
    assert!(
        proposal.definition.contains("\ntimestamp = { columns = [\"YYYYMMDD\"], format = \"%Y%m%d\" }\n"),
        "{}",
        proposal.definition
    );
    let daily = "STN,YYYYMMDD,T\n260,20260101,7\n260,20260102,8\n260,20260103,8\n";
    assert_eq!(asks(&proposed("/a.csv", daily.as_bytes())), ["zone"]);
    // The midnights of a zone are other hours of UTC, on both sides of a change of clocks too.
    let bad = "Datum;Uhrzeit;Pegel\n24.10.2026;99:99:00;1\n24.10.2026;00:10:00;1\n25.10.2026;99:10:00;1\n25.10.2026;05:20:00;1\n26.10.2026;05:20:00;1\n26.10.2026;05:30:00;1\n";
    let in_zone = File { zone: Some("Europe/Berlin"), ..file("/a.csv", bad.as_bytes()) };
    let proposal = propose(&in_zone, &Limits::for_tests()).unwrap();
    assert_eq!(asks(&proposal), ["timestamp", "zone"], "{}", proposal.definition);
    // Several rows of one time that has a clock are no such case.
    let long = "time,meter,value\n2026-01-01 06:00,a,1\n2026-01-01 06:00,b,1\n2026-01-02 06:00,a,1\n2026-01-02 06:00,b,1\n";
    assert!(!asks(&proposed("/a.csv", long.as_bytes())).contains(&"timestamp"));
}

#[test]
fn a_date_is_not_taken_without_the_clock_beside_it() {
    for text in
        ["date,time,level\n2026-01-01,08:00,1\n2026-01-02,08:10,2\n", "date,time,level\n13.01.2026,08:00,1\n14.01.2026,08:10,2\n"]
    {
        let proposal = proposed("/a.csv", text.as_bytes());
        assert!(proposal.definition.contains("timestamp = { columns = [\"date\", \"time\"]"), "{}", proposal.definition);
        assert_eq!(filled("/a.csv", text.as_bytes(), &[]), (2, 0));
    }
}

#[test]
fn rows_of_loggers_without_a_header_become_a_table_for_each_array() {
    let text = b"101,2026,45,1800,13.6,.427\n102,2026,45,1800,7\n101,2026,45,1830,13.7,.85\n";
    let proposal = proposed("/wx_data.dat", text);
    assert_eq!(asks(&proposal), ["zone"], "{}", proposal.definition);
    assert!(proposal.definition.contains("table = \"wx_data_{table}_{device}\""), "{}", proposal.definition);
    assert_eq!(filled("/wx_data.dat", text, &[]), (3, 0));
    // In January the numbers may be a month and its day.
    let text = b"101,2026,12,31,13.6\n101,2026,12,32,13.6\n";
    assert_eq!(asks(&proposed("/wx_data.dat", text)), ["timestamp", "zone"]);
    let line = r#"timestamp = { columns = ["year", "day", "time"], format = "%Y %j %{HHMM}" }"#;
    assert_eq!(filled("/wx_data.dat", text, &[line]), (2, 0));
}

#[test]
fn a_cell_that_the_header_does_not_name_is_asked_about() {
    let text = b"\"at\",\"level\"\n\"1\",\"2026-01-13 08:00:00\",1.5\n\"2\",\"2026-01-13 08:10:00\",2.5\n";
    let proposal = proposed("/a.csv", text);
    assert_eq!(asks(&proposal), ["leading", "zone"], "{}", proposal.definition);
    assert_eq!(filled("/a.csv", text, &["leading = [\"row\"]"]), (2, 0));
}

#[test]
fn comments_and_a_row_of_widths_are_no_rows() {
    let text = b"# US Geological Survey\n# retrieved today\nagency_cd\tpeak_dt\tpeak_va\n5s\t10d\t8s\nUSGS\t2026-02-13\t120\nUSGS\t2026-03-14\t130\n";
    let proposal = proposed("/peaks.txt", text);
    assert!(proposal.definition.contains("comment = \"#\"\n"), "{}", proposal.definition);
    assert!(proposal.definition.contains("header = [\"names\", \"widths\"]\n"), "{}", proposal.definition);
    assert_eq!(filled("/peaks.txt", text, &[]), (2, 0));
    assert!(!proposed("/a.csv", b"#,time,level\n1,2026-01-01 00:00,1\n").definition.contains("comment = "));
}

#[test]
fn commas_that_may_set_thousands_apart_are_open() {
    let text = b"time;count\n2026-01-01T00:00:00Z;1,250\n2026-01-01T00:10:00Z;2,500\n";
    assert_eq!(asks(&proposed("/a.csv", text)), ["decimal"]);
    assert_eq!(filled("/a.csv", text, &["decimal = \",\""]), (2, 0));
}

#[test]
fn header_rows_words_among_numbers_and_a_devices_column_are_asked_about() {
    let text =
        b"Report of pumps\nSTATION,Time,Flow\n,,l/s\nA,2026-01-01 00:00,1.5\nA,2026-01-01 00:10,---\nA,2026-01-01 00:20,2.5\n";
    let proposal = proposed("/a.csv", text);
    assert_eq!(asks(&proposal), ["header", "nulls", "zone", "device"], "{}", proposal.definition);
    assert!(proposal.definition.contains("preamble = 1\n"));
    assert_eq!(filled("/a.csv", text, &["nulls = [\"---\"]"]), (3, 0));
}

#[test]
fn a_file_without_names_gets_places_to_name() {
    let text = b"1767225600\t1.5\t2\n1767225660\t2.5\t3\n";
    let proposal = proposed("/a.dat", text);
    assert!(proposal.definition.contains("{ name = \"column_2\" }"), "{}", proposal.definition);
    assert_eq!((asks(&proposal), filled("/a.dat", text, &[])), (vec![], (2, 0)));
}

#[test]
fn an_encoding_that_nothing_says_is_open() {
    let (text, _, _) = SHIFT_JIS.encode("日時,気温\n2026/01/01 00:00,1.5\n2026/01/01 00:10,2.5\n");
    let proposal = proposed("/a.csv", &text);
    assert!(asks(&proposal).contains(&"encodings"), "{}", proposal.definition);
    let (text, _, _) = WINDOWS_1252.encode("time,Temp (°C)\n2026-01-01 00:00,1.5\n2026-01-01 00:10,2.5\n");
    assert!(proposed("/a.csv", &text).definition.contains("windows-1252"));
}

#[test]
fn what_is_no_table_of_times_is_named() {
    let why = |bytes: &[u8]| propose(&file("/a", bytes), &Limits::for_tests()).unwrap_err().reason;
    assert!(why(b"{\"a\": 1").contains("begins as JSON does, and is none"));
    assert!(why(b"a\0b").contains("NUL"));
    assert!(why(b"just some\nlines of words\n").contains("no delimiter"));
    assert!(why(b"").contains("nothing in it"));
}

proptest::proptest! {
    #[test]
    fn no_file_is_too_strange(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400), text in "([0-9]{1,4}[-/.:; ,\t\"a]{1,2}){0,60}\n?") {
        for bytes in [&bytes[..], text.as_bytes()] {
            if let Ok(proposal) = propose(&file("/a/b.csv", bytes), &Limits::for_tests()) {
                let parsed: Result<toml::Table, _> = toml::from_str(&proposal.definition);
                proptest::prop_assert!(parsed.is_ok(), "{}", proposal.definition);
            }
        }
    }
}

#[test]
fn documents_on_lines_are_rows_with_the_time_that_all_of_them_have() {
    let text = b"{\"id\":\"a\",\"at\":{\"utc\":\"2026-01-01T00:00:00Z\"},\"v\":\"1.5\"}\n{\"id\":\"b\",\"at\":{\"utc\":\"2026-01-01T00:01:00Z\"},\"v\":\"2\",\"w\":1}\n";
    let proposal = proposed("/push/meter_20260101.json", text);
    assert_eq!(asks(&proposal), ["columns", "device"], "{}", proposal.definition);
    for line in [
        "paths = [\"**/meter_*.json\"]",
        "members = [\"id\", \"at\", \"v\"]",
        "documents = \"lines\"",
        "rows = \"$\"",
        "timestamp = { paths = [\"at.utc\"] }",
        "#     { path = \"v\", type = \"double\" },",
        "# device = { column = \"id\" }",
    ] {
        assert!(proposal.definition.contains(&format!("{line}\n")), "{line} is not in\n{}", proposal.definition);
    }
    assert_eq!(
        filled("/push/meter_20260101.json", text, &["columns = [", "    { path = \"v\", type = \"double\" },", "]"]),
        (2, 0)
    );
}

#[test]
fn rows_within_a_document_are_those_that_have_a_time() {
    let text = br#"{"head":{"name":"roof"},"data":[{"t":1767225600,"v":1},{"t":1767225660,"v":2}],"notes":[{"n":1}]}"#;
    let proposal = proposed("/log.json", text);
    assert_eq!(proposal.open, [""; 0], "{}", proposal.definition);
    assert!(proposal.definition.contains("rows = \"$.data[*]\"\ntimestamp = { paths = [\"t\"], epoch = \"s\" }\n"));
    assert_eq!(filled("/log.json", text, &[]), (2, 0));
    let array = br#"[{"date":"31.12.2026 08:00","a.b":1},{"date":"31.12.2026 08:10","a.b":2}]"#;
    assert_eq!(asks(&proposed("/log.json", array)), ["zone"]);
    assert_eq!(filled("/log.json", array, &["zone = \"Europe/Berlin\""]), (2, 0));
}

#[test]
fn what_json_does_not_say_is_open() {
    let two = br#"{"received":"2026-01-01T00:00:05Z","measured":"2026-01-01T00:00:00Z","parts":[{"at":"2026-01-01T00:00:01Z"}]}"#;
    let proposal = proposed("/a.json", two);
    assert_eq!(asks(&proposal), ["rows", "timestamp"], "{}", proposal.definition);
    for line in ["timestamp = { paths = [\"received\"] }", "timestamp = { paths = [\"measured\"] }"] {
        assert_eq!(filled("/a.json", two, &[line]), (1, 0));
    }
    let orders = br#"[{"t":"02/03/2026 08:00"},{"t":"04/05/2026 08:00"}]"#;
    assert_eq!(asks(&proposed("/a.json", orders)), ["timestamp", "zone"]);
    let none = proposed("/a.json", br#"{"v":1}"#);
    assert_eq!(asks(&none), ["timestamp"], "{}", none.definition);
    assert!(none.open[0].contains("receipt_time"), "{none:?}");
}

#[test]
fn times_without_signs_or_with_a_months_name_are_known() {
    for (times, format) in [
        (["2020010100", "2020010123"], "%Y%m%d%H"),
        (["202001010000", "202001012310"], "%Y%m%d%H%M"),
        (["20200101", "20200131"], "%Y%m%d"),
        (["06-Oct-2015 12:56", "16-Oct-2015 12:56"], "%d-%b-%Y %H:%M"),
        (["06 oct 2015 12:56:00", "16 oct 2015 12:56:00"], "%d %b %Y %H:%M:%S"),
    ] {
        let text = format!("id;when;level\n7;{};1.5\n7;{};2\n", times[0], times[1]);
        let proposal = proposed("/a.csv", text.as_bytes());
        let line = format!("timestamp = {{ columns = [\"when\"], format = \"{format}\" }}\n");
        assert!(proposal.definition.contains(&line), "{line} is not in\n{}", proposal.definition);
        assert_eq!(filled("/a.csv", text.as_bytes(), &[]), (2, 0));
    }
}

#[test]
fn lines_may_end_with_cr_alone() {
    let text = b"when;level\r2026-01-01 08:00;1\r2026-01-01 08:10;2\r";
    assert_eq!(filled("/a.csv", text, &[]), (2, 0));
}

#[test]
fn the_last_comment_may_name_the_columns() {
    let text =
        "#station;Weir\n#unit;m\n#Timestamp;Value;Type;Quality\n2026-01-01T00:00:00Z;1;102;200\n2026-01-01T00:10:00Z;2;102;200\n";
    let proposal = proposed("/a.csv", text.as_bytes());
    assert!(
        proposal.definition.contains("preamble = 2\n") && proposal.definition.contains("\"#Timestamp\""),
        "{}",
        proposal.definition
    );
    assert_eq!(filled("/a.csv", text.as_bytes(), &[]), (2, 0));
    let comments = proposed("/a.csv", text.replace("#Timestamp;Value;Type;Quality", "# four cells").as_bytes()).definition;
    assert!(comments.contains("comment = \"#\"\n"), "{comments}");
}
