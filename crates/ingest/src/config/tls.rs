//! The `[ingest.tls]` section of the configuration.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::edge::Identity;
use crate::error::TlsProblem;

/// TLS towards devices (RFC 4217), which is offered once there is a certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The server's certificate with those between it and its authority, in PEM form.
    pub certificate: Option<PathBuf>,
    /// The certificate's key, in PEM form.
    pub key: Option<PathBuf>,
    /// Where control connections that start with TLS are accepted.
    pub listen_implicit: Option<SocketAddr>,
    /// What is refused in the clear.
    pub require: Require,
    /// The oldest version that is spoken.
    pub min_version: Version,
    /// Whether data connections must resume the control connection's TLS session.
    pub resumption: Resumption,
    /// What the end of an upload must be like.
    pub close_notify: CloseNotify,
    /// Whether devices are asked for a certificate.
    pub client_certificate: ClientCertificate,
    /// The authorities that devices' certificates come from, in PEM form; any certificate that an account names when absent.
    pub client_ca: Option<PathBuf>,
    /// How long a handshake may take.
    #[serde(with = "humantime_serde")]
    pub handshake: Duration,
}

/// What is refused in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Require {
    /// Nothing.
    None,
    /// Logging in.
    Login,
    /// Logging in, and data connections.
    Data,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Version {
    /// RFC 5246.
    #[serde(rename = "1.2")]
    Tls12,
    /// RFC 8446.
    #[serde(rename = "1.3")]
    Tls13,
}

/// Whether data connections must resume the control connection's TLS session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resumption {
    /// They may.
    Optional,
    /// They must, which proves that they come from the same device.
    Required,
}

/// What the end of an upload must be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CloseNotify {
    /// The device says in TLS that this is the end.
    Required,
    /// The end of the TCP connection is the end of the file, too.
    Optional,
}

/// Whether devices are asked for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificate {
    /// They are not.
    None,
    /// Asked, and served without one.
    Request,
    /// Not served without one.
    Require,
}

impl Tls {
    /// Whether the files can be used. The server says so when it starts; this is for looking before.
    ///
    /// # Errors
    /// The first file that cannot, with its key.
    pub fn check_files(&self) -> Result<(), TlsProblem> {
        Identity::load(self).map(drop)
    }

    /// What goes wrong among the values, each with its key within `ingest`.
    pub(super) fn problems(&self, listen: SocketAddr) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let mut wrong = |key, what: &str| problems.push((key, what.to_owned()));
        let needs = [
            ("`tls.key` is its key", self.key.is_some()),
            ("`tls.listen_implicit` needs one", self.listen_implicit.is_some()),
            ("`tls.require` needs one", self.require != Require::None),
            ("`tls.client_certificate` needs one", self.client_certificate != ClientCertificate::None),
        ];
        if self.certificate.is_none()
            && let Some((why, _)) = needs.into_iter().find(|(_, needed)| *needed)
        {
            wrong("tls.certificate", &format!("missing: {why}"));
        }
        if self.certificate.is_some() && self.key.is_none() {
            wrong("tls.key", "missing: `tls.certificate` needs its key");
        }
        if self.client_ca.is_some() && self.client_certificate == ClientCertificate::None {
            wrong("tls.client_ca", "nobody is asked for a certificate; `tls.client_certificate` may be `request` or `require`");
        }
        if self.listen_implicit.is_some_and(|implicit| implicit.port() != 0 && implicit.port() == listen.port()) {
            wrong("tls.listen_implicit", "the port is that of `listen`, where TLS starts with AUTH TLS");
        }
        problems
    }
}
