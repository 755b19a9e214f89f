//! Commands that change how the session goes on, or a file's facts.

use crate::harness::start;

#[tokio::test(flavor = "multi_thread")]
async fn text_has_the_line_ends_of_its_place() {
    let server = start().await;
    let mut device = server.logged_in().await;
    // Until TYPE is said nothing is changed.
    assert!(device.store("as-it-is", b"a\r\nb\r\n").await.starts_with("226 "));
    device.expect("SIZE as-it-is", "213 6").await;
    device.expect("TYPE A", "200 ").await;
    assert!(device.store("text", b"a\r\nb\nc\r").await.starts_with("226 "));
    device.expect("SIZE text", "550 ").await;
    device.expect("REST 2", "501 ").await;
    assert_eq!(device.fetch("RETR text").await, b"a\r\nb\r\nc\r");
    assert_eq!(device.fetch("RETR as-it-is").await, b"a\r\nb\r\n");
    assert_eq!(device.fetch("NLST").await, b"as-it-is\r\ntext\r\n");
    device.expect("TYPE I", "200 ").await;
    device.expect("SIZE text", "213 6").await;
    let record = &server.records()[1].0;
    assert_eq!((&record["path"], &record["bytes"]), (&"/text".into(), &6.into()));
    assert_eq!(server.outbox()[1].1, b"a\nb\nc\r");
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_is_taken_only_where_it_is_safe() {
    let server = start().await;
    let mut device = server.logged_in().await;
    assert!(device.store("a", b"12345").await.starts_with("226 "));
    for (first, transfer) in [("NOOP", "APPE a"), ("NOOP", "STOU"), ("TYPE A", "STOR a"), ("TYPE A", "RETR a")] {
        device.expect("TYPE I", "200 ").await;
        device.epsv().await;
        device.expect("REST 2", "350 ").await;
        device.expect(first, "200 ").await;
        device.expect(transfer, "554 ").await;
    }
    device.expect("TYPE I", "200 ").await;
    assert!(device.store("a", b"67").await.starts_with("226 "), "the offset was kept");
    device.expect("SIZE a", "213 2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mfmt_sets_when_a_file_was_modified() {
    let server = start().await;
    let mut device = server.logged_in().await;
    device.expect("MKD folder", "257 ").await;
    device.expect("CWD folder", "250 ").await;
    assert!(device.store("a b", b"1").await.starts_with("226 "));
    device.expect("MFMT 20200229123456 a b", "213 Modify=20200229123456; /folder/a b").await;
    device.expect("MDTM a b", "213 20200229123456").await;
    for path in ["missing", "/folder", "/", "../../etc/passwd"] {
        device.expect(&format!("MFMT 20200229123456 {path}"), "550 ").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rein_starts_the_session_over() {
    let server = start().await;
    let mut device = server.logged_in().await;
    device.expect("TYPE A", "200 ").await;
    device.expect("EPSV ALL", "200 ").await;
    device.expect("REIN", "220 ").await;
    device.expect("PWD", "530 ").await;
    device.log_in().await;
    device.expect("PASV", "227 ").await;
    assert!(device.store("a", b"1\r\n").await.starts_with("226 "));
    device.expect("SIZE a", "213 3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn host_comes_before_the_login() {
    let server = start().await;
    let mut device = server.device().await;
    device.expect("HOST ftp.example.org", "220 ").await;
    device.expect("HOST a b", "501 ").await;
    device.log_in().await;
    device.expect("HOST ftp.example.org", "503 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_chooses_which_facts_it_is_told() {
    let server = start().await;
    let mut device = server.logged_in().await;
    assert!(device.store("a b.csv", b"12345").await.starts_with("226 "));
    device.expect("OPTS MLST size;perm;", "200 MLST OPTS size;").await;
    assert_eq!(device.fetch("MLSD").await, b"size=5; a b.csv\r\n");
    assert_eq!(device.expect("MLST a b.csv", "250-").await, "250- Listing\r\n size=5; /a b.csv\r\n250 End");
    assert!(device.expect("FEAT", "211-").await.contains(" MLST type;size*;modify;\r\n"));
    device.expect("OPTS MLST", "200 MLST OPTS").await;
    assert_eq!(device.fetch("MLSD").await, b" a b.csv\r\n");
    device.expect("REIN", "220 ").await;
    device.log_in().await;
    assert!(device.fetch("MLSD").await.starts_with(b"type=file;size=5;modify="));
}
