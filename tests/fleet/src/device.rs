//! One device: an FTP client that logs in, uploads and leaves, as RFC 959 has it, and waits for each reply before it goes on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

/// No server under test may take longer for a reply.
const REPLY: Duration = Duration::from_secs(60);

/// Whom to log in to.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) user: String,
    pub(crate) password: String,
}

/// Who makes the data connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    Passive,
    Active,
}

/// What an upload took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    /// From the end of the data to the 226.
    pub(crate) reply: Duration,
    /// From STOR to the 226.
    pub(crate) store: Duration,
}

/// A session.
#[derive(Debug)]
pub(crate) struct Device {
    control: BufReader<TcpStream>,
    line: String,
    local: IpAddr,
}

impl Device {
    /// Connects from this address, which loopback has sixteen million of, and logs in.
    pub(crate) async fn login(server: &Server, from: IpAddr) -> anyhow::Result<Self> {
        let stream = timeout(REPLY, connect(server.address, from)).await.context("connect: no answer")?;
        let stream = stream.context("connect")?;
        stream.set_nodelay(true)?;
        // One session needs no more: with the usual 8 KB, 20,000 of them would be 160 MB here.
        let mut device = Self { control: BufReader::with_capacity(512, stream), line: String::new(), local: from };
        device.expect(&[220]).await.context("greeting")?;
        if device.command(&format!("USER {}", server.user), &[230, 331]).await? == 331 {
            device.command(&format!("PASS {}", server.password), &[230]).await?;
        }
        Ok(device)
    }

    /// Uploads `content` in image type under that name.
    pub(crate) async fn store(&mut self, name: &str, content: &[u8], mode: Mode) -> anyhow::Result<Took> {
        let (mut data, began) = match mode {
            Mode::Passive => {
                let at = self.passive().await?;
                let began = Instant::now();
                self.send(&format!("STOR {name}")).await?;
                let data = timeout(REPLY, connect(at, self.local)).await.context("data connection: no answer")?;
                let data = data.context("data connection")?;
                self.expect(&[125, 150]).await.context("STOR")?;
                (data, began)
            }
            Mode::Active => {
                let listener = self.listen()?;
                let began = Instant::now();
                self.announce(listener.local_addr()?).await?;
                self.send(&format!("STOR {name}")).await?;
                // Some servers dial before they reply, others after it.
                self.expect(&[125, 150]).await.context("STOR")?;
                let (data, _) = timeout(REPLY, listener.accept()).await.context("the server did not dial")??;
                (data, began)
            }
        };
        data.write_all(content).await.context("send data")?;
        data.shutdown().await.context("end data")?;
        let sent = Instant::now();
        self.expect(&[226, 250]).await.context("end of STOR")?;
        Ok(Took { reply: sent.elapsed(), store: began.elapsed() })
    }

    /// Image type, once a session.
    pub(crate) async fn image(&mut self) -> anyhow::Result<()> {
        self.command("TYPE I", &[200]).await.map(drop)
    }

    /// Keeps the session alive.
    pub(crate) async fn noop(&mut self) -> anyhow::Result<()> {
        self.command("NOOP", &[200]).await.map(drop)
    }

    /// Leaves in order.
    pub(crate) async fn quit(mut self) -> anyhow::Result<()> {
        self.command("QUIT", &[221]).await.map(drop)
    }

    async fn passive(&mut self) -> anyhow::Result<SocketAddr> {
        self.command("PASV", &[227]).await?;
        // RFC 959 gives the reply no fixed text around the six numbers.
        let numbers: Vec<u8> = self
            .line
            .get(4..)
            .unwrap_or_default()
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|number| number.parse().ok())
            .collect();
        let [.., a, b, c, d, high, low] = *numbers.as_slice() else { bail!("no address in {:?}", self.line) };
        Ok(SocketAddr::from((Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low]))))
    }

    fn listen(&self) -> io::Result<TcpListener> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::new(self.local, 0))?;
        socket.listen(1)
    }

    async fn announce(&mut self, at: SocketAddr) -> anyhow::Result<()> {
        let IpAddr::V4(host) = at.ip() else { bail!("PORT knows no IPv6") };
        let [a, b, c, d] = host.octets();
        let [high, low] = at.port().to_be_bytes();
        self.command(&format!("PORT {a},{b},{c},{d},{high},{low}"), &[200]).await.map(drop)
    }

    async fn command(&mut self, line: &str, expected: &[u16]) -> anyhow::Result<u16> {
        self.send(line).await?;
        let verb = line.split(' ').next().unwrap_or_default();
        self.expect(expected).await.with_context(|| verb.to_owned())
    }

    async fn send(&mut self, line: &str) -> anyhow::Result<()> {
        self.control.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.context("send a command")
    }

    /// Reads one reply, of one line or several, and fails when it is none of these.
    async fn expect(&mut self, expected: &[u16]) -> anyhow::Result<u16> {
        let mut first: Option<u16> = None;
        loop {
            self.line.clear();
            let read =
                timeout(REPLY, self.control.read_line(&mut self.line)).await.context("no reply")?.context("read a reply")?;
            ensure!(read > 0, "the server hung up");
            let code = self.line.get(..3).and_then(|code| code.parse().ok());
            let is_last = self.line.as_bytes().get(3) != Some(&b'-');
            let code = match (first, code) {
                (None, Some(code)) => code,
                (None, None) => bail!("no reply: {:?}", self.line),
                (Some(first), code) if is_last && code == Some(first) => first,
                (Some(_), _) => continue,
            };
            if is_last {
                ensure!(expected.contains(&code), "{}", self.line.trim_end());
                return Ok(code);
            }
            first = Some(code);
        }
    }
}

async fn connect(to: SocketAddr, from: IpAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // The port is chosen at connect, so that one address may have the same port towards several servers.
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::new(from, 0).into())?;
    TcpSocket::from_std_stream(socket.into()).connect(to).await
}
