//! Sessions that give libunftp back and start it again. Each test waits for the real time after which they do.

use super::*;

/// The only session, in the folder `x`, which rests.
async fn at_rest(server: &Running) -> Device {
    let mut device = server.logged_in().await;
    device.expect("MKD x", "257 ").await;
    device.expect("CWD x", "250 ").await;
    server.awake(0, 1).await;
    device
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_rested_goes_on_where_it_was() {
    let server = start().await;
    let mut device = at_rest(&server).await;
    device.expect("PWD", "257 \"/x\"").await;
    for (command, reply) in [("NOOP", "200 "), ("USER demo", "530 "), ("PASS secret", "503 "), ("PWD", "257 \"/x\"")] {
        device.expect(command, reply).await;
    }
    // Each of these is the one that wakes it.
    server.awake(0, 1).await;
    assert!(device.store("a.csv", b"12345").await.starts_with("226 "));
    server.awake(0, 1).await;
    device.expect("SIZE a.csv", "213 5").await;
    server.awake(0, 1).await;
    assert!(String::from_utf8(device.fetch("LIST").await).unwrap().contains("a.csv"));
    server.awake(0, 1).await;
    device.expect("CDUP", "250 ").await;
    device.expect("SIZE x/a.csv", "213 5").await;
    assert_eq!(server.outbox(), [("/x/a.csv".to_owned(), b"12345".to_vec())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_agreed_on_holds_after_a_rest() {
    let server = start().await;
    let mut device = server.logged_in().await;
    assert!(device.store("a", b"0123456789").await.starts_with("226 "));
    let mut text = server.logged_in().await;
    text.expect("TYPE A", "200 ").await;
    let mut passive = server.logged_in().await;
    let mut data = passive.passive().await;
    device.expect("REST 8", "350 ").await;
    server.awake(0, 3).await;
    assert_eq!(device.fetch("RETR a").await, b"89");
    assert_eq!(device.fetch("RETR a").await, b"0123456789");
    assert!(text.store("t", b"1\r\n2\r\n").await.starts_with("226 "));
    device.expect("SIZE t", "213 4").await;
    passive.expect("STOR b", "150 ").await;
    data.write_all(b"1").await.unwrap();
    drop(data);
    passive.expect_reply("226 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rename_is_not_forgotten_however_long_it_takes() {
    let server = start().await;
    let mut device = server.logged_in().await;
    assert!(device.store("a", b"1").await.starts_with("226 "));
    device.expect("RNFR a", "350 ").await;
    // Another one began to do nothing later, and rests.
    let mut other = server.logged_in().await;
    other.expect("PWD", "257 ").await;
    server.awake(2, 2).await;
    server.awake(1, 2).await;
    device.expect("RNTO b", "250 ").await;
    device.expect("SIZE b", "213 1").await;
    device.expect("RNTO c", "503 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_keeps_the_account_that_it_logged_in_with() {
    let server = start().await;
    let mut device = at_rest(&server).await;
    let accounts = Accounts::open(&server.folder.path().join("accounts.toml")).unwrap();
    accounts.remove("demo").unwrap();
    assert!(device.store("a", b"1").await.starts_with("226 "));
    let changed = NewAccount { device: Some("other".to_owned()), password: Some("changed".to_owned()), ..NewAccount::default() };
    accounts.add("demo", changed).unwrap();
    server.awake(0, 1).await;
    assert!(device.store("b", b"1").await.starts_with("226 "));
    for (record, _) in server.records() {
        assert_eq!((&record["account"], &record["device"]), (&"demo".into(), &"demo".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_goes_elsewhere_when_the_working_directory_is_gone() {
    let server = start().await;
    let mut device = at_rest(&server).await;
    server.logged_in().await.expect("RMD x", "250 ").await;
    assert!(device.store("a", b"1").await.starts_with("553 "));
    device.expect("PWD", "257 \"/x\"").await;
    device.expect("CWD /x", "550 ").await;
    device.expect("CWD ..", "250 ").await;
    assert!(device.store("a", b"1").await.starts_with("226 "));
    assert_eq!(server.outbox(), [("/a".to_owned(), b"1".to_vec())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn coming_back_is_no_login() {
    let server = start_with(|config| {
        config.limits.logins_per_account = 1;
        config.limits.sessions_per_account = Some(1);
    })
    .await;
    let mut device = at_rest(&server).await;
    device.expect("PWD", "257 ").await;
    server.awake(0, 1).await;
    device.expect("PWD", "257 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_at_rest_is_told_that_the_server_stops() {
    let server = start().await;
    let mut device = at_rest(&server).await;
    server.stop();
    device.expect_reply("421 ").await;
    assert_eq!(device.reply().await, "");
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_at_rest_is_idle_all_the_same() {
    let server = start_with(|config| config.limits.idle = Duration::from_millis(2500)).await;
    let mut device = at_rest(&server).await;
    device.expect_reply("421 ").await;
    assert_eq!(device.reply().await, "");
}
