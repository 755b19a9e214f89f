//! Listening sockets, and accept loops that survive a shortage of descriptors.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tracing::warn;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// How long an accept loop rests after a failure: long enough not to spin, short enough not to be noticed.
const REST: Duration = Duration::from_millis(100);

/// How often a shortage that lasts is told.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Listens on an address. `[::]` takes IPv4 connections too.
///
/// # Errors
/// When the address is in use or not ours.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    // A restart must not wait for the connections of the process before it to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Where control connections come in.
#[derive(Debug)]
pub(crate) struct Doors {
    /// In the clear, until AUTH TLS.
    pub(crate) plain: TcpListener,
    /// Within TLS from the start.
    pub(crate) implicit: Option<TcpListener>,
}

impl Doors {
    /// The next connection, and whether it starts with TLS. Safe to drop and call again.
    pub(crate) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr, bool)> {
        let implicit = async {
            match &self.implicit {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            accepted = self.plain.accept() => accepted.map(|(stream, client)| (stream, client, false)),
            accepted = implicit => accepted.map(|(stream, client)| (stream, client, true)),
        }
    }
}

/// The rests of accept loops after failures, and when one was told last.
#[derive(Debug, Default)]
pub(crate) struct Rests {
    told: Mutex<Option<Instant>>,
}

impl Rests {
    /// Rests after a failed accept. Without it, a process out of descriptors would spin: the connection stays in the queue and
    /// the listener stays ready.
    pub(crate) async fn rest(&self, error: &io::Error) {
        if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
            return;
        }
        // A shortage fails every accept until it is over: the log would hold little else.
        if self.is_news(Instant::now()) {
            warn!(error = error as &dyn std::error::Error, "cannot accept a connection");
        }
        tokio::time::sleep(REST).await;
    }

    /// Whether a failure is to be told now.
    fn is_news(&self, now: Instant) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = told.is_none_or(|told| now.saturating_duration_since(told) >= TOLD_EVERY);
        if is_news {
            *told = Some(now);
        }
        is_news
    }
}

#[cfg(test)]
mod tests;
