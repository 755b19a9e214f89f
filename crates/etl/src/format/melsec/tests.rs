use super::pattern;
use crate::format::tests::{only, parse};
use crate::rows::Kind;

const DEFINITION: &str = r#"
format = "m"
table = "m"
device = { account = true }
match = { paths = ["**"] }
[melsec]
"#;

#[test]
fn the_file_says_where_its_rows_are_and_of_what_types() {
    let text = "[LOGGING],RD81DL96_1,3,4,6,5\r\ncomment\r\n\
                DATETIME[YYYY/MM/DD hh:mm:ss.sss],INDEX,SHORT[DEC.0],FLOAT[EXP.3],USHORT[HEX],BIT[1;0],TRIGGER[*]\r\n\
                TIME(UTC+09:00),INDEX,DATA1,DATA2,W0,M1,TRIGGER\r\n,,pump,,,,\r\n\
                2026/01/01 09:00:00.250,1,123,3.567E+01,00FF,1,*\r\n2026/01/01 09:00:01.000,2,x,1,0000,0,\r\n";
    let parsed = parse(&only(DEFINITION), "/a.csv", text.as_bytes()).unwrap();
    let part = &parsed.parts[0];
    let kinds: Vec<Kind> = part.columns.iter().map(|(column, _)| column.kind).collect();
    assert_eq!(kinds, [Kind::Long, Kind::Double, Kind::Double, Kind::Text, Kind::Boolean, Kind::Text]);
    assert_eq!((part.row.values().to_vec(), part.ts.value(0)), (vec![6], 1_767_225_600_250_000));
    assert_eq!(parsed.refused[0].reason, "cell 3 (DATA1): \"x\" is not a number");
    let wide: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(text.replace(',', "\t").encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(parse(&only(DEFINITION), "/a.txt", &wide).unwrap().parts[0].row.len(), 1);
}

#[test]
fn times_are_written_as_the_file_says() {
    let check = |notation: &str, text: &str| pattern(notation).and_then(|format| format.read(text)).is_some();
    assert!(check("YYYY/MM/DD hh:mm:ss", "2009/01/20 10:15:20"));
    assert!(check("DD-MM-YY hh:mm:ss,sss", "20-01-09 10:15:20,123"));
    assert!(check("", "2009/1/20 10:15:20"));
    assert!(!check("YYYY/MM/DD hh:mm:ss", "20/01/2009 10:15:20"));
    assert!(pattern("hh:mm:ss").is_none());
}

#[test]
fn a_first_line_that_says_nothing_refuses_the_file() {
    let check = |text: &str, reason: &str| {
        let refusal = parse(&only(DEFINITION), "/a.csv", text.as_bytes()).unwrap_err();
        assert!(refusal.reason.contains(reason), "{}", refusal.reason);
    };
    check("x\n", "does not begin with [LOGGING]");
    check("[LOGGING]\n", "nothing that separates cells");
    check("[LOGGING],Q,2,3\n", "does not say where");
    check("[LOGGING],Q,4,3,2\na\nb\nc\n", "rows from line 2 on");
    check("[LOGGING],Q,2,3,4\nSHORT[DEC.0]\na\n1\n", "no column is of type DATETIME");
    check("[LOGGING],Q,2,3,4\nDATETIME,INDEX\na\n1\n", "2 types, but 1 names");
}
