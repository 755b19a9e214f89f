//! Connections between the edge and libunftp, which nobody else on this host can take part in.
//!
//! libunftp speaks FTP over sockets, so each session has a control connection to it on loopback, and each transfer a data
//! connection. Other processes can connect on loopback too. A control connection is taken only when its other end is the
//! one just made here; a data listener has a socket filter that lets only the one source in that was bound beforehand.
//!
//! Every session uses an address of its own within 127.0.0.0/8 (all of which Linux routes to itself), so that the ports left
//! in TIME_WAIT by one session are in nobody's way.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use libunftp::options::Binder;
use socket2::{Domain, SockAddr, SockFilter, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Where the control connections to libunftp are made.
#[derive(Debug)]
pub(crate) struct Loopback {
    listener: tokio::sync::Mutex<TcpListener>,
    address: SocketAddr,
    next: AtomicU32,
}

impl Loopback {
    pub(crate) async fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener: tokio::sync::Mutex::new(listener), address, next: AtomicU32::new(0) })
    }

    /// An address for one session; it comes round again after 16 million sessions.
    pub(crate) fn address(&self) -> Ipv4Addr {
        let [_, high, middle, low] = self.next.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        // 127.0.0.0/16 is left to the others on this host.
        Ipv4Addr::new(127, high % 255 + 1, middle, low)
    }

    /// A connection from `source` with both its ends: ours, and the one for libunftp.
    pub(crate) async fn pair(&self, source: Ipv4Addr) -> io::Result<(TcpStream, TcpStream)> {
        // One at a time, so that no session takes another's connection for a stranger's.
        let listener = self.listener.lock().await;
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddrV4::new(source, 0).into())?;
        let ours = socket.connect(self.address).await?;
        let address = ours.local_addr()?;
        loop {
            let (theirs, peer) = listener.accept().await?;
            if peer == address {
                ours.set_nodelay(true)?;
                theirs.set_nodelay(true)?;
                return Ok((ours, theirs));
            }
        }
    }
}

/// Makes a loopback connection leave no port in TIME_WAIT when it is closed. For one whose last byte has arrived.
pub(crate) fn discard(stream: &TcpStream) {
    // Failing costs a port for a minute and nothing else.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// Makes libunftp's data listeners, and the way to each.
#[derive(Debug, Clone)]
pub(crate) struct DataPort {
    ip: Ipv4Addr,
    way: Arc<Mutex<Option<Way>>>,
}

/// A socket bound to the only source that the listener lets in, and the listener's address.
#[derive(Debug)]
struct Way {
    source: TcpSocket,
    listener: SocketAddr,
}

impl DataPort {
    pub(crate) fn new(ip: Ipv4Addr) -> Self {
        Self { ip, way: Arc::default() }
    }

    /// Connects to the listener that libunftp has made last.
    pub(crate) async fn connect(&self) -> io::Result<TcpStream> {
        let way = self.way.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Way { source, listener }) = way else { return Err(io::ErrorKind::NotConnected.into()) };
        let stream = source.connect(listener).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn prepare(&self) -> io::Result<TcpSocket> {
        let any = SocketAddrV4::new(self.ip, 0);
        let source = TcpSocket::new_v4()?;
        source.bind(any.into())?;
        let SocketAddr::V4(from) = source.local_addr()? else { return Err(io::ErrorKind::AddrNotAvailable.into()) };

        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        // Before the socket has a port, let alone listens: there is no moment at which anybody else gets in.
        socket.attach_filter(&only_from(from))?;
        socket.bind(&SockAddr::from(any))?;
        let socket = TcpSocket::from_std_stream(socket.into());
        let listener = socket.local_addr()?;
        *self.way.lock().unwrap_or_else(PoisonError::into_inner) = Some(Way { source, listener });
        Ok(socket)
    }
}

#[async_trait]
impl Binder for DataPort {
    async fn bind(&mut self, _control: IpAddr, _ports: RangeInclusive<u16>) -> io::Result<TcpSocket> {
        self.prepare()
    }
}

/// A classic BPF program that keeps the packets of one source and drops all others (Linux, networking/filter.rst).
fn only_from(source: SocketAddrV4) -> [SockFilter; 6] {
    const LOAD_HALF: u16 = 0x28; // BPF_LD | BPF_H | BPF_ABS
    const LOAD_WORD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
    const JUMP_IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    const TCP_SOURCE_PORT: u32 = 0;
    const IP_SOURCE: u32 = 0xfff0_0000 + 12; // SKF_NET_OFF, then the offset in the IPv4 header
    [
        SockFilter::new(LOAD_HALF, 0, 0, TCP_SOURCE_PORT),
        SockFilter::new(JUMP_IF_EQUAL, 0, 3, source.port().into()),
        SockFilter::new(LOAD_WORD, 0, 0, IP_SOURCE),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, source.ip().to_bits()),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

#[cfg(test)]
mod tests;
