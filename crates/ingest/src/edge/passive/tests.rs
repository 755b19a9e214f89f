use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::{Lease, Pool, PortRange};
use crate::config::Proxy;

const LONG: Duration = Duration::from_secs(20);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn range(text: &str) -> PortRange {
    text.parse().unwrap()
}

/// No balancer.
fn no_proxy() -> Proxy {
    Proxy { trusted: Vec::new(), header: LONG }
}

/// A pool on loopback, being served.
fn pool(ports: &str, wait: Duration) -> Arc<Pool> {
    let (pool, listeners) = Pool::bind(ip("127.0.0.1"), range(ports), wait, no_proxy()).unwrap();
    for listener in listeners {
        tokio::spawn(Arc::clone(&pool).serve(listener));
    }
    pool
}

/// A pool with a single port.
fn narrow(wait: Duration) -> Arc<Pool> {
    narrow_behind(wait, no_proxy())
}

fn narrow_behind(wait: Duration, proxy: Proxy) -> Arc<Pool> {
    let (wide, listeners) = Pool::bind(ip("127.0.0.1"), range("0"), wait, no_proxy()).unwrap();
    let listener = listeners.into_iter().next().unwrap();
    let pool = Arc::new(Pool::over(wide.ports[..1].to_vec(), wait, proxy));
    tokio::spawn(Arc::clone(&pool).serve(listener));
    pool
}

async fn connect(from: &str, lease: &Lease) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(ip(from), 0)).unwrap();
    socket.connect(SocketAddr::new(ip("127.0.0.1"), lease.port())).await.unwrap()
}

/// Whether the pool dropped a connection.
async fn is_dropped(mut stream: TcpStream) -> bool {
    matches!(stream.read(&mut [0]).await, Ok(0) | Err(_))
}

#[tokio::test]
async fn a_connection_goes_to_the_session_of_its_address_and_port() {
    let pool = pool("0", LONG);
    let here = pool.lease(ip("127.0.0.1")).await.unwrap();
    let there = pool.lease(ip("127.0.0.2")).await.unwrap();
    let mut from_there = connect("127.0.0.2", &there).await;
    let mut from_here = connect("127.0.0.1", &here).await;
    from_there.write_all(b"t").await.unwrap();
    from_here.write_all(b"h").await.unwrap();
    assert_eq!(here.connected().await.unwrap().read_u8().await.unwrap(), b'h');
    assert_eq!(there.connected().await.unwrap().read_u8().await.unwrap(), b't');
}

#[tokio::test]
async fn one_port_serves_many_addresses_at_once() {
    let pool = narrow(LONG);
    let leases = [pool.lease(ip("127.0.0.1")).await.unwrap(), pool.lease(ip("127.0.0.2")).await.unwrap()];
    assert_eq!(leases[0].port(), leases[1].port());
    for (lease, from) in leases.into_iter().zip(["127.0.0.1", "127.0.0.2"]) {
        let device = connect(from, &lease).await;
        assert_eq!(lease.connected().await.unwrap().peer_addr().unwrap(), device.local_addr().unwrap());
    }
}

#[tokio::test]
async fn a_stranger_uses_nothing_up() {
    let pool = narrow(LONG);
    let lease = pool.lease(ip("127.0.0.1")).await.unwrap();
    for _ in 0..20 {
        assert!(is_dropped(connect("127.0.0.9", &lease).await).await);
    }
    let device = connect("127.0.0.1", &lease).await;
    assert_eq!(lease.connected().await.unwrap().peer_addr().unwrap(), device.local_addr().unwrap());
}

#[tokio::test]
async fn a_second_connection_to_the_same_promise_is_dropped() {
    let pool = narrow(LONG);
    let lease = pool.lease(ip("127.0.0.1")).await.unwrap();
    let first = connect("127.0.0.1", &lease).await;
    assert!(is_dropped(connect("127.0.0.1", &lease).await).await);
    assert_eq!(lease.connected().await.unwrap().peer_addr().unwrap(), first.local_addr().unwrap());
}

#[tokio::test]
async fn a_device_that_never_comes_is_given_up_in_time() {
    let pool = pool("0", Duration::from_millis(50));
    let lease = pool.lease(ip("127.0.0.1")).await.unwrap();
    let port = lease.port();
    let cause = lease.connected().await.unwrap_err();
    assert_eq!(cause, format!("no connection to port {port} came from 127.0.0.1 within 50ms"));
    assert_eq!(pool.promises().count(), 0, "the promise was left behind");
}

#[tokio::test]
async fn an_address_that_used_up_the_range_waits_for_a_port() {
    let pool = narrow(LONG);
    let lease = pool.lease(ip("127.0.0.1")).await.unwrap();
    let waiting = tokio::spawn({
        let pool = Arc::clone(&pool);
        async move { pool.lease(ip("127.0.0.1")).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    let started = Instant::now();
    let _device = connect("127.0.0.1", &lease).await;
    assert!(waiting.await.unwrap().is_some());
    assert!(started.elapsed() < LONG / 2);
}

#[tokio::test]
async fn a_device_that_comes_late_does_not_reach_the_next_session() {
    let wait = Duration::from_millis(300);
    let pool = narrow(wait);
    let given_up = pool.lease(ip("127.0.0.1")).await.unwrap();
    let address = SocketAddr::new(ip("127.0.0.1"), given_up.port());
    drop(given_up);
    let started = Instant::now();
    let waiting = tokio::spawn({
        let pool = Arc::clone(&pool);
        async move { pool.lease(ip("127.0.0.1")).await }
    });
    assert!(is_dropped(TcpStream::connect(address).await.unwrap()).await);
    // Whoever waits gets the port when it has rested, and not before.
    let next = waiting.await.unwrap().unwrap();
    assert!(started.elapsed() >= wait, "the port rested for {:?}", started.elapsed());
    let device = connect("127.0.0.1", &next).await;
    assert_eq!(next.connected().await.unwrap().peer_addr().unwrap(), device.local_addr().unwrap());
}

#[tokio::test]
async fn a_port_is_free_again_once_its_device_has_come() {
    let pool = narrow(LONG);
    let first = pool.lease(ip("127.0.0.1")).await.unwrap();
    let _device = connect("127.0.0.1", &first).await;
    let second = pool.lease(ip("127.0.0.1")).await.unwrap();
    // The first lease outlives its promise and must not take the second one's with it.
    drop(first.connected().await.unwrap());
    let device = connect("127.0.0.1", &second).await;
    assert_eq!(second.connected().await.unwrap().peer_addr().unwrap(), device.local_addr().unwrap());
}

#[tokio::test]
async fn a_promise_that_a_session_leaves_unused_goes_to_another_one_in_the_end() {
    let pool = narrow(Duration::from_millis(50));
    let idle = pool.lease(ip("127.0.0.1")).await.unwrap();
    assert!(pool.lease(ip("127.0.0.1")).await.is_none(), "the promise was broken before its time");
    let next = pool.lease(ip("127.0.0.1")).await.unwrap();
    assert!(idle.connected().await.unwrap_err().contains("went to another session"));
    let _device = connect("127.0.0.1", &next).await;
    next.connected().await.unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Pool::bind(ip("127.0.0.1"), range(&port.to_string()), LONG, no_proxy()).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("ingest.passive.ports") && said.contains(&format!("127.0.0.1:{port}")), "{said}");
}

/// Connects as a balancer at 127.0.0.2 does for a device.
async fn connect_for(device: &str, lease: &Lease) -> TcpStream {
    let mut stream = connect("127.0.0.2", lease).await;
    stream.write_all(format!("PROXY TCP4 {device} 203.0.113.9 40000 {}\r\n", lease.port()).as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn behind_a_balancer_the_device_is_the_one_its_header_names() {
    let pool = narrow_behind(LONG, Proxy { trusted: vec!["127.0.0.2".parse().unwrap()], header: LONG });
    let lease = pool.lease(ip("192.0.2.7")).await.unwrap();
    let probe = connect("127.0.0.2", &lease).await;
    assert!(is_dropped(connect_for("192.0.2.8", &lease).await).await);
    let mut device = connect_for("192.0.2.7", &lease).await;
    device.write_all(b"x").await.unwrap();
    // The probe that says nothing holds nobody up, and no byte of the header is left.
    assert_eq!(lease.connected().await.unwrap().read_u8().await.unwrap(), b'x');
    drop(probe);
}

#[tokio::test]
async fn a_header_from_a_stranger_is_not_believed() {
    let pool = narrow_behind(LONG, Proxy { trusted: vec!["127.0.0.9".parse().unwrap()], header: LONG });
    let lease = pool.lease(ip("192.0.2.7")).await.unwrap();
    assert!(is_dropped(connect_for("192.0.2.7", &lease).await).await);
    assert_eq!(pool.promises().count(), 1);
}

#[tokio::test]
async fn many_devices_behind_one_address_share_a_few_ports() {
    let pool = pool("0", LONG);
    let ports = pool.ports.len();
    let devices = (0..ports * 5).map(|_| {
        let pool = Arc::clone(&pool);
        tokio::spawn(async move {
            let lease = pool.lease(ip("127.0.0.1")).await.unwrap();
            let device = connect("127.0.0.1", &lease).await;
            assert_eq!(lease.connected().await.unwrap().peer_addr().unwrap(), device.local_addr().unwrap());
        })
    });
    for device in futures::future::join_all(devices).await {
        device.unwrap();
    }
    assert_eq!(pool.promises().count(), 0);
}
