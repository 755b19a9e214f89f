//! A device's certificate (X.509): what an account may hold of it instead of a password.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

mod subject;

/// The SHA-256 of a certificate, written as `openssl x509 -fingerprint -sha256` prints it. It names one certificate and no
/// other: whoever has its key is the device.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 32]);

/// Why a file is no certificate that can be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The file cannot be read, or holds no PEM block `CERTIFICATE`.
    #[error("no certificate in PEM form can be read")]
    Pem(#[source] rustls::pki_types::pem::Error),
    /// The block is not a certificate.
    #[error("the certificate cannot be understood: {0}")]
    Form(String),
}

/// What a certificate says of its holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Names the certificate itself.
    pub fingerprint: Fingerprint,
    /// Names its holder, in the form of RFC 4514: `CN=pump-7,O=Example`. Renewed certificates have the same.
    pub subject: String,
    /// Its holder's public key, in DER (RFC 5280 section 4.1.2.7).
    public_key: Vec<u8>,
    /// Seconds since 1970 between which it is valid.
    valid: (i64, i64),
}

impl Certificate {
    /// The first certificate in a PEM file.
    ///
    /// # Errors
    /// When there is none.
    pub fn of_file(path: &Path) -> Result<Self, CertificateError> {
        Self::of(&CertificateDer::from_pem_file(path).map_err(CertificateError::Pem)?)
    }

    /// As it came in a handshake.
    pub(crate) fn of(der: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let form = |error: &dyn fmt::Display| CertificateError::Form(error.to_string());
        let (_, parsed) = X509Certificate::from_der(der).map_err(|error| form(&error))?;
        let validity = parsed.validity();
        Ok(Self {
            fingerprint: Fingerprint(Sha256::digest(der).into()),
            subject: subject::written(parsed.subject()),
            public_key: parsed.public_key().raw.to_vec(),
            valid: (validity.not_before.timestamp(), validity.not_after.timestamp()),
        })
    }

    /// Its holder's public key, in DER.
    pub(crate) fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// Whether it is valid at a time.
    pub(crate) fn is_valid_at(&self, now: UnixTime) -> bool {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        (self.valid.0..=self.valid.1).contains(&now)
    }

    /// When it expires, in seconds since 1970.
    pub(crate) fn expires(&self) -> i64 {
        self.valid.1
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if at == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = String;

    /// Takes 64 hexadecimal digits, with or without colons.
    fn from_str(text: &str) -> Result<Self, String> {
        let refusal = || format!("{text:?} is not the SHA-256 of a certificate: 64 hexadecimal digits, with or without colons");
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
        let byte = |pair: &[u8]| {
            let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
            u8::from_str_radix(pair, 16).ok()
        };
        let bytes: Vec<u8> = digits.chunks(2).map(byte).collect::<Option<_>>().ok_or_else(refusal)?;
        if digits.len() != 64 {
            return Err(refusal());
        }
        bytes.try_into().map(Self).map_err(|_| refusal())
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

#[cfg(test)]
mod tests;
