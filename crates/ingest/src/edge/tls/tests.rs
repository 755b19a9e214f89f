//! Devices within TLS, over real sockets.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::client::Resumption as Cache;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::certificate::Certificate;
use crate::config::{ClientCertificate, CloseNotify, Config, Require, Resumption};
use crate::harness::{Device, Running, pattern, start_with, within};

mod certificates;
mod data;
mod login;

/// A certificate with its key, in files.
struct Pair {
    certificate: CertificateDer<'static>,
    pem: String,
    key: KeyPair,
}

impl Pair {
    /// One that vouches for itself.
    fn own(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let made = Self::params(name).self_signed(&key).unwrap();
        Self { certificate: made.der().clone(), pem: made.pem(), key }
    }

    /// An authority's.
    fn of(authority: &Authority, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let made = Self::params(name).signed_by(&key, &authority.issuer).unwrap();
        Self { certificate: made.der().clone(), pem: made.pem(), key }
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params
    }

    /// Writes `<name>.pem` and `<name>.key`.
    fn write(&self, folder: &Path, name: &str) -> [PathBuf; 2] {
        let paths = [folder.join(format!("{name}.pem")), folder.join(format!("{name}.key"))];
        std::fs::write(&paths[0], &self.pem).unwrap();
        std::fs::write(&paths[1], self.key.serialize_pem()).unwrap();
        paths
    }
}

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = Pair::params("authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }
}

/// A server with a certificate, and a folder for files beside it.
struct Site {
    server: Running,
    pair: Pair,
    folder: tempfile::TempDir,
}

async fn site(change: impl FnOnce(&mut Config, &Path)) -> Site {
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::own("server");
    let [certificate, key] = pair.write(folder.path(), "server");
    let server = start_with(|config| {
        config.tls.certificate = Some(certificate);
        config.tls.key = Some(key);
        change(config, folder.path());
    })
    .await;
    Site { server, pair, folder }
}

/// What a device brings to its handshakes. Tickets are kept, and used for the connections that come after.
fn client(site: &Site, version: &'static SupportedProtocolVersion, own: Option<&Pair>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(site.pair.certificate.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let key = PrivateKeyDer::try_from(own.key.serialize_der()).unwrap();
            builder.with_client_auth_cert(vec![own.certificate.clone()], key).unwrap()
        }
    };
    config.resumption = Cache::in_memory_sessions(64);
    Arc::new(config)
}

/// The same, which resumes nothing.
fn without_tickets(client: &ClientConfig) -> Arc<ClientConfig> {
    let mut client = client.clone();
    client.resumption = Cache::disabled();
    Arc::new(client)
}

async fn connect(client: &Arc<ClientConfig>, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    within(TlsConnector::from(Arc::clone(client)).connect(name, stream)).await
}

/// A device's control connection within TLS.
struct Secure {
    control: BufReader<TlsStream<TcpStream>>,
    address: std::net::SocketAddr,
    client: Arc<ClientConfig>,
}

impl Secure {
    /// After AUTH TLS.
    async fn start(site: &Site, client: &Arc<ClientConfig>) -> Self {
        let mut device = site.server.device().await;
        device.expect("AUTH TLS", "234 ").await;
        Self::over(device, client).await.unwrap()
    }

    async fn over(device: Device, client: &Arc<ClientConfig>) -> io::Result<Self> {
        let address = device.server();
        let stream = connect(client, device.control.into_inner()).await?;
        Ok(Self { control: BufReader::new(stream), address, client: Arc::clone(client) })
    }

    async fn ask(&mut self, line: &str) -> String {
        within(self.control.write_all(format!("{line}\r\n").as_bytes())).await.unwrap();
        self.reply().await
    }

    /// The last line of a reply; empty when the connection is closed in order.
    async fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            within(self.control.read_line(&mut line)).await.unwrap();
            if line.as_bytes().get(3) != Some(&b'-') && !line.starts_with(' ') {
                return line.trim_end().to_owned();
            }
        }
    }

    async fn expect(&mut self, line: &str, reply: &str) {
        let said = self.ask(line).await;
        assert!(said.starts_with(reply), "{line} was answered {said:?}, not {reply:?}");
    }

    async fn log_in(&mut self) {
        self.expect("USER demo", "331 ").await;
        self.expect("PASS secret", "230 ").await;
        self.expect("PBSZ 0", "200 ").await;
        self.expect("PROT P", "200 ").await;
    }

    async fn passive(&mut self) -> TcpStream {
        let said = self.ask("EPSV").await;
        let port: u16 = said.split('|').nth(3).unwrap().parse().unwrap();
        within(TcpStream::connect((self.address.ip(), port))).await.unwrap()
    }

    /// A data connection within TLS, with its command said.
    async fn begin(&mut self, command: &str) -> io::Result<TlsStream<TcpStream>> {
        let client = Arc::clone(&self.client);
        self.begin_as(command, &client).await
    }

    async fn begin_as(&mut self, command: &str, client: &Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
        let data = self.passive().await;
        self.expect(command, "150 ").await;
        connect(client, data).await
    }

    /// Stores a file and gives the server's last word on it.
    async fn store(&mut self, name: &str, bytes: &[u8]) -> String {
        let mut data = self.begin(&format!("STOR {name}")).await.unwrap();
        within(data.write_all(bytes)).await.unwrap();
        within(data.shutdown()).await.unwrap();
        // It says close_notify, too.
        assert_eq!(within(data.read(&mut [0])).await.unwrap(), 0);
        self.reply().await
    }
}
