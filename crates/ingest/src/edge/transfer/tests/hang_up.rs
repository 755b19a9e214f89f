//! Devices that hang up before the end of their data.

use super::*;
use crate::config::HangUp;

/// A device that hangs up before the end of its data, which ends in order afterwards.
async fn hung_up(hang_up: HangUp) -> Running {
    let server = start_with(|config| config.hang_up = hang_up).await;
    let (device, mut data) = half_stored(&server).await;
    drop(device);
    if hang_up == HangUp::Discard {
        server.nothing_under_way().await;
    }
    let _ = data.write_all(b"rest").await;
    drop(data);
    server.nothing_under_way().await;
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_an_upload_after_a_hang_up_is_configured() {
    assert_eq!(hung_up(HangUp::Discard).await.outbox(), []);
    let kept = [("/a".to_owned(), [&pattern(BYTES)[..], b"rest"].concat())];
    assert_eq!(hung_up(HangUp::Keep).await.outbox(), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_says_all_and_hangs_up_at_once_may_have_uploaded() {
    let server = start_with(|config| config.hang_up = HangUp::Keep).await;
    for at in 0..20 {
        let mut device = server.logged_in().await;
        let mut data = device.passive().await;
        device.send(&format!("STOR a{at:02}\r\n")).await;
        data.write_all(&pattern(1000)).await.unwrap();
        drop(data);
        drop(device);
    }
    let all = async {
        while server.outbox().len() < 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(all).await;
    assert!(server.outbox().iter().all(|(_, bytes)| *bytes == pattern(1000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_outlives_its_session_is_still_broken_off_by_a_reset() {
    let server = start_with(|config| config.hang_up = HangUp::Keep).await;
    let (device, data) = half_stored(&server).await;
    drop(device);
    reset_on_close(&data);
    drop(data);
    server.nothing_under_way().await;
    assert_eq!(server.outbox(), []);
}
