//! The PROXY protocol, versions 1 and 2: who is behind a balancer that opens its own connection to us.
//!
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>. Only balancers in trusted networks are believed, and they
//! must send the header: one who could leave it out could choose who to be.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use crate::config::Proxy;

/// The longest header of version 1, line end included (section 2.1).
const LINE_BYTES_MAX: usize = 107;

/// How version 2 starts (section 2.2). No line of version 1 is as short, so that so much may be read of either.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The longest rest of a header of version 2: addresses, and what else balancers add. NLB and HAProxy stay below 300.
const REST_BYTES_MAX: usize = 4096;

/// Whom a connection joins: the device, and the address of ours that it dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) client: SocketAddr,
    pub(crate) reached: IpAddr,
}

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// The balancer speaks for a device.
    For(Ends),
    /// The balancer speaks for itself, or does not know for whom: a health probe.
    Itself,
}

/// Whom a connection joins: by its header if a trusted balancer opened it, by its socket otherwise.
///
/// # Errors
/// When a trusted balancer sends no whole and valid header in time.
pub(crate) async fn ends<S: AsyncRead + Unpin>(stream: &mut S, socket: Ends, proxy: &Proxy) -> io::Result<Ends> {
    let socket = Ends { client: canonical(socket.client), reached: socket.reached.to_canonical() };
    if !is_trusted(socket.client.ip(), proxy) {
        return Ok(socket);
    }
    match within(proxy.header, read(stream)).await? {
        Header::For(ends) => Ok(ends),
        Header::Itself => Ok(socket),
    }
}

/// Whether a peer is a balancer that sends headers.
pub(crate) fn is_trusted(peer: IpAddr, proxy: &Proxy) -> bool {
    proxy.trusted.iter().any(|network| network.contains(peer))
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, work).await?
}

/// Reads a header and not a byte more: what follows is the device's.
pub(super) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Header> {
    let mut start = [0; SIGNATURE.len()];
    stream.read_exact(&mut start).await?;
    if start == SIGNATURE {
        let [command, family, high, low] = stream.read_u32().await?.to_be_bytes();
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > REST_BYTES_MAX {
            return Err(invalid("a PROXY header too long"));
        }
        let mut rest = vec![0; length];
        stream.read_exact(&mut rest).await?;
        return version_2(command, family, &rest).ok_or_else(|| invalid("no valid PROXY header of version 2"));
    }
    let mut line = start.to_vec();
    while line.starts_with(b"PROXY ") && !line.ends_with(b"\r\n") && line.len() < LINE_BYTES_MAX {
        line.push(stream.read_u8().await?);
    }
    version_1(&line).ok_or_else(|| invalid("no valid PROXY header"))
}

/// `PROXY TCP4 192.0.2.7 203.0.113.9 56324 21` with its line end (section 2.1).
fn version_1(line: &[u8]) -> Option<Header> {
    let line = std::str::from_utf8(line).ok()?.strip_prefix("PROXY ")?.strip_suffix("\r\n")?;
    let mut words = line.split(' ');
    let is_v4 = match words.next()? {
        // Whatever else the line says then is to be ignored.
        "UNKNOWN" => return Some(Header::Itself),
        "TCP4" => true,
        "TCP6" => false,
        _ => return None,
    };
    let client: IpAddr = words.next()?.parse().ok()?;
    let reached: IpAddr = words.next()?.parse().ok()?;
    let port = decimal(words.next()?)?;
    decimal(words.next()?)?;
    if words.next().is_some() || client.is_ipv4() != is_v4 || reached.is_ipv4() != is_v4 {
        return None;
    }
    Some(between(client, port, reached))
}

/// A port without signs and leading zeros.
fn decimal(text: &str) -> Option<u16> {
    let port: u16 = text.parse().ok()?;
    (port.to_string() == text).then_some(port)
}

/// The header behind the signature and the length (section 2.2). What stands behind the addresses is passed over.
fn version_2(command: u8, family: u8, rest: &[u8]) -> Option<Header> {
    match command {
        // LOCAL: the addresses are to be ignored.
        0x20 => return Some(Header::Itself),
        0x21 => {}
        _ => return None,
    }
    match family {
        // TCP over IPv4.
        0x11 => {
            let (client, rest) = rest.split_first_chunk::<4>()?;
            let (reached, rest) = rest.split_first_chunk::<4>()?;
            let port = u16::from_be_bytes(*rest.get(..4)?.first_chunk()?);
            Some(between(Ipv4Addr::from(*client).into(), port, Ipv4Addr::from(*reached).into()))
        }
        // TCP over IPv6.
        0x21 => {
            let (client, rest) = rest.split_first_chunk::<16>()?;
            let (reached, rest) = rest.split_first_chunk::<16>()?;
            let port = u16::from_be_bytes(*rest.get(..4)?.first_chunk()?);
            Some(between(Ipv6Addr::from(*client).into(), port, Ipv6Addr::from(*reached).into()))
        }
        // UNSPEC: the balancer does not know.
        0x00 => Some(Header::Itself),
        // UDP and sockets of the file system bring no device.
        _ => None,
    }
}

fn between(client: IpAddr, port: u16, reached: IpAddr) -> Header {
    Header::For(Ends { client: canonical(SocketAddr::new(client, port)), reached: reached.to_canonical() })
}

fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        // As it was, with the zone of a link-local one.
        IpAddr::V6(_) => address,
        v4 => SocketAddr::new(v4, address.port()),
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests;
