use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;

use super::pattern;
use crate::format::File;
use crate::format::tests::{only, parse};

const DEFINITION: &str = r#"
format = "s"
table = "s"
device = { account = true }
match = { paths = ["**"] }
[sma_csv]
"#;
const VERSION: &str = "sep=;\nVersion CSV1|Tool SE|Linebreaks CR/LF|Delimiter semicolon|Decimalpoint comma|Precision 3\n\n";

#[test]
fn columns_are_of_the_device_above_them() {
    let text = format!(
        "{VERSION};SN: 21;SN: 21;SN: 22;SN: 22\n;SB 5000;SB 5000;SB 3000;SB 3000\n;21;21;22;22\n;Total;Power;Total;Power\n\
         ;Counter;Analog;Counter;Analog\ndd.MM.yyyy HH:mm;kWh;kW;kWh;kW\n01.12.2011 17:50;0,5\n01.12.2011 17:55;1,5;2;3,25;4\n\
         01/12/2011;1;2;3;4\n"
    );
    let parsed = parse(&only(DEFINITION), "/a.csv", text.as_bytes()).unwrap();
    let [one, other] = parsed.parts.as_slice() else { panic!("{:?}", parsed.refused) };
    assert_eq!((one.device.value(0), other.device.value(1)), ("21", "22"));
    assert_eq!((one.row.values().to_vec(), other.row.values().to_vec()), (vec![10, 11], vec![10, 11]));
    let (column, power) = &one.columns[1];
    assert_eq!((column.name.as_str(), column.unit.as_deref(), column.process.as_deref()), ("power", Some("kW"), Some("Analog")));
    assert_eq!((power.is_null(0), power.as_primitive::<Float64Type>().value(1)), (true, 2.0));
    assert_eq!(other.columns[0].1.as_primitive::<Float64Type>().value(1), 3.25);
    assert_eq!(parsed.refused.iter().map(|refused| refused.row).collect::<Vec<_>>(), [12]);
}

#[test]
fn inverters_may_be_added_on_the_way() {
    let text = format!(
        "{VERSION};21;21;22;22\n;Total;Day;Total;Day\n;Counter;Analog;Counter;Analog\ndd.MM.yyyy;kWh;kWh;kWh;kWh\n01.11.2011;1;2\n\
         02.11.2011;3;4\n03.11.2011;5;6;7;8\n04.11.2011;9;10;11\n05.11.2011;12\n06.11.2011\n"
    );
    let parsed = parse(&only(DEFINITION), "/a.csv", text.as_bytes()).unwrap();
    let totals = parsed.parts.iter().map(|part| part.columns[0].1.as_primitive::<Float64Type>().iter().collect::<Vec<_>>());
    assert_eq!(totals.collect::<Vec<_>>(), [vec![Some(1.0), Some(3.0), Some(5.0)], vec![None, None, Some(7.0)]]);
    let refused: Vec<_> = parsed.refused.iter().map(|refused| (refused.row, refused.reason.as_str())).collect();
    let cells = |found: usize| format!("{found} cells, where the header has 5");
    assert_eq!(refused, [(11, cells(4).as_str()), (12, &cells(2)), (13, &cells(1))]);
}

#[test]
fn the_notation_of_times_is_the_files_own() {
    let check = |notation: &str, text: &str| pattern(notation).and_then(|format| format.read(text)).is_some();
    assert!(check("dd.MM.yyyy", "31.12.2011"));
    assert!(check("dd.MM.yyyy HH:mm:ss", "31.12.2011 17:50:00"));
    assert!(check("MM/dd/yyyy hh:mm tt", "12/31/2011 05:50 PM"));
    assert!(check("yyyy-MM-dd HH:mm", "2011-12-31 17:50"));
    assert!(!check("dd.MM.yyyy", "12.31.2011"));
    for notation in ["", "kWh", "HH:mm", "01.12.2011 17:50", "dd.MMM.yyyy"] {
        assert!(pattern(notation).is_none(), "{notation}");
    }
}

const BEAM: &str = "sep=;\r\nVersion CSV|Tool SunnyBeam2|Linebreaks CR/LF|Delimiter semicolon|Decimalpoint comma|Precision 3|Language de-DE|TZO=1|DST\r\n\
                    \r\n;SN: 20\r\n;SB 3300     \r\n;20\r\n;E-Total\r\n;Counter\r\nDD.MM.YYYY HH:mm;kWh\r\n01.11.2023 00:00;\r\n01.07.2023 08:20;46609,111\r\n";

#[test]
fn the_clock_is_where_the_file_says() {
    let moments = |text: &str, zone: Option<&str>| {
        let formats = only(DEFINITION);
        let file = File { path: "/23-11-01.csv", device: "beam", zone, arrived: None, bytes: text.as_bytes() };
        formats.parse(&file).map(|parsed| {
            assert!(parsed.refused.is_empty(), "{:?}", parsed.refused);
            let times = parsed.parts[0].ts.values().iter().map(|ts| jiff::Timestamp::from_microsecond(*ts).unwrap().to_string());
            times.collect::<Vec<_>>().join(" ")
        })
    };
    // Put forward in summer: by the rule of the zone that is declared, if it can be this one.
    assert_eq!(moments(BEAM, Some("Europe/Berlin")).unwrap(), "2023-10-31T23:00:00Z 2023-07-01T06:20:00Z");
    for zone in [None, Some("Europe/Athens"), Some("+02:00")] {
        let refusal = moments(BEAM, zone).unwrap_err();
        assert!(refusal.reason.contains("line 2 says that the clock is put forward in summer (DST)"), "{}", refusal.reason);
        assert!(refusal.reason.contains("add the plant's, as zone = "), "{}", refusal.reason);
    }
    // Never put forward: the file has said it all, whatever the account's zone is.
    let fixed = BEAM.replace("TZO=1|DST", "TZO=-5.5");
    for zone in [None, Some("Europe/Berlin")] {
        assert_eq!(moments(&fixed, zone).unwrap(), "2023-11-01T05:30:00Z 2023-07-01T13:50:00Z");
    }
    assert_eq!(moments(&BEAM.replace("|TZO=1|DST", ""), Some("+02:00")).unwrap(), "2023-10-31T22:00:00Z 2023-07-01T06:20:00Z");
    for hours in ["", "1.3", "19", "CET"] {
        let refusal = moments(&BEAM.replace("TZO=1", &format!("TZO={hours}")), None).unwrap_err();
        assert!(refusal.reason.contains("line 2 does not say the offset from UTC"), "{}", refusal.reason);
    }
}

#[test]
fn what_the_file_does_not_say_is_not_guessed() {
    let check = |text: &str, reason: &str| {
        let refusal = parse(&only(DEFINITION), "/a.csv", text.as_bytes()).unwrap_err();
        assert!(refusal.reason.contains(reason), "{}", refusal.reason);
    };
    check("Version CSV1|Delimiter semicolon\n", "does not say the decimal sign");
    check("Version CSV1|Decimalpoint comma\n", "does not say the delimiter");
    check(
        &format!("{VERSION},SN: 21\ndd.MM.yyyy,kWh\n"),
        "line 4: ',' stands between cells, where line 2 says another delimiter",
    );
    check(&format!("{VERSION};a\n01.12.2011;1\n"), "\"01.12.2011\" is not how times are written");
    check(&format!("{VERSION}dd.MM.yyyy;kWh\n01.12.2011;1\n"), "no names stand above the rows");
    assert!(parse(&only(DEFINITION), "/a.csv", VERSION.as_bytes()).unwrap().parts.is_empty());
}
