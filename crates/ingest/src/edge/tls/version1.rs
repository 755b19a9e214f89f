//! Certificates of X.509 version 1, as `openssl x509 -req` makes them unless it is told of extensions, and as many devices hold them for
//! their lives. rustls takes none: without extensions a certificate does not say what it is for. Here it does not have to. The
//! device shows that it has the key, and that an authority of ours has signed it with no other between them.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{AlgorithmIdentifier, CertificateDer, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use rustls::{CertificateError, DigitallySignedStruct, Error};
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::{FromDer, X509Certificate, X509Version};
use x509_parser::x509::SubjectPublicKeyInfo;

/// DER's tag of an object identifier.
const OBJECT_IDENTIFIER: u8 = 6;

/// A certificate without extensions.
#[derive(Debug)]
pub(super) struct Version1<'c>(X509Certificate<'c>);

impl<'c> Version1<'c> {
    /// Nothing when the certificate has a later version, which rustls understands itself, or none that can be told.
    pub(super) fn of(der: &'c CertificateDer<'_>) -> Option<Self> {
        let certificate = parsed(der)?;
        (certificate.version() == X509Version::V1).then_some(Self(certificate))
    }

    /// Whether one of the authorities has signed it.
    pub(super) fn is_signed_by(&self, authorities: &[CertificateDer<'_>], algorithms: &WebPkiSupportedAlgorithms) -> bool {
        let by = &self.0.signature_algorithm.algorithm;
        let of_it = |algorithm: &&&dyn SignatureVerificationAlgorithm| names(&algorithm.signature_alg_id(), by);
        let algorithms: Vec<_> = algorithms.all.iter().filter(of_it).copied().collect();
        authorities.iter().filter_map(parsed).any(|authority| {
            authority.subject().as_raw() == self.0.issuer().as_raw()
                && verifies(&algorithms, authority.public_key(), self.0.tbs_certificate.as_ref(), &self.0.signature_value.data)
        })
    }

    /// As rustls's function of this name.
    pub(super) fn verify_tls12_signature(
        &self,
        message: &[u8],
        signed: &DigitallySignedStruct,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<HandshakeSignatureValid, Error> {
        let of_scheme =
            algorithms.mapping.iter().find(|(scheme, _)| *scheme == signed.scheme).map_or(&[][..], |(_, of_scheme)| *of_scheme);
        if verifies(of_scheme, self.0.public_key(), message, signed.signature()) {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }

    /// As rustls's function of this name.
    pub(super) fn verify_tls13_signature(
        &self,
        message: &[u8],
        signed: &DigitallySignedStruct,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(self.0.public_key().raw);
        verify_tls13_signature_with_raw_key(message, &key, signed, algorithms)
    }
}

fn parsed<'c>(der: &'c CertificateDer<'_>) -> Option<X509Certificate<'c>> {
    X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate)
}

/// Whether a signature is that of a message by one of the algorithms. Those of one name differ in their parameters, such as the curve: a key
/// on another one verifies nothing.
fn verifies(
    algorithms: &[&dyn SignatureVerificationAlgorithm],
    key: &SubjectPublicKeyInfo<'_>,
    message: &[u8],
    signature: &[u8],
) -> bool {
    algorithms.iter().any(|algorithm| {
        names(&algorithm.public_key_alg_id(), &key.algorithm.algorithm)
            && algorithm.verify_signature(&key.subject_public_key.data, message, signature).is_ok()
    })
}

/// Whether an algorithm's identifier begins with a name: a tag, a length of one byte, and the name.
fn names(identifier: &AlgorithmIdentifier, name: &Oid<'_>) -> bool {
    let name = name.as_bytes();
    let behind_tag = identifier.as_ref().strip_prefix(&[OBJECT_IDENTIFIER]);
    behind_tag
        .and_then(<[u8]>::split_first)
        .is_some_and(|(length, rest)| usize::from(*length) == name.len() && rest.starts_with(name))
}
