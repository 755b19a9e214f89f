//! What PASV tells a device: the address at which it reaches our passive ports.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::{Instant, timeout};
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
    /// What was found of the names in the rules and of those of accounts.
    found: Mutex<HashMap<String, Found>>,
}

/// What is known of a name.
#[derive(Clone, Copy, Debug)]
struct Found {
    /// The last one found, if there was any.
    address: Option<Ipv4Addr>,
    looked_up: Instant,
}

impl Addresses {
    /// The rules for a server in this availability zone. Names are known once they are [looked up](Self::keep_fresh).
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
        match self.chosen(own, client) {
            Some(Address::Fixed(address)) => Ok(*address),
            Some(Address::Name(name)) => {
                let known = self.found().get(name).and_then(|found| found.address);
                known.ok_or_else(|| Reply::new(425, "The address for PASV is not known yet, use EPSV"))
            }
            Some(Address::Auto) | None => Ok(reached),
        }
    }

    fn chosen<'a>(&'a self, own: Option<&'a Address>, client: IpAddr) -> Option<&'a Address> {
        let applies = |rule: &&Rule| match rule.when {
            When::Client(network) => network.contains(client),
            When::Always | When::Zone(_) => true,
        };
        own.or_else(|| self.rules.iter().find(applies).map(|rule| &rule.address))
    }

    /// Looks the name for a device up, unless that was done lately: nobody looks up those of accounts from time to time, and
    /// those of the rules may not have been reached yet.
    pub(crate) async fn freshen<F>(&self, own: Option<&Address>, client: IpAddr, resolve: impl FnOnce(String) -> F)
    where
        F: Future<Output = io::Result<Ipv4Addr>>,
    {
        let Some(Address::Name(name)) = self.chosen(own, client) else { return };
        let lately = self.found().get(name).is_some_and(|found| found.looked_up.elapsed() < LOOKUP_EVERY);
        if !lately {
            self.look_up(name, resolve).await;
        }
    }

    /// Looks every name of the rules up, now and from time to time, for ever. Sessions are told the last address found.
    pub(crate) async fn keep_fresh(&self) {
        let names: Vec<&str> = self.rules.iter().filter_map(|rule| rule.address.name()).collect();
        while !names.is_empty() {
            for name in &names {
                self.look_up(name, resolve).await;
            }
            tokio::time::sleep(LOOKUP_EVERY).await;
        }
    }

    /// Looks a name up once. One that cannot be found keeps the address it had.
    async fn look_up<F>(&self, name: &str, resolve: impl FnOnce(String) -> F)
    where
        F: Future<Output = io::Result<Ipv4Addr>>,
    {
        let looked_up = Instant::now();
        let resolved = resolve(name.to_owned()).await;
        let before = self.found().get(name).and_then(|found| found.address);
        match &resolved {
            Ok(address) if before != Some(*address) => info!(name, %address, "passive address found"),
            Ok(_) => {}
            Err(error) => {
                let error = error as &dyn std::error::Error;
                warn!(name, error, "passive address not found; devices are told the last one known");
            }
        }
        self.found().insert(name.to_owned(), Found { address: resolved.ok().or(before), looked_up });
    }

    fn found(&self) -> std::sync::MutexGuard<'_, HashMap<String, Found>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first IPv4 address of a name.
///
/// # Errors
/// When the name is not found in time, or has no such address.
pub(super) async fn resolve(name: String) -> io::Result<Ipv4Addr> {
    let found = timeout(LOOKUP, lookup_host((name, 0))).await??;
    let v4 = |ip| if let IpAddr::V4(ip) = ip { Some(ip) } else { None };
    let mut addresses = found.map(|address| address.ip()).filter_map(v4);
    addresses.next().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no IPv4 address"))
}

#[cfg(test)]
mod tests;
