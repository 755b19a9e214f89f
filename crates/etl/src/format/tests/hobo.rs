//! Onset HOBO exports as the settings of HOBOware make them: other dates, clocks, quotes and titles.

use super::{formats, parse, rows};

/// The first row's time by a file of these dates, each a row; or a part of the reason that it is refused for.
#[track_caller]
fn check(title: &str, quoted: bool, dates: &[&str], expected: Result<&str, &str>) {
    check_names(title, if quoted { "\"#\",\"Date Time, GMT+02:00\"" } else { "#,\"Date Time, GMT +0200\"" }, dates, expected);
}

/// The same with the first names as they stand in the header.
#[track_caller]
fn check_names(title: &str, names: &str, dates: &[&str], expected: Result<&str, &str>) {
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
    let reason = "nothing in the file says whether its dates have the day or the month first: add date_order = \"day-month\" or \"month-day\" to timestamp";
    check("\"Plot Title: Weir\"\n", true, &["06/07/2021 02:35:28 PM", "06/08/2021 02:45:28 PM"], Err(reason));
    // The year may be first.
    let reason =
        "have the day, the month or the year first: add date_order = \"day-month\", \"month-day\" or \"year-first\" to timestamp";
    check("\"Plot Title: Weir\"\n", true, &["06/07/21 02:35:28 PM", "06/08/21 02:45:28 PM"], Err(reason));
    check("\"Plot Title: Weir\"\n", true, &["21/06/07 14:35:28", "21/06/08 14:45:28"], Err(reason));
    check("\"Plot Title: Weir\"\n", true, &["16/06/21 14:35:28"], Err(reason));
    check("\"Plot Title: Weir\"\n", true, &["13/06/2021 14:35", "6/13/2021 14:35"], Err("the day first and the month first"));
}

#[test]
fn dates_of_two_notations_must_be_of_the_same_years() {
    let title = "\"Plot Title: Weir\"\r\n";
    let reason = "dates have the year first, from 2009, and last, from 2024";
    check(title, false, &["2009/9/24 17:00", "2010/9/24 17:00", "09/13/24 12:00:00 AM"], Err(reason));
    check(title, false, &["2024/9/12 17:00", "09/13/24 12:00:00 AM"], Ok("2024-09-12T15:00:00Z"));
    check(title, false, &["2023/12/31 17:00", "01/13/24 12:00:00 AM"], Ok("2023-12-31T15:00:00Z"));
}

#[test]
fn a_year_of_two_digits_may_be_first() {
    let title = "\"Plot Title: Weir\"\r\n";
    let days = ["21/06/30 23:35:28", "21/06/30 23:45:28", "21/07/01 00:05:28", "21/07/02 00:05:28"];
    check(title, true, &days, Ok("2021-06-30T21:35:28Z"));
    check(
        title,
        true,
        &["18-12-31 23:00:00", "18-12-31 23:30:00", "19-01-01 00:00:00", "19-01-02 00:00:00"],
        Ok("2018-12-31T21:00:00Z"),
    );
    // No day and no month is above 31.
    check(title, true, &["99/12/31 23:00:00"], Ok("1999-12-31T21:00:00Z"));
    // A month on the same day is a step of somebody's yearly table, too.
    let reason = Err("the day, the month or the year first");
    check(title, true, &["31/12/20 00:00:00", "31/12/21 00:00:00", "31/12/22 00:00:00"], reason);
    // Where some date has no year in front of it, none has.
    let reason = Err("the day or the month first");
    check(title, true, &["21/06/07 23:35:28", "21/06/07 23:45:28", "21/06/08 00:05:28", "21/06/2007 00:05:28"], reason);
}

#[test]
fn headers_are_in_the_language_of_hoboware() {
    let dates = ["06.16.21 02:35:28 PM", "06.16.21 02:45:28  PM"];
    for names in [
        "\"Anz.\",\"Datum Zeit, GMT+02:00\"",
        "\"N.º\",\"Fecha Tiempo, GMT+02:00\"",
        "#,\"Date Heure, GMT+02:00\"",
        "\"#\",\"Data Hora, GMT+02:00\"",
    ] {
        check_names("\u{feff}\"Plot-Titel: Weir\"\n", names, &dates, Ok("2021-06-16T12:35:28Z"));
    }
}

#[test]
fn cells_may_stand_between_semicolons_or_tabs() {
    for (delimiter, format) in [(";", "hobo-semicolon"), ("\t", "hobo-tab")] {
        let text = "\"#\",\"Date Time| GMT+02:00\",\"Temp| °C (LGR S/N: 1)\",\"RH| (%)\"\n1,06/16/21 14:35:28,20.5,51\n"
            .replace(',', delimiter)
            .replace('|', ",");
        let parsed = parse(&formats(), "/export.csv", text.as_bytes()).unwrap();
        assert_eq!((parsed.format.as_str(), rows(&parsed), &parsed.refused), (format, 1, &Vec::new()));
        let columns = parsed.parts[0].columns.iter().map(|(column, _)| (column.name.as_str(), column.unit.as_deref()));
        assert_eq!(columns.collect::<Vec<_>>(), [("column_1", None), ("temp", Some("°C")), ("rh", Some("%"))]);
        let bare = parse(&formats(), "/export.csv", text.replacen("\"#\"", "#", 1).as_bytes()).unwrap();
        assert_eq!((rows(&bare), bare.refused.len()), (1, 0));
        assert_eq!(parsed.parts[0].ts.value(0), "2021-06-16T12:35:28Z".parse::<jiff::Timestamp>().unwrap().as_microsecond());
        let comma = parse(&formats(), "/export.csv", text.replace("20.5", "20,5").as_bytes()).unwrap_err();
        assert!(comma.reason.contains("add decimal"), "{}", comma.reason);
    }
}

#[test]
fn the_title_may_be_missing_or_padded() {
    for title in ["", "Plot Title: Weir,,,\r\n", "\"Plot Title: a, \"\"b\"\"\"\r\n"] {
        check(title, true, &["2021/06/16 14:35:28"], Ok("2021-06-16T12:35:28Z"));
        check(title, false, &["2021/06/16 14:35:28"], Ok("2021-06-16T12:35:28Z"));
    }
}
