//! libunftp behind the edge: one server for each session that is not idle, over a loopback connection made only for it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use libunftp::ServerBuilder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::loopback::{DataPort, discard};
use super::reply::whole;
use super::sessions::Shared;
use crate::accounts::{Account, LoggedIn};
use crate::descriptors::Reserve;
use crate::landing::Landing;
use crate::metrics::{self, Awake};
use crate::session::Session;

/// The longest reply that libunftp gives to what it is asked here.
const REPLY_BYTES_MAX: usize = 64 * 1024;

/// libunftp must never end a session by itself: the edge keeps the time and tells the device.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// One session's libunftp.
#[derive(Debug)]
pub(crate) struct Upstream {
    stream: TcpStream,
    received: BytesMut,
    data: DataPort,
    /// Nobody waits for the greeting: it is read with the reply to the first command.
    has_greeted: bool,
    _awake: Awake,
}

/// One reply of libunftp's, as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) raw: Bytes,
}

impl Answer {
    /// The text of a reply of one line.
    pub(crate) fn text(&self) -> &str {
        let text = self.raw.get(4..).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
        text.trim_end_matches(['\r', '\n'])
    }
}

impl Upstream {
    /// Starts libunftp for a session that has logged in, and brings it to where the session is: no password is asked for, nothing is
    /// counted, and nothing is looked for on the disk.
    pub(crate) async fn start(shared: &Arc<Shared>, session: &Arc<Session>, account: Account, folder: &str) -> io::Result<Self> {
        let user = command("USER", &account.name);
        let mut upstream = Self::serve(shared, session, LoggedIn::new(account), folder != "/").await?;
        // What follows PASS is refused until libunftp has decided.
        upstream.send(&format!("{user}{}", command("PASS", "again"))).await?;
        upstream.take(331).await?;
        upstream.take(230).await?;
        if folder != "/" {
            upstream.send(&command("CWD", folder)).await?;
            upstream.take(250).await?;
        }
        Ok(upstream)
    }

    async fn take(&mut self, code: u16) -> io::Result<()> {
        let answer = self.reply().await?;
        if answer.code == code { Ok(()) } else { Err(io::Error::other(format!("not {code}: {}", answer.text()))) }
    }

    async fn serve(shared: &Arc<Shared>, session: &Arc<Session>, login: LoggedIn, goes_back: bool) -> io::Result<Self> {
        let ip = shared.loopback.address();
        let (stream, theirs) = shared.loopback.pair(ip).await?;
        let data = DataPort::new(ip);

        let (storing, session) = (Arc::clone(shared), Arc::clone(session));
        let storage = move || {
            let landing = storing.landing(&session);
            if goes_back { landing.going_back() } else { landing }
        };
        let login = Arc::new(login);
        let provider = Arc::clone(&login);
        let server = ServerBuilder::<Landing, Account>::with_user_detail_provider(Box::new(storage), provider)
            .authenticator(login)
            .binder(data.clone())
            .idle_session_timeout(FOR_EVER.as_secs())
            // The edge logs sessions itself; libunftp's lines would name passwords' owners six times a session.
            .logger(slog::Logger::root(slog::Discard, slog::o!()))
            .build()
            .map_err(io::Error::other)?;
        // It ends by itself when our side of the connection is closed.
        shared.tasks.spawn(server.service(theirs));

        Ok(Self { stream, received: BytesMut::new(), data, has_greeted: false, _awake: metrics::awake() })
    }

    /// Sends commands, each with its line end.
    pub(crate) async fn send(&mut self, lines: &str) -> io::Result<()> {
        self.stream.write_all(lines.as_bytes()).await
    }

    /// Sends one command and waits for its reply.
    pub(crate) async fn ask(&mut self, verb: &str, argument: &str) -> io::Result<Answer> {
        self.send(&command(verb, argument)).await?;
        self.reply().await
    }

    /// The next reply. Safe to drop and call again.
    pub(crate) async fn reply(&mut self) -> io::Result<Answer> {
        loop {
            if let Some((code, length)) = whole(&self.received) {
                let raw = self.received.split_to(length).freeze();
                if self.received.is_empty() {
                    // An idle session holds no buffer.
                    self.received = BytesMut::new();
                }
                if std::mem::replace(&mut self.has_greeted, true) {
                    return Ok(Answer { code, raw });
                }
                continue;
            }
            if self.received.len() > REPLY_BYTES_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Whether it was started when descriptors were scarce.
    pub(crate) fn is_near(&self, reserve: Reserve) -> bool {
        reserve.is_near(&self.stream)
    }

    /// Connects to the data port that libunftp opened for its last EPSV.
    pub(crate) async fn data(&self) -> io::Result<TcpStream> {
        self.data.connect().await
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        discard(&self.stream);
    }
}

/// A command as libunftp reads it.
pub(crate) fn command(verb: &str, argument: &str) -> String {
    if argument.is_empty() { format!("{verb}\r\n") } else { format!("{verb} {argument}\r\n") }
}
