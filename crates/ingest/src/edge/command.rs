//! A control line, parsed: what the device asks for, or the reply that says what is wrong with it.
//!
//! RFC 959 section 5.3, RFC 2389 (FEAT, OPTS), RFC 2428 (EPRT, EPSV), RFC 2640 (LANG), RFC 3659 (MDTM, MLST, REST, SIZE),
//! RFC 4217 (AUTH, CCC, PBSZ, PROT), RFC 7151 (HOST), draft-somers-ftp-mfxx (MFMT).

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use jiff::Timestamp;
use percent_encoding::{AsciiSet, percent_encode};

use super::facts::Facts;
use super::reply::Reply;

mod security;
mod time;
pub(crate) use security::{Mechanism, Security};

/// What one control line asks for. Arguments borrow from the line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command<'l> {
    /// USER: who wants to log in; `session/login.rs` asks for the password, unless a certificate is enough.
    User(&'l str),
    /// PASS: the password, which `session/login.rs` takes to the accounts.
    Pass(&'l str),
    Quit,
    /// REIN: as if the device had just connected.
    Reinitialize,
    /// What protects the connections.
    Security(Security),
    /// FEAT.
    Features,
    /// OPTS MLST: the facts that lists are to tell.
    Facts(Facts),
    /// HELP, whatever with.
    Help,
    /// HOST: which of a server's names is meant (RFC 7151).
    Host(&'l str),
    /// TYPE: whether line ends are converted.
    Type(Type),
    /// A passive data connection in the old form, which can name an IPv4 address only.
    Pasv,
    /// A passive data connection over the family named, or over that of the control connection.
    Epsv(Option<Family>),
    /// `EPSV ALL`: from now on no other command may set up a data connection.
    EpsvAll,
    /// PORT or EPRT: where the device listens.
    Port(SocketAddr),
    Transfer(Transfer<'l>),
    /// REST: where the next transfer starts.
    Rest(u64),
    Abor,
    Stat,
    /// MLST of a path, or of the working directory.
    Mlst(Option<&'l str>),
    /// SIZE, which depends on the type.
    Size(&'l str),
    /// MFMT: when a file was modified.
    Modified {
        at: Timestamp,
        path: &'l str,
    },
    /// A command that libunftp answers well.
    Forward {
        verb: &'static str,
        argument: &'l str,
    },
    /// A command whose answer is always the same.
    Answer(Reply),
}

/// A command that moves data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transfer<'l> {
    pub(crate) verb: Verb,
    /// Empty where the command names no path.
    pub(crate) path: &'l str,
}

/// How the bytes of a file go over the network (RFC 959 section 3.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Type {
    /// As they are. So it is until the device says otherwise, though the RFC begins with ASCII: a device that never says TYPE does
    /// not expect its files to be changed.
    #[default]
    Image,
    /// As text, with CRLF at the end of a line.
    Ascii,
}

/// The commands that move data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Stor,
    Appe,
    Stou,
    Retr,
    List,
    Nlst,
    Mlsd,
}

impl Verb {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Stor => "STOR",
            Self::Appe => "APPE",
            Self::Stou => "STOU",
            Self::Retr => "RETR",
            Self::List => "LIST",
            Self::Nlst => "NLST",
            Self::Mlsd => "MLSD",
        }
    }
}

/// An address family as RFC 2428 numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub(crate) fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// The refusal that tells a device which family to use instead (RFC 2428 section 2).
    pub(crate) fn refusal(self) -> Reply {
        let number = match self {
            Self::V4 => 1,
            Self::V6 => 2,
        };
        Reply::new(522, format!("Network protocol not supported, use ({number})"))
    }
}

/// A line as text. One that is not UTF-8 (RFC 2640) has a name in an encoding that no command tells, such as Latin-1 or Shift JIS: of
/// such a line each byte beyond ASCII is written down as `%E4`, so that the file has a name, the same each time.
pub(crate) fn text(line: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(line) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => percent_encode(line, &AsciiSet::EMPTY).to_string().into(),
    }
}

/// Parses a control line without its line end.
///
/// # Errors
/// The reply that refuses it; the session goes on.
pub(crate) fn parse(line: &str) -> Result<Command<'_>, Reply> {
    // A path with a line end or a NUL in it could not be told from two commands further on.
    if line.contains(['\r', '\0']) {
        return Err(Reply::new(501, "A carriage return or NUL within a line is not allowed"));
    }
    let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
    let mut upper = [0; 4];
    let upper = match upper.get_mut(..verb.len()) {
        Some(upper) => {
            upper.copy_from_slice(verb.as_bytes());
            upper.make_ascii_uppercase();
            std::str::from_utf8(upper).unwrap_or_default()
        }
        None => "",
    };
    let transfer = |verb| Command::Transfer(Transfer { verb, path: argument });
    let forward = |verb| Command::Forward { verb, argument };
    let answer = |code, text: &'static str| Command::Answer(Reply::new(code, text));

    Ok(match upper {
        "USER" => Command::User(needed(argument)?),
        "PASS" => Command::Pass(argument),
        "QUIT" => none(argument, Command::Quit)?,
        "REIN" => none(argument, Command::Reinitialize)?,
        "AUTH" => Command::Security(security::auth(needed(argument)?)?),
        "PBSZ" => Command::Security(security::buffer_size(argument)?),
        "PROT" => Command::Security(security::level(needed(argument)?)?),
        "CCC" => none(argument, Command::Security(Security::ClearControl))?,
        "HOST" => Command::Host(host(argument).ok_or_else(|| Reply::new(501, "HOST needs a name or an address"))?),

        "PASV" => none(argument, Command::Pasv)?,
        "EPSV" => epsv(argument)?,
        "PORT" => Command::Port(host_port(argument).ok_or_else(|| Reply::new(501, "PORT needs h1,h2,h3,h4,p1,p2"))?),
        "EPRT" => Command::Port(extended_port(argument)?),
        "REST" => Command::Rest(number(argument).ok_or_else(|| Reply::new(501, "REST needs a number of bytes"))?),
        "STOR" => needed(argument).map(|_| transfer(Verb::Stor))?,
        "APPE" => needed(argument).map(|_| transfer(Verb::Appe))?,
        "STOU" => none(argument, transfer(Verb::Stou))?,
        "RETR" => needed(argument).map(|_| transfer(Verb::Retr))?,
        "LIST" => Command::Transfer(Transfer { verb: Verb::List, path: without_options(argument) }),
        "NLST" => Command::Transfer(Transfer { verb: Verb::Nlst, path: without_options(argument) }),
        "MLSD" => transfer(Verb::Mlsd),
        "ABOR" => none(argument, Command::Abor)?,
        "STAT" if argument.is_empty() => Command::Stat,
        "STAT" => answer(504, "STAT takes no path here; use LIST or MLST"),

        "CWD" | "XCWD" => needed(argument).map(|_| forward("CWD"))?,
        "CDUP" | "XCUP" => none(argument, forward("CDUP"))?,
        "PWD" | "XPWD" => none(argument, forward("PWD"))?,
        "MKD" | "XMKD" => needed(argument).map(|_| forward("MKD"))?,
        "RMD" | "XRMD" => needed(argument).map(|_| forward("RMD"))?,
        "DELE" => needed(argument).map(|_| forward("DELE"))?,
        "RNFR" => needed(argument).map(|_| forward("RNFR"))?,
        "RNTO" => needed(argument).map(|_| forward("RNTO"))?,
        "SIZE" => Command::Size(needed(argument)?),
        "MDTM" => needed(argument).map(|_| forward("MDTM"))?,
        "MFMT" => modified(argument)?,
        "MLST" => Command::Mlst(Some(argument).filter(|path| !path.is_empty())),

        "NOOP" => answer(200, "NOOP ok"),
        "SYST" => answer(215, "UNIX Type: L8"),
        "FEAT" => none(argument, Command::Features)?,
        "HELP" => Command::Help,
        "OPTS" => options(argument),
        "TYPE" => type_(argument)?,
        "STRU" => structure(argument)?,
        "MODE" => mode(argument)?,
        "ALLO" => allocate(argument)?,
        "ACCT" => answer(202, "ACCT is not needed here"),
        "CLNT" => needed(argument).map(|_| answer(200, "Noted"))?,
        "LANG" => language(argument)?,
        "SITE" => site(needed(argument)?),
        // What we know of and do not do is told from what we have never heard of (RFC 959 section 4.2.1).
        "ADAT" | "CONF" | "ENC" | "MIC" | "SMNT" => answer(502, "Command not implemented"),
        _ => answer(500, "Command not recognized"),
    })
}

fn needed(argument: &str) -> Result<&str, Reply> {
    if argument.is_empty() { Err(Reply::new(501, "The command needs an argument")) } else { Ok(argument) }
}

fn none<'l>(argument: &str, command: Command<'l>) -> Result<Command<'l>, Reply> {
    if argument.is_empty() { Ok(command) } else { Err(Reply::new(501, "The command takes no argument")) }
}

/// What follows the options of `ls`, which many clients send although the RFC knows of none: all is listed in one form.
fn without_options(argument: &str) -> &str {
    let mut path = argument;
    while path.starts_with('-') {
        path = path.split_once(' ').map_or("", |(_, path)| path);
    }
    path
}

/// A number in digits only: neither sign nor space.
fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// `h1,h2,h3,h4,p1,p2` (RFC 959 section 5.3.2).
fn host_port(argument: &str) -> Option<SocketAddr> {
    let mut fields = argument.split(',').map(number::<u8>);
    let mut next = || fields.next().flatten();
    let ip = Ipv4Addr::new(next()?, next()?, next()?, next()?);
    let port = u16::from_be_bytes([next()?, next()?]);
    fields.next().is_none().then(|| SocketAddr::new(ip.into(), port))
}

/// `<d><net-prt><d><net-addr><d><tcp-port><d>`, where `<d>` is nearly always `|` (RFC 2428 section 2).
fn extended_port(argument: &str) -> Result<SocketAddr, Reply> {
    let refusal = || Reply::new(501, "EPRT needs |family|address|port|");
    let delimiter = argument.chars().next().filter(char::is_ascii_graphic).ok_or_else(refusal)?;
    let fields: Vec<&str> = argument.split(delimiter).collect();
    let ["", family, address, port, ""] = fields[..] else { return Err(refusal()) };
    let family = match number::<u16>(family).ok_or_else(refusal)? {
        1 => Family::V4,
        2 => Family::V6,
        _ => return Err(Reply::new(522, "Network protocol not supported, use (1,2)")),
    };
    let ip: IpAddr = address.parse().map_err(|_| refusal())?;
    let port = number(port).ok_or_else(refusal)?;
    if Family::of(ip) == family { Ok(SocketAddr::new(ip, port)) } else { Err(refusal()) }
}

fn epsv<'l>(argument: &str) -> Result<Command<'l>, Reply> {
    match argument {
        "" => Ok(Command::Epsv(None)),
        "1" => Ok(Command::Epsv(Some(Family::V4))),
        "2" => Ok(Command::Epsv(Some(Family::V6))),
        all if all.eq_ignore_ascii_case("ALL") => Ok(Command::EpsvAll),
        family if number::<u16>(family).is_some() => Err(Reply::new(522, "Network protocol not supported, use (1,2)")),
        _ => Err(Reply::new(501, "EPSV takes 1, 2, ALL or nothing")),
    }
}

fn options<'l>(argument: &str) -> Command<'l> {
    let mut words = argument.split(' ');
    let option = words.next().unwrap_or_default();
    let value = words.next().unwrap_or("ON");
    if option.eq_ignore_ascii_case("MLST") {
        return Command::Facts(Facts::of(argument.split_once(' ').map_or("", |(_, list)| list)));
    }
    let utf8 = option.eq_ignore_ascii_case("UTF8") || option.eq_ignore_ascii_case("UTF-8");
    Command::Answer(match (utf8, value.eq_ignore_ascii_case("ON")) {
        (true, true) => Reply::new(200, "Paths are UTF-8"),
        (true, false) => Reply::new(504, "Paths are always UTF-8"),
        (false, _) => Reply::new(501, "Option not understood"),
    })
}

/// The sizes and forms that other machines needed are refused (RFC 959 section 3.1.1).
fn type_<'l>(argument: &str) -> Result<Command<'l>, Reply> {
    match needed(argument)?.to_ascii_uppercase().as_str() {
        "A" | "A N" => Ok(Command::Type(Type::Ascii)),
        "I" | "L 8" => Ok(Command::Type(Type::Image)),
        _ => Err(Reply::new(504, "Only types A, I and L 8 are known")),
    }
}

/// `ALLO n` or `ALLO n R m` (RFC 959 section 4.1.3). Nothing is set aside: a disk that is full says so when the file comes.
fn allocate<'l>(argument: &str) -> Result<Command<'l>, Reply> {
    let words: Vec<&str> = needed(argument)?.split(' ').collect();
    let is_number = |word: &str| number::<u64>(word).is_some();
    match words[..] {
        [bytes] if is_number(bytes) => {}
        [bytes, r, record] if is_number(bytes) && r.eq_ignore_ascii_case("R") && is_number(record) => {}
        _ => return Err(Reply::new(501, "ALLO needs a number of bytes")),
    }
    Ok(Command::Answer(Reply::new(202, "ALLO is not needed here")))
}

/// Replies are in English, whatever part of the world it is from (RFC 2640 section 4.1).
fn language<'l>(argument: &str) -> Result<Command<'l>, Reply> {
    let primary = argument.split('-').next().unwrap_or_default();
    if argument.is_empty() || primary.eq_ignore_ascii_case("en") {
        return Ok(Command::Answer(Reply::new(200, "Replies are in English")));
    }
    Err(Reply::new(504, "Replies are in English only"))
}

fn site<'l>(argument: &str) -> Command<'l> {
    Command::Answer(match argument.split(' ').next() {
        Some(help) if help.eq_ignore_ascii_case("HELP") => Reply::new(214, "SITE knows HELP only"),
        _ => Reply::new(500, "SITE command not recognized"),
    })
}

/// A host name, or an address: IPv6 in brackets (RFC 7151 section 3.1).
fn host(argument: &str) -> Option<&str> {
    let address = argument.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_name = || {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        (1..=253).contains(&argument.len()) && argument.bytes().all(allowed)
    };
    match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_name(),
    }
    .then_some(argument)
}

/// `YYYYMMDDHHMMSS[.fraction] path`, in UTC (draft-somers-ftp-mfxx section 3.1).
fn modified(argument: &str) -> Result<Command<'_>, Reply> {
    let refusal = || Reply::new(501, "MFMT needs YYYYMMDDHHMMSS and a path");
    let (at, path) = argument.split_once(' ').ok_or_else(refusal)?;
    let at = time::parse(at).ok_or_else(refusal)?;
    Ok(Command::Modified { at, path: needed(path)? })
}

fn structure<'l>(argument: &str) -> Result<Command<'l>, Reply> {
    if needed(argument)?.eq_ignore_ascii_case("F") {
        return Ok(Command::Answer(Reply::new(200, "Structure is F")));
    }
    Err(Reply::new(504, "Only structure F is known"))
}

fn mode<'l>(argument: &str) -> Result<Command<'l>, Reply> {
    if needed(argument)?.eq_ignore_ascii_case("S") {
        return Ok(Command::Answer(Reply::new(200, "Mode is S")));
    }
    Err(Reply::new(504, "Only mode S is known"))
}

#[cfg(test)]
mod tests;
