//! Devices' certificates in handshakes: who is asked for one, and which ones are taken.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::version1::Version1;
use crate::certificate::Certificate;
use crate::config::ClientCertificate;

/// Who is asked for a certificate, and which ones are taken: those of the authorities, or any when there are none.
pub(super) fn verifier(
    asked: ClientCertificate,
    authorities: Option<Authorities>,
    provider: &Arc<CryptoProvider>,
) -> Arc<dyn ClientCertVerifier> {
    let mandatory = match asked {
        ClientCertificate::None => return WebPkiClientVerifier::no_client_auth(),
        ClientCertificate::Request => false,
        ClientCertificate::Require => true,
    };
    Arc::new(Devices { algorithms: provider.signature_verification_algorithms, authorities, mandatory })
}

/// Those whose certificates are taken.
#[derive(Debug)]
pub(super) struct Authorities {
    certificates: Vec<CertificateDer<'static>>,
    webpki: Arc<dyn ClientCertVerifier>,
}

impl Authorities {
    /// # Errors
    /// What is wrong with the certificates.
    pub(super) fn new(certificates: Vec<CertificateDer<'static>>, provider: &Arc<CryptoProvider>) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(|error| error.to_string())?;
        }
        let webpki = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
        Ok(Self { certificates, webpki: webpki.map_err(|error| error.to_string())? })
    }
}

/// What devices show in handshakes. Without authorities any certificate is taken that is valid now, once the device has shown that it has
/// the key. By itself this says nothing about who the device is: only an account that holds the certificate's fingerprint does.
/// Certificates that devices made for themselves are as good as any.
#[derive(Debug)]
struct Devices {
    algorithms: WebPkiSupportedAlgorithms,
    authorities: Option<Authorities>,
    mandatory: bool,
}

impl ClientCertVerifier for Devices {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.authorities.as_ref().map_or(&[], |authorities| authorities.webpki.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(authorities) = &self.authorities {
            match Version1::of(end_entity) {
                // Who puts a device's own certificate among the authorities means the device.
                _ if authorities.certificates.contains(end_entity) => {}
                Some(old) if old.is_signed_by(&authorities.certificates, &self.algorithms) => {}
                Some(_) => return Err(CertificateError::UnknownIssuer.into()),
                None => return authorities.webpki.verify_client_cert(end_entity, intermediates, now),
            }
        }
        let certificate = Certificate::of(end_entity).map_err(|_| CertificateError::BadEncoding)?;
        if certificate.is_valid_at(now) { Ok(ClientCertVerified::assertion()) } else { Err(CertificateError::Expired.into()) }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match Version1::of(cert) {
            Some(old) => old.verify_tls12_signature(message, dss, &self.algorithms),
            None => verify_tls12_signature(message, cert, dss, &self.algorithms),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match Version1::of(cert) {
            Some(old) => old.verify_tls13_signature(message, dss, &self.algorithms),
            None => verify_tls13_signature(message, cert, dss, &self.algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
