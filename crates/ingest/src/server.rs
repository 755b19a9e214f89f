//! The server: accepts control connections, gives each a session, and stops without breaking transfers off.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use crate::accounts::Accounts;
use crate::closing;
use crate::config::Config;
use crate::delivery::{Deliveries, Durability};
use crate::descriptors::Reserve;
use crate::edge::{Addresses, Connection, Doors, Ends, Keys, Loopback, Pool, Reply, Rests, Shared, ends, listen, probe, tune};
use crate::error::Error;
use crate::landing::Lake;
use crate::limits::{Logins, Place, Places, counted};
use crate::metadata;
use crate::metrics;
use crate::names::Temporary;
use crate::retention::{self, Keep};
use crate::spool::Spool;

/// How long sessions may take to end once their transfers were broken off.
const HALT: Duration = Duration::from_secs(3);

/// What the server works with.
#[derive(Debug)]
pub struct Parts {
    /// Who may log in.
    pub accounts: Arc<Accounts>,
    /// Where uploads land.
    pub spool: Arc<Spool>,
    /// How many files and sockets the process may have open. The last of them are kept for sessions that are there already.
    pub files_max: u64,
}

/// A server that listens already and serves once it is run.
pub struct Server {
    doors: Doors,
    address: SocketAddr,
    implicit: Option<SocketAddr>,
    passive: Vec<TcpListener>,
    shared: Arc<Shared>,
    sessions: Arc<Semaphore>,
}

impl Server {
    /// Listens on the control address and on every passive port.
    ///
    /// # Errors
    /// When an address is in use or not ours, with the key that names it; when a pattern for temporary names is none; when
    /// the availability zone matters and cannot be told; when a certificate or its key cannot be used.
    pub async fn bind(config: Config, parts: Parts) -> Result<Self, Error> {
        let in_use = |source| Error::Listen { address: config.listen, source };
        let plain = listen(config.listen).map_err(in_use)?;
        let address = plain.local_addr().map_err(in_use)?;
        let keys = Keys::open(&config.tls)?;
        let implicit = config.tls.listen_implicit.map(implicit).transpose()?;
        let (ports, wait) = (config.passive.ports, config.passive.wait);
        let (pool, passive) = Pool::bind(config.listen.ip(), ports, wait, config.proxy.clone())?;
        let (from, port) = (config.active.bind.unwrap_or(config.listen.ip()), config.active.source_port);
        probe(from, port).map_err(|source| Error::Dial { address: (from, port.number()).into(), source })?;
        if config.append.wait_stored.is_zero() {
            parts.spool.take_stored_as_whole();
        }
        let lake = match config.durability {
            Durability::Disk => None,
            Durability::Lake => Some(Lake::new(Deliveries::listen(parts.spool.outbox_path(), config.lake_timeout))),
        };
        let shared = Shared {
            lake,
            temporary: Arc::new(Temporary::new(&config.temporary)?),
            accounts: parts.accounts,
            logins: Arc::new(Logins::new(&config.limits)),
            by_address: Places::new(config.limits.sessions_per_address),
            by_account: Places::new(config.limits.sessions_per_account),
            spool: parts.spool,
            reserve: Reserve::of(parts.files_max),
            pool,
            addresses: addresses(&config).await?,
            loopback: Loopback::bind().await.map_err(Error::Loopback)?,
            keys,
            stopping: CancellationToken::new(),
            dismissed: CancellationToken::new(),
            halted: CancellationToken::new(),
            transfers: TaskTracker::new(),
            tasks: TaskTracker::new(),
            config,
        };
        let sessions = Arc::new(Semaphore::new(shared.config.limits.sessions));
        let (implicit, implicit_address) = implicit.unzip();
        Ok(Self {
            doors: Doors { plain, implicit },
            address,
            implicit: implicit_address,
            passive,
            shared: Arc::new(shared),
            sessions,
        })
    }

    /// Where control connections are accepted.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Where control connections that start with TLS are accepted.
    pub fn implicit_addr(&self) -> Option<SocketAddr> {
        self.implicit
    }

    /// What runs for sessions, and beside them.
    #[cfg(test)]
    pub(crate) fn tasks(&self) -> TaskTracker {
        self.shared.tasks.clone()
    }

    /// Where uploads land.
    #[cfg(test)]
    pub(crate) fn spool(&self) -> Arc<Spool> {
        Arc::clone(&self.shared.spool)
    }

    /// Serves until `shutdown` is cancelled, and for `drain_notice` as if nothing had happened. Then nobody logs in any more; sessions
    /// without a transfer are sent away once none is under way, each other one after its own, and what is not over within `drain`
    /// is broken off.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { doors, address, implicit: _, passive, shared, sessions } = self;
        let pool: Vec<_> = passive.into_iter().map(|listener| tokio::spawn(Arc::clone(&shared.pool).serve(listener))).collect();
        info!(%address, passive_ports = pool.len(), "accepting uploads");
        let looking_up = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move { shared.addresses.keep_fresh().await }
        });
        let (spool, temporary) = (Arc::clone(&shared.spool), Arc::clone(&shared.temporary));
        let (retention, append) = (shared.config.retention, shared.config.append);
        shared.tasks.spawn(closing::run(Arc::clone(&spool), append, shutdown.clone()));
        shared.tasks.spawn(retention::run(spool, temporary, Keep { retention, append }, shutdown.clone()));
        let admission = Admission { shared: Arc::clone(&shared), sessions, rests: Rests::default() };

        admission.accept(&doors, shutdown.cancelled()).await;
        metrics::draining();
        admission.accept(&doors, sleep(shared.config.drain_notice)).await;
        info!(transfers = shared.transfers.len(), "stopping: nobody logs in, transfers finish");
        let deadline = Instant::now() + shared.config.drain;
        shared.stopping.cancel();
        shared.tasks.close();
        shared.transfers.close();
        // Either way there is nothing left to wait for: those that go on have until the deadline for it.
        let _ = timeout_at(deadline, admission.accept(&doors, shared.transfers.wait())).await;
        shared.dismissed.cancel();
        if timeout_at(deadline, admission.accept(&doors, shared.tasks.wait())).await.is_err() {
            warn!(tasks = shared.tasks.len(), "breaking off the transfers that are not finished");
            shared.halted.cancel();
            if timeout(HALT, shared.tasks.wait()).await.is_err() {
                warn!(tasks = shared.tasks.len(), "leaving tasks behind that did not end");
            }
        }
        for task in pool.into_iter().chain([looking_up]) {
            task.abort();
        }
    }
}

/// Listens for control connections that start with TLS.
fn implicit(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let listening = listen(address).and_then(|listener| listener.local_addr().map(|address| (listener, address)));
    listening.map_err(|source| Error::ListenImplicit { address, source })
}

/// What PASV tells on this server.
async fn addresses(config: &Config) -> Result<Addresses, Error> {
    let (advertised, endpoint) = (&config.passive.address, config.passive.metadata);
    if !advertised.names_zones() {
        return Ok(Addresses::new(advertised, None));
    }
    // A server that told another zone's address would look well and serve nobody: it does not start.
    let zone = metadata::zone(endpoint).await.map_err(|source| Error::Zone { endpoint, source })?;
    info!(zone, "availability zone found");
    Ok(Addresses::new(advertised, Some(&zone)))
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Decides who gets a session.
#[derive(Debug)]
struct Admission {
    shared: Arc<Shared>,
    sessions: Arc<Semaphore>,
    rests: Rests,
}

impl Admission {
    /// Accepts until something else has happened.
    async fn accept(&self, doors: &Doors, until: impl Future<Output = ()>) {
        let mut until = std::pin::pin!(until);
        loop {
            tokio::select! {
                biased;
                () = &mut until => return,
                accepted = doors.accept() => match accepted {
                    Ok((stream, client, implicit)) => self.admit(stream, client, implicit),
                    Err(error) => self.rests.rest(&error).await,
                },
            }
        }
    }

    fn admit(&self, stream: TcpStream, client: SocketAddr, implicit: bool) {
        if self.shared.stopping.is_cancelled() {
            return turn_away(&stream, implicit, "stopping", "The server is stopping");
        }
        if self.shared.reserve.holds(&stream) {
            return turn_away(&stream, implicit, "descriptors", "Too many connections, try again later");
        }
        let Ok(place) = Arc::clone(&self.sessions).try_acquire_owned() else {
            return turn_away(&stream, implicit, "full", "Too many sessions, try again later");
        };
        let shared = Arc::clone(&self.shared);
        self.shared.tasks.spawn(async move {
            match connection(shared, stream, client, implicit).await {
                Ok(Some((connection, of_address))) => {
                    connection.run().await;
                    drop(of_address);
                }
                Ok(None) => {}
                // It was gone before it was looked at, or a balancer did not say whom it is for.
                Err(error) => debug!(%client, error = &error as &dyn std::error::Error, "connection lost at once"),
            }
            drop(place);
        });
    }
}

/// A session with the device that a connection comes from, which a trusted balancer names, and its place among those of its
/// address; nothing when there is none left.
async fn connection(
    shared: Arc<Shared>,
    mut stream: TcpStream,
    client: SocketAddr,
    implicit: bool,
) -> io::Result<Option<(Connection, Option<Place<IpAddr>>)>> {
    tune(&stream)?;
    let socket = Ends { client, reached: stream.local_addr()?.ip() };
    let ends = tokio::select! {
        biased;
        () = shared.stopping.cancelled() => return Err(io::ErrorKind::ConnectionAborted.into()),
        ends = ends(&mut stream, socket, &shared.config.proxy) => ends.inspect_err(|_| metrics::proxy_header_failed())?,
    };
    let mut place = None;
    if !shared.config.limits.exempts(ends.client.ip()) {
        place = shared.by_address.take(counted(ends.client.ip()));
        if place.is_none() {
            turn_away(&stream, implicit, "address", "Too many sessions from your address, try again later");
            return Ok(None);
        }
    }
    Ok(Some((Connection::new(shared, stream, ends, implicit)?, place)))
}

/// Says 421 and closes. Where TLS comes first there are no words before it: a handshake only for them would cost what is short.
fn turn_away(stream: &TcpStream, implicit: bool, reason: &'static str, text: &'static str) {
    metrics::session_refused(reason);
    if implicit {
        return;
    }
    // A new connection has room for one line; a device that is gone already needs none.
    let _ = stream.try_write(Reply::new(421, text).to_string().as_bytes());
}

#[cfg(test)]
mod tests;
