use std::io;
use std::time::Duration;

use proptest::prelude::*;
use tokio::io::AsyncWriteExt;

use super::{Ends, Header, SIGNATURE, ends, read};
use crate::config::Proxy;

fn of(client: &str, reached: &str) -> Ends {
    Ends { client: client.parse().unwrap(), reached: reached.parse().unwrap() }
}

/// A header of version 2.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, rest].concat()
}

const V4: [u8; 12] = [192, 0, 2, 7, 203, 0, 113, 9, 0xdc, 0x04, 0, 21];

fn v6() -> Vec<u8> {
    let client = "2001:db8::7".parse::<std::net::Ipv6Addr>().unwrap().octets();
    let reached = "2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap().octets();
    [&client[..], &reached, &[0xdc, 0x04, 0, 21]].concat()
}

/// Reads a header, and checks that what follows it is still there.
async fn check(header: &[u8], expected: Option<Header>) {
    let sent = [header, b"USER demo\r\n"].concat();
    let mut left = &sent[..];
    let found = read(&mut left).await;
    assert_eq!(found.as_ref().ok(), expected.as_ref(), "{}", header.escape_ascii());
    if expected.is_some() {
        assert_eq!(left, b"USER demo\r\n", "after {}", header.escape_ascii());
    }
}

#[tokio::test]
async fn version_1_is_a_line() {
    let v4 = Header::For(of("192.0.2.7:56324", "203.0.113.9"));
    check(b"PROXY TCP4 192.0.2.7 203.0.113.9 56324 21\r\n", Some(v4)).await;
    check(b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 21\r\n", Some(Header::For(of("[2001:db8::7]:56324", "2001:db8::1")))).await;
    check(b"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:203.0.113.9 56324 21\r\n", Some(v4)).await;
    check(b"PROXY UNKNOWN\r\n", Some(Header::Itself)).await;
    check(b"PROXY UNKNOWN ffff::1 whatever 1 2\r\n", Some(Header::Itself)).await;
    for bad in [
        &b"USER demo\r\nPASS secret\r\n"[..],
        b"PROXY TCP4 192.0.2.7 203.0.113.9 56324\r\n",
        b"PROXY TCP4 192.0.2.7 203.0.113.9 56324 21 22\r\n",
        b"PROXY TCP4 192.0.2.7 203.0.113.9 65536 21\r\n",
        b"PROXY TCP4 192.0.2.7 203.0.113.9 +5632 21\r\n",
        b"PROXY TCP4 192.0.2.7 203.0.113.9 056 21\r\n",
        b"PROXY TCP4  192.0.2.7 203.0.113.9 56324 21\r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::1 56324 21\r\n",
        b"PROXY TCP6 192.0.2.7 203.0.113.9 56324 21\r\n",
        b"PROXY UDP4 192.0.2.7 203.0.113.9 56324 21\r\n",
        b"proxy TCP4 192.0.2.7 203.0.113.9 56324 21\r\n",
        b"PROXY TCP4 192.0.2.7 203.0.113.9 56324 21\n\n\n",
        &[&b"PROXY UNKNOWN "[..], &[b'x'; 200], b"\r\n"].concat(),
    ] {
        check(bad, None).await;
    }
}

#[tokio::test]
async fn version_2_is_binary() {
    let v4 = Header::For(of("192.0.2.7:56324", "203.0.113.9"));
    check(&binary(0x21, 0x11, &V4), Some(v4)).await;
    check(&binary(0x21, 0x11, &[&V4[..], &[0x04, 0, 3, 1, 2, 3]].concat()), Some(v4)).await;
    check(&binary(0x21, 0x21, &v6()), Some(Header::For(of("[2001:db8::7]:56324", "2001:db8::1")))).await;
    check(&binary(0x20, 0x00, &[]), Some(Header::Itself)).await;
    check(&binary(0x20, 0x11, &V4), Some(Header::Itself)).await;
    check(&binary(0x21, 0x00, &[]), Some(Header::Itself)).await;
    for bad in [
        binary(0x21, 0x11, &V4[..11]),
        binary(0x21, 0x21, &V4),
        binary(0x21, 0x12, &V4),
        binary(0x21, 0x31, &[0; 216]),
        binary(0x22, 0x11, &V4),
        binary(0x11, 0x11, &V4),
        binary(0x20, 0x00, &[0; 5000]),
        SIGNATURE.to_vec(),
    ] {
        // A header that breaks off takes what follows for its own.
        check(&bad, None).await;
    }
}

#[tokio::test]
async fn only_trusted_balancers_are_believed() {
    let proxy = Proxy { trusted: vec!["10.0.0.0/8".parse().unwrap()], header: Duration::from_secs(30) };
    let line = b"PROXY TCP4 192.0.2.7 203.0.113.9 56324 21\r\n";

    let stranger = of("198.51.100.1:4000", "203.0.113.1");
    let mut sent = &line[..];
    assert_eq!(ends(&mut sent, stranger, &proxy).await.unwrap(), stranger);
    assert_eq!(sent.len(), line.len(), "a stranger's bytes were read");

    let balancer = of("[::ffff:10.0.0.2]:4000", "::ffff:10.0.0.9");
    assert_eq!(ends(&mut &line[..], balancer, &proxy).await.unwrap(), of("192.0.2.7:56324", "203.0.113.9"));
    assert_eq!(ends(&mut &b"PROXY UNKNOWN\r\n"[..], balancer, &proxy).await.unwrap(), of("10.0.0.2:4000", "10.0.0.9"));
    assert!(ends(&mut &b"USER demo\r\nPASS x\r\n"[..], balancer, &proxy).await.is_err());
}

#[tokio::test]
async fn a_balancer_that_sends_no_whole_header_is_given_up() {
    let proxy = Proxy { trusted: vec!["10.0.0.0/8".parse().unwrap()], header: Duration::from_millis(50) };
    let (mut device, mut ours) = tokio::io::duplex(256);
    device.write_all(b"PROXY TCP4 192.0.2.7 ").await.unwrap();
    let error = ends(&mut ours, of("10.0.0.2:4000", "10.0.0.9"), &proxy).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(start in prop_oneof![Just(vec![]), Just(SIGNATURE.to_vec()), Just(b"PROXY TCP4 ".to_vec())], bytes: Vec<u8>) {
        let sent = [start, bytes].concat();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut left = &sent[..];
        let _ = runtime.block_on(read(&mut left));
        prop_assert!(sent.len() - left.len() <= 16 + 4096);
    }

    #[test]
    fn any_client_comes_through_either_version(client: [u8; 4], port: u16, reached: [u8; 4]) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let expected = Header::For(Ends { client: (client, port).into(), reached: reached.into() });
        let [a, b] = port.to_be_bytes();
        let line = format!("PROXY TCP4 {} {} {port} 21\r\n", std::net::Ipv4Addr::from(client), std::net::Ipv4Addr::from(reached));
        let packed = binary(0x21, 0x11, &[&client[..], &reached, &[a, b, 0, 21]].concat());
        for header in [line.into_bytes(), packed] {
            prop_assert_eq!(runtime.block_on(async { read(&mut &header[..]).await }).unwrap(), expected);
        }
    }
}
