//! The server's certificate: read at start, and again when it has changed.

use rustls::version::TLS13;

use super::*;
use crate::error::Error;

/// The certificate that a new session sees.
async fn served(site: &Site, trusted: &Pair) -> io::Result<CertificateDer<'static>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.certificate.clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut device = site.server.device().await;
    device.expect("AUTH TLS", "234 ").await;
    let device = Secure::over(device, &Arc::new(client)).await?;
    Ok(device.control.get_ref().get_ref().1.peer_certificates().unwrap()[0].clone().into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_served_to_new_sessions_and_old_ones_go_on() {
    let site = site(|config, _| config.tls.resumption = Resumption::Required).await;
    let mut before = Secure::start(&site, &client(&site, &TLS13, None)).await;
    before.log_in().await;
    let new = Pair::own("renewed");
    new.write(site.folder.path(), "server");
    assert_eq!(served(&site, &new).await.unwrap(), new.certificate);
    assert!(served(&site, &site.pair).await.is_err());
    // What it began with is what its data connections resume.
    assert!(before.store("a", b"1").await.starts_with("226 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_pair_leaves_the_one_before_in_force() {
    let site = site(|_, _| {}).await;
    let file = |name: &str| site.folder.path().join(name);
    let new = Pair::own("renewed");
    let other = site.folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let [certificate, key] = new.write(&other, "new");

    std::fs::write(file("server.pem"), "no certificate").unwrap();
    assert_eq!(served(&site, &site.pair).await.unwrap(), site.pair.certificate);
    // As it is while somebody copies the pair: the certificate is there and its key is not yet.
    std::fs::rename(certificate, file("server.pem")).unwrap();
    assert_eq!(served(&site, &site.pair).await.unwrap(), site.pair.certificate);
    std::fs::remove_file(file("server.key")).unwrap();
    assert_eq!(served(&site, &site.pair).await.unwrap(), site.pair.certificate);
    std::fs::rename(key, file("server.key")).unwrap();
    assert_eq!(served(&site, &new).await.unwrap(), new.certificate);
}

/// What keeps a server from starting.
async fn check_refused(change: impl FnOnce(&mut Config, &Path), key: &str, cause: &str) {
    let folder = tempfile::tempdir().unwrap();
    let [certificate, private] = Pair::own("server").write(folder.path(), "server");
    let bound = crate::harness::bind(folder.path(), |config| {
        config.tls.certificate = Some(certificate);
        config.tls.key = Some(private);
        change(config, folder.path());
    })
    .await;
    let Err(Error::Tls(problem)) = bound else { panic!("{bound:?}") };
    assert_eq!(problem.key, key);
    assert!(problem.to_string().contains(cause) && problem.to_string().starts_with(&format!("ingest.tls.{key}: /")), "{problem}");
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_with_their_keys() {
    let gone = |folder: &Path| Some(folder.join("gone"));
    check_refused(|config, folder| config.tls.certificate = gone(folder), "certificate", "No such file").await;
    check_refused(|config, folder| config.tls.key = gone(folder), "key", "No such file").await;
    check_refused(|config, _| config.tls.certificate = config.tls.key.clone(), "certificate", "no certificate").await;
    check_refused(|config, _| config.tls.key = config.tls.certificate.clone(), "key", "nothing of the kind").await;
    let foreign =
        |config: &mut Config, folder: &Path| config.tls.key = Some(Pair::own("other").write(folder, "other")[1].clone());
    check_refused(foreign, "key", "it is not the key of ").await;
    let empty = |config: &mut Config, _: &Path| {
        config.tls.client_certificate = ClientCertificate::Request;
        config.tls.client_ca = config.tls.key.clone();
    };
    check_refused(empty, "client_ca", "no certificate").await;
}
