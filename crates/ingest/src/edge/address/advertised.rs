//! `ingest.passive.address` as it is written: one address, or a list of addresses each with whom or where it is for.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::network::Network;

/// An address that PASV may name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// `auto`: the address at which the device reached the control connection.
    Auto,
    /// A fixed one, such as the one a NAT maps to this host. `0.0.0.0` leaves it to the device to use the one it dialled.
    Fixed(Ipv4Addr),
    /// What a DNS name stands for at the time.
    Name(String),
}

/// What PASV tells whom: the first rule that applies holds, and the last one applies to all.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Advertised(Vec<Rule>);

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) when: When,
    pub(super) address: Address,
}

/// Whom or where an address is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum When {
    Always,
    /// Devices of this network.
    Client(Network),
    /// Servers in this availability zone.
    Zone(String),
}

impl Advertised {
    pub(super) fn rules(&self) -> &[Rule] {
        &self.0
    }

    /// Each address with whom or where it is for, in words, in the order in which they are tried.
    pub fn told(&self) -> impl Iterator<Item = (String, &Address)> {
        self.0.iter().map(|rule| (rule.when.to_string(), &rule.address))
    }

    /// Whether it matters in which availability zone the server is.
    pub(crate) fn names_zones(&self) -> bool {
        self.0.iter().any(|rule| matches!(rule.when, When::Zone(_)))
    }
}

impl Address {
    /// The DNS name, if it is one.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Auto | Self::Fixed(_) => None,
        }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Fixed(address));
        }
        if is_name(text) {
            return Ok(Self::Name(text.to_owned()));
        }
        Err(format!("{text:?} is neither \"auto\" nor an IPv4 address nor a DNS name with a dot in it"))
    }
}

/// A DNS name (RFC 1123 section 2.1). The dot tells it from a mistyped `auto`; one of a single label may end in one.
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(allowed) && !label.starts_with('-') && !label.ends_with('-')
    };
    let relative = text.strip_suffix('.').unwrap_or(text);
    let last = relative.rsplit('.').next().unwrap_or_default();
    text.contains('.')
        && text.len() <= 254
        && relative.split('.').all(label)
        && last.bytes().any(|byte| byte.is_ascii_alphabetic())
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((when, address)) = text.split_once('=') else {
            return Ok(Self { when: When::Always, address: text.trim().parse()? });
        };
        let (when, address) = (when.trim(), address.trim().parse()?);
        let is_zone = when.contains('-') && when.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let when = if is_zone { When::Zone(when.to_owned()) } else { When::Client(when.parse()?) };
        Ok(Self { when, address })
    }
}

/// A text, which an environment variable can hold as well, or a list of texts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    One(String),
    Many(Vec<String>),
}

impl TryFrom<Written> for Advertised {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let texts = match written {
            Written::One(text) => return text.parse(),
            Written::Many(texts) => texts,
        };
        let rules: Vec<Rule> = texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        // Without it some devices would have no address, and what stands behind it would never be used.
        match rules.iter().position(|rule| rule.when == When::Always) {
            Some(at) if at + 1 == rules.len() => Ok(Self(rules)),
            Some(_) => Err("an address without a network or zone applies to all, and belongs at the end of the list".to_owned()),
            None => Err("the list needs an address for all others at its end, such as \"auto\"".to_owned()),
        }
    }
}

impl FromStr for Advertised {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(vec![Rule { when: When::Always, address: text.parse()? }]))
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("all others"),
            Self::Client(network) => write!(f, "devices in {network}"),
            Self::Zone(zone) => write!(f, "devices of a server in {zone}"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fixed(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests;
