use super::*;

fn file(bytes: &[u8]) -> File {
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file
}

fn link(end: u64) -> Link {
    Link {
        end,
        upload: Ulid::generate(),
        session: Ulid::generate(),
        client: "192.0.2.7:40123".parse().unwrap(),
        device: "station-7".into(),
        zone: None,
        landed_at: "2026-11-21T21:08:01.375Z".parse().unwrap(),
        appended: false,
        open: true,
    }
}

#[test]
fn the_link_that_counts_is_the_one_that_ends_where_the_file_does() {
    let file = file(b"one\n");
    assert_eq!(last(&file).unwrap(), None);
    let (first, second, third) = (link(4), link(8), link(8));
    begin(&file, first.clone()).unwrap();
    assert_eq!(last(&file).unwrap(), Some(first.clone()));
    extend(&file, 4, second.clone()).unwrap();
    assert_eq!(last(&file).unwrap(), Some(first), "the file has not grown yet");
    file.set_len(8).unwrap();
    assert_eq!(last(&file).unwrap(), Some(second));
    extend(&file, 8, third.clone()).unwrap();
    assert_eq!(last(&file).unwrap(), Some(third), "a close adds no bytes");
    file.set_len(9).unwrap();
    assert_eq!(last(&file).unwrap(), None, "somebody else has written to it");
}

#[test]
fn a_copy_has_the_same_past() {
    let (from, to) = (file(b"one\n"), file(b"one\n"));
    copy(&from, &to).unwrap();
    assert_eq!(last(&to).unwrap(), None);
    let link = link(4);
    begin(&from, link.clone()).unwrap();
    copy(&from, &to).unwrap();
    assert_eq!(last(&to).unwrap(), Some(link));
}

#[test]
fn a_file_is_open_when_it_ends_within_a_line() {
    let check = |bytes: &[u8], open: bool| {
        assert_eq!(ends_within_line(&file(bytes)).unwrap(), open, "{bytes:?}");
    };
    for ended in [&b""[..], b"\n", b"a\n", b"a\r\n", b"a\r", b"a\0\n\0", b"a\0\r\0", b"\0a\0\n"] {
        check(ended, false);
    }
    assert!(is_packed(&file(b"PK\x03\x04")).unwrap() && is_packed(&file(b"\x1f\x8b\x08")).unwrap());
    assert!(!is_packed(&file(b"P")).unwrap() && is_kept(&file(b"")).unwrap());
    for open in [&b"a"[..], b"\0", b"a\nb", b"a\0\n\0b\0", b"\n\0\0"] {
        check(open, true);
    }
}
