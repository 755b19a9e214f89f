use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::pki_types::UnixTime;

use super::{Certificate, CertificateError, Fingerprint};

fn certificate(parts: &[(DnType, &str)]) -> rcgen::Certificate {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in parts {
        params.distinguished_name.push(kind.clone(), *value);
    }
    params.self_signed(&KeyPair::generate().unwrap()).unwrap()
}

fn check_subject(parts: &[(DnType, &str)], expected: &str) {
    assert_eq!(Certificate::of(certificate(parts).der()).unwrap().subject, expected);
}

#[test]
fn a_subject_is_written_as_openssl_writes_it_and_cannot_be_forged() {
    let cn = DnType::CommonName;
    check_subject(
        &[(DnType::CountryName, "DE"), (DnType::OrganizationName, "Example"), (cn.clone(), "pump-7")],
        "CN=pump-7,O=Example,C=DE",
    );
    check_subject(&[(cn.clone(), "pump-7,O=Example")], "CN=pump-7\\,O\\=Example");
    check_subject(&[(cn.clone(), " #a\\b\n ")], "CN=\\ #a\\\\b\\0a\\ ");
    check_subject(&[(cn, "Zähler")], "CN=Zähler");
    check_subject(&[], "");
}

#[test]
fn a_fingerprint_is_read_as_it_is_written() {
    let made = certificate(&[]);
    let fingerprint = Certificate::of(made.der()).unwrap().fingerprint;
    let written = fingerprint.to_string();
    assert_eq!(written.len(), 64 + 31);
    assert_eq!(written.parse(), Ok(fingerprint));
    assert_eq!(written.replace(':', "").to_lowercase().parse(), Ok(fingerprint));
    for bad in ["", "AB", &written[3..], &format!("{written}:00"), &written.replace(&written[..1], "g"), "ü".repeat(32).as_str()]
    {
        assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
    }
}

#[test]
fn a_file_without_a_certificate_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("device.pem");
    assert!(matches!(Certificate::of_file(&path), Err(CertificateError::Pem(_))));
    std::fs::write(&path, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    assert!(matches!(Certificate::of_file(&path), Err(CertificateError::Pem(_))));
    std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    assert!(matches!(Certificate::of_file(&path), Err(CertificateError::Form(_))));
    let made = certificate(&[]);
    std::fs::write(&path, made.pem()).unwrap();
    assert_eq!(Certificate::of_file(&path).unwrap(), Certificate::of(made.der()).unwrap());
}

#[test]
fn a_certificate_is_valid_for_a_time() {
    let certificate = Certificate::of(certificate(&[]).der()).unwrap();
    let at = |seconds: i64| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds.try_into().unwrap()));
    let (from, until) = certificate.valid;
    assert!(certificate.is_valid_at(at(until)) && !certificate.is_valid_at(at(until + 1)));
    assert!(certificate.is_valid_at(at(from)) && !certificate.is_valid_at(at(from - 1)));
}
