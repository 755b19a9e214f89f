//! What the files of `[ingest.tls]` come to: who the server is, and how it speaks TLS.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ServerSessionMemoryCache;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};

use super::asking::{Authorities, verifier};
use crate::certificate::Certificate;
use crate::config::{self, Resumption, Version};
use crate::error::TlsProblem;

/// The sessions that are remembered for devices of TLS 1.2 that take no tickets, a few hundred bytes each.
const SESSIONS: usize = 10_000;

/// The tickets that a device of TLS 1.3 is given. Some use each of them once only, as the RFC recommends (8446 section C.4), and
/// where data connections must resume they would run out of them in the middle of a session.
const TICKETS: usize = 2;
const TICKETS_WHERE_REQUIRED: usize = 16;

/// Who the server is, and how it speaks TLS. A session keeps the one that it started with: its data connections resume what
/// its control connection began, whatever becomes of the files meanwhile.
#[derive(Debug)]
pub(crate) struct Identity {
    /// For control connections and downloads.
    pub(super) both_ways: Arc<ServerConfig>,
    /// For uploads. TLS 1.3 sends tickets after the handshake, which a device that only writes never reads; the kernel then
    /// answers its close with a reset (RFC 9293 section 3.10.4), and the end of the upload is lost.
    pub(super) device_writes: Arc<ServerConfig>,
    /// Whether the devices' certificates come from our authorities, so that a subject can be believed.
    pub(super) knows_authorities: bool,
    pub(super) resumption: Resumption,
    /// When the certificate expires, in seconds since 1970.
    pub(super) expires: i64,
}

impl Identity {
    /// Reads the files; nothing when there is no certificate.
    ///
    /// # Errors
    /// The key whose file is at fault.
    pub(crate) fn load(config: &config::Tls) -> Result<Option<Self>, TlsProblem> {
        let (Some(certificate), Some(key)) = (&config.certificate, &config.key) else { return Ok(None) };
        let of_certificate = |cause: String| TlsProblem::new("certificate", certificate, cause);
        let chain = certificates(certificate).map_err(of_certificate)?;
        let own = chain.first().ok_or("it holds no certificate".to_owned()).and_then(|own| Certificate::of(own).map_err(said));
        let own = own.map_err(of_certificate)?;
        let of_key = |cause: String| TlsProblem::new("key", key, cause);
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| of_key(pem_said(error)))?;
        let provider = Arc::new(ring::default_provider());
        let authorities = config.client_ca.as_deref().map(|path| authorities(path, &provider)).transpose()?;
        let knows_authorities = authorities.is_some();
        let served = provider.key_provider.load_private_key(private).map_err(|error| of_key(said(error)))?;
        if served.public_key().is_none_or(|key| key.as_ref() != own.public_key()) {
            return Err(of_key(format!("it is not the key of {}", certificate.display())));
        }
        let served = SingleCertAndKey::from(CertifiedKey::new(chain, served));
        let verifier = verifier(config.client_certificate, authorities, &provider);
        let versions: &[_] = match config.min_version {
            Version::Tls12 => &[&TLS12, &TLS13],
            Version::Tls13 => &[&TLS13],
        };
        let mut both_ways = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(|error| of_key(said(error)))?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(served));
        // Tickets that hold the session, encrypted: a device may use one again for each data connection.
        both_ways.ticketer = ring::Ticketer::new().map_err(|error| of_key(said(error)))?;
        both_ways.session_storage = ServerSessionMemoryCache::new(SESSIONS);
        both_ways.send_tls13_tickets = match config.resumption {
            Resumption::Optional => TICKETS,
            Resumption::Required => TICKETS_WHERE_REQUIRED,
        };
        // All but the tickets is shared, so that what began on one connection is resumed on the other.
        let mut device_writes = both_ways.clone();
        device_writes.send_tls13_tickets = 0;
        Ok(Some(Self {
            both_ways: Arc::new(both_ways),
            device_writes: Arc::new(device_writes),
            knows_authorities,
            resumption: config.resumption,
            expires: own.expires(),
        }))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(pem_said)
}

fn authorities(path: &Path, provider: &Arc<CryptoProvider>) -> Result<Authorities, TlsProblem> {
    let problem = |cause| TlsProblem::new("client_ca", path, cause);
    let certificates = certificates(path).map_err(problem)?;
    if certificates.is_empty() {
        return Err(problem("it holds no certificate".to_owned()));
    }
    Authorities::new(certificates, provider).map_err(problem)
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// In the words of the system where the file cannot be read at all.
fn pem_said(error: pem::Error) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "it holds nothing of the kind in PEM form".to_owned(),
        error => error.to_string(),
    }
}
