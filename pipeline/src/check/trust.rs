//! TLS as `inlet check` speaks it: the server must show the very certificate that is configured, whatever name it is for.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::Context as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The certificate that the server must show.
#[derive(Clone, Debug)]
pub(super) struct Trust(CertificateDer<'static>);

/// What one session's handshakes have in common: its data connections resume what its control connection began.
pub(super) struct Handshakes(TlsConnector);

impl Trust {
    /// The certificate of the configuration, if there is one.
    pub(super) fn configured(tls: &ingest::Tls) -> anyhow::Result<Option<Self>> {
        let Some(file) = &tls.certificate else { return Ok(None) };
        let certificate = CertificateDer::from_pem_file(file).with_context(|| format!("read {}", file.display()))?;
        Ok(Some(Self(certificate)))
    }

    /// For one session.
    pub(super) fn handshakes(&self) -> anyhow::Result<Handshakes> {
        let provider = Arc::new(ring::default_provider());
        let pinned = Pinned { certificate: self.0.clone(), provider: Arc::clone(&provider) };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(pinned))
            .with_no_client_auth();
        Ok(Handshakes(TlsConnector::from(Arc::new(config))))
    }
}

impl Handshakes {
    /// Starts TLS on a connection with the server.
    pub(super) async fn start(&self, server: IpAddr, stream: TcpStream) -> anyhow::Result<TlsStream<TcpStream>> {
        self.0.connect(ServerName::from(server), stream).await.context("TLS")
    }
}

/// Takes one certificate and no other.
#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // Another one comes from another server, or from this one if it could not use the file.
        if *end_entity == self.certificate {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
