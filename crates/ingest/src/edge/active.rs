//! Active mode: the connection to a device.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::control::tune;
use super::reply::spelled;

mod policy;
pub use policy::{Policy, SourcePort};

/// How a device is dialled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dial {
    /// The address of ours to dial from; any where it is of another family than the device's.
    pub(crate) from: IpAddr,
    pub(crate) port: SourcePort,
    /// How long the device may take to answer.
    pub(crate) limit: Duration,
}

/// Sees at start whether devices can be dialled as configured, rather than with the first device.
///
/// # Errors
/// When the address is not ours, or the port is not for us to use.
pub(crate) fn probe(from: IpAddr, port: SourcePort) -> io::Result<()> {
    bound(from, port).map(drop)
}

fn bound(from: IpAddr, port: SourcePort) -> io::Result<TcpSocket> {
    let socket = if from.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A port in TIME_WAIT towards one device serves another: devices by the thousand would use them up. And all of them
    // are dialled from port 20 at once.
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::new(from, port.number()))?;
    Ok(socket)
}

/// Connects to a device.
///
/// # Errors
/// The cause in words, for the 425.
pub(crate) async fn dial(target: SocketAddr, dial: Dial) -> Result<TcpStream, String> {
    let Dial { from, port, limit } = dial;
    let from = match target.ip() {
        IpAddr::V4(_) if from.is_ipv6() => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) if from.is_ipv4() => Ipv6Addr::UNSPECIFIED.into(),
        _ => from,
    };
    let connect = async {
        let stream = bound(from, port)?.connect(target).await?;
        tune(&stream)?;
        Ok::<_, io::Error>(stream)
    };
    let cause = match timeout(limit, connect).await {
        Ok(Ok(stream)) => return Ok(stream),
        Ok(Err(error)) => match error.kind() {
            // Without the number and the capital that the system's own words carry.
            io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
            io::ErrorKind::HostUnreachable => "no route to host".to_owned(),
            io::ErrorKind::NetworkUnreachable => "network unreachable".to_owned(),
            io::ErrorKind::TimedOut => "timed out".to_owned(),
            _ => error.to_string(),
        },
        Err(_) => format!("no answer within {}", spelled(limit)),
    };
    Err(format!("cannot connect to {} port {}: {cause}", target.ip(), target.port()))
}

#[cfg(test)]
mod tests;
