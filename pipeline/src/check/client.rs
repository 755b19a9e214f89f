//! A device as plain as devices are, in the clear or within TLS: it believes every address that it is told, and says every reply
//! that it did not expect.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::trust::{Handshakes, Trust};

/// Longer than Inlet lets anybody wait by default for a data connection.
const REPLY: Duration = Duration::from_secs(30);
/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest line that a reply may have.
const LINE_BYTES_MAX: u64 = 8192;

/// A connection, in the clear or within TLS.
trait Connection: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<C: AsyncRead + AsyncWrite + Send + Sync + Unpin> Connection for C {}

/// A session with an FTP server.
pub(super) struct Client {
    control: BufReader<Box<dyn Connection>>,
    /// What makes each connection one within TLS, if they are.
    tls: Option<Handshakes>,
    local: SocketAddr,
    server: SocketAddr,
}

/// How a data connection is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The server names a port.
    Epsv,
    /// The server names an address and a port.
    Pasv,
    /// The device names an address and a port, of either family.
    Eprt,
    /// The device names an IPv4 address and a port.
    Port,
}

impl Way {
    /// In the order in which they are tried.
    pub(super) const ALL: [Self; 4] = [Self::Epsv, Self::Pasv, Self::Eprt, Self::Port];

    /// The command.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Epsv => "EPSV",
            Self::Pasv => "PASV",
            Self::Eprt => "EPRT",
            Self::Port => "PORT",
        }
    }
}

/// The device's side of a data connection before it stands.
enum Data {
    Open(TcpStream),
    Awaited(TcpListener),
}

impl Client {
    /// Connects and logs in, within TLS if that is to be trusted.
    pub(super) async fn log_in(server: SocketAddr, account: &str, password: &str, trust: Option<&Trust>) -> anyhow::Result<Self> {
        let mut stream = connect(server).await?;
        let local = stream.local_addr()?;
        ensure!(
            reply(&mut BufReader::with_capacity(1, &mut stream)).await?.starts_with("220 "),
            "{server} is no FTP server that is ready"
        );
        let tls = trust.map(Trust::handshakes).transpose()?;
        let control: Box<dyn Connection> = match &tls {
            None => Box::new(stream),
            Some(tls) => {
                stream.write_all(b"AUTH TLS\r\n").await.context("the control connection broke")?;
                // Not a byte beyond the reply is read: the next ones belong to TLS.
                let said = reply(&mut BufReader::with_capacity(1, &mut stream)).await?;
                ensure!(said.starts_with("234 "), "AUTH TLS was answered: {said}");
                Box::new(tls.start(server.ip(), stream).await?)
            }
        };
        let mut client = Self { control: BufReader::new(control), tls, local, server };
        client.expect(&format!("USER {account}"), "331 ").await?;
        // Not through `expect`, which says what was sent when it fails.
        let said = client.ask(&format!("PASS {password}")).await?;
        ensure!(said.starts_with("230 "), "the account {account} cannot log in: {said}");
        if client.tls.is_some() {
            client.expect("PBSZ 0", "200 ").await?;
            client.expect("PROT P", "200 ").await?;
        }
        Ok(client)
    }

    /// Lists the home directory over a data connection made this way. Says what the device was told.
    pub(super) async fn list(&mut self, way: Way) -> anyhow::Result<String> {
        let (data, told) = self.prepare(way).await?;
        self.send("NLST").await?;
        let data = match data {
            Data::Open(data) => data,
            Data::Awaited(listener) => tokio::select! {
                biased;
                accepted = listener.accept() => accepted?.0,
                said = self.reply() => bail!("{told}, and the server said: {}", said?),
                () = tokio::time::sleep(REPLY) => bail!("{told}, and the server neither connected nor said why"),
            },
        };
        let said = self.reply().await?;
        ensure!(said.starts_with("150 "), "{told}, and the server said: {said}");
        let mut data: Box<dyn Connection> = match &self.tls {
            None => Box::new(data),
            Some(tls) => match tls.start(self.server.ip(), data).await {
                Ok(data) => Box::new(data),
                Err(error) => bail!("{told}, and {error:#}; the server said: {}", self.reply().await?),
            },
        };
        let mut listing = Vec::new();
        timeout(REPLY, data.read_to_end(&mut listing)).await.context("the listing does not end")??;
        let said = self.reply().await?;
        ensure!(said.starts_with("226 "), "{told}, and the server said: {said}");
        Ok(told)
    }

    async fn prepare(&mut self, way: Way) -> anyhow::Result<(Data, String)> {
        match way {
            Way::Epsv => {
                let said = self.expect("EPSV", "229 ").await?;
                let port = said.rsplit('|').nth(1).and_then(|port| port.parse().ok());
                let port: u16 = port.with_context(|| format!("no port in {said:?}"))?;
                let target = SocketAddr::new(self.server.ip(), port);
                Ok((Data::Open(connect(target).await?), format!("the device was told port {port}")))
            }
            Way::Pasv => {
                let said = self.expect("PASV", "227 ").await?;
                let target = named(&said).with_context(|| format!("no address in {said:?}"))?;
                let told = format!("the device was told {} port {}", target.ip(), target.port());
                Ok((Data::Open(connect(target).await.with_context(|| told.clone())?), told))
            }
            Way::Eprt => {
                let (listener, address) = self.listen().await?;
                let (family, ip, port) = (if address.is_ipv4() { 1 } else { 2 }, address.ip(), address.port());
                self.expect(&format!("EPRT |{family}|{ip}|{port}|"), "200 ").await?;
                Ok((Data::Awaited(listener), format!("the device said {ip} port {port}")))
            }
            Way::Port => {
                let (listener, address) = self.listen().await?;
                let SocketAddr::V4(v4) = address else { bail!("PORT cannot name an IPv6 address; devices use EPRT") };
                let ([h1, h2, h3, h4], [p1, p2]) = (v4.ip().octets(), v4.port().to_be_bytes());
                self.expect(&format!("PORT {h1},{h2},{h3},{h4},{p1},{p2}"), "200 ").await?;
                Ok((Data::Awaited(listener), format!("the device said {} port {}", v4.ip(), v4.port())))
            }
        }
    }

    async fn listen(&self) -> anyhow::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind((self.local.ip(), 0)).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    async fn expect(&mut self, line: &str, start: &str) -> anyhow::Result<String> {
        let said = self.ask(line).await?;
        ensure!(said.starts_with(start), "{} was answered: {said}", line.split(' ').next().unwrap_or_default());
        Ok(said)
    }

    async fn ask(&mut self, line: &str) -> anyhow::Result<String> {
        self.send(line).await?;
        self.reply().await
    }

    async fn send(&mut self, line: &str) -> anyhow::Result<()> {
        self.control.write_all(format!("{line}\r\n").as_bytes()).await.context("the control connection broke")?;
        self.control.flush().await.context("the control connection broke")
    }

    async fn reply(&mut self) -> anyhow::Result<String> {
        reply(&mut self.control).await
    }
}

/// The last line of the next reply.
async fn reply(control: &mut BufReader<impl AsyncRead + Unpin>) -> anyhow::Result<String> {
    loop {
        let mut line = String::new();
        let mut limited = (&mut *control).take(LINE_BYTES_MAX);
        let read = timeout(REPLY, limited.read_line(&mut line)).await.context("the server does not answer")?;
        ensure!(read.context("the control connection broke")? > 0, "the server closed the control connection");
        let line = line.trim_end();
        if line.len() >= 3 && line.bytes().take(3).all(|byte| byte.is_ascii_digit()) && line.as_bytes().get(3) != Some(&b'-') {
            return Ok(line.to_owned());
        }
    }
}

/// The address in the reply to PASV (RFC 959 section 4.2).
fn named(said: &str) -> Option<SocketAddr> {
    let inside = said.split_once('(')?.1.split_once(')')?.0;
    let numbers: Vec<u8> = inside.split(',').map(|number| number.trim().parse().ok()).collect::<Option<_>>()?;
    let [h1, h2, h3, h4, p1, p2] = numbers.try_into().ok()?;
    Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(h1, h2, h3, h4)), u16::from_be_bytes([p1, p2])))
}

async fn connect(target: SocketAddr) -> anyhow::Result<TcpStream> {
    let connecting = timeout(CONNECT, TcpStream::connect(target)).await;
    let answered = connecting.with_context(|| format!("{target} does not answer"))?;
    answered.with_context(|| format!("cannot connect to {target}"))
}

#[cfg(test)]
mod tests;
