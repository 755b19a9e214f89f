use std::borrow::Cow;
use std::io::Write;

use bytesize::ByteSize;
use flate2::write::{DeflateEncoder, GzEncoder};
use flate2::{Compression, Crc};

use super::{Member, unwrap};
use crate::limits::Limits;
use crate::rows::Refusal;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An archive of deflated members, as `zip` writes it.
pub(crate) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in members {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        let packed = encoder.finish().unwrap();
        let mut crc = Crc::new();
        crc.update(bytes);
        // Flags, method, time, date, checksum, lengths: the same in both headers.
        let mut shared = [[0_u8, 0], [8, 0], [0, 0], [0, 0]].concat();
        for number in [crc.sum(), packed.len() as u32, bytes.len() as u32, name.len() as u32] {
            shared.extend(number.to_le_bytes());
        }
        directory.extend([b"PK\x01\x02\x14\0\x14\0", shared.as_slice(), &[0; 10]].concat());
        directory.extend((archive.len() as u32).to_le_bytes());
        directory.extend(name.as_bytes());
        archive.extend([b"PK\x03\x04\x14\0", shared.as_slice(), name.as_bytes(), &packed].concat());
    }
    let count = (members.len() as u16).to_le_bytes();
    let (length, at) = ((directory.len() as u32).to_le_bytes(), (archive.len() as u32).to_le_bytes());
    archive.extend(directory);
    archive.extend([b"PK\x05\x06\0\0\0\0", count.as_slice(), &count, &length, &at, &[0, 0]].concat());
    archive
}

/// The one file inside, which is in no archive.
fn only<'a>(packed: &'a [u8], limits: &Limits) -> Result<Cow<'a, [u8]>, Refusal> {
    let mut members = unwrap(packed, limits)?;
    let Member { name, bytes } = members.pop().unwrap();
    assert!(name.is_none() && members.is_empty());
    bytes
}

/// What members of an archive come out as: name, and bytes or a part of the reason.
#[track_caller]
fn check_members(packed: &[u8], limits: &Limits, expected: &[(&str, Result<&[u8], &str>)]) {
    let members = unwrap(packed, limits).unwrap();
    assert_eq!(members.len(), expected.len(), "{members:?}");
    for (member, (name, expected)) in members.iter().zip(expected) {
        assert_eq!(member.name.as_deref(), Some(*name));
        match (&member.bytes, expected) {
            (Ok(bytes), Ok(expected)) => assert_eq!(bytes, expected),
            (Err(refusal), Err(part)) => assert!(refusal.reason.contains(part), "{}", refusal.reason),
            (got, expected) => panic!("{name}: got {got:?}, expected {expected:?}"),
        }
    }
}

#[track_caller]
fn check(packed: &[u8], limits: &Limits, expected: Result<&[u8], &str>) {
    match (only(packed, limits), expected) {
        (Ok(bytes), Ok(expected)) => assert_eq!(bytes, expected),
        (Err(refusal), Err(part)) => assert!(refusal.reason.contains(part), "{}", refusal.reason),
        (got, expected) => panic!("got {got:?}, expected {expected:?}"),
    }
}

#[test]
fn a_plain_file_is_borrowed() {
    assert!(matches!(only(b"a,b\n", &Limits::for_tests()), Ok(Cow::Borrowed(b"a,b\n"))));
}

#[test]
fn members_follow_one_another() {
    let limits = Limits::for_tests();
    check(&gzip(b"one\n"), &limits, Ok(b"one\n"));
    check(&[gzip(b"one\n"), gzip(b"two\n")].concat(), &limits, Ok(b"one\ntwo\n"));
    check(&[gzip(b"one\n"), vec![0; 512]].concat(), &limits, Ok(b"one\n"));
    check(&gzip(b""), &limits, Ok(b""));
}

#[test]
fn a_cut_or_damaged_file_is_refused_whole() {
    let limits = Limits::for_tests();
    let packed = gzip(&b"2026-01-01 00:00:00,1.5\n".repeat(500));
    for length in [2, 5, 11, packed.len() / 2, packed.len() - 1] {
        check(&packed[..length], &limits, Err("cut short"));
    }
    let mut flipped = packed.clone();
    let last = flipped.len() - 6;
    flipped[last] ^= 0xff;
    check(&flipped, &limits, Err("damaged"));
    check(&[packed.as_slice(), &packed[..40]].concat(), &limits, Err("cut short"));
    check(&[packed.as_slice(), b"trailing"].concat(), &limits, Err("8 bytes that are not gzip"));
}

#[test]
fn a_bomb_is_refused_at_the_bound() {
    let bomb = gzip(&vec![0; 8 << 20]);
    check(&bomb, &Limits::for_tests(), Err("unpacks to more than allowed"));
    let limits = Limits { ratio: 2000, unwrapped_bytes: ByteSize::mib(4), ..Limits::for_tests() };
    check(&bomb, &limits, Err("unpacks to more than allowed"));
    let limits = Limits { ratio: 2000, ..Limits::for_tests() };
    check(&bomb, &limits, Ok(&vec![0; 8 << 20]));
}

#[test]
fn members_of_an_archive_come_in_their_order_under_their_names() {
    let limits = Limits::for_tests();
    let archive = zip(&[("b/", b""), ("b/two.csv", b"2\n"), ("one..csv", b"1\n"), ("b/two.csv", b"3\n"), ("empty", b"")]);
    let expected: [(&str, Result<&[u8], &str>); 4] =
        [("b/two.csv", Ok(b"2\n")), ("one..csv", Ok(b"1\n")), ("b/two.csv", Ok(b"3\n")), ("empty", Ok(b""))];
    check_members(&archive, &limits, &expected);
    assert_eq!(unwrap(&zip(&[]), &limits).unwrap().len(), 0);
}

#[test]
fn wrappings_lie_within_each_other_as_deep_as_allowed() {
    let limits = Limits::for_tests();
    let inner = zip(&[("c.csv", b"1\n")]);
    check_members(&zip(&[("b.zip", &inner)]), &limits, &[("b.zip/c.csv", Ok(b"1\n"))]);
    check_members(&zip(&[("b.gz", &gzip(b"1\n"))]), &limits, &[("b.gz", Ok(b"1\n"))]);
    check_members(&gzip(&inner), &limits, &[("c.csv", Ok(b"1\n"))]);
    check(&gzip(&gzip(b"1\n")), &limits, Ok(b"1\n"));
    check(&gzip(&gzip(&gzip(b"1\n"))), &limits, Err("more times over than allowed"));
    let deep = zip(&[("a.csv", b"0\n"), ("b.zip", &zip(&[("c.zip", &inner)]))]);
    check_members(&deep, &limits, &[("a.csv", Ok(b"0\n")), ("b.zip/c.zip", Err("more times over than allowed"))]);
}

#[test]
fn a_member_whose_name_leads_out_of_the_archive_costs_itself_alone() {
    let astray = [
        "../a.csv",
        "b/../../a.csv",
        "b/..",
        "/etc/a.csv",
        "..\\a.csv",
        "b\\..\\..\\a.csv",
        "\\\\host\\a.csv",
        "C:\\a.csv",
        "c:a.csv",
    ];
    for name in astray {
        let archive = zip(&[(name, b"1\n"), ("b.csv", b"2\n")]);
        check_members(&archive, &Limits::for_tests(), &[(name, Err("leads out of the archive")), ("b.csv", Ok(b"2\n"))]);
    }
    let inner = zip(&[("../a.csv", b"1\n")]);
    check_members(&zip(&[("b.zip", &inner)]), &Limits::for_tests(), &[("b.zip/../a.csv", Err("leads out of the archive"))]);
    for name in ["b/c/a.csv", "b\\a.csv", "a..csv", "...", "2026-01-01T00:00:00.csv", "./a.csv"] {
        check_members(&zip(&[(name, b"1\n")]), &Limits::for_tests(), &[(name, Ok(b"1\n"))]);
    }
}

#[test]
fn a_damaged_member_costs_itself_alone() {
    let limits = Limits::for_tests();
    let good = zip(&[("a", b"1111\n"), ("b", b"2222\n")]);
    let directory = good.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    let damaged = |at: usize, value: u8| {
        let mut archive = good.clone();
        archive[at] = value;
        archive
    };
    for (at, value, reason) in [
        (directory + 8, 1, "encrypted"),
        (directory + 10, 14, "method 14"),
        (directory + 16, 0xee, "length or checksum"),
        (directory + 24, 0xee, "length or checksum"),
        (directory + 42, 3, "a place where it is not"),
        (31, 0xff, "damaged after"),
    ] {
        check_members(&damaged(at, value), &limits, &[("a", Err(reason)), ("b", Ok(b"2222\n"))]);
    }
}

#[test]
fn a_cut_archive_is_refused_whole() {
    let limits = Limits::for_tests();
    let archive = zip(&[("a", b"1111\n"), ("b", b"2222\n")]);
    let refused = |bytes: &[u8]| unwrap(bytes, &limits).unwrap_err().reason;
    for length in [4, 40, archive.len() - 23, archive.len() - 1] {
        assert!(refused(&archive[..length]).contains("cut short"), "{length}");
    }
    assert!(refused(&[archive.as_slice(), b"rest"].concat()).contains("cut short"));
    assert!(refused(&[archive.as_slice(), &archive].concat()).contains("put together"));
}

#[test]
fn an_archive_that_exceeds_its_bounds_is_refused_whole() {
    let zeros = vec![0; 1 << 20];
    let many: Vec<(&str, &[u8])> = vec![("a", &zeros); 8];
    let refused = |packed: &[u8], limits: &Limits| unwrap(packed, limits).unwrap_err().reason;
    let limits = Limits { ratio: 10, ..Limits::for_tests() };
    assert!(refused(&zip(&many), &limits).contains("more than allowed"));
    let limits = Limits { ratio: 10_000, unwrapped_bytes: ByteSize::mib(4), ..limits };
    assert!(refused(&zip(&many), &limits).contains("more than allowed"));
    let nested = zip(&[("a", &zip(&many[..3])), ("b", &zip(&many[..3]))]);
    assert!(refused(&nested, &limits).contains("more than allowed"));
    let limits = Limits { members: 7, unwrapped_bytes: ByteSize::mib(64), ..limits };
    assert!(refused(&zip(&many), &limits).contains("7 members"));
    assert_eq!(unwrap(&zip(&many[..7]), &limits).unwrap().len(), 7);
}

#[test]
fn members_that_share_their_bytes_are_refused() {
    let noise: Vec<u8> = (0..2000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let archive = zip(&[("a", &noise)]);
    let end = archive.len() - 22;
    let start = u32::from_le_bytes(archive[end + 16..end + 20].try_into().unwrap()) as usize;
    let entry = &archive[start..end];
    let (mut shared, mut record) = (archive[..end].to_vec(), archive[end..].to_vec());
    for _ in 1..10 {
        shared.extend_from_slice(entry);
    }
    record[12..16].copy_from_slice(&u32::try_from(entry.len() * 10).unwrap().to_le_bytes());
    shared.extend(record);
    let refusal = unwrap(&shared, &Limits::for_tests()).unwrap_err();
    assert_eq!(refusal.reason, "the zip's members overlap");
}
