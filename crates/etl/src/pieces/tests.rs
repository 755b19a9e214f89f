use arrow::array::{Array, ArrayRef};
use arrow::util::display::array_value_to_string;
use proptest::prelude::*;

use super::*;
use crate::event::Created;
use crate::format::Source;
use crate::lake::{Address, Head};
use crate::limits::Limits;
use crate::members;
use crate::rows::{Column, Kind, Part};

const CSV: &str = r##"
format = "csv"
encodings = ["utf-8", "windows-1252"]
table = "t"
device = { account = true }
[match]
paths = ["**/*.csv"]
[delimited]
delimiter = ","
timestamp = { columns = [1] }
comment = "#"
"##;
const TOA5: &str = r#"
format = "toa5"
encodings = ["utf-8", "windows-1252"]
table = "t"
device = { account = true }
[match]
begins = ['"TOA5",']
[toa5]
"#;

fn formats() -> Arc<Formats> {
    let sources = [("csv", CSV), ("toa5", TOA5)].map(|(file, text)| Source { file, text });
    Arc::new(Formats::load(&sources, "UTC", Limits::for_tests()).unwrap())
}

fn of_path(path: &str) -> Upload {
    let at = Address { bucket: "lake".into(), key: "raw/x/y".into() };
    let created = Created { at, bytes: None, created_at: "2026-11-21T21:08:02Z".parse().unwrap() };
    Upload { path: path.into(), device: "d".into(), ..Upload::bare(&created, &Head::default()) }
}

/// What a file gave: each row with its line, each refused line with its bytes; or why it was refused whole.
type Told = Result<(Vec<String>, Vec<String>), String>;

fn told(parts: &[Part], refused: &[Refused], unwrapped: &Unwrapped) -> (Vec<String>, Vec<String>) {
    let mut rows = Vec::new();
    for part in parts {
        for at in 0..part.ts.len() {
            let cell = |(column, values): &(Column, ArrayRef)| {
                let has_value = values.is_valid(at) && column.kind != Kind::Unknown;
                has_value.then(|| format!("{}={}:{:?}", column.name, array_value_to_string(values, at).unwrap(), column.kind))
            };
            let cells: Vec<_> = part.columns.iter().filter_map(cell).collect();
            rows.push(format!("{} {} {} {} {cells:?}", part.row.value(at), part.table, part.device.value(at), part.ts.value(at)));
        }
    }
    let refused = refused.iter().map(|refused| {
        let bytes = String::from_utf8_lossy(unwrapped.get(refused.bytes.clone())).into_owned();
        format!("{} at {}: {bytes:?}: {}", refused.row, refused.bytes.start, refused.reason)
    });
    (rows, refused.collect())
}

fn whole(path: &str, bytes: &[u8]) -> Told {
    let upload = of_path(path);
    let read = members::read(&formats(), &file(&upload, bytes), &Limits::for_tests()).map_err(|refusal| refusal.reason)?;
    Ok(told(&read.parsed.parts, &read.parsed.refused, &read.unwrapped))
}

/// Reads a file in pieces of that length. The error says that it is refused, or is not for reading in pieces.
fn in_pieces(path: &str, bytes: &[u8], piece: usize) -> Result<Told, String> {
    let scratch = tempfile::tempdir().unwrap();
    let mut typings = Typings::default();
    for _ in 0..2 {
        let mut reader = Reader::new(formats(), Arc::default(), of_path(path), typings, scratch.path()).unwrap();
        let count = bytes.chunks(piece).count();
        for (chunk, number) in bytes.chunks(piece).zip(1..) {
            match reader.push(chunk, number == count) {
                Ok(()) => {}
                Err(Stop::Whole(reason)) => return Err(reason),
                Err(Stop::Spool(error)) => panic!("{error}"),
            }
        }
        match reader.finish() {
            End::Again(decided) => typings = decided,
            End::Read { read: Err(refusal), .. } => return Ok(Err(refusal.reason)),
            End::Read { read: Ok(read), .. } => {
                let parts: Vec<Part> = read.parsed.parts.iter().map(|part| part.open().unwrap().unpack()).collect();
                return Ok(Ok(told(&parts, &read.parsed.refused, &read.unwrapped)));
            }
        }
    }
    panic!("a second pass asks for a third");
}

/// Reads a file whole and in pieces of several lengths, and expects the same.
fn check(path: &str, bytes: &[u8]) -> Told {
    let expected = whole(path, bytes);
    for piece in [700, 1024, 5000] {
        let found = in_pieces(path, bytes, piece).unwrap();
        let differ = |(found, expected): &(&String, &String)| found != expected;
        if let (Ok(found), Ok(expected)) = (&found, &expected) {
            assert_eq!(found.0.iter().zip(&expected.0).find(differ), None, "in pieces of {piece}");
        }
        assert_eq!(found, expected, "in pieces of {piece}");
    }
    expected
}

fn csv(rows: usize, cell: impl Fn(usize) -> String) -> Vec<u8> {
    let row = |row: usize| format!("2026-01-01T00:{:02}:{:02}Z,{},{}\n", row / 60 % 60, row % 60, row, cell(row));
    let rows: String = (0..rows).map(row).collect();
    format!("timestamp,a,b\n{rows}").into_bytes()
}

#[test]
fn rows_keep_their_lines_and_refused_ones_their_places() {
    let text = csv(200, |row| if row % 50 == 49 { "1,2".to_owned() } else { format!("{row}.5") });
    let (rows, refused) = check("/a.csv", &text).unwrap();
    assert_eq!((rows.len(), refused.len()), (196, 4));
    assert!(rows[195].starts_with("200 "), "{}", rows[195]);
    check("/a.csv", &text[..text.len() - 1]).unwrap();
}

#[test]
fn all_pieces_together_decide_types() {
    let check = |cell: &dyn Fn(usize) -> String| check("/a.csv", &csv(200, cell)).unwrap();
    // Words at the end, few and many; codes; nothing but words at the start; no value for long.
    let (_, refused) = check(&|row| if row > 190 { "x".into() } else { row.to_string() });
    assert_eq!(refused.len(), 9);
    let (rows, _) = check(&|row| if row > 20 { "x".into() } else { row.to_string() });
    assert!(rows[0].contains("b=0:Text"), "{}", rows[0]);
    check(&|row| if row == 150 { "007".into() } else { row.to_string() });
    check(&|row| if row < 150 { "x".into() } else { row.to_string() });
    check(&|row| if row < 150 { String::new() } else { row.to_string() });
    check(&|row| if row < 150 { "NAN".into() } else { "word".into() });
}

fn toa5(rows: std::ops::Range<usize>, cell: impl Fn(usize) -> String) -> String {
    let head = "\"TOA5\",\"st\",\"CR6\",\"1\",\"OS\",\"P\",\"2\",\"Min\"\r\n\"TIMESTAMP\",\"RECORD\",\"v\"\r\n\"TS\",\"RN\",\"V\"\r\n\"\",\"\",\"Avg\"\r\n";
    let row = |row: usize| format!("\"2026-01-01 00:{:02}:{:02}\",{row},{}\r\n", row / 60 % 60, row % 60, cell(row));
    let rows: String = rows.map(row).collect();
    format!("{head}{rows}")
}

#[test]
fn headers_count_for_the_pieces_after_them() {
    let text = toa5(0..120, |row| format!("{row}.25")) + &toa5(120..240, |row| format!("{row}.5"));
    assert_eq!(check("/a.dat", text.as_bytes()).unwrap().0.len(), 240);
    let quoted = toa5(0..200, |row| {
        if row % 9 == 8 {
            "\"NAN\"".into()
        } else if row == 199 {
            "\"odd\"".into()
        } else {
            row.to_string()
        }
    });
    assert_eq!(check("/a.dat", quoted.as_bytes()).unwrap().1.len(), 1);
}

#[test]
fn what_only_the_whole_file_can_say_is_left_to_it() {
    let refused = |path, text: &[u8]| in_pieces(path, text, 700).unwrap_err();
    let dates = |line: &str| line.replacen('"', "", 2).replace("2026-01-01", "1/2/2026") + "\n";
    let rows = toa5(0..100, |row| row.to_string());
    let spreadsheet: String =
        rows.lines().map(|line| if line.starts_with("\"2026") { dates(line) } else { format!("{line}\n") }).collect();
    assert!(refused("/a.dat", spreadsheet.as_bytes()).contains("day and month"), "{}", refused("/a.dat", spreadsheet.as_bytes()));
    let mut encodings = csv(200, |row| if row == 10 { "é".into() } else { "x".into() });
    encodings.extend_from_slice(b"2026-01-01T00:00:00Z,1,\xe9\n");
    assert!(refused("/a.csv", &encodings).contains("lines in UTF-8 and others in windows-1252"));
    assert!(refused("/a.csv", b"\x1f\x8b\x08\x00").contains("compressed"));
    let headers: String = (0..4000).map(|number| format!("#{number:300}\n")).collect();
    assert!(refused("/a.csv", format!("timestamp,a\n{headers}").as_bytes()).contains("are no rows"));
}

#[test]
fn a_decimal_comma_that_nobody_declared_refuses_the_file() {
    let definition = CSV.replace("delimiter = \",\"", "delimiter = \";\"");
    let formats = || Arc::new(Formats::load(&[Source { file: "csv", text: &definition }], "UTC", Limits::for_tests()).unwrap());
    let rows: String = (0..200).map(|row| format!("2026-01-01T00:00:00Z;{row},5\n")).collect();
    let text = format!("timestamp;a\n{rows}");
    let scratch = tempfile::tempdir().unwrap();
    let mut reader = Reader::new(formats(), Arc::default(), of_path("/a.csv"), Typings::default(), scratch.path()).unwrap();
    let (first, second) = text.as_bytes().split_at(1000);
    reader.push(first, false).unwrap();
    reader.push(second, true).unwrap();
    let End::Read { read: Err(refusal), .. } = reader.finish() else { panic!("it was read") };
    let upload = of_path("/a.csv");
    let whole = members::read(&formats(), &file(&upload, text.as_bytes()), &Limits::for_tests()).unwrap_err();
    assert_eq!(refusal, whole);
}

proptest! {
    #[test]
    fn pieces_give_what_the_whole_gives(
        cells in prop::collection::vec(prop_oneof![
            8 => (0..1000i32).prop_map(|number| number.to_string()),
            1 => Just("NAN".to_owned()),
            1 => Just(String::new()),
            1 => Just("007".to_owned()),
            1 => Just("word".to_owned()),
            1 => Just("1,2".to_owned()),
            1 => Just("\n#comment\n".to_owned()),
        ], 1..120),
        piece in 200..2000_usize,
    ) {
        let text = csv(cells.len(), |row| cells[row].clone());
        prop_assert_eq!(in_pieces("/a.csv", &text, piece).unwrap(), whole("/a.csv", &text));
    }
}
