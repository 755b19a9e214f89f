//! Passwords as they are kept: argon2id hashes (RFC 9106) in PHC form.

use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use serde::{Deserialize, Serialize};

use super::AccountsError;

/// The least that OWASP's Password Storage Cheat Sheet recommends for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A password that nobody has, hashed with the same parameters: an unknown name is checked against it.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGlzIGhlcmUu$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password's hash. It is shown to nobody.
#[derive(Clone, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct Hash(String);

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash(…)")
    }
}

impl Hash {
    /// With a random salt. Takes tens of milliseconds.
    pub(super) fn of(password: &str) -> Result<Self, AccountsError> {
        if password.is_empty() || password.contains(['\r', '\n', '\0']) {
            return Err(AccountsError::Refused("a password is one line of at least one character".to_owned()));
        }
        let hash = |error: &dyn fmt::Display| AccountsError::Hash(error.to_string());
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| hash(&error))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hashed = argon2.hash_password(password.as_bytes()).map_err(|error| hash(&error))?;
        Ok(Self(hashed.to_string()))
    }

    /// What an unknown name is checked against.
    pub(super) fn of_nobody() -> Self {
        Self(NOBODY.to_owned())
    }

    /// Whether it is one at all.
    pub(super) fn is_argon2id(&self) -> bool {
        PasswordHash::new(&self.0).is_ok_and(|hash| hash.algorithm.as_str() == "argon2id" && hash.hash.is_some())
    }

    /// Whether the password is the one. Takes tens of milliseconds.
    pub(super) fn matches(&self, password: &str) -> bool {
        PasswordHash::new(&self.0).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    }

    /// In PHC form.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests;
