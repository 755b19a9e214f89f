use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Came, Promises};

const WAIT: Duration = Duration::from_secs(10);
const NAT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

/// Forty ports, and a clock that is moved by hand.
struct Bench {
    promises: Promises,
    now: Instant,
    next: u64,
}

impl Bench {
    fn new() -> Self {
        Self { promises: Promises::new(WAIT), now: Instant::now(), next: 0 }
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// A promise's port and id.
    fn make(&mut self, client: IpAddr) -> Result<(u16, u64), Duration> {
        self.next += 1;
        let made = self.promises.make(self.now, client, 2122..2162, self.next, oneshot::channel().0);
        made.map(|port| (port, self.next)).map_err(|next| next - self.now)
    }

    fn comes(&mut self, client: IpAddr, port: u16) -> &'static str {
        match self.promises.keep(self.now, (client, port)) {
            Came::InTime(_) => "in time",
            Came::Late => "late",
            Came::Uncalled => "uncalled",
        }
    }

    fn end(&mut self, port: u16, id: u64) {
        self.promises.end(self.now, (NAT, port), id);
    }
}

#[test]
fn a_promise_is_kept_once() {
    let mut bench = Bench::new();
    let (port, id) = bench.make(NAT).unwrap();
    assert_eq!(bench.comes(IpAddr::from([192, 0, 2, 8]), port), "uncalled");
    assert_eq!(bench.comes(NAT, port), "in time");
    assert_eq!(bench.comes(NAT, port), "uncalled");
    // It was used: nothing has to rest.
    bench.end(port, id);
    assert_eq!(bench.comes(NAT, port), "uncalled");
}

#[test]
fn the_port_of_an_unused_promise_rests() {
    let mut bench = Bench::new();
    let (port, id) = bench.make(NAT).unwrap();
    bench.end(port, id);
    for _ in 0..39 {
        assert_ne!(bench.make(NAT).unwrap().0, port);
    }
    bench.pass(4);
    assert_eq!(bench.comes(NAT, port), "late");
    assert_eq!(bench.make(NAT), Err(Duration::from_secs(6)), "when it has rested");
    bench.pass(6);
    assert_eq!(bench.make(NAT).unwrap().0, port);
    assert_eq!(bench.comes(NAT, port), "in time");
}

#[test]
fn a_port_rests_for_its_own_address_only() {
    let mut bench = Bench::new();
    for _ in 0..40 {
        let (port, id) = bench.make(NAT).unwrap();
        bench.end(port, id);
    }
    assert_eq!(bench.make(NAT), Err(WAIT));
    assert!(bench.make(IpAddr::from([192, 0, 2, 8])).is_ok());
}

#[test]
fn a_promise_is_anothers_only_when_a_late_device_is_out_of_the_question() {
    let mut bench = Bench::new();
    let promises: Vec<_> = (0..40).map(|_| bench.make(NAT).unwrap()).collect();
    let (first, id) = promises[0];
    bench.pass(9);
    bench.promises.renew(bench.now, (NAT, first), id);
    assert_eq!(bench.make(NAT), Err(Duration::from_secs(11)));
    bench.pass(11);
    for _ in 0..39 {
        assert_ne!(bench.make(NAT).unwrap().0, first, "its session waits for its device");
    }
    assert_eq!(bench.make(NAT), Err(Duration::from_secs(9)));
    // The session of a promise that went to another one has no say in it any more.
    let (port, id) = promises[1];
    bench.end(port, id);
    assert_eq!(bench.comes(NAT, port), "in time");
}

#[test]
fn two_thousand_devices_each_have_forty_ports() {
    let mut bench = Bench::new();
    for device in 0..2000_u16 {
        let [high, low] = device.to_be_bytes();
        for _ in 0..40 {
            bench.make(IpAddr::from([10, 0, high, low])).unwrap();
        }
    }
    assert_eq!(bench.promises.count(), 80_000);
}

#[test]
fn two_hundred_devices_behind_one_address_take_turns_on_forty_ports() {
    let mut bench = Bench::new();
    for _ in 0..5 {
        let turn: Vec<_> = (0..40).map(|_| bench.make(NAT).unwrap()).collect();
        assert!(bench.make(NAT).is_err());
        for (port, id) in turn {
            assert_eq!(bench.comes(NAT, port), "in time");
            bench.end(port, id);
        }
    }
}

#[test]
fn nothing_is_remembered_for_ever() {
    let mut bench = Bench::new();
    for device in 0..=255 {
        let client = IpAddr::from([10, 0, 0, device]);
        let (port, id) = bench.make(client).unwrap();
        bench.promises.end(bench.now, (client, port), id);
    }
    assert_eq!(bench.promises.places.len(), 256);
    bench.pass(10);
    bench.comes(NAT, 2122);
    assert_eq!((bench.promises.places.len(), bench.promises.resting.len()), (0, 0));
}
