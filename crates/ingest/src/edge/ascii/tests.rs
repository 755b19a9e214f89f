use proptest::prelude::*;

use super::{Incoming, Outgoing};

fn incoming(pieces: &[&[u8]]) -> Vec<u8> {
    let mut text = Incoming::default();
    let Some((last, pieces)) = pieces.split_last() else { return Vec::new() };
    let mut converted: Vec<u8> = pieces.iter().flat_map(|piece| text.convert(piece)).collect();
    converted.extend(text.finish(last));
    converted
}

fn outgoing(pieces: &[&[u8]]) -> Vec<u8> {
    let mut text = Outgoing::default();
    pieces.iter().flat_map(|piece| text.convert(piece)).collect()
}

#[test]
fn only_line_ends_change_on_the_way_in() {
    for (sent, kept) in [
        (&b"a\r\nb\r\n"[..], &b"a\nb\n"[..]),
        (b"a\nb", b"a\nb"),
        (b"a\rb\r", b"a\rb\r"),
        (b"\r\r\n\n\r\n", b"\r\n\n\n"),
        (b"", b""),
    ] {
        assert_eq!(incoming(&[sent]), kept, "{sent:?}");
    }
}

#[test]
fn only_bare_line_feeds_change_on_the_way_out() {
    for (kept, sent) in [(&b"a\nb"[..], &b"a\r\nb"[..]), (b"a\r\n\n", b"a\r\n\r\n"), (b"\r", b"\r"), (b"\n", b"\r\n")] {
        assert_eq!(outgoing(&[kept]), sent, "{kept:?}");
    }
}

/// A text of the bytes that matter, and where it is cut.
fn cut() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let byte = prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'a')];
    (proptest::collection::vec(byte.clone(), 0..12), proptest::collection::vec(byte, 0..12))
}

proptest! {
    #[test]
    fn where_the_text_is_cut_changes_nothing((first, second) in cut()) {
        let whole = [&first[..], &second[..]].concat();
        prop_assert_eq!(incoming(&[&first, &second]), incoming(&[&whole]));
        prop_assert_eq!(outgoing(&[&first, &second]), outgoing(&[&whole]));
    }

    #[test]
    fn text_with_one_kind_of_line_end_comes_back_as_it_was(lines in proptest::collection::vec("[a-z]{0,3}", 0..8)) {
        let kept = lines.join("\n").into_bytes();
        prop_assert_eq!(incoming(&[&outgoing(&[&kept])]), kept);
    }
}
