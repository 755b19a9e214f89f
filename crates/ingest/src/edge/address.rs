//! What PASV tells a device: the address at which it reaches our passive ports.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use serde::Deserialize;

/// `ingest.passive.address`: what the reply to PASV names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Advertised {
    /// The address at which the device reached the control connection.
    Auto,
    /// A fixed address, such as the one a NAT maps to this host.
    Fixed(Ipv4Addr),
}

impl Advertised {
    /// The address for a device whose control connection ends at `local`; nothing where PASV cannot name it.
    ///
    /// PASV's reply has room for an IPv4 address only (RFC 959 section 4.2); EPSV names none and always works.
    pub(crate) fn to(self, local: IpAddr) -> Option<Ipv4Addr> {
        match (self, local) {
            (Self::Auto, IpAddr::V4(local)) => Some(local),
            (Self::Fixed(address), IpAddr::V4(_)) => Some(address),
            (_, IpAddr::V6(_)) => None,
        }
    }
}

impl FromStr for Advertised {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        text.parse().map(Self::Fixed).map_err(|_| format!("{text:?} is neither \"auto\" nor an IPv4 address"))
    }
}

impl TryFrom<String> for Advertised {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests;
