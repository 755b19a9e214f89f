//! What must hold of whatever strangers send. `fuzz/` tries these properties on bytes of its own making, the tests on
//! `fuzz/seeds`, where what fuzzing finds is kept.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::active::Policy;
use super::command::{self, Command, Family, Mechanism, Security, Type};
use super::control::printable;
use super::proxy_protocol::{Ends, Header, ends, read};
use super::reply::{Reply, whole};
use super::upstream;
use crate::config::Proxy;

/// The control-line parser: what it takes is taken for the same again when it is written in its plainest form, what goes on to
/// libunftp is one line, and what it refuses gets one whole reply.
pub fn control_line(bytes: &[u8]) {
    for line in bytes.split(|&byte| byte == b'\n') {
        let line = printable(line);
        match command::parse(&command::text(&line)) {
            Ok(Command::Answer(reply)) => is_one_reply(&reply),
            Ok(command) => {
                let plain = written(&command);
                assert_eq!(plain.find(['\r', '\n', '\0']), None, "{plain:?} is more than one line");
                assert_eq!(command::parse(&plain).as_ref(), Ok(&command), "{plain:?} means something else");
            }
            Err(refusal) => {
                is_one_reply(&refusal);
                assert!((500..600).contains(&refusal.code), "{refusal} does not refuse");
            }
        }
    }
}

/// The arguments of PORT and EPRT: nothing is dialled but the device itself under `strict` and `rewrite-private`, nothing
/// reserved under a list of networks, and no port of a service under any.
///
/// The device's address is made of the first 17 bytes; the rest is the command line.
pub fn data_address(bytes: &[u8]) {
    let Some(([family, octets @ ..], line)) = bytes.split_first_chunk::<17>() else { return };
    let [a, b, c, d, ..] = *octets;
    let device: IpAddr = if family & 1 == 0 { Ipv4Addr::new(a, b, c, d).into() } else { Ipv6Addr::from(*octets).into() };
    let Ok(Command::Port(named)) = command::parse(&command::text(line)) else { return };
    let everywhere = ["0.0.0.0/0", "::/0"].iter().filter_map(|network| network.parse().ok()).collect();
    for policy in [Policy::Strict, Policy::RewritePrivate, Policy::Networks(everywhere)] {
        // Sooner or later a device names its own address, which the fuzzer would hardly guess.
        for device in [device, named.ip()].map(|ip| SocketAddr::new(ip.to_canonical(), 40_000)) {
            match policy.target(named, device) {
                Ok(target) => {
                    assert_eq!(target.port(), named.port());
                    assert!(target.port() >= 1024, "{target} is a service's");
                    assert_eq!(Family::of(target.ip()), Family::of(device.ip()));
                    let open = matches!(policy, Policy::Networks(_)) && !is_forbidden(target.ip());
                    assert!(target.ip() == device.ip() || open, "{target} is dialled for {device} under {policy:?}");
                }
                Err(refusal) => is_one_reply(&refusal),
            }
        }
    }
}

/// Headers of the PROXY protocol: a bounded number of bytes is read, an address that is taken comes through either version
/// again without a byte of what follows, and from a stranger none is read at all.
pub fn proxy_header(bytes: &[u8]) {
    let mut left = bytes;
    if let Some(Ok(Header::For(found))) = ready(read(&mut left)) {
        for ip in [found.client.ip(), found.reached] {
            assert_eq!(ip, ip.to_canonical(), "an IPv4 address in IPv6 clothes");
        }
        for header in [version_1(found), version_2(found)] {
            let sent = [&header[..], b"USER"].concat();
            let mut left = &sent[..];
            let again = ready(read(&mut left)).and_then(Result::ok);
            assert_eq!(again, Some(Header::For(found)), "{}", header.escape_ascii());
            assert_eq!(left, b"USER");
        }
    }
    let taken = bytes.len() - left.len();
    assert!(taken <= 16 + 4096, "{taken} bytes were read");

    let stranger = Ends { client: SocketAddr::from(([192, 0, 2, 7], 40_000)), reached: Ipv4Addr::LOCALHOST.into() };
    let mut left = bytes;
    let nobody = Proxy { trusted: Vec::new(), header: Duration::from_secs(1) };
    assert_eq!(ready(ends(&mut left, stranger, &nobody)).and_then(Result::ok), Some(stranger));
    assert_eq!(left.len(), bytes.len(), "a stranger's bytes were read");
}

/// A command in its plainest form.
fn written(command: &Command<'_>) -> String {
    let line = |verb, argument: &str| upstream::command(verb, argument).trim_end_matches("\r\n").to_owned();
    match command {
        Command::User(name) => line("USER", name),
        Command::Pass(password) => line("PASS", password),
        Command::Quit => line("QUIT", ""),
        Command::Reinitialize => line("REIN", ""),
        Command::Security(Security::Auth(Mechanism::Tls)) => line("AUTH", "TLS"),
        Command::Security(Security::Auth(Mechanism::TlsForAll)) => line("AUTH", "SSL"),
        Command::Security(Security::BufferSize) => line("PBSZ", "0"),
        Command::Security(Security::Data(protected)) => line("PROT", if *protected { "P" } else { "C" }),
        Command::Security(Security::ClearControl) => line("CCC", ""),
        Command::Features => line("FEAT", ""),
        Command::Facts(facts) => line("OPTS MLST", &facts.told()),
        Command::Help => line("HELP", ""),
        Command::Host(name) => line("HOST", name),
        Command::Type(Type::Image) => line("TYPE", "I"),
        Command::Type(Type::Ascii) => line("TYPE", "A"),
        Command::Size(path) => line("SIZE", path),
        Command::Modified { at, path } => {
            line("MFMT", &format!("{} {path}", at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y%m%d%H%M%S")))
        }
        Command::Pasv => line("PASV", ""),
        Command::Epsv(None) => line("EPSV", ""),
        Command::Epsv(Some(Family::V4)) => line("EPSV", "1"),
        Command::Epsv(Some(Family::V6)) => line("EPSV", "2"),
        Command::EpsvAll => line("EPSV", "ALL"),
        Command::Port(address) => match address.ip() {
            IpAddr::V4(ip) => {
                let ([h1, h2, h3, h4], [p1, p2]) = (ip.octets(), address.port().to_be_bytes());
                let short = format!("{h1},{h2},{h3},{h4},{p1},{p2}");
                assert_eq!(command::parse(&line("EPRT", &format!("|1|{ip}|{}|", address.port()))).as_ref(), Ok(command));
                line("PORT", &short)
            }
            IpAddr::V6(ip) => line("EPRT", &format!("|2|{ip}|{}|", address.port())),
        },
        Command::Transfer(transfer) => line(transfer.verb.as_str(), transfer.path),
        Command::Rest(offset) => line("REST", &offset.to_string()),
        Command::Abor => line("ABOR", ""),
        Command::Stat => line("STAT", ""),
        Command::Mlst(path) => line("MLST", path.unwrap_or_default()),
        Command::Forward { verb, argument } => line(verb, argument),
        Command::Answer(reply) => reply.to_string(),
    }
}

/// The device must see where a reply ends, whatever its text was made of.
fn is_one_reply(reply: &Reply) {
    let sent = reply.to_string();
    assert_eq!(whole(sent.as_bytes()), Some((reply.code, sent.len())), "{sent:?} is not one reply");
}

/// Addresses that are nobody's to name, told by their bits rather than as `active/policy.rs` tells them.
fn is_forbidden(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => matches!(ip.octets(), [0 | 127 | 224..=239, ..] | [169, 254, ..] | [255, 255, 255, 255]),
        IpAddr::V6(ip) => matches!(
            ip.segments(),
            [0, 0, 0, 0, 0, 0, 0, 0 | 1]
                | [0, 0, 0, 0, 0, 0xffff, ..]
                | [0xfe80..=0xfebf | 0xff00..=0xffff, ..]
                | [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]
        ),
    }
}

/// The result of a future that has all it needs; none when it would wait.
fn ready<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}

fn version_1(Ends { client, reached }: Ends) -> Vec<u8> {
    let port = client.port();
    let line = match (client.ip(), reached) {
        (IpAddr::V4(client), IpAddr::V4(reached)) => format!("PROXY TCP4 {client} {reached} {port} 21\r\n"),
        (client, reached) => format!("PROXY TCP6 {} {} {port} 21\r\n", in_v6(client), in_v6(reached)),
    };
    line.into_bytes()
}

fn version_2(Ends { client, reached }: Ends) -> Vec<u8> {
    let (family, addresses) = match (client.ip(), reached) {
        (IpAddr::V4(client), IpAddr::V4(reached)) => (0x11, [client.octets(), reached.octets()].concat()),
        (client, reached) => (0x21, [in_v6(client).octets(), in_v6(reached).octets()].concat()),
    };
    let length = u8::try_from(addresses.len() + 4).unwrap_or_default();
    [b"\r\n\r\n\0\r\nQUIT\n\x21", &[family, 0, length][..], &addresses, &client.port().to_be_bytes(), &[0, 21]].concat()
}

fn in_v6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

#[cfg(test)]
mod tests;
