//! Names that differ in number from the cells below them, and what the name of the time says of its zone.

use super::*;

/// Whether the rows of a file are all read as proposed, with these columns, what is open, and these words in the definition.
fn check(text: &str, columns: &[&str], open: &[&str], says: &[&str]) {
    let proposal = proposed("/a.csv", text.as_bytes());
    let definition = &proposal.definition;
    assert_eq!(asks(&proposal), open, "{definition}");
    says.iter().for_each(|words| assert!(definition.contains(words), "{words} is not in\n{definition}"));
    let parsed = parsed("/a.csv", text.as_bytes(), &[]);
    assert!(parsed.refused.is_empty(), "{:?} in\n{definition}", parsed.refused);
    let found: Vec<&str> =
        parsed.parts.iter().flat_map(|part| &part.columns).map(|(column, _)| column.original.as_str()).collect();
    assert_eq!(found, columns, "{definition}");
    let rows: usize = parsed.parts.iter().map(|part| part.ts.values().len()).sum();
    assert_eq!(rows, text.lines().filter(|line| line.contains("26 ")).count(), "{definition}");
}

#[test]
fn a_delimiter_at_the_end_of_the_header_or_of_rows_costs_no_name() {
    let rows = "13.01.2026 08:00,1.5,2\n14.01.2026 08:10,2.5,3\n";
    let ending = rows.replace('\n', ",\n");
    check(
        &format!("when,level,flow,\n{rows}"),
        &["level", "flow"],
        &["zone"],
        &["header = [\"skip\"]", "lines = [\"^when,level,flow\"]"],
    );
    check(&format!("when,level,flow\n{ending}"), &["level", "flow"], &["zone"], &["trailing_delimiter = true"]);
    check(
        &format!("when,level,flow,\n{ending}"),
        &["level", "flow"],
        &["zone"],
        &["header = [\"names\"]", "trailing_delimiter = true"],
    );
    check(
        &format!("when,level,flow\n{}", ending.replace(",\n", ",,,\n")),
        &["level", "flow"],
        &["zone"],
        &["header = [\"names\"]"],
    );
}

#[test]
fn rows_may_lack_what_is_measured_rarely() {
    let text = "Logger: #A5 'PT1000' - (V2.7, Jan 12 2026)\nDelta Time: 666 secs\nNo,Time,#1:oC,#HK-Bat:V,#HK-Temp:oC\n\
                (Parameter changed)\n1,13.01.2026 16:57:55,26.25,3.616,32.69\n2,13.01.2026 17:57:55,26.5\n3,13.01.2026 18:57:55,26.75\n\
                4,14.01.2026 16:57:55,26.25,3.616,32.69\n5,14.01.2026 17:57:55,26.5\n";
    let columns = ["No", "#1:oC", "#HK-Bat:V", "#HK-Temp:oC"];
    check(
        text,
        &columns,
        &["zone"],
        &["preamble = 2\n", "header = [\"names\", \"skip\"]", "short_rows = true", "2 of the first 5 rows"],
    );
}

#[test]
fn times_that_are_said_of_channels_are_no_rows() {
    let channel = |number: usize| format!("Channel:\t{number}\nEffective Date:\t2025-11-17 16:00:01\nUnits:\tW/m^2\n\n");
    let above: String = (1..=4).map(channel).collect();
    let text = format!("{above}Data\nTimestamp\tCh1_Avg\tCh2_Avg\n2026-06-16T05:00:00Z\t1.5\t2\n2026-06-16T05:10:00Z\t2.5\t3\n");
    let proposal = proposed("/a.csv", text.as_bytes());
    assert!(proposal.definition.contains("columns = [\"Timestamp\"]"), "{}", proposal.definition);
    let parsed = parsed("/a.csv", text.as_bytes(), &[]);
    assert_eq!((parsed.parts[0].ts.len(), parsed.refused.len()), (2, 0), "{}", proposal.definition);
}

#[test]
fn names_that_no_row_has_a_cell_for_are_said() {
    let text = "No,Time,#1:oC,#HK-Bat:V\n1,13.01.2026 16:57:55,26.25\n2,14.01.2026 17:57:55,26.5\n";
    check(text, &["No", "#1:oC"], &["zone"], &["# columns: the header names 4 columns", "[\"#HK-Bat:V\"]", "short_rows = true"]);
    let text = "No,Site,Time,Level\n13.01.2026 16:57:55,26.25\n14.01.2026 17:57:55,26.5\n";
    check(text, &["Level"], &["zone"], &["more names than rows have cells, by 2"]);
}

#[test]
fn names_may_have_the_delimiter_in_them() {
    let text = "Date Time, GMT+02:00,Temp, °C,RH, %\n13.01.2026 08:00,1.5,80\n14.01.2026 08:10,2.5,81\n";
    check(text, &["Temp, °C", "RH, %"], &[], &["{ name = \"Date Time, GMT+02:00\" }", "zone = \"+02:00\"\n"]);
}

#[test]
fn cells_without_a_name_are_said() {
    let text = "Time,Level\n13.01.2026 08:00,1.5,7.5\n14.01.2026 08:10,2.5,7.5\n";
    check(text, &["Level", "column_3"], &["columns", "zone"], &["names the first 2 columns, and rows have 3"]);
    let text = "\"Time\",\"Level\"\n\"1\",\"13.01.2026 08:00\",1.5\n\"2\",\"14.01.2026 08:10\",2.5\n";
    check(text, &["row", "Level"], &["zone"], &["leading = [\"row\"]"]);
    let text = "Site,Level,Flow\n13.01.2026 08:00,1.5,7.5,1,2\n14.01.2026 08:10,2.5,7.5,1,2\n";
    let columns = ["column_2", "column_3", "column_4", "column_5"];
    check(
        text,
        &columns,
        &["columns", "zone"],
        &["line 1, \"Site | Level | Flow\", has 3 cells, and rows have 5", "preamble = 1\n"],
    );
}

#[test]
fn a_decimal_comma_between_cells_with_commas_is_found_out() {
    let quoted = "#,Date-Time (CEST),\"Temp , °C\",Stopped\n1,04/15/2026 12:00:00,\"6,46\",\n2,04/15/2026 12:10:00,\"6,5\",\n";
    check(quoted, &["#", "Temp , °C", "Stopped"], &["zone"], &["decimal = \",\"\n", "# zone = \"+02:00\"\n", "says CEST"]);
    let bare = "#,Date-Time (CEST),Temp\n1,04/15/2026 12:00:00,6,46\n2,04/15/2026 12:10:00,6,50\n";
    check(
        bare,
        &["#", "column_3", "column_4"],
        &["columns", "zone"],
        &["where a comma is the decimal sign and nothing quotes it"],
    );
    let ending = bare.replace("Temp", "Temp,Stopped").replace("6\n", "6,\n").replace("0\n", "0,\n");
    check(&ending, &["#", "Temp", "Stopped"], &["trailing_delimiter", "zone"], &["halves of numbers with a decimal comma"]);
}

#[test]
fn settings_above_the_names_are_none() {
    let ruler = "-----------,-----------\n";
    let settings = "serial number, 0402 D400\ntime zone, UTC+0000\nsamples, 18566\ntime diff (sec), 54\nlat, No GPS fix\n";
    let rows = "time,temp\n2026-01-13 08:00:00,10.7\n2026-01-26 08:05:00,10.8\n";
    for text in [format!("{ruler}{settings}{ruler}{rows}"), format!("{settings}{rows}"), format!("{settings}\n{rows}")] {
        let proposal = proposed("/a.csv", text.as_bytes());
        assert_eq!(asks(&proposal), ["zone"], "{}", proposal.definition);
        for line in ["columns = [\"time\", \"temp\"]\n", "# zone = \"+00:00\"\n", "says \"time zone, UTC+0000\""] {
            assert!(proposal.definition.contains(line), "{line} is not in\n{}", proposal.definition);
        }
        assert_eq!(filled("/a.csv", text.as_bytes(), &["zone = \"+00:00\""]), (2, 0));
    }
}

#[test]
fn units_of_fewer_cells_and_a_blank_line_may_stand_below_the_names() {
    let text = "Time;Level;Flow;Temp;Remark\n;m;m3/s\n\n13.01.2026 08:00;1.5;7.5;3;\n14.01.2026 08:10;2.5;7.5;4;\n";
    check(text, &["Level", "Flow", "Temp", "Remark"], &["zone"], &["header = [\"names\", \"skip\"]"]);
}

#[test]
fn the_line_that_names_the_delimiter_and_comments_are_no_preamble() {
    let rows = "Time;Level\n13.01.2026 08:00;1.5\n14.01.2026 08:10;2.5\n";
    for above in ["sep=;\n", "# of the weir\n# by hand\n", "\n\n"] {
        let text = format!("{above}{rows}");
        assert!(!proposed("/a.csv", text.as_bytes()).definition.contains("preamble"), "{above}");
        check(&text, &["Level"], &["zone"], &["header = [\"names\"]"]);
    }
}

#[test]
fn the_name_of_the_time_says_its_zone() {
    for (name, zone, first) in [
        ("Date Time, GMT+02:00", "+02:00", "2026-01-13T06:00:00Z"),
        ("Date Time, GMT-08:00", "-08:00", "2026-01-13T16:00:00Z"),
        ("Time (UTC)", "UTC", "2026-01-13T08:00:00Z"),
        ("timestamp_utc", "UTC", "2026-01-13T08:00:00Z"),
        ("TimeUTC", "UTC", "2026-01-13T08:00:00Z"),
        ("Datum/Uhrzeit [UTC+1]", "+01:00", "2026-01-13T07:00:00Z"),
        ("Time UTC+0530", "+05:30", "2026-01-13T02:30:00Z"),
        ("Local time (UTC -3)", "-03:00", "2026-01-13T11:00:00Z"),
        ("Time \u{2212}03:30", "-03:30", "2026-01-13T11:30:00Z"),
        ("Time Etc/GMT-2", "Etc/GMT-2", "2026-01-13T06:00:00Z"),
        ("Time (America/New_York)", "America/New_York", "2026-01-13T13:00:00Z"),
    ] {
        let text = format!("{name};Level\n13.01.2026 08:00;1.5\n14.01.2026 08:10;2.5\n");
        let said = format!("# zone: the name of the time says it: {name:?}\nzone = {zone:?}\n");
        check(&text, &["Level"], &[], &[&said]);
        let micros = parsed("/a.csv", text.as_bytes(), &[]).parts[0].ts.value(0);
        assert_eq!(jiff::Timestamp::from_microsecond(micros).unwrap().to_string(), first, "{name}");
    }
}

#[test]
fn what_is_no_zone_in_a_name_is_not_taken_for_one() {
    for name in ["Time", "UTC offset time", "Local time (not UTC)", "Time-2", "Date/Time", "Time (best)", "Time UTC+99"] {
        let text = format!("{name};Level\n13.01.2026 08:00;1.5\n14.01.2026 08:10;2.5\n");
        check(&text, &["Level"], &["zone"], &["# zone = \"Europe/Berlin\"\n"]);
    }
    let text = "Time (UTC+1);Level\n2026-01-13T08:00:00Z;1.5\n2026-01-14T08:10:00Z;2.5\n";
    assert!(!proposed("/a.csv", text.as_bytes()).definition.contains("zone ="), "the times say it");
}

#[test]
fn an_offset_behind_the_clock_is_the_files_own_word_on_the_zone() {
    let iso = "2026-01-13";
    for (day, offset) in [("01/13/2026", "+02:00"), ("01/13/2026", " -0800"), (iso, "Z"), (iso, " UTC"), (iso, " UTC-0700")] {
        let text = format!("Time (UTC);Level\n{day} 08:00:00{offset};1.5\n{day} 08:10:00{offset};2.5\n");
        let proposal = proposed("/a.csv", text.as_bytes());
        assert_eq!((asks(&proposal), filled("/a.csv", text.as_bytes(), &[])), (vec![], (2, 0)), "{}", proposal.definition);
        assert!(!proposal.definition.contains("zone ="), "{}", proposal.definition);
    }
}
