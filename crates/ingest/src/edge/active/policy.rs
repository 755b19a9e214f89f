//! Active mode's settings: which addresses a device may name, and the port it is dialled from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use serde::Deserialize;

use crate::edge::command::Family;
use crate::edge::reply::Reply;
use crate::network::Network;

/// Ports below this one belong to services, not to a device's data connections (RFC 2577 section 3).
const PORT_MIN: u16 = 1024;

/// The instance metadata service over IPv6; over IPv4 its address is a link-local one.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// `ingest.active.policy`: which addresses PORT and EPRT may name beside the device's own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenPolicy")]
pub enum Policy {
    /// No others, so that nobody can make us connect elsewhere (RFC 2577 section 3).
    Strict,
    /// A private address means the one that the device is seen under: it does not know that it is behind a NAT.
    RewritePrivate,
    /// Those of certain networks, for devices that have their data sent elsewhere.
    Networks(Vec<Network>),
}

/// `ingest.active.source_port`: the port that devices are dialled from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenPort")]
pub enum SourcePort {
    /// Any free one.
    Ephemeral,
    /// Port 20, as RFC 959 section 5.2 wants it and old firewalls let it in. Needs `CAP_NET_BIND_SERVICE`.
    FtpData,
}

impl SourcePort {
    /// The number to bind.
    pub(crate) fn number(self) -> u16 {
        match self {
            Self::Ephemeral => 0,
            Self::FtpData => 20,
        }
    }
}

impl Policy {
    /// Where to dial, when a device at `client` has named an address. Nothing is sent there before.
    ///
    /// # Errors
    /// The reply that refuses it.
    pub(crate) fn target(&self, named: SocketAddr, client: SocketAddr) -> Result<SocketAddr, Reply> {
        let family = Family::of(client.ip());
        if Family::of(named.ip()) != family {
            return Err(family.refusal());
        }
        if named.port() < PORT_MIN {
            let why = format!("Port {} is refused; active mode needs a port of {PORT_MIN} or above", named.port());
            return Err(Reply::new(504, why));
        }
        let elsewhere = match self {
            _ if named.ip() == client.ip() => false,
            Self::RewritePrivate if is_private(named.ip()) => false,
            Self::Networks(networks) => {
                if is_reserved(named.ip()) || !networks.iter().any(|network| network.contains(named.ip())) {
                    let why = format!("{} is neither your address nor in an allowed network", named.ip());
                    return Err(Reply::new(504, why));
                }
                true
            }
            Self::Strict | Self::RewritePrivate => {
                let why = format!("{} is not your address; active mode connects to {} only", named.ip(), client.ip());
                return Err(Reply::new(504, why));
            }
        };
        if elsewhere {
            return Ok(named);
        }
        // The client's own address again, because it knows the zone of a link-local one.
        let mut target = client;
        target.set_port(named.port());
        Ok(target)
    }
}

/// Whether an address means something only within its own network: RFC 1918, RFC 6598, RFC 4193.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || matches!(ip.octets(), [100, 64..=127, ..]),
        IpAddr::V6(ip) => ip.is_unique_local(),
    }
}

/// Whether no list of networks can allow an address: this host's own, the link's, among them the instance metadata service's,
/// and those of many hosts.
fn is_reserved(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            ip.is_loopback() || ip.is_link_local() || ip.is_broadcast() || ip.is_multicast() || ip.octets().first() == Some(&0)
        }
        IpAddr::V6(ip) => {
            let odd = ip.is_loopback() || ip.is_unspecified() || ip.is_unicast_link_local() || ip.is_multicast();
            // An IPv4 address in IPv6 clothes would be dialled as IPv4.
            odd || ip == METADATA_V6 || ip.to_ipv4_mapped().is_some()
        }
    }
}

/// A word, or a list of networks.
#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenPolicy {
    Word(String),
    Networks(Vec<String>),
}

impl TryFrom<WrittenPolicy> for Policy {
    type Error = String;

    fn try_from(written: WrittenPolicy) -> Result<Self, String> {
        match written {
            WrittenPolicy::Word(word) if word == "strict" => Ok(Self::Strict),
            WrittenPolicy::Word(word) if word == "rewrite-private" => Ok(Self::RewritePrivate),
            WrittenPolicy::Word(word) => {
                Err(format!("{word:?} is neither \"strict\" nor \"rewrite-private\" nor a list of networks"))
            }
            WrittenPolicy::Networks(texts) => {
                Ok(Self::Networks(texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?))
            }
        }
    }
}

/// A word or a number, which is what an environment variable's `20` is read as.
#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenPort {
    Number(u16),
    Word(String),
}

impl TryFrom<WrittenPort> for SourcePort {
    type Error = String;

    fn try_from(written: WrittenPort) -> Result<Self, String> {
        let text = match written {
            WrittenPort::Number(number) => number.to_string(),
            WrittenPort::Word(word) => word,
        };
        match text.as_str() {
            "ephemeral" => Ok(Self::Ephemeral),
            "20" => Ok(Self::FtpData),
            _ => Err(format!("{text:?} is neither 20 nor \"ephemeral\"")),
        }
    }
}

#[cfg(test)]
mod tests;
