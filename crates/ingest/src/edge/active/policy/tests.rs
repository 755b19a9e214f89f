use std::net::SocketAddr;

use proptest::prelude::*;

use super::{Policy, SourcePort, is_reserved};

#[derive(serde::Deserialize)]
struct Section {
    policy: Policy,
    source_port: SourcePort,
}

fn section(policy: &str, source_port: &str) -> Result<Section, String> {
    toml::from_str(&format!("policy = {policy}\nsource_port = {source_port}")).map_err(|error| error.to_string())
}

fn check(policy: &str, named: &str, client: &str, expected: Result<&str, u16>) {
    let found = section(policy, "20").unwrap().policy.target(named.parse().unwrap(), client.parse().unwrap());
    let expected = expected.map(|address| address.parse::<SocketAddr>().unwrap());
    assert_eq!(found.map_err(|reply| reply.code), expected, "{policy}: {named} from {client}");
}

#[test]
fn only_the_devices_own_address_and_a_high_port_may_be_named() {
    let strict = "'strict'";
    check(strict, "192.0.2.7:40001", "192.0.2.7:5000", Ok("192.0.2.7:40001"));
    check(strict, "192.0.2.7:1024", "192.0.2.7:5000", Ok("192.0.2.7:1024"));
    check(strict, "192.0.2.7:1023", "192.0.2.7:5000", Err(504));
    check(strict, "192.0.2.7:0", "192.0.2.7:5000", Err(504));
    check(strict, "192.0.2.8:40001", "192.0.2.7:5000", Err(504));
    check(strict, "10.0.0.8:40001", "192.0.2.7:5000", Err(504));
    check(strict, "127.0.0.1:40001", "192.0.2.7:5000", Err(504));
    check(strict, "127.0.0.1:40001", "127.0.0.1:5000", Ok("127.0.0.1:40001"));
    check(strict, "0.0.0.0:40001", "192.0.2.7:5000", Err(504));
    check(strict, "[2001:db8::7]:40001", "[2001:db8::7]:5000", Ok("[2001:db8::7]:40001"));
    check(strict, "[2001:db8::8]:40001", "[2001:db8::7]:5000", Err(504));
    check(strict, "[::ffff:192.0.2.7]:40001", "192.0.2.7:5000", Err(522));
    check(strict, "192.0.2.7:40001", "[2001:db8::7]:5000", Err(522));
}

#[test]
fn a_link_local_device_is_dialled_in_its_own_zone() {
    check("'strict'", "[fe80::7]:40001", "[fe80::7%3]:5000", Ok("[fe80::7%3]:40001"));
}

#[test]
fn a_private_address_may_stand_for_the_one_a_device_is_seen_under() {
    let rewrite = "'rewrite-private'";
    for private in ["10.0.0.8", "172.31.0.1", "192.168.1.20", "100.64.0.1"] {
        check(rewrite, &format!("{private}:40001"), "192.0.2.7:5000", Ok("192.0.2.7:40001"));
    }
    check(rewrite, "[fd12::8]:40001", "[2001:db8::7]:5000", Ok("[2001:db8::7]:40001"));
    check(rewrite, "10.0.0.8:1023", "192.0.2.7:5000", Err(504));
    for other in ["192.0.2.8", "127.0.0.1", "169.254.169.254", "172.32.0.1", "100.128.0.1", "0.0.0.0"] {
        check(rewrite, &format!("{other}:40001"), "192.0.2.7:5000", Err(504));
    }
}

#[test]
fn networks_may_be_allowed_and_never_reserved_addresses() {
    let all = "['0.0.0.0/0', '::/0']";
    check("['192.0.2.0/24']", "192.0.2.8:40001", "198.51.100.1:5000", Ok("192.0.2.8:40001"));
    check("['192.0.2.0/24']", "198.51.100.1:40001", "198.51.100.1:5000", Ok("198.51.100.1:40001"));
    check("['192.0.2.0/24']", "198.51.100.2:40001", "198.51.100.1:5000", Err(504));
    check("[]", "198.51.100.2:40001", "198.51.100.1:5000", Err(504));
    for reserved in
        ["127.0.0.1", "127.8.8.8", "169.254.169.254", "169.254.0.1", "0.0.0.0", "0.1.2.3", "255.255.255.255", "224.0.0.1"]
    {
        check(all, &format!("{reserved}:40001"), "198.51.100.1:5000", Err(504));
    }
    for reserved in ["::1", "::", "fe80::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1"] {
        check(all, &format!("[{reserved}]:40001"), "[2001:db8::7]:5000", Err(504));
    }
    // The peer itself is no stranger, wherever it is.
    check(all, "127.0.0.1:40001", "127.0.0.1:5000", Ok("127.0.0.1:40001"));
    check(all, "169.254.3.4:40001", "169.254.3.4:5000", Ok("169.254.3.4:40001"));
}

#[test]
fn settings_are_words_numbers_or_lists() {
    assert_eq!(section("'strict'", "'ephemeral'").unwrap().source_port, SourcePort::Ephemeral);
    assert_eq!(section("'strict'", "20").unwrap().source_port, SourcePort::FtpData);
    assert_eq!(section("'strict'", "'20'").unwrap().source_port, SourcePort::FtpData);
    for (policy, source_port, says) in
        [("'lax'", "20", "lax"), ("['ten']", "20", "ten"), ("'strict'", "21", "21"), ("'strict'", "'any'", "any")]
    {
        let refusal = section(policy, source_port).err().unwrap();
        assert!(refusal.contains(says), "{refusal}");
    }
}

proptest! {
    #[test]
    fn whatever_is_named_a_stranger_that_is_reserved_is_never_dialled(named: [u8; 4], port: u16, client: [u8; 4]) {
        let (named, client) = (SocketAddr::from((named, port)), SocketAddr::from((client, 5000)));
        for policy in ["'strict'", "'rewrite-private'", "['0.0.0.0/0']"] {
            if let Ok(target) = section(policy, "20").unwrap().policy.target(named, client) {
                prop_assert!(target.ip() == client.ip() || policy.starts_with('[') && !is_reserved(target.ip()));
                prop_assert_eq!(target.port(), port);
            }
        }
    }
}
