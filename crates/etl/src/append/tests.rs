use arrow::util::display::array_value_to_string;
use proptest::prelude::*;

use super::*;
use crate::event::Created;
use crate::facts::Source as RawObject;
use crate::format::Source;
use crate::lake::{Address, Head};
use crate::rows::Part;

pub(super) const TOA5: &str = include_str!("../../../../pipeline/formats/toa5.toml");
pub(super) const CSV: &str = include_str!("../../../../pipeline/formats/csv.toml");
pub(super) const LINE_PROTOCOL: &str = include_str!("../../../../pipeline/formats/line-protocol.toml");

pub(super) const HEADER: &str = "\"TOA5\",\"weir\",\"CR1000\",\"1\",\"os\",\"prog\",\"7\",\"met\"\n\"TIMESTAMP\",\"RECORD\",\"Temp\"\n\
                      \"TS\",\"RN\",\"degC\"\n\"\",\"\",\"Avg\"\n";
const WIDER: &str = "\"TOA5\",\"weir\",\"CR1000\",\"1\",\"os\",\"prog\",\"8\",\"met\"\n\"TIMESTAMP\",\"RECORD\",\"Wind\",\"Temp\"\n\
                     \"TS\",\"RN\",\"m/s\",\"degC\"\n\"\",\"\",\"Avg\",\"Avg\"\n";

pub(super) fn formats() -> Formats {
    let sources = [("toa5", TOA5), ("csv", CSV), ("line-protocol", LINE_PROTOCOL)].map(|(file, text)| Source { file, text });
    Formats::load(&sources, "UTC", Limits::for_tests()).unwrap()
}

fn upload(path: &str, offset: usize, verb: &str, open: bool) -> Upload {
    let created = Created {
        at: Address { bucket: "lake".into(), key: "raw/x/y".into() },
        bytes: None,
        created_at: "2026-11-21T21:08:02Z".parse().unwrap(),
    };
    let bare = Upload::bare(&created, &Head { bytes: 0, version: "1".into(), facts: [].into() });
    let source = RawObject { bucket: "lake".into(), key: "raw/x/y".into(), version: "1".into() };
    Upload { path: path.into(), device: "d".into(), verb: Some(verb.into()), offset: offset as u64, open, source, ..bare }
}

/// What the pieces give: the rows, and how many were refused, each piece behind the one before it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Given {
    rows: Vec<String>,
    refused: Vec<String>,
    whole: Vec<String>,
}

impl Given {
    pub(super) fn add(&mut self, read: Result<Read, Refusal>) {
        match read {
            Err(refusal) => self.whole.push(refusal.reason),
            Ok(Read { parsed, unwrapped }) => {
                for part in &parsed.parts {
                    self.rows.extend((0..part.ts.len()).map(|row| shown(part, row)));
                }
                let of = |refused: &Refused| String::from_utf8_lossy(unwrapped.get(refused.bytes.clone())).trim().to_owned();
                self.refused.extend(parsed.refused.iter().map(of));
            }
        }
    }

    pub(super) fn sorted(mut self) -> Self {
        self.rows.sort();
        self.refused.sort();
        self
    }
}

fn shown(part: &Part, row: usize) -> String {
    let columns =
        part.columns.iter().map(|(column, values)| format!("{}={}", column.name, array_value_to_string(values, row).unwrap()));
    let columns = columns.filter(|column| !column.ends_with('=')).collect::<Vec<_>>().join(" ");
    format!("{} {} {} {columns}", part.table, part.device.value(row), part.ts.value(row))
}

fn ends_within_line(text: &[u8]) -> bool {
    !matches!(text, [] | [.., b'\n' | b'\r'] | [.., b'\n' | b'\r', 0])
}

/// The pieces as ingest says of them: the first stored, the others appended, and the file closed at last.
fn pieces(path: &str, pieces: &[&[u8]]) -> Given {
    let (formats, limits) = (formats(), Limits::for_tests());
    let (mut given, mut past, mut so_far) = (Given::default(), None, Vec::new());
    let closing: &[u8] = b"";
    for (number, bytes) in pieces.iter().chain([&closing]).enumerate() {
        let offset = so_far.len();
        so_far.extend_from_slice(bytes);
        let is_close = number == pieces.len();
        let verb = if is_close {
            "CLOSE"
        } else if number == 0 {
            "STOR"
        } else {
            "APPE"
        };
        if is_close && !ends_within_line(&so_far) {
            break;
        }
        let upload = upload(path, offset, verb, !is_close && ends_within_line(&so_far));
        let piece = read(&formats, &limits, &upload, bytes, past.as_ref());
        given.add(piece.read);
        past = Some(piece.after);
    }
    given.sorted()
}

pub(super) fn whole(path: &str, bytes: &[u8]) -> Given {
    let file = File { path, device: "d", zone: None, arrived: None, bytes };
    let mut given = Given::default();
    given.add(members::read(&formats(), &file, &Limits::for_tests()));
    given.sorted()
}

/// A file as a logger might write it, with its path.
fn logged() -> impl Strategy<Value = (String, Vec<u8>)> {
    let blocks = prop::collection::vec((any::<bool>(), prop::collection::vec((0..9_i32, any::<bool>()), 0..6)), 1..4);
    (blocks, prop::sample::select(vec!["\n", "\r\n", "\r"]), any::<bool>(), 0..3_usize).prop_map(|(blocks, end, ended, kind)| {
        let (mut text, mut minute) = (String::new(), 0);
        for (number, (wider, rows)) in blocks.into_iter().enumerate() {
            match kind {
                0 => text.push_str(if wider { WIDER } else { HEADER }),
                1 if number == 0 => text.push_str("time,Temp,Wind\n"),
                _ => {}
            }
            for (value, bad) in rows {
                minute += 1;
                let row = match (kind, wider, bad) {
                    (_, _, true) => format!("\"?\",{minute}\n"),
                    (0, true, _) => format!("\"2026-01-01 00:{minute:02}:00\",{minute},{value}.5,{value}\n"),
                    (0, false, _) => format!("\"2026-01-01 00:{minute:02}:00\",{minute},{value}.25\n"),
                    (1, ..) => format!("2026-01-01T00:{minute:02}:00Z,{value}.5,{value}\n"),
                    _ => format!("met temp={value}.5 17672256{minute:02}000000000\n"),
                };
                text.push_str(&row);
            }
        }
        let text = text.replace('\n', end);
        let text = if ended { text.as_str() } else { text.trim_end() };
        (["/a.dat", "/a.csv", "/a.lp"][kind].to_owned(), text.as_bytes().to_vec())
    })
}

/// A file cut into pieces; wherever, or where lines end.
fn cut() -> impl Strategy<Value = (String, Vec<u8>, Vec<usize>)> {
    logged().prop_flat_map(|(path, bytes)| {
        let at = prop::collection::vec(0..=bytes.len(), 0..8);
        (Just(path), Just(bytes), at).prop_map(|(path, bytes, mut at)| {
            at.sort_unstable();
            (path, bytes, at)
        })
    })
}

fn at<'b>(bytes: &'b [u8], cuts: &[usize]) -> Vec<&'b [u8]> {
    let ends = cuts.iter().copied().chain([bytes.len()]);
    ends.scan(0, |from, to| Some(&bytes[std::mem::replace(from, to)..to])).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn however_a_file_is_cut_its_rows_are_those_of_the_whole((path, bytes, cuts) in cut()) {
        let found = pieces(&path, &at(&bytes, &cuts));
        let expected = whole(&path, &bytes);
        prop_assert_eq!(&found.rows, &expected.rows);
        // A file refused as a whole may be refused in parts, and then its lines are.
        if expected.whole.is_empty() {
            prop_assert_eq!(&found.refused, &expected.refused);
        }
    }
}

#[test]
fn a_line_belongs_to_the_piece_that_ends_it_and_is_never_short() {
    let rows = |given: &Given| given.rows.clone();
    let first = "time,Temp\n2026-01-01T00:00:00Z,1\n2026-01-01T00:01:00Z,2";
    let formats = formats();
    let limits = Limits::for_tests();
    let piece = read(&formats, &limits, &upload("/a.csv", 0, "STOR", true), first.as_bytes(), None);
    assert!(piece.held);
    let mut given = Given::default();
    given.add(piece.read);
    assert_eq!(rows(&given), ["csv_d d 1767225600000000 temp=1.0"]);
    let next = read(&formats, &limits, &upload("/a.csv", first.len(), "APPE", false), b"3.5\n", Some(&piece.after));
    let read_rows = next.read.unwrap();
    assert_eq!(read_rows.parsed.parts[0].row.value(0), 1, "counted from the first line that ends in it");
    let mut given = Given::default();
    given.add(Ok(read_rows));
    assert_eq!(rows(&given), ["csv_d d 1767225660000000 temp=23.5"]);
}

#[test]
fn what_continues_a_line_that_a_close_took_is_refused() {
    let (formats, limits) = (formats(), Limits::for_tests());
    let first = read(&formats, &limits, &upload("/a.csv", 0, "STOR", true), b"time,Temp\n2026-01-01T00:00:00Z,1", None);
    let close = read(&formats, &limits, &upload("/a.csv", 32, "CLOSE", false), b"", Some(&first.after));
    let more = b"5\n2026-01-01T00:01:00Z,2\n";
    let next = read(&formats, &limits, &upload("/a.csv", 32, "APPE", false), more, Some(&close.after));
    let mut given = Given::default();
    [close.read, next.read].into_iter().for_each(|read| given.add(read));
    assert_eq!(given.rows, ["csv_d d 1767225600000000 temp=1.0", "csv_d d 1767225660000000 temp=2.0"]);
    assert_eq!(given.refused, ["5"]);
    // A device that begins each row with a line end continues nothing.
    let next = read(&formats, &limits, &upload("/a.csv", 32, "APPE", true), b"\n2026-01-01T00:01:00Z,2", Some(&close.after));
    assert!(next.held && next.read.unwrap().parsed.refused.is_empty());
}

#[test]
fn a_piece_whose_past_nobody_knows_loses_its_first_line_and_no_more() {
    let (formats, limits) = (formats(), Limits::for_tests());
    let bytes = b"met temp=1 1767225600000000000\nmet temp=2 1767225660000000000\n";
    let piece = read(&formats, &limits, &upload("/a.lp", 100, "APPE", false), bytes, None);
    let mut given = Given::default();
    given.add(piece.read);
    assert_eq!((given.rows.len(), given.refused), (1, vec!["met temp=1 1767225600000000000".to_owned()]));
}

#[test]
fn each_piece_may_be_a_gzip_stream_of_its_own() {
    use std::io::Write;
    let packed = |text: &str| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        packed.finish().unwrap()
    };
    let (formats, limits) = (formats(), Limits::for_tests());
    let first =
        read(&formats, &limits, &upload("/a.csv.gz", 0, "STOR", false), &packed("time,Temp\n2026-01-01T00:00:00Z,1\n"), None);
    let next =
        read(&formats, &limits, &upload("/a.csv.gz", 60, "APPE", false), &packed("2026-01-01T00:01:00Z,2\n"), Some(&first.after));
    let cut = packed("2026-01-01T00:01:00Z,2\n");
    let half = read(&formats, &limits, &upload("/a.csv.gz", 90, "APPE", false), &cut[..cut.len() - 4], Some(&next.after));
    let mut given = Given::default();
    [first.read, next.read, half.read].into_iter().for_each(|read| given.add(read));
    assert_eq!((given.rows.len(), given.whole.len()), (2, 1), "{given:?}");
}

#[test]
fn an_archive_has_no_parts() {
    let (formats, limits) = (formats(), Limits::for_tests());
    let zip = crate::container::tests::zip(&[("a.csv", b"time,Temp\n2026-01-01T00:00:00Z,1\n")]);
    let first = read(&formats, &limits, &upload("/a.zip", 0, "STOR", false), &zip, None);
    let next = read(&formats, &limits, &upload("/a.zip", 60, "APPE", false), b"more\n", Some(&first.after));
    let mut given = Given::default();
    [first.read, next.read].into_iter().for_each(|read| given.add(read));
    assert_eq!((given.rows.len(), given.whole.len()), (1, 1));
    assert!(given.whole[0].contains("read as a whole (an archive)"), "{given:?}");
}

#[test]
fn what_no_format_claims_is_refused_when_it_is_stored_and_once_it_is_closed_when_it_is_appended() {
    let given = pieces("/a.csv", &[b"what is this"]);
    assert_eq!((given.refused.len(), given.whole.len()), (0, 1), "{given:?}");
    let (formats, limits) = (formats(), Limits::for_tests());
    let first = read(&formats, &limits, &upload("/a.csv", 0, "APPE", true), b"what is", None);
    let next = read(&formats, &limits, &upload("/a.csv", 7, "APPE", true), b" this", Some(&first.after));
    let close = read(&formats, &limits, &upload("/a.csv", 12, "CLOSE", false), b"", Some(&next.after));
    assert!(first.held && next.held);
    let mut given = Given::default();
    [first.read, next.read, close.read].into_iter().for_each(|read| given.add(read));
    assert_eq!((given.refused, given.whole.len()), (vec!["what is this".to_owned()], 0));
    let given = pieces("/a.csv", &[b"what is this\n", b"and this\n"]);
    assert_eq!(given.whole.len(), 2, "{given:?}");
}
