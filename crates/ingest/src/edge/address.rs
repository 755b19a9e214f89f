//! What PASV tells a device: the address at which it reaches our passive ports.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;
use tracing::{info, warn};

use super::reply::Reply;

mod advertised;
pub use advertised::{Address, Advertised};
use advertised::{Rule, When};

/// Names are looked up this often: an address that moved is told to devices within this time.
const LOOKUP_EVERY: Duration = Duration::from_secs(30);

/// How long one lookup may take.
const LOOKUP: Duration = Duration::from_secs(5);

/// The addresses that this server's devices are told.
#[derive(Debug)]
pub(crate) struct Addresses {
    /// Those that can apply here, in the order in which they are tried.
    rules: Vec<Rule>,
    /// The last address of every name that the rules hold.
    found: Mutex<HashMap<String, Ipv4Addr>>,
}

impl Addresses {
    /// The rules for a server in this availability zone. Names are known once they are [looked up](Self::look_up).
    pub(crate) fn new(advertised: &Advertised, zone: Option<&str>) -> Self {
        let here = |rule: &&Rule| match &rule.when {
            When::Zone(named) => zone == Some(named),
            When::Always | When::Client(_) => true,
        };
        Self { rules: advertised.rules().iter().filter(here).cloned().collect(), found: Mutex::default() }
    }

    /// The address for a device at `client` that reached us at `reached`; `own` is that of its account, and comes first.
    ///
    /// # Errors
    /// The reply that sends the device to EPSV, which names no address and always works. PASV's reply has room for an IPv4
    /// address only (RFC 959 section 4.2).
    pub(crate) fn told(&self, own: Option<&Address>, client: IpAddr, reached: IpAddr) -> Result<Ipv4Addr, Reply> {
        let IpAddr::V4(reached) = reached else {
            return Err(Reply::new(425, "PASV cannot name an IPv6 address, use EPSV"));
        };
        let applies = |rule: &&Rule| match rule.when {
            When::Client(network) => network.contains(client),
            When::Always | When::Zone(_) => true,
        };
        match own.or_else(|| self.rules.iter().find(applies).map(|rule| &rule.address)) {
            Some(Address::Fixed(address)) => Ok(*address),
            Some(Address::Name(name)) => {
                self.found().get(name).copied().ok_or_else(|| Reply::new(425, "The address for PASV is not known yet, use EPSV"))
            }
            Some(Address::Auto) | None => Ok(reached),
        }
    }

    /// Looks every name up, now and from time to time, for ever. Sessions are told the last address found.
    pub(crate) async fn keep_fresh(&self) {
        while !self.names().is_empty() {
            self.look_up(resolve).await;
            tokio::time::sleep(LOOKUP_EVERY).await;
        }
    }

    /// Looks every name up once. One that cannot be found keeps the address it had.
    pub(crate) async fn look_up<F>(&self, resolve: impl Fn(String) -> F)
    where
        F: Future<Output = io::Result<Ipv4Addr>>,
    {
        for name in self.names() {
            match resolve(name.clone()).await {
                Ok(address) => {
                    let before = self.found().insert(name.clone(), address);
                    if before != Some(address) {
                        info!(name, %address, "passive address found");
                    }
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    warn!(name, error, "passive address not found; devices are told the last one known");
                }
            }
        }
    }

    fn names(&self) -> Vec<String> {
        let name = |rule: &Rule| match &rule.address {
            Address::Name(name) => Some(name.clone()),
            Address::Auto | Address::Fixed(_) => None,
        };
        self.rules.iter().filter_map(name).collect()
    }

    fn found(&self) -> std::sync::MutexGuard<'_, HashMap<String, Ipv4Addr>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first IPv4 address of a name.
///
/// # Errors
/// When the name is not found in time, or has no such address.
pub(crate) async fn resolve(name: String) -> io::Result<Ipv4Addr> {
    let found = timeout(LOOKUP, lookup_host((name, 0))).await??;
    let v4 = |ip| if let IpAddr::V4(ip) = ip { Some(ip) } else { None };
    let mut addresses = found.map(|address| address.ip()).filter_map(v4);
    addresses.next().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no IPv4 address"))
}

#[cfg(test)]
mod tests;
