use std::borrow::Cow;
use std::io::Write;

use bytesize::ByteSize;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::unwrap;
use crate::limits::Limits;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[track_caller]
fn check(packed: &[u8], limits: &Limits, expected: Result<&[u8], &str>) {
    match (unwrap(packed, limits), expected) {
        (Ok(bytes), Ok(expected)) => assert_eq!(bytes, expected),
        (Err(refusal), Err(part)) => assert!(refusal.reason.contains(part), "{}", refusal.reason),
        (got, expected) => panic!("got {got:?}, expected {expected:?}"),
    }
}

#[test]
fn a_plain_file_is_borrowed() {
    assert!(matches!(unwrap(b"a,b\n", &Limits::for_tests()), Ok(Cow::Borrowed(b"a,b\n"))));
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
fn archives_are_refused() {
    let limits = Limits::for_tests();
    check(b"PK\x03\x04rest", &limits, Err("zip archive"));
    check(&gzip(&gzip(b"twice")), &limits, Err("within a gzip file"));
}
