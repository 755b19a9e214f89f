//! Control connections: starting TLS, what is refused without it, and logging in with a certificate.

use rustls::version::{TLS12, TLS13};

use super::*;
use crate::accounts::{Accounts, NewAccount};

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_that_protect_come_in_their_order() {
    let site = site(|_, _| {}).await;
    let mut device = site.server.device().await;
    assert!(device.expect("FEAT", "211-").await.contains(" AUTH TLS\r\n"));
    for (line, reply) in [("PBSZ 0", "503 "), ("PROT P", "503 "), ("CCC", "503 "), ("AUTH KERBEROS", "504 "), ("AUTH", "501 ")] {
        device.expect(line, reply).await;
    }
    device.expect("AUTH tls", "234 ").await;
    let mut device = Secure::over(device, &client(&site, &TLS12, None)).await.unwrap();
    for (line, reply) in [
        ("PROT P", "503 "),
        ("PBSZ x", "501 "),
        ("PBSZ 0", "200 PBSZ=0"),
        ("PROT S", "536 "),
        ("PROT E", "536 "),
        ("PROT X", "504 "),
        ("PROT P", "200 "),
        ("PROT C", "200 "),
        ("CCC", "534 "),
        ("AUTH TLS", "503 "),
        ("REIN", "502 "),
    ] {
        device.expect(line, reply).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_there_is_no_tls() {
    let server = crate::harness::start().await;
    let mut device = server.device().await;
    assert!(!device.expect("FEAT", "211-").await.contains("AUTH"));
    device.expect("AUTH TLS", "502 ").await;
    device.expect("PBSZ 0", "502 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logged_in_in_the_clear_does_it_again() {
    let site = site(|_, _| {}).await;
    let mut device = site.server.logged_in().await;
    device.expect("AUTH TLS", "234 ").await;
    let mut device = Secure::over(device, &client(&site, &TLS13, None)).await.unwrap();
    device.expect("PWD", "530 ").await;
    device.log_in().await;
    assert!(device.store("a", b"1").await.starts_with("226 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_said_in_the_clear_counts_as_said_within_tls() {
    let site = site(|_, _| {}).await;
    let mut device = site.server.device().await;
    device.send("AUTH TLS\r\nUSER demo\r\n").await;
    device.expect_reply("503 ").await;
    device.expect_reply("331 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_handshake_that_stalls_or_fails_ends_the_session() {
    let site = site(|config, _| config.tls.handshake = Duration::from_millis(300)).await;
    let mut device = site.server.device().await;
    device.expect("AUTH TLS", "234 ").await;
    assert_eq!(within(device.control.read(&mut [0])).await.unwrap(), 0);
    let mut device = site.server.device().await;
    device.expect("AUTH TLS", "234 ").await;
    device.send("USER demo\r\nPASS secret\r\n").await;
    let mut rest = Vec::new();
    let _ = within(device.control.read_to_end(&mut rest)).await;
    assert!(!rest.starts_with(b"2") && !rest.starts_with(b"3"), "{rest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn login_may_need_tls() {
    let site = site(|config, _| config.tls.require = Require::Login).await;
    let mut device = site.server.device().await;
    device.expect("USER demo", "530 ").await;
    device.expect("PASS secret", "530 ").await;
    device.expect("AUTH TLS", "234 ").await;
    let mut device = Secure::over(device, &client(&site, &TLS13, None)).await.unwrap();
    device.log_in().await;
    device.expect("PROT C", "200 ").await;
    let mut clear = device.passive().await;
    device.expect("STOR a", "150 ").await;
    within(clear.write_all(b"1")).await.unwrap();
    drop(clear);
    assert!(device.reply().await.starts_with("226 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn data_connections_may_need_tls() {
    let site = site(|config, _| config.tls.require = Require::Data).await;
    let mut device = Secure::start(&site, &client(&site, &TLS13, None)).await;
    device.expect("USER demo", "331 ").await;
    device.expect("PASS secret", "230 ").await;
    for line in ["PASV", "EPSV", "PORT 127,0,0,1,200,1", "EPRT |1|127.0.0.1|51201|", "STOR a"] {
        device.expect(line, "521 ").await;
    }
    device.expect("PBSZ 0", "200 ").await;
    device.expect("PROT C", "534 ").await;
    device.expect("PROT P", "200 ").await;
    assert!(device.store("a", b"1").await.starts_with("226 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn auth_ssl_protects_data_connections_from_the_start() {
    let site = site(|config, _| config.tls.require = Require::Data).await;
    let mut device = site.server.device().await;
    device.expect("AUTH SSL", "234 ").await;
    let mut device = Secure::over(device, &client(&site, &TLS13, None)).await.unwrap();
    device.expect("USER demo", "331 ").await;
    device.expect("PASS secret", "230 ").await;
    assert!(device.store("a", b"1").await.starts_with("226 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_may_start_before_the_first_word() {
    let site = site(|config, _| config.tls.listen_implicit = Some("127.0.0.1:0".parse().unwrap())).await;
    let address = site.server.implicit.unwrap();
    let stream = connect(&client(&site, &TLS13, None), TcpStream::connect(address).await.unwrap()).await.unwrap();
    let mut device = Secure { control: BufReader::new(stream), address, client: client(&site, &TLS13, None) };
    assert!(device.reply().await.starts_with("220 "));
    device.expect("USER demo", "331 ").await;
    device.expect("PASS secret", "230 ").await;
    assert!(device.store("a", b"1").await.starts_with("226 "));
}

/// An account that a certificate logs in, and what USER is answered when the device shows `shown`.
async fn check_certificate(
    account: impl FnOnce(&Certificate) -> NewAccount,
    authority: bool,
    shown: fn(&Authority) -> Pair,
    reply: &str,
) {
    let maker = Authority::new();
    let device = Pair::of(&maker, "pump-7");
    let site = site(|config, folder| {
        config.tls.client_certificate = ClientCertificate::Request;
        if authority {
            let file = folder.join("authority.pem");
            std::fs::write(&file, &maker.pem).unwrap();
            config.tls.client_ca = Some(file);
        }
    })
    .await;
    let accounts = Accounts::open(&site.server.folder.path().join("accounts.toml")).unwrap();
    accounts.add("pump-7", account(&Certificate::of(&device.certificate).unwrap())).unwrap();
    let shown = shown(&maker);
    // The very certificate where the test is about the account's own.
    let shown = if Certificate::of(&shown.certificate).unwrap().subject.contains("own") { device } else { shown };
    for version in [&TLS12, &TLS13] {
        let mut session = Secure::start(&site, &client(&site, version, Some(&shown))).await;
        session.expect("USER pump-7", reply).await;
        if reply.starts_with("232") {
            session.expect("PASS whatever", "230 ").await;
            session.expect("PBSZ 0", "200 ").await;
            session.expect("PROT P", "200 ").await;
            assert!(session.store("a", b"1").await.starts_with("226 "));
        } else {
            session.expect("PASS whatever", "530 ").await;
        }
        session.expect("QUIT", "221 ").await;
    }
}

fn by_fingerprint(certificate: &Certificate) -> NewAccount {
    NewAccount { certificate: Some(certificate.fingerprint), ..NewAccount::default() }
}

fn by_subject(certificate: &Certificate) -> NewAccount {
    NewAccount { certificate_subject: Some(certificate.subject.clone()), ..NewAccount::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accounts_certificate_logs_it_in() {
    check_certificate(by_fingerprint, false, |_| Pair::own("own"), "232 ").await;
    check_certificate(by_fingerprint, true, |_| Pair::own("own"), "232 ").await;
    check_certificate(by_subject, true, |_| Pair::own("own"), "232 ").await;
    // Renewed by the same authority.
    check_certificate(by_subject, true, |maker| Pair::of(maker, "pump-7"), "232 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_certificate_does_not() {
    check_certificate(by_fingerprint, false, |_| Pair::own("pump-7"), "331 ").await;
    check_certificate(by_fingerprint, true, |maker| Pair::of(maker, "pump-7"), "331 ").await;
    check_certificate(by_subject, true, |maker| Pair::of(maker, "pump-8"), "331 ").await;
    // Anybody can make one with this subject.
    check_certificate(by_subject, false, |_| Pair::own("pump-7"), "331 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_may_be_required_and_data_connections_show_the_same() {
    let site = site(|config, _| config.tls.client_certificate = ClientCertificate::Require).await;
    let mut bare = site.server.device().await;
    bare.expect("AUTH TLS", "234 ").await;
    let nobody = match Secure::over(bare, &client(&site, &TLS13, None)).await {
        // TLS 1.3 tells a device of the refusal only when it goes on.
        Ok(mut device) => {
            let mut word = String::new();
            within(device.control.read_line(&mut word)).await.map(|_| word)
        }
        Err(error) => Err(error),
    };
    assert!(nobody.is_err(), "{nobody:?}");

    let (own, other) = (Pair::own("own"), Pair::own("other"));
    let mut device = Secure::start(&site, &client(&site, &TLS13, Some(&own))).await;
    device.log_in().await;
    let stolen = device.begin_as("STOR a", &client(&site, &TLS13, Some(&other))).await;
    let said = device.reply().await;
    assert!(said.starts_with("522 ") && said.contains("certificate"), "{said}");
    drop(stolen);
    let same = client(&site, &TLS13, Some(&own));
    let mut data = device.begin_as("STOR a", &same).await.unwrap();
    within(data.shutdown()).await.unwrap();
    assert!(device.reply().await.starts_with("226 "));
}
