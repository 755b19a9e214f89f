//! The `[ingest]` section of the configuration.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;

use crate::delivery::Durability;
use crate::edge::{Advertised, Policy, PortRange, SourcePort};
use crate::limits::Limits;
use crate::names::Temporary;
use crate::network::Network;

mod tls;
pub use tls::{ClientCertificate, CloseNotify, Require, Resumption, Tls, Version};

/// Devices, and NATs on their way, give a session up that is silent for a minute.
const LAKE_TIMEOUT_MAX: Duration = Duration::from_secs(50);

/// How ingest listens, whom it admits, and how long it keeps what it got.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where control connections are accepted. `[::]:21` takes IPv4 as well.
    pub listen: SocketAddr,
    /// How long devices are served as ever once the server was told to stop and is no longer ready: as long as balancers take to
    /// notice.
    #[serde(with = "humantime_serde")]
    pub drain_notice: Duration,
    /// How long transfers may go on after that.
    #[serde(with = "humantime_serde")]
    pub drain: Duration,
    /// What a 226 stands for.
    pub durability: Durability,
    /// How long an upload waits for the lake, if that is what its 226 stands for.
    #[serde(with = "humantime_serde")]
    pub lake_timeout: Duration,
    /// How long a device's files stay in its home directory.
    #[serde(with = "humantime_serde")]
    pub retention: Duration,
    /// What becomes of an upload whose control connection is gone before the end of the data.
    pub hang_up: HangUp,
    /// Names that a device uploads under before it renames the file; published when renamed, not before.
    pub temporary: Vec<String>,
    /// Files that grow by APPE.
    pub append: Append,
    /// Data connections that the device makes.
    pub passive: Passive,
    /// Data connections that the server makes.
    pub active: Active,
    /// Balancers that open connections for devices.
    pub proxy: Proxy,
    /// TLS towards devices.
    pub tls: Tls,
    /// What bounds sessions, logins and uploads.
    pub limits: Limits,
}

/// Files that grow by APPE, and those that may: whose last line has no end.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Append {
    /// How long the last line of a file that is appended to waits for its end, before it counts as whole without one.
    #[serde(with = "humantime_serde")]
    pub wait: Duration,
    /// The same for a file that came by STOR and to which nothing was appended yet; zero when such files are always whole.
    #[serde(with = "humantime_serde")]
    pub wait_stored: Duration,
    /// How long a file that is appended to stays in its home directory behind the last append, if that is longer than for others.
    #[serde(with = "humantime_serde")]
    pub retention: Duration,
}

/// What becomes of an upload whose control connection is gone before the end of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HangUp {
    /// It is broken off: nobody is left to say that the end of the data is the end of the file.
    Discard,
    /// It lands if its data ends in order.
    Keep,
}

/// Data connections that the device makes: PASV and EPSV.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passive {
    /// The ports, shared by all devices, on the host of `listen`.
    pub ports: PortRange,
    /// The address that PASV names, to whom and where.
    pub address: Advertised,
    /// The instance metadata service, which is asked for the availability zone when `address` names any.
    pub metadata: SocketAddr,
    /// How long a device may take to connect, and how long one may wait for a port to come free.
    #[serde(with = "humantime_serde")]
    pub wait: Duration,
}

/// Data connections that the server makes: PORT and EPRT.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Active {
    /// How long a device may take to answer.
    #[serde(with = "humantime_serde")]
    pub connect: Duration,
    /// The addresses that a device may name.
    pub policy: Policy,
    /// The port that devices are dialled from.
    pub source_port: SourcePort,
    /// The address that devices are dialled from; the one that each knows us by when absent.
    pub bind: Option<IpAddr>,
}

/// Balancers that open connections for devices, and say for whom: the PROXY protocol.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// Where they are. Every connection from there, control or data, must start with a header; no other may.
    pub trusted: Vec<Network>,
    /// How long they may take to send it.
    #[serde(with = "humantime_serde")]
    pub header: Duration,
}

impl Config {
    /// All that is wrong with the values, each with its key within the section.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let mut wrong = |key: &str, what: String| problems.push((key.to_owned(), what));

        if self.passive.ports.contains(self.listen.port()) {
            wrong("passive.ports", format!("the range contains the port of listen, {}", self.listen.port()));
        }
        if let Some(implicit) = self.tls.listen_implicit.filter(|implicit| self.passive.ports.contains(implicit.port())) {
            wrong("passive.ports", format!("the range contains the port of tls.listen_implicit, {}", implicit.port()));
        }
        for (key, what) in self.tls.problems(self.listen) {
            wrong(key, what);
        }
        let durations = [
            ("retention", self.retention),
            ("append.wait", self.append.wait),
            ("append.retention", self.append.retention),
            ("passive.wait", self.passive.wait),
            ("active.connect", self.active.connect),
            ("proxy.header", self.proxy.header),
            ("tls.handshake", self.tls.handshake),
        ];
        for (key, duration) in durations {
            if duration.is_zero() {
                wrong(key, "must be longer than nothing".to_owned());
            }
        }
        if self.lake_timeout.is_zero() || self.lake_timeout > LAKE_TIMEOUT_MAX {
            wrong("lake_timeout", format!("must be longer than nothing, and at most {}s", LAKE_TIMEOUT_MAX.as_secs()));
        }
        for (key, what) in self.limits.problems() {
            wrong(&format!("limits.{key}"), what);
        }
        for pattern in &self.temporary {
            if let Err(error) = Temporary::new(&[pattern]) {
                wrong("temporary", error.to_string());
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests;
