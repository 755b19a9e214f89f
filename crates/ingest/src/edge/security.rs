//! The commands that protect a session: AUTH, PBSZ, PROT, CCC (RFC 4217), and logging in with a certificate.

use std::sync::Arc;

use tracing::info;

use super::command::{Mechanism, Security};
use super::reply::Reply;
use super::session::{Connection, End};
use super::stream::Stream;
use super::tls::Protection;
use crate::accounts::Account;
use crate::config::Require;

impl Connection {
    pub(super) async fn secure(&mut self, asked: Security) -> Result<(), End> {
        let Some(keys) = &self.shared.keys else {
            return self.reply(&Reply::new(502, "No certificate is configured, so there is no TLS here")).await;
        };
        let reply = match (asked, &mut self.protection) {
            // What was sent behind AUTH came in the clear and cannot be told from what somebody on the way has added.
            (Security::Auth(_), None) if self.control.has_more() => Reply::new(503, "Nothing may be sent behind AUTH"),
            (Security::Auth(mechanism), None) => {
                let identity = keys.current().await;
                self.reply(&Reply::new(234, "TLS starts now")).await?;
                // Whoever logged in before did so in the clear, and does it again (RFC 2228 section 3).
                self.start_over();
                let protection = self.handshake(identity).await?;
                protection.data = mechanism == Mechanism::TlsForAll;
                return Ok(());
            }
            (Security::Auth(_), Some(_)) => Reply::new(503, "The control connection is within TLS already"),
            (_, None) => Reply::new(503, "AUTH TLS comes first"),
            (Security::BufferSize, Some(protection)) => {
                protection.has_buffer_size = true;
                Reply::new(200, "PBSZ=0")
            }
            (Security::Data(_), Some(protection)) if !protection.has_buffer_size => Reply::new(503, "PBSZ 0 comes first"),
            (Security::Data(false), Some(_)) if self.shared.config.tls.require == Require::Data => {
                Reply::new(534, "Data connections must be protected here: PROT P")
            }
            (Security::Data(protected), Some(protection)) => {
                protection.data = protected;
                Reply::new(200, if protected { "Data connections are within TLS" } else { "Data connections are in the clear" })
            }
            // Bytes that follow the end of TLS may have been read along with it, and would be lost.
            (Security::ClearControl, Some(_)) => Reply::new(534, "The control connection stays within TLS"),
        };
        self.reply(&reply).await
    }

    /// Starts TLS without a word before it, on a connection to the port that is only for that. As if the device had said AUTH,
    /// PBSZ and PROT P: so it was before the RFC, and so devices expect it.
    pub(super) async fn start_protected(&mut self) -> Result<(), End> {
        let Some(keys) = &self.shared.keys else { return Err(End::Lost) };
        let identity = keys.current().await;
        let protection = self.handshake(identity).await?;
        (protection.has_buffer_size, protection.data) = (true, true);
        Ok(())
    }

    async fn handshake(&mut self, identity: Arc<super::tls::Identity>) -> Result<&mut Protection, End> {
        let stream = self.control.take_plain().map_err(|_| End::Lost)?;
        let handshake = Protection::begin(identity, stream, self.session.id, self.shared.config.tls.handshake);
        let (protection, stream) = tokio::select! {
            biased;
            () = self.shared.stopping.cancelled() => return Err(End::Stopping),
            shaken = handshake => shaken.map_err(End::Handshake)?,
        };
        self.control.go_on(Stream::Tls(stream));
        Ok(self.protection.insert(Box::new(protection)))
    }

    /// Whether the server's policy wants TLS for logging in, and there is none.
    pub(super) fn must_protect_login(&self) -> bool {
        self.shared.config.tls.require >= Require::Login && self.protection.is_none()
    }

    /// Whether the server's policy wants TLS on data connections, and there is none.
    pub(super) fn must_protect_data(&self) -> bool {
        self.shared.config.tls.require == Require::Data && !self.protects_data()
    }

    pub(super) fn protects_data(&self) -> bool {
        self.protection.as_ref().is_some_and(|protection| protection.data)
    }

    /// The account that the device's certificate logs in.
    pub(super) async fn certified(&self, name: &str) -> Option<Account> {
        let protection = self.protection.as_ref()?;
        let shown = protection.certificate()?;
        let found = self.shared.accounts.certified(name, shown, protection.knows_authorities()).await;
        if found.is_none() {
            // So that an operator can give the account what the device shows.
            info!(
                session = %self.session.id,
                client = %self.session.client,
                fingerprint = %shown.fingerprint,
                subject = shown.subject,
                "the certificate is not that of the account"
            );
        }
        found
    }
}
