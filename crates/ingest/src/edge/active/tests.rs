use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use super::{dial, target};

fn check(named: &str, client: &str, expected: Result<&str, u16>) {
    let found = target(named.parse().unwrap(), client.parse().unwrap());
    let expected = expected.map(|address| address.parse::<SocketAddr>().unwrap());
    assert_eq!(found.map_err(|reply| reply.code), expected, "{named} from {client}");
}

#[test]
fn only_the_devices_own_address_and_a_high_port_may_be_named() {
    check("192.0.2.7:40001", "192.0.2.7:5000", Ok("192.0.2.7:40001"));
    check("192.0.2.7:1024", "192.0.2.7:5000", Ok("192.0.2.7:1024"));
    check("192.0.2.7:1023", "192.0.2.7:5000", Err(504));
    check("192.0.2.7:0", "192.0.2.7:5000", Err(504));
    check("192.0.2.8:40001", "192.0.2.7:5000", Err(504));
    check("127.0.0.1:40001", "192.0.2.7:5000", Err(504));
    check("0.0.0.0:40001", "192.0.2.7:5000", Err(504));
    check("[2001:db8::7]:40001", "[2001:db8::7]:5000", Ok("[2001:db8::7]:40001"));
    check("[2001:db8::8]:40001", "[2001:db8::7]:5000", Err(504));
    check("[::ffff:192.0.2.7]:40001", "192.0.2.7:5000", Err(522));
    check("192.0.2.7:40001", "[2001:db8::7]:5000", Err(522));
}

#[test]
fn a_link_local_device_is_dialled_in_its_own_zone() {
    check("[fe80::7]:40001", "[fe80::7%3]:5000", Ok("[fe80::7%3]:40001"));
}

#[tokio::test]
async fn a_refused_connection_is_told_with_its_cause() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let cause = dial(address, address.ip(), Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(cause, format!("cannot connect to 127.0.0.1 port {}: connection refused", address.port()));
}

#[tokio::test]
async fn a_device_that_does_not_answer_is_given_up_in_time() {
    // A listener whose queue is full answers no more SYNs, as a firewall that drops them would.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    let cause = loop {
        match dial(address, address.ip(), Duration::from_millis(300)).await {
            Ok(stream) => held.push(stream),
            Err(cause) => break cause,
        }
    };
    assert_eq!(cause, format!("cannot connect to 127.0.0.1 port {}: no answer within 300ms", address.port()));
}
