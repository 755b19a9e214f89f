//! Which passive port is promised to whom, and which ones rest.
//!
//! A promise that is kept, because its device came, is over at once. One that ends unused leaves its port resting for as long as
//! a device may take to connect: a device that comes in this time is late for its own session, and no other session of its
//! address (there are many behind a NAT) may be given its connection. A session that keeps a promise without using it loses it
//! when both times are over and another needs the port.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::oneshot::Sender;
use tokio::time::Instant;

/// A device's address and one of our ports.
pub(super) type Key = (IpAddr, u16);

/// All promises of a pool.
#[derive(Debug)]
pub(super) struct Promises {
    /// How long a device may take to connect, and how long an unused port rests.
    wait: Duration,
    places: HashMap<Key, Place>,
    /// The resting ports in the order in which they have rested.
    resting: VecDeque<(Instant, Key)>,
}

#[derive(Debug)]
enum Place {
    Promised { id: u64, made: Instant, hand_over: Sender<TcpStream> },
    Resting { until: Instant },
}

/// What a connection is to us.
#[derive(Debug)]
pub(super) enum Came {
    /// The one that was promised.
    InTime(Sender<TcpStream>),
    /// One whose promise has ended unused.
    Late,
    /// Nobody's: a health probe or a stranger.
    Uncalled,
}

impl Promises {
    pub(super) fn new(wait: Duration) -> Self {
        Self { wait, places: HashMap::new(), resting: VecDeque::new() }
    }

    /// Promises the first free port to a client; `id` tells the promise from a later one under the same key. When none is free,
    /// says when the next one will have rested, unless something changes before.
    pub(super) fn make(
        &mut self,
        now: Instant,
        client: IpAddr,
        ports: impl Iterator<Item = u16> + Clone,
        id: u64,
        hand_over: Sender<TcpStream>,
    ) -> Result<u16, Instant> {
        self.wake(now);
        let taken_until = |port: u16| match self.places.get(&(client, port)) {
            None => None,
            Some(Place::Promised { made, .. }) => Some(*made + self.wait * 2),
            Some(Place::Resting { until }) => Some(*until),
        };
        let free = ports.clone().find(|&port| taken_until(port).is_none());
        let next = || ports.filter_map(|port| Some((taken_until(port)?, port))).min();
        let port = match free.map(|port| (now, port)).or_else(next) {
            // Free, or promised so long ago that neither its session nor a late device has a right to it any more.
            Some((until, port)) if until <= now => port,
            Some((until, _)) => return Err(until),
            None => return Err(now + self.wait),
        };
        self.places.insert((client, port), Place::Promised { id, made: now, hand_over });
        Ok(port)
    }

    /// The session waits for its device from now on.
    pub(super) fn renew(&mut self, now: Instant, key: Key, id: u64) {
        if let Some(Place::Promised { id: current, made, .. }) = self.places.get_mut(&key)
            && *current == id
        {
            *made = now;
        }
    }

    /// A connection has come.
    pub(super) fn keep(&mut self, now: Instant, key: Key) -> Came {
        self.wake(now);
        match self.places.remove(&key) {
            Some(Place::Promised { hand_over, .. }) => Came::InTime(hand_over),
            Some(resting) => {
                self.places.insert(key, resting);
                Came::Late
            }
            None => Came::Uncalled,
        }
    }

    /// The session has no use for its promise any more. One that was kept is over already.
    pub(super) fn end(&mut self, now: Instant, key: Key, id: u64) {
        self.wake(now);
        if let Some(place) = self.places.get_mut(&key)
            && matches!(place, Place::Promised { id: current, .. } if *current == id)
        {
            let until = now + self.wait;
            *place = Place::Resting { until };
            self.resting.push_back((until, key));
        }
    }

    /// Lets go of the ports that have rested. All rest equally long, so that the first to go are in front.
    fn wake(&mut self, now: Instant) {
        while let Some(&(until, key)) = self.resting.front()
            && until <= now
        {
            self.resting.pop_front();
            self.places.remove(&key);
        }
    }

    /// How many ports are promised.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.places.values().filter(|place| matches!(place, Place::Promised { .. })).count()
    }
}

#[cfg(test)]
mod tests;
