use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int64Type};

use super::types::Type;
use crate::format::tests::{only, parse};
use crate::rows::{Kind, Parsed};

const DEFINITION: &str = include_str!("../../../../../pipeline/formats/tob.toml");
/// 2026-01-01, counted from 1990.
const SECONDS: u32 = 1_136_073_600;

fn read(bytes: &[u8]) -> Parsed {
    parse(&only(DEFINITION), "/a.dat", bytes).unwrap()
}

#[track_caller]
fn check(of: &str, data: &[u8], value: Option<&str>) {
    let of = Type::named(of).unwrap();
    assert_eq!(of.bytes(), data.len());
    assert_eq!(of.read(data), Ok(value.map(str::to_owned)));
}

#[test]
fn values_of_every_type() {
    check("FP2", &[0x1f, 0xfe], None);
    check("FP2", &[0x9f, 0xfe], None);
    check("FP2", &[0x1f, 0xff], Some("INF"));
    check("FP2", &[0x9f, 0xff], Some("-INF"));
    check("FP2", &[0x7f, 0xff], Some("8191e-3"));
    check("FP2", &[0xe2, 0x32], Some("-562e-3"));
    check("FP2", &[0x00, 0x07], Some("7"));
    check("FP4", &[0x41, 0x80, 0x00, 0x00], Some("1"));
    check("FP4", &[0xc2, 0xa0, 0x00, 0x00], Some("-2.5"));
    check("FP4", &[0, 0, 0, 0], Some("0"));
    check("IEEE4", &0.1_f32.to_le_bytes(), Some("0.1"));
    check("IEEE4B", &(-1.5_f32).to_be_bytes(), Some("-1.5"));
    check("IEEE4", &f32::INFINITY.to_le_bytes(), Some("INF"));
    check("IEEE8", &0.1_f64.to_le_bytes(), Some("0.1"));
    check("IEEE8B", &f64::NAN.to_be_bytes(), None);
    check("ULONG", &[1, 2, 0, 0], Some("513"));
    check("LONG", &(-2_i32).to_le_bytes(), Some("-2"));
    check("SHORT", &(-2_i16).to_le_bytes(), Some("-2"));
    check("USHORT", &[0xff, 0xff], Some("65535"));
    check("UINT2", &[0x13, 0xfc], Some("5116"));
    check("UINT4", &[0x01, 0x97, 0xce, 0x70], Some("26726000"));
    check("INT4", &(-7_i32).to_be_bytes(), Some("-7"));
    check("UINT1", &[200], Some("200"));
    check("BOOL", &[0xff], Some("-1"));
    check("BOOL4", &[0, 0, 0, 0], Some("0"));
    check("BOOL8", &[0b1000_0001], Some("10000001"));
    check("ASCII(5)", b"ab \0x", Some("ab"));
    check("SecNano", &[SECONDS.to_le_bytes(), 1_500_000_u32.to_le_bytes()].concat(), Some("2026-01-01T00:00:00.0015"));
    assert_eq!(Type::named("SecNano").unwrap().read(&[0xff; 8]), Err("is not a time".to_owned()));
    for unknown in ["FP9", "ASCII()", "ASCII(0)", "ASCII(99999)", "ASCII(-1)", ""] {
        assert_eq!(Type::named(unknown), None);
    }
}

fn tob1(records: &[(u32, u32, &str)]) -> Vec<u8> {
    let mut bytes = b"\"TOB1\",\"weir\",\"CR1000\",\"1\",\"OS\",\"prog\",\"99\",\"Flow\"\r\n\
        \"SECONDS\",\"NANOSECONDS\",\"RECORD\",\"Level\",\"Level\",\"Note\"\r\n\"SECONDS\",\"NANOSECONDS\",\"RN\",\"m\",\"cm\",\"\"\r\n\
        \"\",\"\",\"\",\"Avg\",\"Smp\",\"\"\r\n\"ULONG\",\"ULONG\",\"ULONG\",\"FP2\",\"IEEE4\",\"ASCII(4)\"\r\n"
        .to_vec();
    for (seconds, number, note) in records {
        for word in [*seconds, 500_000_000, *number] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend([0x60, 0x0f]);
        bytes.extend(2.5_f32.to_le_bytes());
        bytes.extend(format!("{note:\0<4}").as_bytes());
    }
    bytes
}

#[test]
fn records_one_behind_the_other() {
    let parsed = read(&tob1(&[(SECONDS, 7, "ok"), (SECONDS + 60, 8, "")]));
    assert_eq!(parsed.refused, []);
    let [part] = parsed.parts.as_slice() else { panic!("{} parts", parsed.parts.len()) };
    assert_eq!((part.table.as_str(), part.device.value(1)), ("tob_flow", "weir"));
    assert_eq!(part.ts.values().to_vec(), [1_767_225_600_500_000, 1_767_225_660_500_000]);
    assert_eq!(part.row.values().to_vec(), [1, 2]);
    let told: Vec<_> = part
        .columns
        .iter()
        .map(|(column, _)| (column.name.as_str(), column.unit.as_deref(), column.process.as_deref(), column.kind))
        .collect();
    assert_eq!(
        told,
        [
            ("record", Some("RN"), None, Kind::Long),
            ("level", Some("m"), Some("Avg"), Kind::Double),
            ("level_3", Some("cm"), Some("Smp"), Kind::Double),
            ("note", None, None, Kind::Text),
        ]
    );
    assert_eq!(part.columns[0].1.as_primitive::<Int64Type>().values().to_vec(), [7, 8]);
    assert_eq!(part.columns[1].1.as_primitive::<Float64Type>().value(0), 0.015);
    assert!(part.columns[3].1.is_null(1));
}

#[test]
fn a_record_that_is_cut_or_has_no_time_is_refused() {
    let mut bytes = tob1(&[(SECONDS, 7, "ok"), (SECONDS, 8, "ok")]);
    let end = bytes.len();
    bytes.truncate(end - 3);
    let parsed = read(&bytes);
    assert_eq!(parsed.parts[0].row.len(), 1);
    let refused = &parsed.refused[0];
    assert_eq!(
        (refused.row, refused.bytes.clone(), refused.reason.as_str()),
        (2, end - 22..end - 3, "the record is cut: 19 of 22 bytes")
    );
    let mut bytes = tob1(&[(SECONDS, 7, "ok")]);
    let nanos = bytes.len() - 18..bytes.len() - 14;
    bytes[nanos].fill(0xff);
    assert_eq!(read(&bytes).refused[0].reason, "the record's time cannot be read");
}

#[test]
fn a_header_that_cannot_be_read_refuses_the_file() {
    #[track_caller]
    fn check(from: &str, to: &str, reason: &str) {
        let bytes = tob1(&[(SECONDS, 7, "ok")]);
        let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        assert!(text.contains(from));
        let changed: Vec<u8> = text.replace(from, to).chars().map(|character| character as u8).collect();
        assert_eq!(parse(&only(DEFINITION), "/a", &changed).unwrap_err().reason, format!("the header: {reason}"));
    }
    check("\"FP2\"", "\"FP9\"", "column \"Level\" has the unknown type \"FP9\"");
    check("\"m\",", "", "6 names, 5 units, 6 kinds of processing and 6 types");
    check("\"SECONDS\",\"NANO", "\"SECS\",\"NANO", "no column SECONDS, so its rows have no time");
    check("\"99\",", "", "7 fields in its first line, where there are 8");
    let cut = parse(&only(DEFINITION), "/a", b"\"TOB1\",\"weir\"").unwrap_err();
    assert_eq!(cut.reason, "the header: it is not complete");
}

/// TOB3 with two records a frame, five seconds between them; frames as given.
fn tob3(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"\"TOB3\",\"weir\",\"CR1000X\",\"1\",\"OS\",\"prog\",\"99\",\"2026-01-01 00:00:00\"\r\n\
        \"Flow\",\"5 SEC\",\"24\",\"10\",\"4660\",\"Sec100Usec\",\"0\",\"0\",\"0\"\r\n\"Level\"\r\n\"m\"\r\n\"Avg\"\r\n\"INT4\"\r\n"
        .to_vec();
    bytes.extend(frames.concat());
    bytes
}

fn frame(seconds: u32, number: u32, body: &[u8], flags: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [seconds, 5000, number] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(body);
    bytes.extend(((4660_u32 << 16) | flags).to_le_bytes());
    bytes
}

fn levels(levels: &[i32]) -> Vec<u8> {
    levels.iter().flat_map(|level| level.to_be_bytes()).collect()
}

/// The record numbers, and what is refused.
#[track_caller]
fn check_frames(frames: &[Vec<u8>], numbers: &[i64], refused: &[&str]) -> Parsed {
    let parsed = read(&tob3(frames));
    let got: Vec<i64> =
        parsed.parts.iter().flat_map(|part| part.columns[0].1.as_primitive::<Int64Type>().values().to_vec()).collect();
    assert_eq!(got, numbers);
    let reasons: Vec<&str> = parsed.refused.iter().map(|refused| refused.reason.as_str()).collect();
    assert_eq!(reasons, refused);
    parsed
}

#[test]
fn frames_count_time_and_numbers_from_their_first_record() {
    let parsed =
        check_frames(&[frame(SECONDS, 5, &levels(&[1, 2]), 0), frame(SECONDS + 10, 7, &levels(&[3, -4]), 0)], &[5, 6, 7, 8], &[]);
    let part = &parsed.parts[0];
    let start = 1_767_225_600_500_000;
    assert_eq!(part.ts.values().to_vec(), [0, 5, 10, 15].map(|seconds| start + seconds * 1_000_000));
    assert_eq!(part.columns[1].1.as_primitive::<Float64Type>().values().to_vec(), [1.0, 2.0, 3.0, -4.0]);
}

const MINOR: u32 = 0x8000;
const EMPTY: u32 = 0x4000;
const REMOVED: u32 = 0x2000;

#[test]
fn a_frame_may_be_of_minor_ones_and_end_empty() {
    // One record of four bytes makes a minor frame of 20; the last 4 bytes are an empty one.
    let mut minor = frame(SECONDS, 5, &levels(&[1]), MINOR | 20);
    minor.extend(((4660_u32 << 16) | MINOR | EMPTY | 4).to_le_bytes());
    check_frames(&[minor, frame(SECONDS + 10, 7, &levels(&[3, 4]), 0)], &[5, 7, 8], &[]);
    check_frames(&[frame(SECONDS, 5, &levels(&[1, 2]), EMPTY)], &[], &[]);
    let mut broken = frame(SECONDS, 5, &levels(&[1]), 0);
    broken.extend(((4660_u32 << 16) | MINOR | EMPTY | 4).to_le_bytes());
    check_frames(&[broken], &[], &["20 bytes in front of minor frames that are none"]);
}

#[test]
fn frames_that_were_never_written_say_nothing_behind_the_last_one() {
    let good = |flags| frame(SECONDS, 5, &levels(&[1, 2]), flags);
    let old = vec![7; 24];
    check_frames(&[good(REMOVED), old.clone(), old.clone()], &[5, 6], &[]);
    check_frames(&[good(0), vec![0; 24], vec![0; 24]], &[5, 6], &[]);
    let reason = "2 frames without the file's validation stamp 4660";
    check_frames(&[good(0), old.clone(), old.clone()], &[5, 6], &[reason]);
    check_frames(&[good(REMOVED), old.clone(), old.clone(), good(0)], &[5, 6, 5, 6], &[reason]);
    check_frames(&[good(0), good(0)[..20].to_vec()], &[5, 6], &["the frame is cut: 20 of 24 bytes"]);
    // The stamp is turned over when a ring is written the second time.
    let mut turned = good(0);
    let stamp = (!4660_u16).to_le_bytes();
    turned[22..24].copy_from_slice(&stamp);
    check_frames(&[turned], &[5, 6], &[]);
}
