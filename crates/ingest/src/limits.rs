//! What bounds sessions, logins and uploads: the settings here, what keeps count of them in the modules.

mod disk;
mod logins;
mod places;
mod rate;

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;
use tokio::sync::Semaphore;

pub(crate) use self::disk::free;
pub(crate) use self::logins::{Logins, Refused};
pub(crate) use self::places::{Place, Places};
use crate::network::Network;

/// The `[ingest.limits]` section of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Sessions at once; one more gets 421.
    pub sessions: usize,
    /// Of these, from one client address; as many as there are when absent.
    pub sessions_per_address: Option<usize>,
    /// Of these, logged in as one account; as many as there are when absent.
    pub sessions_per_account: Option<usize>,
    /// How long a device may take to log in.
    #[serde(with = "humantime_serde")]
    pub login: Duration,
    /// How long a device may leave its session unused between commands.
    #[serde(with = "humantime_serde")]
    pub idle: Duration,
    /// How long a transfer may move nothing, and a reply stay unread.
    #[serde(with = "humantime_serde")]
    pub stall: Duration,
    /// The longest upload; a longer one gets 552.
    pub upload_bytes: ByteSize,
    /// What the files of a home may come to, unless its account says otherwise; an upload over that gets 552.
    pub home_bytes: ByteSize,
    /// What must be free on the disk of the data directory; while it is not, uploads get 452.
    pub disk_free: ByteSize,
    /// Logins within a minute, right and wrong, from one client address; one more gets 421.
    pub logins_per_address: u32,
    /// The same for one account, whether or not there is one of this name.
    pub logins_per_account: u32,
    /// Wrong logins within a minute from one client address, after which it is locked out.
    pub failed_logins_per_address: u32,
    /// The same for one account, whether or not there is one of this name.
    pub failed_logins_per_account: u32,
    /// How long an address or an account is locked out.
    #[serde(with = "humantime_serde")]
    pub lockout: Duration,
    /// Networks of health checks, for which nothing is counted by address, and no login at all.
    pub exempt: Vec<Network>,
}

impl Limits {
    /// All that is wrong with the values, each with its key within the section.
    pub(crate) fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        for (key, duration) in [("login", self.login), ("idle", self.idle), ("stall", self.stall), ("lockout", self.lockout)] {
            if duration.is_zero() {
                problems.push((key, "must be longer than nothing".to_owned()));
            }
        }
        let sessions = [
            ("sessions", Some(self.sessions)),
            ("sessions_per_address", self.sessions_per_address),
            ("sessions_per_account", self.sessions_per_account),
        ];
        for (key, sessions) in sessions {
            if sessions.is_some_and(|sessions| !(1..=Semaphore::MAX_PERMITS).contains(&sessions)) {
                problems.push((key, format!("must be between 1 and {}", Semaphore::MAX_PERMITS)));
            }
        }
        let rates = [
            ("logins_per_address", self.logins_per_address),
            ("logins_per_account", self.logins_per_account),
            ("failed_logins_per_address", self.failed_logins_per_address),
            ("failed_logins_per_account", self.failed_logins_per_account),
        ];
        for (key, bytes) in [("upload_bytes", self.upload_bytes), ("home_bytes", self.home_bytes)] {
            if bytes.as_u64() == 0 {
                problems.push((key, "must be more than nothing".to_owned()));
            }
        }
        for (key, rate) in rates {
            if rate == 0 {
                problems.push((key, "must be at least 1".to_owned()));
            }
        }
        problems
    }

    /// Whether nothing is counted for this address.
    pub(crate) fn exempts(&self, client: IpAddr) -> bool {
        self.exempt.iter().any(|network| network.contains(client))
    }
}

/// What counts as one client address. A site has an IPv6 network of 64 bits to itself, and each of its devices may take any
/// number of addresses in it.
pub(crate) fn counted(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests;
