use super::{Reply, whole};

#[test]
fn a_reply_of_one_line_is_written_with_its_code() {
    assert_eq!(Reply::new(200, "NOOP ok").to_string(), "200 NOOP ok\r\n");
}

#[test]
fn lines_in_between_are_indented() {
    assert_eq!(Reply::new(211, "Features:\nEPSV\n211 x\nEnd").to_string(), "211-Features:\r\n EPSV\r\n 211 x\r\n211 End\r\n");
}

fn check_whole(received: &str, expected: Option<(u16, usize)>) {
    assert_eq!(whole(received.as_bytes()), expected, "{received:?}");
}

#[test]
fn a_reply_is_taken_only_when_it_is_whole() {
    check_whole("", None);
    check_whole("22", None);
    check_whole("226 done\r", None);
    check_whole("226 done\r\n", Some((226, 10)));
    check_whole("226\r\n", Some((226, 5)));
    check_whole("226 done\r\n331 next\r\n", Some((226, 10)));
    check_whole("250-Listing\r\n type=file; x\r\n", None);
    check_whole("250-Listing\r\n 250 x\r\n250 End\r\n331 ", Some((250, 30)));
    check_whole("250-Listing\r\n213 x\r\n250 End\r\n", Some((250, 29)));
    check_whole("250-a\r\n\r\n250-b\r\n250 c\r\n", Some((250, 23)));
    check_whole("nonsense\r\n", Some((0, 10)));
}
