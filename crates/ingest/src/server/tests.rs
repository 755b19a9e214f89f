use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::harness::{Device, bind, pattern, start, start_with, within};

#[tokio::test]
async fn an_address_in_use_is_named_with_its_key() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let said = bind(folder.path(), |config| config.listen = address).await.unwrap_err().to_string();
    assert_eq!(said, format!("ingest.listen: cannot listen on {address}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_too_many_is_turned_away_and_its_place_comes_free() {
    let server = start_with(|config| config.limits.sessions = 1).await;
    let mut first = server.device().await;
    let mut second = Device::connect(server.address).await;
    second.expect_reply("421 ").await;
    assert_eq!(second.reply().await, "");
    first.expect("QUIT", "221 ").await;
    drop(first);
    let place = async {
        loop {
            let mut next = Device::connect(server.address).await;
            if next.reply().await.starts_with("220 ") {
                return next;
            }
        }
    };
    within(place).await.expect("NOOP", "200 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_lets_nobody_in_until_the_transfers_are_finished_and_then_sends_all_away() {
    let server = start().await;
    let mut idle = server.logged_in().await;
    let mut newcomer = server.device().await;
    let mut busy = server.logged_in().await;
    let mut data = busy.passive().await;
    busy.expect("STOR a", "150 ").await;
    server.stop();
    newcomer.expect_reply("421 ").await;
    let mut late = Device::connect(server.address).await;
    late.expect_reply("421 ").await;
    // A device that has logged in is not cut off in the middle of what it is about to do.
    assert!(idle.store("b", &pattern(1000)).await.starts_with("226 "));
    idle.expect_reply("421 ").await;
    data.write_all(&pattern(300_000)).await.unwrap();
    drop(data);
    busy.expect_reply("226 ").await;
    busy.expect_reply("421 ").await;
    assert_eq!(server.outbox(), [("/a".to_owned(), pattern(300_000)), ("/b".to_owned(), pattern(1000))]);
    drop((idle, busy));
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_sessions_are_sent_away_when_no_transfer_is_under_way() {
    let server = start().await;
    let mut idle = server.logged_in().await;
    let mut busy = server.logged_in().await;
    let data = busy.passive().await;
    busy.expect("STOR a", "150 ").await;
    let mut newcomer = server.device().await;
    server.stop();
    newcomer.expect_reply("421 ").await;
    idle.expect("NOOP", "200 ").await;
    drop(data);
    busy.expect_reply("226 ").await;
    idle.expect_reply("421 ").await;
    drop((idle, busy));
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn for_the_time_of_the_notice_devices_are_served_as_ever() {
    let server = start_with(|config| config.drain_notice = Duration::from_secs(2)).await;
    let mut before = server.logged_in().await;
    let told = std::time::Instant::now();
    server.stop();
    let mut after = server.logged_in().await;
    assert!(after.store("a", b"1").await.starts_with("226 "));
    assert!(before.store("b", b"2").await.starts_with("226 "));
    assert!(told.elapsed() < Duration::from_secs(2), "the machine was too slow to tell");
    before.expect_reply("421 ").await;
    after.expect_reply("421 ").await;
    assert!(told.elapsed() >= Duration::from_secs(2));
    drop((before, after));
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_does_not_finish_is_broken_off_in_the_end() {
    let server = start_with(|config| config.drain = Duration::from_millis(200)).await;
    let mut device = server.logged_in().await;
    let mut data = device.passive().await;
    device.expect("STOR a", "150 ").await;
    data.write_all(b"half").await.unwrap();
    server.stop();
    let said = device.expect_reply("426 ").await;
    assert!(said.contains("stopping"), "{said}");
    device.expect_reply("421 ").await;
    assert_eq!(server.outbox(), []);
    server.nothing_under_way().await;
    drop(device);
    server.stopped().await;
}
