//! What keeps ingest from starting.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::names::BadPattern;

/// Why the server could not be bound.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address for control connections is in use, or not one of this host's.
    #[error("ingest.listen: cannot listen on {address}")]
    Listen {
        /// The address as configured.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The address for control connections that start with TLS is in use, or not one of this host's.
    #[error("ingest.tls.listen_implicit: cannot listen on {address}")]
    ListenImplicit {
        /// The address as configured.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file of TLS cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsProblem),
    /// A passive port is in use.
    #[error("ingest.passive.ports: cannot listen on {address}")]
    PassivePorts {
        /// The address of `ingest.listen` with the port.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// `ingest.passive.address` names availability zones, and which one this is cannot be told.
    #[error("ingest.passive.address: cannot ask {endpoint} for the availability zone")]
    Zone {
        /// The instance metadata service.
        endpoint: SocketAddr,
        /// What the system or the service said.
        #[source]
        source: io::Error,
    },
    /// Devices cannot be dialled from the address or the port configured.
    #[error("ingest.active: cannot dial from {address}; a port below 1024 needs CAP_NET_BIND_SERVICE")]
    Dial {
        /// The address and port to dial from.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A pattern for temporary names is none.
    #[error("ingest.temporary")]
    Temporary(#[from] BadPattern),
    /// The host has no loopback, or it is used up.
    #[error("cannot listen on the loopback address")]
    Loopback(#[source] io::Error),
}

/// A file that `[ingest.tls]` names and that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("ingest.tls.{key}: {}: {cause}", path.display())]
pub struct TlsProblem {
    /// The key within `ingest.tls`.
    pub key: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it. Never what stands in it.
    pub cause: String,
}

impl TlsProblem {
    pub(crate) fn new(key: &'static str, path: &Path, cause: String) -> Self {
        Self { key, path: path.to_owned(), cause }
    }
}
