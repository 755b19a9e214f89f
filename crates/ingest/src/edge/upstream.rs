//! libunftp behind the edge: one server a session, over a loopback connection made only for it.

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
use crate::accounts::{Account, Login};
use crate::descriptors::Reserve;
use crate::landing::Landing;
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
    /// Starts libunftp for a session and waits until it greets.
    pub(crate) async fn start(shared: &Shared, session: &Arc<Session>) -> io::Result<Self> {
        let ip = shared.loopback.address();
        let (stream, theirs) = shared.loopback.pair(ip).await?;
        let data = DataPort::new(ip);

        let storage = {
            let (spool, session, temporary) = (Arc::clone(&shared.spool), Arc::clone(session), Arc::clone(&shared.temporary));
            let (limits, lake) = (shared.config.limits.clone(), shared.lake.clone());
            move || Landing::new(Arc::clone(&spool), Arc::clone(&session), Arc::clone(&temporary), &limits, lake.clone())
        };
        let login = Arc::new(Login::new(Arc::clone(&shared.accounts), Arc::clone(&shared.logins), Arc::clone(session)));
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

        let mut upstream = Self { stream, received: BytesMut::new(), data };
        upstream.reply().await?;
        Ok(upstream)
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
                return Ok(Answer { code, raw });
            }
            if self.received.len() > REPLY_BYTES_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Whether it took one of the descriptors that are kept.
    pub(crate) fn is_in(&self, reserve: Reserve) -> bool {
        reserve.holds(&self.stream)
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
