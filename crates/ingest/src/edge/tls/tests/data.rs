//! Data connections.

use rustls::version::{TLS12, TLS13};

use super::*;

const BYTES: usize = 700_000;

/// Three uploads and a download, with as many handshakes resumed as there are after the first.
async fn check_transfers(version: &'static SupportedProtocolVersion, resumption: Resumption) {
    let site = site(|config, _| config.tls.resumption = resumption).await;
    let mut device = Secure::start(&site, &client(&site, version, None)).await;
    device.log_in().await;
    for name in ["a", "b", "c"] {
        assert!(device.store(name, &pattern(BYTES)).await.starts_with("226 "));
    }
    let mut data = device.begin("RETR a").await.unwrap();
    let mut bytes = Vec::new();
    // To its end by close_notify: rustls takes no other for one.
    within(data.read_to_end(&mut bytes)).await.unwrap();
    if resumption == Resumption::Required {
        assert_eq!(data.get_ref().1.handshake_kind(), Some(HandshakeKind::Resumed));
    }
    assert_eq!(bytes, pattern(BYTES));
    assert!(device.reply().await.starts_with("226 "));
    assert_eq!(site.server.outbox().iter().filter(|(_, bytes)| *bytes == pattern(BYTES)).count(), 3);
    device.expect("QUIT", "221 ").await;
    assert_eq!(device.reply().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_are_whole_within_tls_1_2() {
    check_transfers(&TLS12, Resumption::Optional).await;
    check_transfers(&TLS12, Resumption::Required).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_are_whole_within_tls_1_3() {
    check_transfers(&TLS13, Resumption::Optional).await;
    check_transfers(&TLS13, Resumption::Required).await;
}

async fn check_strangers(version: &'static SupportedProtocolVersion) {
    let site = site(|config, _| config.tls.resumption = Resumption::Required).await;
    let own = client(&site, version, None);
    let mut device = Secure::start(&site, &own).await;
    device.log_in().await;
    let mut data = device.begin("STOR own").await.unwrap();
    assert_eq!(data.get_ref().1.handshake_kind(), Some(HandshakeKind::Resumed));
    within(data.shutdown()).await.unwrap();
    assert!(device.reply().await.starts_with("226 "));

    // Another device's ticket, though the server gave it out as well.
    let foreign = client(&site, version, None);
    let mut other = Secure::start(&site, &foreign).await;
    other.log_in().await;
    for stranger in [without_tickets(&own), foreign] {
        let data = device.begin_as("STOR stolen", &stranger).await;
        let said = device.reply().await;
        assert!(said.starts_with("522 "), "{said}");
        drop(data);
    }
    site.server.nothing_under_way().await;
    assert_eq!(site.server.outbox(), [("/own".to_owned(), Vec::new())]);
    assert!(device.ask("NOOP").await.starts_with("200 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_session_of_the_control_connection_counts_as_resumed() {
    check_strangers(&TLS12).await;
    check_strangers(&TLS13).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_may_use_one_ticket_for_all_its_uploads() {
    let site = site(|config, _| config.tls.resumption = Resumption::Required).await;
    let own = client(&site, &TLS12, None);
    let mut first = Secure::start(&site, &own).await;
    first.expect("NOOP", "200 ").await;
    // The control connection itself resumes an earlier one; its data connections may resume either.
    let mut device = Secure::start(&site, &own).await;
    assert_eq!(device.control.get_ref().get_ref().1.handshake_kind(), Some(HandshakeKind::Resumed));
    device.log_in().await;
    for name in ["a", "b", "c"] {
        assert!(device.store(name, b"1").await.starts_with("226 "));
    }
}

/// An upload whose data ends with the connection and not with close_notify.
async fn cut_off(close_notify: CloseNotify) -> (Site, String) {
    let site = site(|config, _| config.tls.close_notify = close_notify).await;
    let mut device = Secure::start(&site, &client(&site, &TLS13, None)).await;
    device.log_in().await;
    let mut data = device.begin("STOR a").await.unwrap();
    within(data.write_all(&pattern(BYTES))).await.unwrap();
    within(data.flush()).await.unwrap();
    within(data.get_mut().0.shutdown()).await.unwrap();
    let said = device.reply().await;
    device.expect("NOOP", "200 ").await;
    (site, said)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_ends_without_close_notify_is_cut_off() {
    let (site, said) = cut_off(CloseNotify::Required).await;
    assert!(said.starts_with("426 ") && said.contains("close_notify"), "{said}");
    site.server.nothing_under_way().await;
    assert_eq!(site.server.outbox(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_without_close_notify_may_be_taken_for_one() {
    let (site, said) = cut_off(CloseNotify::Optional).await;
    assert!(said.starts_with("226 "), "{said}");
    assert_eq!(site.server.outbox(), [("/a".to_owned(), pattern(BYTES))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_stalls_or_fails_is_answered() {
    let site = site(|config, _| config.tls.handshake = Duration::from_millis(300)).await;
    let mut device = Secure::start(&site, &client(&site, &TLS13, None)).await;
    device.log_in().await;
    let silent = device.passive().await;
    device.expect("STOR a", "150 ").await;
    let said = device.reply().await;
    assert!(said.starts_with("425 ") && said.contains("300ms"), "{said}");
    drop(silent);

    let mut clear = device.passive().await;
    device.expect("STOR a", "150 ").await;
    within(clear.write_all(&[b'x'; 1000])).await.unwrap();
    let said = device.reply().await;
    assert!(said.starts_with("522 "), "{said}");

    let gone = device.passive().await;
    drop(gone);
    device.expect("LIST", "150 ").await;
    let said = device.reply().await;
    assert!(said.starts_with("425 "), "{said}");
    site.server.nothing_under_way().await;
    assert_eq!(site.server.outbox(), []);
    assert!(device.store("a", b"1").await.starts_with("226 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn abor_and_stat_are_answered_within_tls() {
    let site = site(|_, _| {}).await;
    let mut device = Secure::start(&site, &client(&site, &TLS13, None)).await;
    device.log_in().await;
    let mut data = device.begin("STOR a").await.unwrap();
    within(data.write_all(&pattern(1000))).await.unwrap();
    assert!(device.ask("STAT").await.starts_with("211 "));
    assert!(device.ask("ABOR").await.starts_with("426 "));
    assert!(device.reply().await.starts_with("226 "));
    site.server.nothing_under_way().await;
    assert_eq!(site.server.outbox(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_dies_within_tls_leaves_nothing() {
    let site = site(|config, _| config.tls.close_notify = CloseNotify::Optional).await;
    for _ in 0..10 {
        let mut device = Secure::start(&site, &client(&site, &TLS13, None)).await;
        device.log_in().await;
        let mut data = device.begin("STOR a").await.unwrap();
        within(data.write_all(&pattern(1000))).await.unwrap();
        within(data.flush()).await.unwrap();
        // As the kernel does it for a process that was killed: one after the other, at once.
        drop(data);
        drop(device);
    }
    site.server.nothing_under_way().await;
    assert_eq!(site.server.outbox(), []);
}
