mod commands;
mod idle;
mod limits;

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;

use super::{named, unquoted};
use crate::accounts::{Accounts, NewAccount};
use crate::edge::Policy;
use crate::harness::{Device, Running, pattern, start, start_with, within};
use crate::session::Mode;

#[test]
fn a_path_is_quoted_once_and_its_own_quotes_are_doubled() {
    for (path, expected) in [("\"/a\"", "\"/a\""), ("/a", "\"/a\""), ("\"/a\"b\"", "\"/a\"\"b\"")] {
        assert_eq!(named(unquoted(path)).to_string(), format!("257 {expected}\r\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_logs_in_and_finds_its_way() {
    let server = start().await;
    let mut device = server.device().await;
    device.expect("PWD", "530 ").await;
    device.expect("PASV", "530 ").await;
    device.expect("USER demo", "331 ").await;
    device.expect("PASS wrong", "530 ").await;
    device.expect("EPSV", "530 ").await;
    device.log_in().await;
    device.expect("PWD", "257 \"/\"").await;
    device.expect("MKD a \"b\"", "257 \"/a \"\"b\"\"\"").await;
    device.expect("CWD a \"b\"", "250 ").await;
    device.expect("XPWD", "257 \"/a \"\"b\"\"\"").await;
    device.expect("XCUP", "250 ").await;
    device.expect("SIZE missing", "550 ").await;
    device.expect("QUIT", "221 ").await;
    assert_eq!(device.reply().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_its_true_cause() {
    let server = start().await;
    let mut device = server.logged_in().await;
    device.expect("MKD folder", "257 ").await;
    assert!(device.store("folder/a", b"1").await.starts_with("226 "));
    for (line, reply) in [
        ("MKD folder", "550 It exists already"),
        ("MKD missing/b", "550 No such file or directory"),
        ("MKD /", "553 Not accepted: the path names the home directory itself"),
        ("MKD folder/a/b", "550 Not a directory"),
        ("CWD missing", "550 No such file or directory"),
        ("CWD folder/a", "550 Not a directory"),
        ("RMD missing", "550 No such file or directory"),
        ("RMD folder", "550 The directory is not empty"),
        ("RMD folder/a", "550 Not a directory"),
        ("RMD /", "550 Permission denied"),
        ("DELE missing", "550 No such file or directory"),
        ("DELE folder", "550 It is a directory"),
        ("SIZE missing", "550 No such file or directory"),
        ("SIZE folder", "550 It is a directory"),
        ("SIZE folder/a", "213 1"),
        ("MLSD folder/a", "501 MLSD lists directories"),
        ("MDTM missing", "550 No such file or directory"),
        ("MLST missing", "550 No such file or directory"),
        ("RNFR missing", "550 No such file or directory"),
        ("RNTO folder/b", "503 Send RNFR first"),
        ("RNFR folder/a", "350 "),
        ("RNTO missing/a", "550 No such file or directory"),
        ("PWD", "257 \"/\""),
    ] {
        device.expect(line, reply).await;
    }
    for (line, reply) in [
        ("RETR missing", "550 No such file or directory"),
        ("RETR folder", "550 It is a directory"),
        ("STOR missing/a", "553 No such directory"),
        ("STOR folder", "553 It is a directory"),
        ("LIST missing", "550 No such file or directory"),
    ] {
        let data = device.passive().await;
        device.expect(line, "150 ").await;
        drop(data);
        device.expect_reply(reply).await;
    }
    device.expect("REST 5", "350 ").await;
    assert_eq!(device.store("folder/a", b"x").await, "550 The file has 1 bytes, nothing can start at 5");
    // The cause is that command's, and no other's.
    let _data = device.passive().await;
    device.expect("STOR folder/b", "150 ").await;
    device.expect("ABOR", "426 ").await;
    device.expect_reply("226 ").await;
    let said = device.ask("PASS again").await;
    assert!(!said.contains("broken off"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_libunftp_hangs_up_for_is_answered() {
    let server = start().await;
    let mut device = server.logged_in().await;
    for (line, reply) in [
        ("OPTS UTF8 ON", "200 "),
        ("OPTS UTF8", "200 "),
        ("STOU name", "501 "),
        ("REST abc", "501 "),
        ("XYZZY", "500 "),
        ("MFMT 20260101000000 x", "550 "),
        ("MFMT yesterday x", "501 "),
        ("CLNT NcFTPPut 3.2.6", "200 "),
        ("LANG", "200 "),
        ("LANG de", "504 "),
        ("HOST ftp.example.org", "503 "),
        ("SITE HELP", "214 "),
        ("SITE CHMOD 644 x", "500 "),
        ("ALLO 5 R 6", "202 "),
        ("PORT 1,2,3", "501 "),
        ("EPRT |3|127.0.0.1|4000|", "522 "),
        ("EPSV 2", "522 "),
        ("", "500 "),
        ("STOR", "501 "),
        ("STOR a", "425 "),
        ("ABOR", "226 "),
        ("STAT", "211-"),
        ("FEAT", "211-"),
        ("HELP", "214-"),
        ("SYST", "215 "),
        ("NOOP", "200 "),
    ] {
        device.expect(line, reply).await;
    }
    device.control.write_all(b"MKD Z\xe4hler\r\n").await.unwrap();
    device.expect_reply("257 \"/Z%E4hler\"").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_sent_ahead_are_answered_in_order() {
    let server = start().await;
    let mut device = server.device().await;
    device
        .send("USER demo\r\nPASS secret\r\nMKD a\r\nCWD a\r\nPWD\r\nSIZE x\r\nXYZZY\r\nREST 5\r\nSTAT\r\nEPSV\r\nQUIT\r\n")
        .await;
    for reply in ["331 ", "230 ", "257 ", "250 ", "257 \"/a\"", "550 ", "500 ", "350 ", "211-", "229 ", "221 "] {
        device.expect_reply(reply).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_line_closes_its_own_session_alone() {
    let server = start().await;
    let mut other = server.logged_in().await;
    let mut device = server.device().await;
    within(device.control.write_all(&vec![b'x'; 10_000_000])).await.unwrap();
    device.expect_reply("500 ").await;
    assert_eq!(device.reply().await, "");
    other.expect("PWD", "257 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_epsv_all_nothing_else_sets_up_a_connection() {
    let server = start().await;
    let mut device = server.logged_in().await;
    device.expect("EPSV ALL", "200 ").await;
    device.expect("PASV", "503 ").await;
    device.expect("PORT 127,0,0,1,200,1", "503 ").await;
    device.expect("EPRT |1|127.0.0.1|51201|", "503 ").await;
    assert!(device.store("a", b"1").await.starts_with("226 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn mlst_takes_its_path_from_the_working_directory() {
    let server = start().await;
    let mut device = server.logged_in().await;
    device.expect("MKD folder", "257 ").await;
    device.expect("CWD folder", "250 ").await;
    assert!(device.store("a b.csv", b"12345").await.starts_with("226 "));
    let listed = device.expect("MLST a b.csv", "250-").await;
    assert!(listed.contains("size=5;") && listed.contains("/folder/a b.csv"), "{listed}");
    device.expect("MLST", "250-").await;
    device.expect("MLST /folder/a b.csv", "250-").await;
    device.expect("MLST /a b.csv", "550 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_the_account_whose_password_was_checked() {
    let server = start().await;
    let mut device = server.device().await;
    device.expect("USER demo", "331 ").await;
    device.expect("USER somebody-else", "331 ").await;
    device.expect("PASS secret", "530 ").await;
    device.expect("PASS secret", "503 ").await;
    device.expect("USER somebody-else", "331 ").await;
    device.expect("USER demo", "331 ").await;
    device.expect("PASS secret", "230 ").await;
    device.expect("USER somebody-else", "530 ").await;
    device.expect("PASS secret", "503 ").await;
    assert!(device.store("a.csv", b"1").await.starts_with("226 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_working_directory_never_loses_its_way() {
    let server = start().await;
    let mut device = server.logged_in().await;
    device.expect("MKD x", "257 ").await;
    device.expect("MKD x/../x//y/", "257 \"/x/y\"").await;
    let walk = [
        ("CWD /x", "/x"),
        ("CWD y", "/x/y"),
        ("CWD ..", "/x"),
        ("CDUP", "/"),
        ("CWD ..", "/"),
        ("CWD //x//./y/../", "/x"),
        ("CDUP", "/"),
    ];
    for (command, folder) in walk {
        device.expect(command, "250 ").await;
        device.expect("PWD", &format!("257 \"{folder}\"")).await;
    }
    device.expect("CWD x", "250 ").await;
    device.expect("CWD missing", "550 ").await;
    assert!(device.store("a.csv", b"1").await.starts_with("226 "));
    device.expect("SIZE /x/a.csv", "213 1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_does_not_log_in_is_sent_away() {
    let limit = Duration::from_millis(300);
    let server = start_with(|config| config.limits.login = limit).await;
    let started = Instant::now();
    let mut device = server.device().await;
    // Being busy does not help.
    let busy = async {
        loop {
            let reply = device.ask("NOOP").await;
            if !reply.starts_with("200 ") {
                return reply;
            }
        }
    };
    let last = within(busy).await;
    assert!(last.starts_with("421 "), "{last}");
    assert!(started.elapsed() >= limit, "sent away after {:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_device_is_sent_away() {
    let limit = Duration::from_millis(300);
    let server = start_with(|config| config.limits.idle = limit).await;
    let mut device = server.logged_in().await;
    let started = Instant::now();
    device.expect("NOOP", "200 ").await;
    device.expect_reply("421 ").await;
    assert!(started.elapsed() >= limit, "sent away after {:?}", started.elapsed());
    assert_eq!(device.reply().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn port_refuses_strangers_and_services_and_never_connects() {
    let server = start_with(|config| config.listen = "127.0.0.1:0".parse().unwrap()).await;
    let mut device = server.logged_in().await;
    let foreign = tokio::net::TcpListener::bind("127.0.0.2:0").await.unwrap();
    let [p1, p2] = foreign.local_addr().unwrap().port().to_be_bytes();
    let said = device.expect(&format!("PORT 127,0,0,2,{p1},{p2}"), "504 ").await;
    assert!(said.contains("127.0.0.2"), "{said}");
    device.expect(&format!("EPRT |1|127.0.0.2|{}|", u16::from_be_bytes([p1, p2])), "504 ").await;
    let said = device.expect("PORT 127,0,0,1,3,255", "504 ").await;
    assert!(said.contains("1023"), "{said}");
    device.expect("EPRT |2|::1|40000|", "522 ").await;
    // The refused address is not remembered either.
    device.expect("STOR a", "425 ").await;
    // Whatever was going to connect would have done so before this round trip: it is the only one that comes.
    let probe = tokio::net::TcpStream::connect(foreign.local_addr().unwrap()).await.unwrap();
    let (_, peer) = within(foreign.accept()).await.unwrap();
    assert_eq!(peer, probe.local_addr().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_connection_from_another_address_gets_its_own_ports() {
    let server = start().await;
    let mut device = Device::connect_from("127.0.0.7", server.address).await;
    device.expect_reply("220 ").await;
    device.log_in().await;
    let address = device.epsv().await;
    let mut stranger = within(tokio::net::TcpStream::connect(address)).await.unwrap();
    assert!(matches!(within(tokio::io::AsyncReadExt::read(&mut stranger, &mut [0])).await, Ok(0) | Err(_)));
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.7:0".parse().unwrap()).unwrap();
    let mut data = within(socket.connect(address)).await.unwrap();
    device.expect("STOR a", "150 ").await;
    data.write_all(&pattern(1000)).await.unwrap();
    drop(data);
    device.expect_reply("226 ").await;
    assert_eq!(server.outbox(), [("/a".to_owned(), pattern(1000))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pasv_names_the_configured_address() {
    let server = start_with(|config| config.passive.address = "203.0.113.9".parse().unwrap()).await;
    let mut device = server.logged_in().await;
    device.expect("PASV", "227 Entering Passive Mode (203,0,113,9,").await;
}

/// Adds an account with the password `secret`, and logs in with it.
async fn logged_in_as(server: &Running, new: NewAccount) -> Device {
    let accounts = Accounts::open(&server.folder.path().join("accounts.toml")).unwrap();
    accounts.add("own", NewAccount { password: Some("secret".to_owned()), ..new }).unwrap();
    let mut device = server.device().await;
    device.expect("USER own", "331 ").await;
    device.expect("PASS secret", "230 ").await;
    device
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_may_be_told_another_address() {
    let server = start_with(|config| config.passive.address = "203.0.113.9".parse().unwrap()).await;
    let own = NewAccount { passive_address: Some("198.51.100.4".parse().unwrap()), ..NewAccount::default() };
    logged_in_as(&server, own).await.expect("PASV", "227 Entering Passive Mode (198,51,100,4,").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_may_be_kept_to_one_mode() {
    let server = start().await;
    let mut device = logged_in_as(&server, NewAccount { modes: Some(vec![Mode::Active]), ..NewAccount::default() }).await;
    device.expect("PASV", "502 ").await;
    device.expect("EPSV", "502 ").await;
    device.expect("STOR a", "425 ").await;
    let listener = device.active().await;
    device.send("STOR a\r\n").await;
    let (data, _) = within(listener.accept()).await.unwrap();
    device.expect_reply("150 ").await;
    drop(data);
    device.expect_reply("226 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_address_is_dialled_at_the_devices_own() {
    let server = start_with(|config| config.active.policy = Policy::RewritePrivate).await;
    let mut device = server.logged_in().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let [p1, p2] = listener.local_addr().unwrap().port().to_be_bytes();
    device.expect(&format!("PORT 192,168,1,20,{p1},{p2}"), "200 ").await;
    device.send("STOR a\r\n").await;
    let (data, _) = within(listener.accept()).await.unwrap();
    device.expect_reply("150 ").await;
    drop(data);
    device.expect_reply("226 ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_balancer_the_devices_address_is_the_one_that_counts() {
    let server = start_with(|config| config.proxy.trusted = vec!["127.0.0.2".parse().unwrap()]).await;
    let mut device = Device::connect_from("127.0.0.2", server.address).await;
    device.send("PROXY TCP4 192.0.2.7 203.0.113.9 40000 21\r\n").await;
    device.expect_reply("220 ").await;
    device.log_in().await;
    let status = device.expect("STAT", "211-").await;
    assert!(status.contains("Connected from 192.0.2.7:40000"), "{status}");
    // What the device dialled, not what the balancer did.
    device.expect("PASV", "227 Entering Passive Mode (203,0,113,9,").await;
    device.expect("PORT 127,0,0,2,200,1", "504 ").await;

    let address = device.epsv().await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut data = within(socket.connect(address)).await.unwrap();
    data.write_all(b"PROXY TCP4 192.0.2.7 203.0.113.9 40001 2122\r\n").await.unwrap();
    data.write_all(&pattern(1000)).await.unwrap();
    device.expect("STOR a", "150 ").await;
    drop(data);
    device.expect_reply("226 ").await;
    let (record, bytes) = server.records().remove(0);
    assert_eq!(bytes, pattern(1000));
    assert_eq!(record["client"].as_str().unwrap(), "192.0.2.7:40000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_balancer_without_a_header_gets_no_session() {
    let server = start_with(|config| {
        config.proxy.trusted = vec!["127.0.0.2".parse().unwrap()];
        config.proxy.header = Duration::from_millis(50);
    })
    .await;
    assert_eq!(Device::connect_from("127.0.0.2", server.address).await.reply().await, "");
    let mut liar = Device::connect_from("127.0.0.2", server.address).await;
    liar.send("USER demo\r\nPASS secret\r\n").await;
    assert_eq!(liar.reply().await, "");
    // A stranger's header is a command that there is not.
    let mut stranger = server.device().await;
    stranger.expect("PROXY TCP4 192.0.2.7 203.0.113.9 40000 21", "500 ").await;
}
