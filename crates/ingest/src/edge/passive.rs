//! Passive mode: one pool of listeners for all devices, where a connection is told by whom it comes from and on which port.
//!
//! A port is promised to one device address at a time, not to one session at a time: a few dozen ports serve thousands of
//! devices. Whoever connects without a promise (a health probe, a stranger) is dropped and disturbs nobody. A port whose promise
//! ended unused rests before its address gets it again: a device that comes late must not end up in another session's transfer.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::control::tune;
use super::listen::{Rests, listen};
use super::proxy_protocol::{Ends, ends, is_trusted};
use super::reply::spelled;
use crate::config::Proxy;
use crate::error::Error;
use crate::metrics;

mod promises;
mod range;
use promises::{Came, Key, Promises};
pub use range::PortRange;

/// So many data connections may be waiting for their PROXY header at once; balancers send it with the first packet.
const HEADERS_MAX: usize = 1024;

/// The passive ports and what is promised on them.
#[derive(Debug)]
pub(crate) struct Pool {
    ports: Vec<u16>,
    promises: Mutex<Promises>,
    /// Something has changed for those who wait for a port.
    changed: Notify,
    /// How long a device may take to connect, how long one may wait for a port, and how long an unused port rests.
    wait: Duration,
    proxy: Proxy,
    headers: Semaphore,
    rests: Rests,
}

/// A port promised to a device until it has connected, or until this is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: Arc<Pool>,
    key: Key,
    id: u64,
    connected: oneshot::Receiver<TcpStream>,
}

impl Pool {
    /// Listens on every port of the range, once and for all.
    ///
    /// # Errors
    /// When one of them is in use, with its address.
    pub(crate) fn bind(
        ip: IpAddr,
        range: PortRange,
        wait: Duration,
        proxy: Proxy,
    ) -> Result<(Arc<Self>, Vec<TcpListener>), Error> {
        let listeners = range
            .ports()
            .map(|port| {
                let address = SocketAddr::new(ip, port);
                let listener = listen(address).and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
                listener.map_err(|source| Error::PassivePorts { address, source })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let (ports, listeners) = listeners.into_iter().unzip();
        Ok((Arc::new(Self::over(ports, wait, proxy)), listeners))
    }

    fn over(ports: Vec<u16>, wait: Duration, proxy: Proxy) -> Self {
        let headers = Semaphore::new(HEADERS_MAX);
        let promises = Mutex::new(Promises::new(wait));
        Self { ports, promises, changed: Notify::new(), wait, proxy, headers, rests: Rests::default() }
    }

    /// Accepts on one of the pool's listeners for ever.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        let Ok(port) = listener.local_addr().map(|address| address.port()) else { return };
        loop {
            match listener.accept().await {
                Ok((stream, peer)) if is_trusted(peer.ip(), &self.proxy) => {
                    // Not here: a balancer that is slow with its header holds nobody else up.
                    tokio::spawn(Arc::clone(&self).accept_for(stream, peer, port));
                }
                Ok((stream, peer)) => self.accepted(stream, peer.ip().to_canonical(), port),
                Err(error) => self.rests.rest(&error).await,
            }
        }
    }

    /// Takes a connection from a balancer for the device that its header names.
    async fn accept_for(self: Arc<Self>, mut stream: TcpStream, peer: SocketAddr, port: u16) {
        let Ok(_turn) = self.headers.try_acquire() else { return metrics::proxy_header_failed() };
        // Where the device believes to have connected does not matter: the port is ours.
        match ends(&mut stream, Ends { client: peer, reached: peer.ip() }, &self.proxy).await {
            Ok(Ends { client, .. }) => self.accepted(stream, client.ip(), port),
            // A balancer's health probe, most likely.
            Err(_) => metrics::proxy_header_failed(),
        }
    }

    /// Promises a port to a device. When its address has used up the range, waits a while for one to come free.
    pub(crate) async fn lease(self: &Arc<Self>, client: IpAddr) -> Option<Lease> {
        let deadline = Instant::now() + self.wait;
        let mut waits = false;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Heard from here on: a port that comes free between the look and the wait is not missed.
            changed.as_mut().enable();
            let next = match self.promise(client) {
                Ok(lease) => return Some(lease),
                Err(next) => next,
            };
            if !std::mem::replace(&mut waits, true) {
                metrics::passive_waited();
            }
            if Instant::now() >= deadline {
                metrics::passive_exhausted();
                return None;
            }
            // Whatever woke us, the next look tells.
            let _ = timeout_at(deadline.min(next), changed).await;
        }
    }

    /// Promises one of the ports, or says when the next of them has rested.
    fn promise(self: &Arc<Self>, client: IpAddr) -> Result<Lease, Instant> {
        // From a random place, so that the next port cannot be told beforehand (RFC 2577 section 4).
        let from = rand::random_range(0..self.ports.len().max(1));
        let ports = self.ports.iter().copied().cycle().skip(from).take(self.ports.len());
        let (hand_over, connected) = oneshot::channel();
        let id = rand::random();
        let port = self.promises().make(Instant::now(), client, ports, id, hand_over)?;
        Ok(Lease { pool: Arc::clone(self), key: (client, port), id, connected })
    }

    /// Gives a connection to the session that it was promised to, or drops it.
    fn accepted(&self, stream: TcpStream, client: IpAddr, port: u16) {
        let came = self.promises().keep(Instant::now(), (client, port));
        match came {
            Came::InTime(hand_over) => {
                // The port is free for the same address again as soon as its device has come.
                self.changed.notify_waiters();
                // A session that ended in this very moment drops the connection.
                let _ = hand_over.send(stream);
            }
            Came::Late => metrics::passive_late(),
            Came::Uncalled => metrics::passive_unexpected(),
        }
    }

    fn promises(&self) -> MutexGuard<'_, Promises> {
        self.promises.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// The port that the device is to connect to.
    pub(crate) fn port(&self) -> u16 {
        self.key.1
    }

    /// Waits for the device.
    ///
    /// # Errors
    /// The cause in words, for the 425.
    pub(crate) async fn connected(mut self) -> Result<TcpStream, String> {
        let limit = self.pool.wait;
        // A device that has asked long ago has all of its time from here on.
        self.pool.promises().renew(Instant::now(), self.key, self.id);
        let stream = match timeout(limit, &mut self.connected).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(_)) => return Err(format!("port {} was not used in time and went to another session", self.port())),
            Err(_) => {
                let within = spelled(limit);
                return Err(format!("no connection to port {} came from {} within {within}", self.port(), self.key.0));
            }
        };
        tune(&stream).map_err(|error: io::Error| error.to_string())?;
        Ok(stream)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.promises().end(Instant::now(), self.key, self.id);
        self.pool.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
