//! Onset HOBO exports as the settings of HOBOware make them: other dates, clocks, quotes and titles.

use super::{formats, parse, rows};

/// The first row's time by a file of these dates, each a row; or a part of the reason that it is refused for.
#[track_caller]
fn check(title: &str, quoted: bool, dates: &[&str], expected: Result<&str, &str>) {
    let names = if quoted { "\"#\",\"Date Time, GMT+02:00\"" } else { "#,\"Date Time, GMT +0200\"" };
    let lines = dates.iter().map(|date| format!("1,{date},20.5,\r\n")).collect::<String>();
    let text = format!("{title}{names},\"Temp, °C (LGR S/N: 1, SEN S/N: 1)\",\"End Of File (LGR S/N: 1)\"\r\n{lines}");
    match (parse(&formats(), "/export.csv", text.as_bytes()), expected) {
        (Ok(parsed), Ok(first)) => {
            assert_eq!((parsed.format.as_str(), rows(&parsed), &parsed.refused), ("hobo", dates.len(), &Vec::new()), "{dates:?}");
            let first: jiff::Timestamp = first.parse().unwrap();
            assert_eq!(parsed.parts[0].ts.value(0), first.as_microsecond(), "{dates:?}");
        }
        (Err(refusal), Err(part)) => assert!(refusal.reason.contains(part), "{}", refusal.reason),
        (got, expected) => panic!("{dates:?}: {got:?}, not {expected:?}"),
    }
}

#[test]
fn dates_are_read_in_the_order_that_the_file_shows() {
    let title = "\u{feff}\"Plot Title: Weir\"\r\n";
    check(title, true, &["06/16/21 02:35:28 PM", "06/16/21 02:45:28 PM"], Ok("2021-06-16T12:35:28Z"));
    check(title, true, &["06/09/21 11:35:28 PM", "06/13/21 12:05:28 AM"], Ok("2021-06-09T21:35:28Z"));
    check(title, false, &["30/11/21 23:00:00", "01/12/21 00:00:00"], Ok("2021-11-30T21:00:00Z"));
    check(title, true, &["6/16/2021 14:35"], Ok("2021-06-16T12:35:00Z"));
    check(title, true, &["2021/06/16 14:35:28"], Ok("2021-06-16T12:35:28Z"));
    check(title, true, &["2021/06/05 02:35:28 PM"], Ok("2021-06-05T12:35:28Z"));
    check(title, true, &["2021-06-05 14:35:28"], Ok("2021-06-05T12:35:28Z"));
}

#[test]
fn dates_that_show_no_order_are_refused_with_the_line_to_add() {
    let reason = "nothing in the file says whether its dates have the day or the month first: add date_order";
    check("\"Plot Title: Weir\"\n", true, &["06/07/21 02:35:28 PM", "06/08/21 02:45:28 PM"], Err(reason));
    // The year may be first.
    check("\"Plot Title: Weir\"\n", true, &["21/06/07 14:35:28", "21/06/08 14:45:28"], Err(reason));
    check("\"Plot Title: Weir\"\n", true, &["16/06/21 14:35:28"], Err(reason));
    check("\"Plot Title: Weir\"\n", true, &["13/06/2021 14:35", "6/13/2021 14:35"], Err("the day first and the month first"));
}

#[test]
fn the_title_may_be_missing_or_padded() {
    for title in ["", "Plot Title: Weir,,,\r\n", "\"Plot Title: a, \"\"b\"\"\"\r\n"] {
        check(title, true, &["2021/06/16 14:35:28"], Ok("2021-06-16T12:35:28Z"));
        check(title, false, &["2021/06/16 14:35:28"], Ok("2021-06-16T12:35:28Z"));
    }
}
