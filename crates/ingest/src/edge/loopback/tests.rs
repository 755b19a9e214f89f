use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::{DataPort, Loopback};

#[tokio::test]
async fn a_pair_is_connected_with_itself() {
    let loopback = Loopback::bind().await.unwrap();
    let (mut ours, mut theirs) = loopback.pair(loopback.address()).await.unwrap();
    ours.write_all(b"x").await.unwrap();
    assert_eq!(theirs.read_u8().await.unwrap(), b'x');
}

#[tokio::test]
async fn a_stranger_is_never_taken_for_one_of_the_pair() {
    let loopback = Loopback::bind().await.unwrap();
    let mut strangers = Vec::new();
    for _ in 0..5 {
        strangers.push(TcpStream::connect(loopback.address).await.unwrap());
    }
    let (ours, theirs) = loopback.pair(loopback.address()).await.unwrap();
    assert_eq!(theirs.peer_addr().unwrap(), ours.local_addr().unwrap());
    for mut stranger in strangers {
        assert!(matches!(stranger.read(&mut [0]).await, Ok(0) | Err(_)), "a stranger was kept");
    }
}

#[tokio::test]
async fn sessions_have_addresses_of_their_own() {
    let loopback = Loopback::bind().await.unwrap();
    let first = loopback.address();
    let second = loopback.address();
    assert!(first.is_loopback() && second.is_loopback() && first != second);
}

/// Tries to get into a data listener from a source that was not promised.
async fn gets_in(from: SocketAddrV4, listener: SocketAddr) -> bool {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(from.into()).unwrap();
    // The filter drops the SYN, so that connecting takes for ever: a refusal would come at once, and so would success.
    matches!(timeout(Duration::from_millis(200), socket.connect(listener)).await, Ok(Ok(_)))
}

#[tokio::test]
async fn a_data_listener_lets_only_its_own_source_in() {
    let port = DataPort::new(Ipv4Addr::new(127, 1, 0, 1));
    let listener = port.prepare().unwrap().listen(16).unwrap();
    let address = listener.local_addr().unwrap();
    let source = port.way.lock().unwrap().as_ref().unwrap().source.local_addr().unwrap().port();

    assert!(!gets_in(SocketAddrV4::new(Ipv4Addr::new(127, 1, 0, 1), 0), address).await, "another port got in");
    assert!(!gets_in(SocketAddrV4::new(Ipv4Addr::new(127, 1, 0, 2), source), address).await, "another address got in");

    let mut ours = port.connect().await.unwrap();
    let (mut theirs, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, ours.local_addr().unwrap());
    ours.write_all(&vec![7; 300_000]).await.unwrap();
    ours.shutdown().await.unwrap();
    let mut received = Vec::new();
    theirs.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, vec![7; 300_000]);
}

#[tokio::test]
async fn without_a_listener_there_is_no_way() {
    assert!(DataPort::new(Ipv4Addr::LOCALHOST).connect().await.is_err());
}
