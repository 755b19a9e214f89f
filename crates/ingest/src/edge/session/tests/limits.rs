//! Who gets a session and may log in, and how often.

use super::*;

/// The rest of the replies, once the server has closed the connection.
async fn turned_away(mut device: Device, says: &str) {
    let last = device.expect_reply("421 ").await;
    assert!(last.contains(says), "{last}");
    assert_eq!(device.reply().await, "");
}

/// A login that is told 421.
async fn login_turned_away(server: &Running, name: &str, password: &str, says: &str) {
    let mut device = server.device().await;
    device.expect(&format!("USER {name}"), "331 ").await;
    device.send(&format!("PASS {password}\r\n")).await;
    turned_away(device, says).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_wrong_logins_lock_a_name_out_for_a_while_whether_or_not_it_is_an_account() {
    let server = start_with(|config| {
        config.limits.failed_logins_per_account = 2;
        config.limits.lockout = Duration::from_secs(1);
    })
    .await;
    for name in ["demo", "nobody"] {
        let mut guesser = server.device().await;
        guesser.expect(&format!("USER {name}"), "331 ").await;
        guesser.expect("PASS wrong", "530 ").await;
        guesser.expect(&format!("USER {name}"), "331 ").await;
        guesser.send("PASS wrong\r\n").await;
        turned_away(guesser, "wrong logins with this name").await;
        login_turned_away(&server, name, "secret", "try again in 1 seconds").await;
    }
    let ended = async {
        loop {
            let mut device = server.device().await;
            device.expect("USER demo", "331 ").await;
            if device.ask("PASS secret").await.starts_with("230 ") {
                return;
            }
        }
    };
    within(ended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_wrong_logins_lock_an_address_out_and_not_the_devices_that_were_right_from_there() {
    let server = start_with(|config| config.limits.failed_logins_per_address = 3).await;
    drop(server.logged_in().await);
    for guess in ["a", "b", "c"] {
        let mut guesser = server.device().await;
        guesser.expect(&format!("USER {guess}"), "331 ").await;
        guesser.ask("PASS wrong").await;
    }
    login_turned_away(&server, "other", "secret", "wrong logins from your address").await;
    drop(server.logged_in().await);
    let mut elsewhere = Device::connect_from("127.0.0.7", server.address).await;
    elsewhere.expect_reply("220 ").await;
    elsewhere.log_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_tried_all_at_once_are_no_more_than_those_tried_one_by_one() {
    let server = start_with(|config| config.limits.failed_logins_per_account = 5).await;
    let guesses = (0..30).map(async |_| {
        let mut guesser = server.device().await;
        guesser.expect("USER demo", "331 ").await;
        guesser.ask("PASS wrong").await
    });
    let replies = futures::future::join_all(guesses).await;
    let looked_at = replies.iter().filter(|reply| reply.starts_with("530 ")).count();
    // Four are told that they were wrong, the fifth that it was once too often; two are looked at side by side.
    assert!((4..=6).contains(&looked_at), "{replies:?}");
    login_turned_away(&server, "demo", "secret", "wrong logins with this name").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_over_the_rate_are_turned_away() {
    let server = start_with(|config| config.limits.logins_per_account = 3).await;
    for _ in 0..3 {
        server.logged_in().await;
    }
    login_turned_away(&server, "demo", "secret", "Too many logins with this name").await;
    let server = start_with(|config| config.limits.logins_per_address = 3).await;
    for _ in 0..3 {
        server.logged_in().await;
    }
    login_turned_away(&server, "demo", "secret", "Too many logins from your address").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_and_an_account_have_so_many_sessions() {
    let server = start_with(|config| {
        config.limits.sessions_per_address = Some(3);
        config.limits.sessions_per_account = Some(1);
        config.limits.exempt = vec!["127.0.0.8".parse().unwrap()];
    })
    .await;
    let first = server.logged_in().await;
    login_turned_away(&server, "demo", "secret", "sessions of this account").await;
    let held = [server.device().await, server.device().await];
    turned_away(Device::connect(server.address).await, "sessions from your address").await;
    let probes = futures::future::join_all((0..5).map(|_| Device::connect_from("127.0.0.8", server.address))).await;
    for mut probe in probes {
        probe.expect_reply("220 ").await;
    }
    // Both places come free.
    drop((first, held));
    let again = async {
        loop {
            let mut device = Device::connect(server.address).await;
            if device.reply().await.starts_with("220 ") {
                device.expect("USER demo", "331 ").await;
                if device.ask("PASS secret").await.starts_with("230 ") {
                    return;
                }
            }
        }
    };
    within(again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_too_long_gets_552_while_it_runs_and_the_session_goes_on() {
    let server = start_with(|config| config.limits.upload_bytes = bytesize::ByteSize::kib(100)).await;
    let mut device = server.logged_in().await;
    assert!(device.store("whole", &pattern(102_400)).await.starts_with("226 "));
    let mut data = device.passive().await;
    device.expect("STOR endless", "150 ").await;
    let endless = async { while data.write_all(&pattern(10_000)).await.is_ok() {} };
    let (said, ()) = tokio::join!(device.expect_reply("552 "), within(endless));
    assert!(said.contains("longer than 100.0 KiB"), "{said}");
    device.expect("SIZE endless", "550 ").await;
    server.nothing_under_way().await;
    assert!(device.store("next", b"1").await.starts_with("226 "));
    assert_eq!(server.outbox().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_may_have_a_quota_of_its_own() {
    let server = start_with(|config| config.limits.home_bytes = bytesize::ByteSize::b(10)).await;
    let mut device = server.logged_in().await;
    let said = device.store("a", &pattern(11)).await;
    assert!(said.starts_with("552 ") && said.contains("your home with more than 10 B"), "{said}");
    // The words are those of the upload that was refused, and of no other reply.
    assert!(device.store("missing/a", b"1").await.starts_with("553 "));
    let quota = Some(bytesize::ByteSize::b(1000));
    let mut device = logged_in_as(&server, NewAccount { quota, ..NewAccount::default() }).await;
    assert!(device.store("a", &pattern(1000)).await.starts_with("226 "));
    assert!(device.store("b", &pattern(1)).await.starts_with("552 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_get_452_before_they_are_taken_while_the_disk_is_nearly_full() {
    let server = start_with(|config| config.limits.disk_free = bytesize::ByteSize::pib(1000)).await;
    let mut device = server.logged_in().await;
    device.expect("STOR a", "425 ").await;
    let _data = device.passive().await;
    device.expect("STOR a", "452 ").await;
    // Nothing stands between a device and what it wants to read.
    device.fetch("LIST").await;
    device.expect("MKD folder", "257 ").await;
}
