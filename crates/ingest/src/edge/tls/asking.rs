//! Devices' certificates in handshakes: who is asked for one, and which ones are taken.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use crate::certificate::Certificate;
use crate::config::ClientCertificate;

/// Who is asked for a certificate, and which ones are taken: those of the authorities, or any when there are none.
pub(super) fn verifier(
    asked: ClientCertificate,
    authorities: Option<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, rustls::server::VerifierBuilderError> {
    let mandatory = match asked {
        ClientCertificate::None => return Ok(WebPkiClientVerifier::no_client_auth()),
        ClientCertificate::Request => false,
        ClientCertificate::Require => true,
    };
    let Some(authorities) = authorities else {
        return Ok(Arc::new(Any { provider: Arc::clone(provider), mandatory }));
    };
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), Arc::clone(provider));
    if mandatory { builder.build() } else { builder.allow_unauthenticated().build() }
}

/// Takes any certificate that is valid now, once the device has shown that it has the key. By itself this says nothing about
/// who the device is: only an account that holds the certificate's fingerprint does. Certificates that devices made for
/// themselves are as good as any.
#[derive(Debug)]
struct Any {
    provider: Arc<CryptoProvider>,
    mandatory: bool,
}

impl ClientCertVerifier for Any {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let certificate = Certificate::of(end_entity).map_err(|_| CertificateError::BadEncoding)?;
        if certificate.is_valid_at(now) { Ok(ClientCertVerified::assertion()) } else { Err(CertificateError::Expired.into()) }
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
