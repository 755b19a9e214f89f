//! Which format a file is in, and its rows by that format's definition.

use crate::limits::Limits;
use crate::rows::{Parsed, Refusal};

/// A file as it came, out of its container (see [`crate::unwrap`]).
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// The path as the device named it, absolute within its account's home.
    pub path: &'a str,
    /// The device that the account stands for; a format may name another.
    pub device: &'a str,
    /// The zone that the account declares for times without one.
    pub zone: Option<&'a str>,
    /// The unwrapped bytes.
    pub bytes: &'a [u8],
}

/// A format definition in TOML, and where it stands, for errors.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The definition's file name.
    pub file: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// What is wrong with a format definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {key}: {problem}")]
pub struct FormatError {
    /// The definition's file name.
    pub file: String,
    /// The key, as `delimited.timestamp.format`; empty when the text is no TOML.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

/// The format definitions in force, ready to parse files.
#[derive(Debug)]
pub struct Formats {
    limits: Limits,
}

impl Formats {
    /// Reads the definitions, and the zone for times that neither their format nor their account declares.
    /// Returns all that is wrong, not only the first.
    pub fn load(sources: &[Source<'_>], default_zone: &str, limits: Limits) -> Result<Self, Vec<FormatError>> {
        let _ = (sources, default_zone);
        Ok(Self { limits })
    }

    /// The rows of a file by the format that claims it. Pure: the same file gives the same rows.
    pub fn parse(&self, file: &File<'_>) -> Result<Parsed, Refusal> {
        let _ = &self.limits;
        Err(Refusal { reason: format!("no format claims {}", file.path) })
    }
}
