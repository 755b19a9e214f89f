//! Ids of processed sources.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::lake::Address;

/// Names a source of rows: the first 128 bits of a SHA-256. Two sources with the same id are the same source.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id([u8; Id::BYTES]);

impl Id {
    pub(crate) const BYTES: usize = 16;

    /// The object: the same upload delivered twice has the same id.
    pub(crate) fn of_source(at: &Address, version: &str) -> Self {
        Self::hash("source", &[at.bucket.as_bytes(), at.key.as_bytes(), version.as_bytes()])
    }

    /// The content: a file that a device sends again after a lost reply has the same id. The offset is part of it, because
    /// equal runs appended at different places of a file are different rows.
    pub(crate) fn of_content(device: &str, path: &str, offset: u64, sha256: &str) -> Self {
        let sha256 = sha256.to_ascii_lowercase();
        Self::hash("content", &[device.as_bytes(), path.as_bytes(), &offset.to_be_bytes(), sha256.as_bytes()])
    }

    /// A line of an object whose other lines are in the table already; for archives a line of a member.
    pub(crate) fn of_line(source: &Self, member: Option<&str>, line: i64) -> Self {
        let member = member.map_or_else(Vec::new, |member| [b"/", member.as_bytes()].concat());
        Self::hash("line", &[&source.0, &member, &line.to_be_bytes()])
    }

    /// The device and the path of files that are sent whole again and again.
    pub(crate) fn of_place(device: &str, path: &str) -> Self {
        Self::hash("place", &[device.as_bytes(), path.as_bytes()])
    }

    /// An object of the ledger that counts once this id is in it.
    pub(crate) fn of_state(key: &str) -> Self {
        Self::hash("state", &[key.as_bytes()])
    }

    pub(crate) fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// Anything else. The parts are hashed with their lengths, so that no two lists of parts run together to the same bytes.
    pub(crate) fn hash(kind: &str, parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        hash.update(kind.as_bytes());
        for part in parts {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut id = [0; Self::BYTES];
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self(id)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
