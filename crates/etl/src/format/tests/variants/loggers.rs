//! Loggers: Campbell, HIOKI, GRAPHTEC, Yokogawa, MELSEC, HOBO, Ecowitt.

use super::{check, check_refusal, latin_1, shift_jis};

const TOA5: &str = "\"TOA5\",\"ridge\",\"CR1000\",\"1\",\"Std.27\",\"CPU:a.CR1\",\"4567\",\"Met\"\r\n\"TIMESTAMP\",\"RECORD\",\"T_Avg\",\"RH\"\r\n\
                    \"TS\",\"RN\",\"Deg C\",\"%\"\r\n\"\",\"\",\"Avg\",\"Smp\"\r\n";

#[test]
fn a_loggers_header_may_come_again_and_say_otherwise() {
    let first = "\"2026-01-01 00:00:00\",0,1.5,50\r\n";
    let second = TOA5.replace("4567", "9999").replace("\"RH\"", "\"PAR\"") + "\"2026-01-01 01:00:00\",0,2.5,7\r\n";
    let rows = ["ridge 2026-01-01T00:00:00Z record=0 t_avg=1.5 rh=50.0", "ridge 2026-01-01T01:00:00Z record=0 t_avg=2.5 par=7.0"];
    check("/met.dat", format!("{TOA5}{first}{second}"), &rows, &[]);
    // Appended without its first line the header is none: its columns may be others.
    let (_, names) = second.split_once("\r\n").unwrap();
    let refused = [(6, "is not a time"), (7, "behind line 6, which names columns"), (8, "behind line 6"), (9, "behind line 6")];
    check("/met.dat", format!("{TOA5}{first}{names}"), &rows[..1], &refused);
}

#[test]
fn what_a_spreadsheet_makes_of_a_loggers_table() {
    let saved = |rows: &str| format!("{}{rows}", TOA5.replace('"', "").replace("Met\r\n", "Met,,\r\n"));
    let row = ["ridge 2026-01-13T13:10:00Z record=1 t_avg=2.0 rh=50.0"];
    for time in ["13/01/2026 13:10", "1/13/2026 1:10:00 PM", "2026-01-13 13:10", "2026-01-13T13:10:00Z"] {
        check("/met.csv", saved(&format!("{time},1,2,50\r\n")), &row, &[]);
    }
    check_refusal("/met.csv", saved("1/2/2026 13:10,1,2,50\r\n"), "add date_order = \"day-month\" or \"month-day\" below [toa5]");
    check("/met.csv", saved("10:00.0,1,2,50\r\n"), &[], &[(5, "is not a time")]);
    check_refusal("/met.csv", saved("13/01/2026 13:10,1,2,50\r\n").replace(',', ";"), "no format claims");
}

const HIOKI: &str = "\"File name\",\"AUTO0001.CSV\",\"V 1.00\"\r\n\"Title comment\",\"\"\r\n\"Trigger Time\",\"26-01-15 10:15:32\"\r\n\
                     \"CH\",\"U1-1\"\r\n\"Time\",\"U1-1[V]\",\"Event\",\r\n0.000000000E+00,-1.17266E+00,0,\r\n1.000000000E+00, 1.49687E+00,1,\r\n";

#[test]
fn seconds_count_from_a_trigger_that_models_write_in_their_own_ways() {
    let rows = [
        "account-device 2026-01-15T10:15:32Z u1_1=-1.17266 event=0.0",
        "account-device 2026-01-15T10:15:33Z u1_1=1.49687 event=1.0",
    ];
    check("/a.csv", HIOKI, &rows, &[]);
    // LR8402 and MR8880; an apostrophe for spreadsheets; a header without the delimiter that its rows end with.
    check("/a.csv", HIOKI.replace("Trigger Time", "Start trigger time").replace("\"26-01", "\"'26-01"), &rows, &[]);
    check("/a.csv", HIOKI.replace("\"Event\",", "\"Event\""), &rows, &[]);
    check("/a.csv", HIOKI.replace("26-01-15", "2026-01-15"), &rows, &[]);
    check("/a.csv", shift_jis(&HIOKI.replace("Trigger Time", "ﾄﾘｶﾞ時刻").replace("File name", "ﾌｧｲﾙ名")), &rows, &[]);
    // Set to write each row's own time.
    let dated = HIOKI.replace("0.000000000E+00", "'26-01-15 10:15:32").replace("1.000000000E+00", "'26-01-15 10:15:33");
    check("/a.csv", dated, &rows, &[]);
    check_refusal("/a.csv", HIOKI.replace("26-01-15", "15.01.2026"), "no line above the rows says \"trigger\"");
    check("/a.csv", HIOKI.replace("0,\r\n1.0", "0\r\n1.0"), &rows[1..], &[(6, "text follows the last delimiter")]);
}

#[test]
fn a_channel_that_has_no_value_has_none() {
    let graphtec = "\"Vendor\",\"GRAPHTEC\"\r\n\"Number\",\"Date&Time\",\"ms\",\"CH1\",\"CH2\"\r\n\"NO.\",\"Time\",\"ms\",\"degC\",\"V\"\r\n\
                    1,2026/1/15 9:55:00,500,+   23.4,+++++\r\n2,2026/1/15 9:55:01,0,BURNOUT,-  1.25\r\n";
    let rows = [
        "account-device 2026-01-15T09:55:00.500Z number=1.0 ch1=23.4",
        "account-device 2026-01-15T09:55:01Z number=2.0 ch2=-1.25",
    ];
    check("/gl.csv", graphtec, &rows, &[]);
    // GL860.
    check(
        "/gl.csv",
        graphtec.replace("\"Number\"", "No."),
        &rows.map(|row| row.replace("number", "no")).each_ref().map(String::as_str),
        &[],
    );
    check("/gl.csv", graphtec.replace("2026/1/15 9:55:01", "15/1/2026 9:55:01"), &rows[..1], &[(5, "is not a time")]);
    let yokogawa = "YREC\r\nSerial No.\tS5X\r\nCh\t001\t002\r\nTag\tT1\tT2\r\nUnit\tC\tmV\r\n2026/01/01 00:00:00\t+OVER\t1\r\n";
    check("/dx.txt", yokogawa, &["S5X 2026-01-01T00:00:00Z c_002_t2=1.0"], &[]);
    check_refusal("/dx.txt", yokogawa.replace("\t1\r", "\t1,5\r"), "add decimal and thousands to it");
    check_refusal("/dx.txt", yokogawa.replace("2026/01/01", "01/01/2026"), "does not say what a row");
    check("/dx.txt", yokogawa.replace("\t1\r\n", "\r\n"), &[], &[(6, "2 cells, where the header has 3")]);
}

#[test]
fn a_mooring_logger_writes_its_degrees_as_its_computer_does() {
    let text = "\"Plot Title: X\"\r\n\"#\",\"Date Time, GMT-07:00\",\"Temp, °C (LGR S/N: 1, SEN S/N: 2)\",\"Host Connected\"\r\n\
                1,06/16/2021 02:35:28 PM,21.5,\r\n2,06/16/2021 02:45:28 PM,,Logged\r\n";
    let rows = [
        "account-device 2021-06-16T21:35:28Z column_1=1.0 temp=21.5",
        "account-device 2021-06-16T21:45:28Z column_1=2.0 host_connected=Logged",
    ];
    check("/x.csv", text, &rows, &[]);
    check("/x.csv", latin_1(text), &rows, &[]);
    check_refusal("/x.csv", text.replace("21.5", "\"21,5\""), "add decimal and thousands to it");
    for zone in [", GMT", ", EST", ""] {
        check_refusal("/x.csv", text.replace(", GMT-07:00", zone), "no format claims");
    }
}

#[test]
fn a_consoles_header_is_in_its_language() {
    for (path, time) in
        [("/202601A.CSV", "Time"), ("/202601B.CSV", "Zeit"), ("/202601Allsensors_A.CSV", "Heure"), ("/202601a.csv", "时间")]
    {
        for date in ["2026/1/01 0:05", "2026-01-01 00:05", "2026/01/01 00:05:00"] {
            let text = format!("{time},Outdoor(℃),Wind(m/s)\r\n{date},-1.5,--");
            check(path, text, &["account-device 2026-01-01T00:05:00Z outdoor=-1.5"], &[]);
        }
    }
    let text = "Time,Outdoor(℃),Wind(m/s)\r\n01/02/2026 0:05,1,1\r\n2026/1/01 0:10,1,---\r\n2026/1/01 0:15,1,1";
    let refused = [(2, "is not a time"), (3, "add nulls = [\"---\"]")];
    check("/202601A.CSV", text, &["account-device 2026-01-01T00:15:00Z outdoor=1.0 wind=1.0"], &refused);
}

#[test]
fn rows_without_a_header_are_arrays_when_their_third_number_can_only_be_a_day_of_the_year() {
    let text = "101,2026,45,5,13.6,.427\r\n102,2026,45,2400,7\r\n";
    let rows =
        ["account-device 2026-02-14T00:05:00Z value_1=13.6 value_2=0.427", "account-device 2026-02-15T00:00:00Z value_1=7.0"];
    for path in ["/wx.dat", "/cr10x_final_storage_1.dat"] {
        check(path, text, &rows, &[]);
    }
    check(
        "/wx.dat",
        format!("{text}101,2026,45,1260,1,2\r\n101,2026,367,0,1,2\r\n"),
        &rows,
        &[(3, "is not a time"), (4, "is not a time")],
    );
    for line in ["101,2026,31,5,13.6", "101,2026,45,1260,13.6", "101,2026,367,5,13.6", "101,26,45,5,13.6", "101,2026,45,5"] {
        check_refusal("/wx.dat", format!("{line}\r\n"), "no format claims");
    }
}
