//! Active mode: which addresses a device may name, and the connection to it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::command::Family;
use super::control::tune;
use super::reply::{Reply, spelled};

/// Ports below this one belong to services, not to a device's data connections (RFC 2577 section 3).
const PORT_MIN: u16 = 1024;

/// Checks what PORT or EPRT named, before anything is sent there.
///
/// Only the device's own address is ever dialled, so that nobody can make us connect elsewhere (RFC 2577 section 3).
///
/// # Errors
/// The reply that refuses it.
pub(crate) fn target(named: SocketAddr, client: SocketAddr) -> Result<SocketAddr, Reply> {
    let family = Family::of(client.ip());
    if Family::of(named.ip()) != family {
        return Err(family.refusal());
    }
    if named.ip() != client.ip() {
        return Err(Reply::new(504, format!("{} is not your address; active mode connects to {} only", named.ip(), client.ip())));
    }
    if named.port() < PORT_MIN {
        return Err(Reply::new(
            504,
            format!("Port {} is refused; active mode needs a port of {PORT_MIN} or above", named.port()),
        ));
    }
    // The client's own address again, because it knows the zone of a link-local one.
    let mut target = client;
    target.set_port(named.port());
    Ok(target)
}

/// Connects to a device from the address it knows us by.
///
/// # Errors
/// The cause in words, for the 425.
pub(crate) async fn dial(target: SocketAddr, local: IpAddr, limit: Duration) -> Result<TcpStream, String> {
    let connect = async {
        let socket = if target.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A port in TIME_WAIT towards one device serves another: devices by the thousand would use them up.
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::new(local, 0))?;
        let stream = socket.connect(target).await?;
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
