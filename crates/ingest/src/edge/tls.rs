//! TLS towards devices, with rustls: on control connections after AUTH TLS or from the start, and on data connections (RFC 4217).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::{HandshakeKind, ServerConfig};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::reply::spelled;
use crate::metrics;

mod asking;
mod identity;
mod keys;
mod protection;
mod tickets;
mod version1;

pub(crate) use identity::Identity;
pub(crate) use keys::Keys;
pub(super) use protection::Protection;

/// Which connection a handshake is for: the label of its metric.
#[derive(Clone, Copy, Debug)]
pub(super) enum Connection {
    Control,
    Data,
}

impl Connection {
    fn as_str(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Data => "data",
        }
    }
}

/// Why there is no TLS on a connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    /// The device may try again.
    #[error("no TLS handshake within {}", spelled(*.0))]
    Stalled(Duration),
    /// The device may try again.
    #[error("the connection was lost during the TLS handshake")]
    Lost(#[source] io::Error),
    /// Device and server do not agree; the next time will be no better.
    #[error("the TLS handshake failed: {0}")]
    Failed(String),
    /// The device must resume the session of its control connection.
    #[error("the TLS session of the control connection must be resumed on data connections")]
    NotResumed,
    /// Somebody else's certificate.
    #[error("the certificate is not the one of the control connection")]
    OtherCertificate,
}

impl HandshakeError {
    fn outcome(&self) -> &'static str {
        match self {
            Self::Stalled(_) => "stalled",
            Self::Lost(_) => "lost",
            Self::Failed(_) => "failed",
            Self::NotResumed => "not_resumed",
            Self::OtherCertificate => "other_certificate",
        }
    }
}

/// A connection within TLS.
type Secure = Box<TlsStream<TcpStream>>;

/// Does the server's side of a handshake.
async fn shake_hands(config: Arc<ServerConfig>, stream: TcpStream, limit: Duration) -> Result<Secure, HandshakeError> {
    match timeout(limit, TlsAcceptor::from(config).accept(stream)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        // What is wrong with the handshake itself comes as an error of rustls within.
        Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => Err(HandshakeError::Failed(error.to_string())),
        Ok(Err(error)) => Err(HandshakeError::Lost(error)),
        Err(_) => Err(HandshakeError::Stalled(limit)),
    }
}

/// Whether a handshake went on with an earlier session.
fn is_resumed(stream: &Secure) -> bool {
    stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed)
}

/// Counts how a handshake went.
fn count(connection: Connection, done: Result<&Secure, &HandshakeError>) {
    let outcome = match done {
        Ok(stream) if is_resumed(stream) => "resumed",
        Ok(_) => "full",
        Err(error) => error.outcome(),
    };
    metrics::handshake(connection.as_str(), outcome);
}

#[cfg(test)]
mod tests;
