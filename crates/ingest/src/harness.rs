//! A running server and devices that talk to it, for tests over real sockets.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accounts::{Accounts, NewAccount};
use crate::config::{
    Active, Append, ClientCertificate, CloseNotify, Config, HangUp, Passive, Proxy, Require, Resumption, Tls, Version,
};
use crate::delivery::Durability;
use crate::edge::{Policy, SourcePort};
use crate::error::Error;
use crate::limits::Limits;
use crate::server::{Parts, Server};
use crate::spool::Spool;

/// Longer than anything takes that works.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// The server's tasks that belong to no session: closing and retention.
const BESIDE_SESSIONS: usize = 2;

/// A server with the account `demo`, password `secret`, in a directory of its own.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    /// Where TLS comes first, if anywhere.
    pub(crate) implicit: Option<SocketAddr>,
    pub(crate) folder: TempDir,
    pub(crate) spool: Arc<Spool>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
    tasks: TaskTracker,
}

/// Starts a server on loopback with every bound far away.
pub(crate) async fn start() -> Running {
    start_with(|_| {}).await
}

/// Starts a server whose configuration is changed first.
pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let server = bind(folder.path(), change).await.unwrap();
    let (address, implicit) = (server.local_addr(), server.implicit_addr());
    let (shutdown, tasks, spool) = (CancellationToken::new(), server.tasks(), server.spool());
    let task = tokio::spawn(server.run(shutdown.clone()));
    Running { address, implicit, folder, spool, shutdown, task, tasks }
}

/// Binds a server and does not run it yet.
pub(crate) async fn bind(folder: &Path, change: impl FnOnce(&mut Config)) -> Result<Server, Error> {
    let mut config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        durability: Durability::Disk,
        lake_timeout: LONG,
        drain_notice: Duration::ZERO,
        drain: LONG,
        retention: Duration::from_secs(3600),
        append: Append {
            wait: Duration::from_secs(3600),
            wait_stored: Duration::from_secs(3600),
            retention: Duration::from_secs(3600),
        },
        hang_up: HangUp::Discard,
        temporary: vec!["*.tmp".to_owned()],
        passive: Passive {
            ports: "0".parse().unwrap(),
            address: "auto".parse().unwrap(),
            metadata: "127.0.0.1:9".parse().unwrap(),
            wait: LONG,
        },
        active: Active { connect: LONG, policy: Policy::Strict, source_port: SourcePort::Ephemeral, bind: None },
        proxy: Proxy { trusted: Vec::new(), header: LONG },
        tls: Tls {
            certificate: None,
            key: None,
            listen_implicit: None,
            require: Require::None,
            min_version: Version::Tls12,
            resumption: Resumption::Optional,
            close_notify: CloseNotify::Required,
            client_certificate: ClientCertificate::None,
            client_ca: None,
            handshake: LONG,
        },
        limits: limits(),
    };
    change(&mut config);
    let accounts = Accounts::open(&folder.join("accounts.toml")).unwrap();
    accounts.add("demo", NewAccount { password: Some("secret".to_owned()), ..NewAccount::default() }).unwrap();
    let spool = Arc::new(Spool::open(folder).unwrap());
    Server::bind(config, Parts { accounts: Arc::new(accounts), spool, files_max: u64::MAX }).await
}

/// Every bound far away.
pub(crate) fn limits() -> Limits {
    Limits {
        sessions: 100,
        sessions_per_address: None,
        sessions_per_account: None,
        login: LONG,
        idle: LONG,
        stall: LONG,
        upload_bytes: ByteSize::gib(1),
        home_bytes: ByteSize::gib(10),
        disk_free: ByteSize::b(0),
        logins_per_address: u32::MAX,
        logins_per_account: u32::MAX,
        failed_logins_per_address: u32::MAX,
        failed_logins_per_account: u32::MAX,
        lockout: LONG,
        exempt: Vec::new(),
    }
}

impl Running {
    pub(crate) async fn device(&self) -> Device {
        let mut device = Device::connect(self.address).await;
        assert!(device.reply().await.starts_with("220 "));
        device
    }

    pub(crate) async fn logged_in(&self) -> Device {
        let mut device = self.device().await;
        device.log_in().await;
        device
    }

    /// The uploads in the outbox: path and bytes.
    pub(crate) fn outbox(&self) -> Vec<(String, Vec<u8>)> {
        self.records().into_iter().map(|(record, bytes)| (record["path"].as_str().unwrap().to_owned(), bytes)).collect()
    }

    /// The uploads in the outbox, by path: record and bytes.
    pub(crate) fn records(&self) -> Vec<(serde_json::Value, Vec<u8>)> {
        let mut entries = Vec::new();
        for file in std::fs::read_dir(self.folder.path().join("outbox")).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let record: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
                entries.push((record, std::fs::read(path.with_extension("data")).unwrap()));
            }
        }
        entries.sort_by_key(|(record, _)| record["path"].as_str().unwrap().to_owned());
        entries
    }

    /// Waits until bytes of an upload are on the disk.
    pub(crate) async fn something_under_way(&self) {
        self.under_way(true).await;
    }

    /// Waits until nothing is left of uploads under way. One whose first bytes have not come to the disk yet is not seen.
    pub(crate) async fn nothing_under_way(&self) {
        self.under_way(false).await;
    }

    /// Waits until of so many sessions so many have a libunftp.
    pub(crate) async fn awake(&self, awake: usize, sessions: usize) {
        within(async {
            while self.tasks.len() != BESIDE_SESSIONS + sessions + awake {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    }

    async fn under_way(&self, expected: bool) {
        let found = || std::fs::read_dir(self.folder.path().join("spool")).unwrap().next().is_some();
        within(async {
            while found() != expected {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    pub(crate) fn stop(&self) {
        self.shutdown.cancel();
    }

    pub(crate) async fn stopped(self) {
        within(self.task).await.unwrap();
    }
}

/// Fails instead of hanging.
pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(LONG, work).await.expect("it took too long")
}

/// A device's control connection.
pub(crate) struct Device {
    pub(crate) control: BufReader<TcpStream>,
}

impl Device {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { control: BufReader::new(within(TcpStream::connect(address)).await.unwrap()) }
    }

    pub(crate) async fn connect_from(source: &str, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{source}:0").parse().unwrap()).unwrap();
        Self { control: BufReader::new(within(socket.connect(address)).await.unwrap()) }
    }

    pub(crate) async fn send(&mut self, lines: &str) {
        within(self.control.write_all(lines.as_bytes())).await.unwrap();
    }

    /// One reply with all its lines; empty when the server has closed the connection.
    pub(crate) async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let start = reply.len();
            if within(self.control.read_line(&mut reply)).await.unwrap_or(0) == 0 {
                return reply;
            }
            let line = &reply[start..];
            if line.as_bytes()[..3].iter().all(u8::is_ascii_digit) && line.as_bytes()[3] == b' ' {
                return reply.trim_end().to_owned();
            }
        }
    }

    pub(crate) async fn ask(&mut self, line: &str) -> String {
        self.send(&format!("{line}\r\n")).await;
        self.reply().await
    }

    /// Asks and checks how the reply starts.
    pub(crate) async fn expect(&mut self, line: &str, reply: &str) -> String {
        let said = self.ask(line).await;
        assert!(said.starts_with(reply), "{line} was answered {said:?}, not {reply:?}");
        said
    }

    pub(crate) async fn expect_reply(&mut self, reply: &str) -> String {
        let said = self.reply().await;
        assert!(said.starts_with(reply), "the reply was {said:?}, not {reply:?}");
        said
    }

    pub(crate) async fn log_in(&mut self) {
        self.expect("USER demo", "331 ").await;
        self.expect("PASS secret", "230 ").await;
    }

    /// The port that EPSV names, on the host of the control connection.
    pub(crate) async fn epsv(&mut self) -> SocketAddr {
        let said = self.expect("EPSV", "229 ").await;
        let port = said.split('|').nth(3).unwrap().parse().unwrap();
        SocketAddr::new(self.server().ip(), port)
    }

    /// The data connection after EPSV.
    pub(crate) async fn passive(&mut self) -> TcpStream {
        let address = self.epsv().await;
        within(TcpStream::connect(address)).await.unwrap()
    }

    /// A listener that EPRT has named.
    pub(crate) async fn active(&mut self) -> TcpListener {
        let ip = self.local().ip();
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let family = if ip.is_ipv4() { 1 } else { 2 };
        self.expect(&format!("EPRT |{family}|{ip}|{port}|"), "200 ").await;
        listener
    }

    /// Stores a file over a new passive data connection.
    pub(crate) async fn store(&mut self, name: &str, bytes: &[u8]) -> String {
        let mut data = self.passive().await;
        self.expect(&format!("STOR {name}"), "150 ").await;
        within(data.write_all(bytes)).await.unwrap();
        drop(data);
        self.reply().await
    }

    /// Fetches over a new passive data connection, with the command given.
    pub(crate) async fn fetch(&mut self, command: &str) -> Vec<u8> {
        let mut data = self.passive().await;
        self.expect(command, "150 ").await;
        let mut bytes = Vec::new();
        within(data.read_to_end(&mut bytes)).await.unwrap();
        self.expect_reply("226 ").await;
        bytes
    }

    pub(crate) fn server(&self) -> SocketAddr {
        self.control.get_ref().peer_addr().unwrap()
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.control.get_ref().local_addr().unwrap()
    }
}

/// Bytes that show when some are missing or moved.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at * 31 + at / 251) % 256).unwrap()).collect()
}

/// Makes closing a connection reset it.
pub(crate) fn reset_on_close(stream: &TcpStream) {
    socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
}
