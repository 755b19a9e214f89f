use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use super::{Dial, SourcePort, dial, probe};

/// From the address dialled, which is one of ours in these tests.
fn within(target: SocketAddr, limit: Duration) -> Dial {
    Dial { from: target.ip(), port: SourcePort::Ephemeral, limit }
}

#[tokio::test]
async fn a_device_is_dialled_from_the_address_and_port_configured() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap();
    let limit = Duration::from_secs(5);
    let from = "127.0.0.7".parse().unwrap();
    let stream = dial(target, Dial { from, port: SourcePort::Ephemeral, limit }).await.unwrap();
    assert_eq!(stream.local_addr().unwrap().ip(), from);
    // An address of the other family cannot be dialled from, and is no reason to give up.
    dial(target, Dial { from: "::1".parse().unwrap(), port: SourcePort::Ephemeral, limit }).await.unwrap();

    match probe(from, SourcePort::FtpData) {
        Ok(()) => {
            let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let both =
                [target, other.local_addr().unwrap()].map(|target| dial(target, Dial { from, port: SourcePort::FtpData, limit }));
            for stream in futures::future::join_all(both).await {
                assert_eq!(stream.unwrap().local_addr().unwrap(), SocketAddr::new(from, 20));
            }
        }
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied),
    }
    assert!(probe("203.0.113.9".parse().unwrap(), SourcePort::Ephemeral).is_err());
}

#[tokio::test]
async fn a_refused_connection_is_told_with_its_cause() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let cause = dial(address, within(address, Duration::from_secs(5))).await.unwrap_err();
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
        match dial(address, within(address, Duration::from_millis(300))).await {
            Ok(stream) => held.push(stream),
            Err(cause) => break cause,
        }
    };
    assert_eq!(cause, format!("cannot connect to 127.0.0.1 port {}: no answer within 300ms", address.port()));
}
