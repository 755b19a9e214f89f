use super::*;

#[test]
fn the_end_of_a_file_is_found_in_one_that_goes_on_with_it() {
    use std::os::unix::fs::FileExt;
    let file = |bytes: &[u8]| {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(bytes, 0).unwrap();
        file
    };
    let check = |old: &[u8], new: &[u8], has: bool| {
        assert_eq!(has_end_of(&file(new), &file(old), old.len() as u64).unwrap(), has, "{old:?} in {new:?}");
    };
    check(b"a\n1,2", b"a\n1,2", true);
    check(b"a\n1,2", b"a\n1,23\n", true);
    check(b"a\n1,2", b"a\n1,", false);
    check(b"a\n1,2", b"a\n1,3\n4,5\n", false);
    let long = |end: &[u8]| [&vec![b'x'; 200_000], end].concat();
    check(&long(b"1"), &long(b"12"), true);
    check(&long(b"1"), &long(b"2"), false);
}

#[test]
fn a_line_waits_longer_in_a_file_that_is_appended_to() {
    let config =
        Append { wait: Duration::from_secs(3600), wait_stored: Duration::from_secs(20), retention: Duration::from_secs(1) };
    let since: Timestamp = "2026-11-21T21:08:01Z".parse().unwrap();
    let due = |appended, seconds| is_due(&config, since, appended, since + Duration::from_secs(seconds));
    assert_eq!(
        [due(false, 19), due(false, 20), due(true, 20), due(true, 3599), due(true, 3600)],
        [false, true, false, false, true]
    );
    assert!(!is_due(&config, since, false, since - Duration::from_secs(60)), "a clock that was set back closes nothing");
}
