use std::io;
use std::net::Ipv4Addr;

use super::{Address, Addresses, Advertised};

#[derive(serde::Deserialize)]
struct Section {
    address: Advertised,
}

fn advertised(value: &str) -> Advertised {
    toml::from_str::<Section>(&format!("address = {value}")).unwrap().address
}

fn told(addresses: &Addresses, own: Option<&str>, client: &str, reached: &str) -> Option<String> {
    let own = own.map(|own| own.parse::<Address>().unwrap());
    let told = addresses.told(own.as_ref(), client.parse().unwrap(), reached.parse().unwrap());
    told.ok().map(|ip| ip.to_string())
}

fn check(setting: &str, client: &str, reached: &str, expected: Option<&str>) {
    let addresses = Addresses::new(&advertised(setting), None);
    assert_eq!(told(&addresses, None, client, reached).as_deref(), expected, "{setting} for {client} at {reached}");
}

#[test]
fn a_device_is_told_an_address_that_pasv_can_name() {
    check("'auto'", "198.51.100.1", "192.0.2.1", Some("192.0.2.1"));
    check("'203.0.113.9'", "198.51.100.1", "192.0.2.1", Some("203.0.113.9"));
    check("'0.0.0.0'", "198.51.100.1", "192.0.2.1", Some("0.0.0.0"));
    check("'auto'", "2001:db8::7", "2001:db8::1", None);
    check("'203.0.113.9'", "2001:db8::7", "2001:db8::1", None);
}

#[test]
fn a_device_is_told_the_address_for_its_network() {
    let map = "['10.1.0.0/16=10.1.0.5', '10.0.0.0/8=auto', '203.0.113.9']";
    check(map, "10.1.2.3", "10.9.9.9", Some("10.1.0.5"));
    check(map, "10.2.2.3", "10.9.9.9", Some("10.9.9.9"));
    check(map, "198.51.100.1", "10.9.9.9", Some("203.0.113.9"));
}

#[test]
fn a_server_tells_the_address_of_its_zone() {
    let map = advertised("['10.0.0.0/8=auto', 'eu-central-1a=203.0.113.1', 'eu-central-1b=203.0.113.2', '203.0.113.9']");
    for (zone, expected) in
        [(Some("eu-central-1a"), "203.0.113.1"), (Some("eu-central-1b"), "203.0.113.2"), (Some("x-1c"), "203.0.113.9")]
    {
        let addresses = Addresses::new(&map, zone);
        assert_eq!(told(&addresses, None, "198.51.100.1", "10.9.9.9").as_deref(), Some(expected), "{zone:?}");
        assert_eq!(told(&addresses, None, "10.0.0.7", "10.9.9.9").as_deref(), Some("10.9.9.9"), "{zone:?}");
    }
}

#[test]
fn an_account_may_be_told_another_address() {
    let addresses = Addresses::new(&advertised("'203.0.113.9'"), None);
    assert_eq!(told(&addresses, Some("auto"), "198.51.100.1", "192.0.2.1").as_deref(), Some("192.0.2.1"));
    assert_eq!(told(&addresses, Some("0.0.0.0"), "198.51.100.1", "192.0.2.1").as_deref(), Some("0.0.0.0"));
}

const V1: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
const V2: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);

#[tokio::test]
async fn a_name_is_looked_up_again_and_keeps_its_last_address() {
    let addresses = Addresses::new(&advertised("['10.0.0.0/8=auto', 'ftp.example.org']"), None);
    let now = || told(&addresses, None, "198.51.100.1", "192.0.2.1");
    assert_eq!(now(), None);
    for (answer, expected) in [(Ok(V1), V1), (Ok(V2), V2), (Err(io::ErrorKind::NotFound), V2)] {
        addresses.look_up("ftp.example.org", |_| async move { answer.map_err(io::Error::from) }).await;
        assert_eq!(now(), Some(expected.to_string()));
    }
}

#[tokio::test]
async fn an_accounts_own_name_is_looked_up_when_it_is_needed_and_not_each_time() {
    let addresses = Addresses::new(&advertised("'auto'"), None);
    let own: Address = "own.example.org".parse().unwrap();
    let freshen = async |answer: Ipv4Addr| {
        let mut asked = None;
        let resolve = |name| {
            asked = Some(name);
            async move { Ok(answer) }
        };
        addresses.freshen(Some(&own), "198.51.100.1".parse().unwrap(), resolve).await;
        asked
    };
    assert_eq!(freshen(V1).await.as_deref(), Some("own.example.org"));
    assert_eq!(freshen(V2).await, None);
    assert_eq!(told(&addresses, Some("own.example.org"), "198.51.100.1", "192.0.2.1"), Some(V1.to_string()));
}

#[tokio::test]
async fn a_name_that_is_not_found_is_not_asked_for_at_every_pasv() {
    let addresses = Addresses::new(&advertised("['10.0.0.0/8=auto', 'ftp.example.org']"), None);
    let mut asked = 0;
    for client in ["198.51.100.1", "198.51.100.2", "10.0.0.7"] {
        let resolve = |_| {
            asked += 1;
            async { Err(io::ErrorKind::NotFound.into()) }
        };
        addresses.freshen(None, client.parse().unwrap(), resolve).await;
    }
    assert_eq!(asked, 1);
    assert_eq!(told(&addresses, None, "198.51.100.1", "192.0.2.1"), None);
}

#[tokio::test]
async fn the_systems_resolver_is_asked() {
    assert_eq!(super::resolve("localhost".to_owned()).await.unwrap(), Ipv4Addr::LOCALHOST);
}
