//! One control connection from greeting to last word.
//!
//! Commands are taken one at a time: the next line is looked at only when the last one has had its whole reply, so that a
//! device may send many ahead and still gets its replies in order.

mod end;
mod idle;
mod login;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::net::TcpStream;
use tokio::time::Instant;
use tracing::{info, warn};
use ulid::Ulid;

pub(super) use self::end::End;
use super::address::resolve;
use super::command::{self, Command, Family, Type};
use super::control::Control;
use super::facts::Facts;
use super::features;
use super::passive::Lease;
use super::proxy_protocol::Ends;
use super::reply::Reply;
use super::sessions::Shared;
use super::tls::Protection;
use super::upstream::{Answer, Upstream};
use super::watch::{Watch, Who};
use crate::accounts::Account;
use crate::limits::Place;
use crate::metrics;
use crate::names::HomePath;
use crate::session::{Mode, Session};

/// How the next transfer's data connection is to be made.
#[derive(Debug)]
pub(super) enum DataPath {
    /// The device connects to the port promised to it.
    Passive(Lease),
    /// The device is dialled here when the transfer starts.
    Active(SocketAddr),
}

impl DataPath {
    pub(super) fn mode(&self) -> Mode {
        match self {
            Self::Passive(_) => Mode::Passive,
            Self::Active(_) => Mode::Active,
        }
    }
}

/// One session as the edge sees it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) shared: Arc<Shared>,
    pub(super) session: Arc<Session>,
    pub(super) control: Control,
    /// Our address as the device knows it, which behind a balancer is not one of this host's.
    reached: IpAddr,
    /// Our address on the control connection.
    pub(super) local: IpAddr,
    pub(super) data: Option<DataPath>,
    /// Where the next transfer starts (REST).
    pub(super) offset: u64,
    pub(super) form: Type,
    pub(super) facts: Facts,
    /// The session's TLS, once it has begun. On the heap, as most sessions have none.
    pub(super) protection: Option<Box<Protection>>,
    /// Whether TLS starts before the first word.
    implicit: bool,
    /// libunftp is started for the first command that needs it, and ended while the device asks for nothing.
    upstream: Option<Upstream>,
    /// Between RNFR and RNTO.
    renames: bool,
    who: Who,
    /// Once it has logged in.
    pub(super) account: Option<Account>,
    /// Whether a certificate has logged it in.
    is_certified: bool,
    /// Its place among the sessions of its account.
    place: Option<Place<String>>,
    /// The working directory, from the root of the home.
    folder: String,
    /// After `EPSV ALL` nothing else may set up a data connection (RFC 2428 section 4).
    epsv_all: bool,
    /// It had a transfer when the server was stopping already, and is to have no more.
    was_last: bool,
    /// By then the device must have logged in, or sent its next command.
    deadline: Instant,
}

impl Connection {
    /// A session over a new connection, within TLS from the start if `implicit`.
    pub(crate) fn new(shared: Arc<Shared>, stream: TcpStream, ends: Ends, implicit: bool) -> io::Result<Self> {
        let local = stream.local_addr()?.ip().to_canonical();
        let Ends { client, reached } = ends;
        let limits = &shared.config.limits;
        Ok(Self {
            session: Arc::new(Session::new(Ulid::generate(), client)),
            control: Control::new(stream, limits.stall),
            reached,
            local,
            data: None,
            offset: 0,
            form: Type::default(),
            facts: Facts::default(),
            protection: None,
            implicit,
            upstream: None,
            renames: false,
            who: Who { client, account: String::new() },
            account: None,
            is_certified: false,
            place: None,
            folder: "/".to_owned(),
            epsv_all: false,
            was_last: false,
            deadline: Instant::now() + limits.login,
            shared,
        })
    }

    /// Serves the device until it leaves or is sent away.
    pub(crate) async fn run(mut self) {
        let (session, client) = (self.session.id, self.session.client);
        let _open = metrics::session();
        info!(%session, %client, "session started");
        let end = match self.serve().await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        metrics::session_ended(end.reason());
        match &end {
            End::Upstream(error) => warn!(%session, %client, error = error as &dyn std::error::Error, "session failed"),
            End::Handshake(error) => {
                info!(%session, %client, error = error as &dyn std::error::Error, "session ended without TLS")
            }
            end => {
                // Of a device that did not log in the name is not written down: it may be a password in the wrong place.
                let account = self.account.as_ref().map(|account| account.name.as_str());
                info!(%session, %client, account, reason = %end, "session ended");
            }
        }
        // Ports, its place and libunftp are given back before waiting for the device to hang up.
        let Self { control, upstream, data, place, .. } = self;
        drop((upstream, data, place));
        if let Some(last) = end.last_word() {
            control.close(&last).await;
        }
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, End> {
        if self.implicit {
            Box::pin(self.start_protected()).await?;
        }
        self.reply(&Reply::new(220, "Inlet FTP server ready")).await?;
        loop {
            let line = self.next_line().await?;
            match command::parse(&command::text(&line)) {
                Ok(command) => self.obey(command).await?,
                Err(refusal) => self.reply(&refusal).await?,
            }
            if self.account.is_some() {
                self.deadline = Instant::now() + self.shared.config.limits.idle;
            }
        }
    }

    async fn obey(&mut self, command: Command<'_>) -> Result<(), End> {
        match command {
            Command::Answer(reply) => self.reply(&reply).await,
            Command::Quit => Err(End::Quit),
            // On the heap while it lasts, as a transfer.
            Command::Security(asked) => Box::pin(self.secure(asked)).await,
            Command::Features => self.reply(&features::features(self.shared.keys.is_some(), self.facts)).await,
            Command::Facts(facts) => {
                self.facts = facts;
                self.reply(&Reply::new(200, format!("MLST OPTS {}", facts.told()).trim_end().to_owned())).await
            }
            Command::Help => self.reply(&features::help(self.shared.keys.is_some())).await,
            Command::Host(_) if self.account.is_some() => self.reply(&Reply::new(503, "HOST comes before USER")).await,
            // Whatever name a device knows us by, it is the same server (RFC 7151 section 3.2).
            Command::Host(name) => self.reply(&Reply::new(220, format!("Inlet FTP server ready, as {name}"))).await,
            Command::Reinitialize => self.reinitialize().await,
            Command::User(_) | Command::Pass(_) if self.must_protect_login() => {
                self.reply(&Reply::new(530, "Logging in is only possible within TLS: say AUTH TLS first")).await
            }
            Command::User(name) => self.user(name).await,
            Command::Pass(password) => self.pass(password).await,
            _ if self.account.is_none() => self.reply(&Reply::new(530, "Log in with USER and PASS first")).await,

            Command::Pasv | Command::Epsv(_) | Command::Port(_) | Command::Transfer(_) if self.must_protect_data() => {
                self.reply(&Reply::new(521, "Data connections must be protected here: say PROT P first")).await
            }
            Command::Pasv | Command::Port(_) if self.epsv_all => {
                self.reply(&Reply::new(503, "Only EPSV may follow EPSV ALL")).await
            }
            Command::Pasv | Command::Epsv(_) if !self.allows(Mode::Passive) => self.reply(&not_allowed(Mode::Passive)).await,
            Command::Port(_) if !self.allows(Mode::Active) => self.reply(&not_allowed(Mode::Active)).await,
            Command::Pasv => self.pasv().await,
            Command::Epsv(family) => self.epsv(family).await,
            Command::EpsvAll => {
                self.epsv_all = true;
                self.reply(&Reply::new(200, "Only EPSV is accepted from now on")).await
            }
            Command::Port(named) => self.port(named).await,
            // On the heap while it lasts: an idle session should not hold the room that a transfer needs.
            Command::Transfer(transfer) => {
                let _under_way = self.shared.transfers.token();
                Box::pin(self.transfer(transfer)).await?;
                self.was_last = self.shared.stopping.is_cancelled();
                Ok(())
            }
            Command::Type(form) => {
                self.form = form;
                self.reply(&Reply::new(200, if form == Type::Ascii { "Type is A" } else { "Type is I" })).await
            }
            // RFC 3659 section 5: a place in text would count line ends as they are sent, and ours are not.
            Command::Rest(1..) if self.form == Type::Ascii => self.reply(&Reply::new(501, "REST needs TYPE I")).await,
            // Section 4: the size in TYPE A is that of what would be sent, which only sending it would tell.
            Command::Size(_) if self.form == Type::Ascii => self.reply(&Reply::new(550, "SIZE needs TYPE I")).await,
            Command::Size(path) => self.size(path).await,
            Command::Modified { at, path } => Box::pin(self.modified(at, path)).await,
            Command::Rest(offset) => {
                self.offset = offset;
                self.reply(&Reply::new(350, format!("The next transfer starts at {offset}"))).await
            }
            Command::Abor => self.reply(&Reply::new(226, "No transfer is under way")).await,
            Command::Stat => self.reply(&self.who.status(None)).await,
            Command::Mlst(path) => self.mlst(path).await,
            Command::Forward { verb: "CWD", argument } => self.change_folder(argument).await,
            Command::Forward { verb: "CDUP", .. } => self.change_folder("..").await,
            Command::Forward { verb: "RNTO", .. } if !self.renames => self.reply(&Reply::new(503, "Send RNFR first")).await,
            Command::Forward { verb, argument } => self.forward(verb, argument).await,
        }
    }

    fn allows(&self, mode: Mode) -> bool {
        self.account.as_ref().is_some_and(|account| account.modes.contains(&mode))
    }

    async fn pasv(&mut self) -> Result<(), End> {
        let own = self.account.as_ref().and_then(|account| account.passive_address.as_ref());
        let (addresses, client) = (&self.shared.addresses, self.session.client.ip());
        addresses.freshen(own, client, resolve).await;
        let address = match addresses.told(own, client, self.reached) {
            Ok(address) => address,
            Err(refusal) => return self.reply(&refusal).await,
        };
        let Some(lease) = self.lease().await else { return self.no_port().await };
        let [h1, h2, h3, h4] = address.octets();
        let [p1, p2] = lease.port().to_be_bytes();
        self.data = Some(DataPath::Passive(lease));
        self.reply(&Reply::new(227, format!("Entering Passive Mode ({h1},{h2},{h3},{h4},{p1},{p2})"))).await
    }

    async fn epsv(&mut self, family: Option<Family>) -> Result<(), End> {
        let ours = Family::of(self.reached);
        if family.is_some_and(|family| family != ours) {
            return self.reply(&ours.refusal()).await;
        }
        let Some(lease) = self.lease().await else { return self.no_port().await };
        let port = lease.port();
        self.data = Some(DataPath::Passive(lease));
        self.reply(&Reply::new(229, format!("Entering Extended Passive Mode (|||{port}|)"))).await
    }

    async fn lease(&mut self) -> Option<Lease> {
        // A session waits for one data connection at most: the port of a transfer that never came is given up first.
        self.data = None;
        self.shared.pool.lease(self.session.client.ip()).await
    }

    async fn no_port(&mut self) -> Result<(), End> {
        metrics::data_connection_failed(Mode::Passive);
        self.reply(&Reply::new(425, "All passive ports are in use by your address, try again later")).await
    }

    async fn port(&mut self, named: SocketAddr) -> Result<(), End> {
        self.data = None;
        match self.shared.config.active.policy.target(named, self.session.client) {
            Ok(target) => {
                self.data = Some(DataPath::Active(target));
                self.reply(&Reply::new(200, "The connection is made when the transfer starts")).await
            }
            Err(refusal) => {
                metrics::active_refused();
                self.reply(&refusal).await
            }
        }
    }

    /// libunftp strings names together as they come, `..` among them, and loses its way: it is only told where from the root to go.
    async fn change_folder(&mut self, path: &str) -> Result<(), End> {
        let folder = self.whole(path);
        let answer = self.ask("CWD", &folder).await?;
        if answer.code == 250 {
            self.folder = folder;
        }
        self.pass_on(&answer).await
    }

    /// A path from the root, without `.` and `..`. One that is not taken goes on as it is, and libunftp's answer is the device's.
    pub(super) fn whole(&self, path: &str) -> String {
        let joined = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.folder) };
        HomePath::parse(Path::new(&joined)).map_or(joined, |whole| whole.as_str().to_owned())
    }

    async fn forward(&mut self, verb: &'static str, argument: &str) -> Result<(), End> {
        let answer = self.ask(verb, argument).await?;
        self.renames = match verb {
            "RNFR" => answer.code == 350,
            "RNTO" => false,
            _ => self.renames,
        };
        if answer.code == 257 {
            // libunftp names a new directory as it was asked for, `..` included.
            let path = if verb == "MKD" { self.whole(argument) } else { unquoted(answer.text()).to_owned() };
            return self.reply(&named(&path)).await;
        }
        self.pass_on(&answer).await
    }

    pub(super) async fn ask(&mut self, verb: &str, argument: &str) -> Result<Answer, End> {
        self.session.take_refusal();
        self.upstream().await?.ask(verb, argument).await.map_err(End::Upstream)
    }

    pub(super) async fn reply(&mut self, reply: &Reply) -> Result<(), End> {
        self.control.send(reply).await.map_err(|_| End::Lost)
    }

    /// Gives the device libunftp's answer; a refusal with the cause that landing knows instead of libunftp's guess. Landing may have
    /// refused already when the 150 before that answer is passed on: the cause is not for it.
    pub(super) async fn pass_on(&mut self, answer: &Answer) -> Result<(), End> {
        if answer.code >= 400
            && let Some(cause) = self.session.take_refusal()
        {
            return self.reply(&Reply::new(answer.code, cause)).await;
        }
        self.control.send_raw(&answer.raw).await.map_err(|_| End::Lost)
    }

    /// Watches the control connection during a transfer that counts its bytes in `moved`, and that goes on when the control
    /// connection is gone if it `outlives` that.
    pub(super) fn watch<'c>(&'c mut self, moved: &'c AtomicU64, outlives: bool) -> Watch<'c> {
        Watch { control: &mut self.control, halted: &self.shared.halted, who: &self.who, moved, outlives }
    }
}

/// The refusal of a mode that the account may not use: for clients, as good as a command that is not there.
fn not_allowed(mode: Mode) -> Reply {
    Reply::new(502, format!("This account may not use {} mode", mode.as_str()))
}

/// A path without the quotes that libunftp puts around it.
fn unquoted(path: &str) -> &str {
    path.strip_prefix('"').and_then(|path| path.strip_suffix('"')).unwrap_or(path)
}

/// A reply that names a path, in quotes, those within doubled (RFC 959 appendix II).
fn named(path: &str) -> Reply {
    Reply::new(257, format!("\"{}\"", path.replace('"', "\"\"")))
}

#[cfg(test)]
mod tests;
