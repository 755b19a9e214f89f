//! `ingest.passive.ports`: a range of ports.

use std::str::FromStr;

use serde::Deserialize;

/// How many ports the system chooses where the range is `0`.
const CHOSEN: usize = 8;

/// A range of ports, written `2122-2221`, or `0` for a few that the system chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// The ports to bind, one after the other.
    pub(crate) fn ports(self) -> impl Iterator<Item = u16> {
        let (named, chosen) = if self.first == 0 { (None, CHOSEN) } else { (Some(self.first..=self.last), 0) };
        named.into_iter().flatten().chain(std::iter::repeat_n(0, chosen))
    }

    /// Whether a port is in the range.
    pub fn contains(self, port: u16) -> bool {
        port != 0 && (self.first..=self.last).contains(&port)
    }
}

impl FromStr for PortRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refusal = || format!("{text:?} is not a range of ports such as \"2122-2221\"");
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let first = first.trim().parse().map_err(|_| refusal())?;
        let last = last.trim().parse().map_err(|_| refusal())?;
        if first > last || first == 0 && last != 0 {
            return Err(refusal());
        }
        Ok(Self { first, last })
    }
}

impl TryFrom<String> for PortRange {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests;
