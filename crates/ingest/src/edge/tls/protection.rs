//! One session's TLS: how far it protects, and which data connections belong to it.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use ulid::Ulid;

use super::tickets::Tickets;
use super::{Connection, HandshakeError, Identity, Secure, count, is_resumed, shake_hands};
use crate::certificate::Certificate;
use crate::config::Resumption;

/// One session's TLS, from the handshake on its control connection on.
#[derive(Debug)]
pub(crate) struct Protection {
    identity: Arc<Identity>,
    session: Ulid,
    /// The session that the control connection resumed, which is the same device's: it may go on with that one's tickets.
    resumed: Option<Ulid>,
    /// The device's certificate, if it showed one.
    certificate: Option<Certificate>,
    /// Whether PBSZ was said, as PROT wants it (RFC 4217 section 8).
    pub(crate) has_buffer_size: bool,
    /// Whether data connections are protected, too (PROT P).
    pub(crate) data: bool,
}

impl Protection {
    /// Does the handshake on a control connection. Data connections are in the clear until PROT P.
    pub(crate) async fn begin(
        identity: Arc<Identity>,
        stream: TcpStream,
        session: Ulid,
        limit: Duration,
    ) -> Result<(Self, Secure), HandshakeError> {
        let (config, tickets) = Tickets::label(&identity.both_ways, session, None);
        let done = shake_hands(config, stream, limit).await;
        count(Connection::Control, done.as_ref());
        let stream = done?;
        let protection = Self {
            session,
            resumed: tickets.resumed().filter(|_| is_resumed(&stream)),
            certificate: certificate(&stream),
            has_buffer_size: false,
            data: false,
            identity,
        };
        Ok((protection, stream))
    }

    /// Does the handshake on a data connection of the session.
    pub(crate) async fn of_data(&self, stream: TcpStream, upload: bool, limit: Duration) -> Result<Secure, HandshakeError> {
        let config = if upload { &self.identity.device_writes } else { &self.identity.both_ways };
        let taken = [self.session, self.resumed.unwrap_or(self.session)];
        let (config, _) = Tickets::label(config, self.session, Some(taken));
        let shaken = shake_hands(config, stream, limit).await;
        let done = shaken.and_then(|stream| self.own(&stream).map(|()| stream));
        count(Connection::Data, done.as_ref());
        done
    }

    /// Whether a data connection comes from the device that holds the control connection.
    fn own(&self, stream: &Secure) -> Result<(), HandshakeError> {
        if self.identity.resumption == Resumption::Required && !is_resumed(stream) {
            return Err(HandshakeError::NotResumed);
        }
        // RFC 4217 section 10: who authenticated with a certificate does so on each connection, by resumption at the least.
        match &self.certificate {
            Some(_) if certificate(stream) != self.certificate => Err(HandshakeError::OtherCertificate),
            _ => Ok(()),
        }
    }

    /// The device's certificate, if it showed one.
    pub(crate) fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// Whether the certificate comes from an authority of ours, so that its subject can be believed.
    pub(crate) fn knows_authorities(&self) -> bool {
        self.identity.knows_authorities
    }
}

/// The certificate that a device showed, now or when the session that it resumed began.
fn certificate(stream: &Secure) -> Option<Certificate> {
    let shown = stream.get_ref().1.peer_certificates()?.first()?;
    Certificate::of(shown).ok()
}
