//! The control connection: bounded lines in, replies out, and a watch on it while data moves.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, BufMut, BytesMut};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::reply::Reply;
use super::stream::Stream;

/// The longest control line that is read, its line end included.
pub(crate) const LINE_BYTES_MAX: usize = 4096;

/// How long a device that is being turned away may go on sending before its connection is closed.
const LINGER: Duration = Duration::from_secs(2);

/// Balancers forget a silent connection after 350 s (NLB) or less; a peer that is gone is noticed after two minutes.
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_PROBES: u32 = 4;

/// Why no line could be read.
#[derive(Debug)]
pub(crate) enum LineError {
    /// The device sent more than [`LINE_BYTES_MAX`] without a line end.
    TooLong,
    /// The device closed the connection, or it broke.
    Lost,
}

/// What a device did on its control connection while data moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// ABOR: end the transfer, keep the session. The line stays, to be answered when the transfer has had its reply.
    Abort,
    /// STAT: say how far the transfer is.
    Status,
    /// The control connection is gone.
    Lost,
}

/// A control connection and what was read from it but not yet taken.
#[derive(Debug)]
pub(crate) struct Control {
    stream: Stream,
    received: BytesMut,
    /// How much of `received` holds no line end.
    scanned: usize,
    /// How long the device may leave a reply unread.
    patience: Duration,
}

impl Control {
    pub(crate) fn new(stream: TcpStream, patience: Duration) -> Self {
        Self { stream: Stream::Plain(stream), received: BytesMut::new(), scanned: 0, patience }
    }

    /// Takes the plain connection for a TLS handshake. Until it is given back nothing can be read or written.
    ///
    /// # Errors
    /// When it is within TLS already, and when the device sent more than it was asked for: what comes before the handshake could
    /// be anybody's, and must not count as said within TLS.
    pub(crate) fn take_plain(&mut self) -> io::Result<TcpStream> {
        if self.received.is_empty() { self.stream.take_plain() } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    /// Goes on within TLS.
    pub(crate) fn go_on(&mut self, stream: Stream) {
        self.stream = stream;
    }

    /// Whether the device has sent more than was taken so far.
    pub(crate) fn has_more(&self) -> bool {
        !self.received.is_empty()
    }

    /// The next line, without its line end and without telnet's commands. Safe to drop and call again.
    pub(crate) async fn line(&mut self) -> Result<Vec<u8>, LineError> {
        loop {
            if let Some(end) = self.line_end() {
                let line = printable(self.received.get(..end).unwrap_or_default());
                self.advance(end + 1);
                return Ok(line);
            }
            if self.received.len() >= LINE_BYTES_MAX {
                return Err(LineError::TooLong);
            }
            self.read().await.map_err(|_| LineError::Lost)?;
        }
    }

    /// Waits until the device aborts, asks how far it is, or is gone. Safe to drop and call again.
    ///
    /// Other lines stay where they are until the transfer is over, so that replies come in the order of the commands.
    pub(crate) async fn watch(&mut self) -> Event {
        loop {
            if let Some(event) = self.event() {
                return event;
            }
            if !self.read_on().await {
                return Event::Lost;
            }
        }
    }

    /// What has come on this connection by now, asked of the kernel itself: the runtime may not have heard of it yet.
    pub(crate) async fn event_by_now(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.event() {
                return Some(event);
            }
            match self.read_by_now().await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && self.has_said_quit() => return None,
                Err(_) => return Some(Event::Lost),
            }
        }
    }

    /// Reads what has come by now, if there is room for it. False when nothing has.
    async fn read_by_now(&mut self) -> io::Result<bool> {
        loop {
            let has_room = self.received.len() < LINE_BYTES_MAX;
            if has_room && matches!(self.stream, Stream::Tls(_)) {
                // Within TLS something may be there that the kernel knows nothing of any more.
                let mut read = pin!(self.read());
                if let Poll::Ready(read) = poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx))).await {
                    return read.map(|()| true);
                }
            }
            if !self.stream.has_bytes()? || !has_room {
                return Ok(false);
            }
            match &self.stream {
                // Bytes are there, but they may be half a record: the look above tells.
                Stream::Tls(_) => self.stream.socket()?.readable().await?,
                _ => return self.read().await.map(|()| true),
            }
        }
    }

    /// What the next line means to a transfer under way.
    fn event(&mut self) -> Option<Event> {
        let end = self.line_end()?;
        let line = printable(self.received.get(..end).unwrap_or_default());
        if line.eq_ignore_ascii_case(b"STAT") {
            self.advance(end + 1);
            return Some(Event::Status);
        }
        self.says_abort().then_some(Event::Abort)
    }

    /// Whether the next line is ABOR, or the next one but for NOOPs: by these clients keep a connection alive during a long transfer,
    /// and some do not wait for the replies.
    fn says_abort(&self) -> bool {
        let Some(end) = self.received.iter().rposition(|&byte| byte == b'\n') else { return false };
        let mut lines = self.received.get(..end).unwrap_or_default().split(|&byte| byte == b'\n').map(printable);
        lines.find(|line| !line.eq_ignore_ascii_case(b"NOOP")).is_some_and(|line| line.eq_ignore_ascii_case(b"ABOR"))
    }

    /// Reads ahead. False when the device is gone; nothing more is heard from one that sent all that is read ahead, or that
    /// hung up in order. Then the data connection alone tells how its transfer ends.
    async fn read_on(&mut self) -> bool {
        if self.received.len() >= LINE_BYTES_MAX {
            return std::future::pending().await;
        }
        match self.read().await {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && self.has_said_quit() => std::future::pending().await,
            Err(_) => false,
        }
    }

    /// A device may say QUIT while its transfer is under way and hang up; the transfer goes on (RFC 959 section 4.1.1).
    fn has_said_quit(&self) -> bool {
        let mut lines = self.received[..].split(|&byte| byte == b'\n').rev();
        let unfinished = lines.next();
        unfinished.is_some_and(<[u8]>::is_empty) && lines.next().is_some_and(|line| printable(line).eq_ignore_ascii_case(b"QUIT"))
    }

    /// Sends one reply.
    pub(crate) async fn send(&mut self, reply: &Reply) -> io::Result<()> {
        self.send_raw(reply.to_string().as_bytes()).await
    }

    /// Sends a reply as libunftp wrote it.
    pub(crate) async fn send_raw(&mut self, reply: &[u8]) -> io::Result<()> {
        let send = async {
            self.stream.write_all(reply).await?;
            self.stream.flush().await
        };
        timeout(self.patience, send).await?
    }

    /// Says a last word and closes. What the device still sends is thrown away for a moment: closing at once would reset the
    /// connection, and the device would lose the reply that tells it why.
    pub(crate) async fn close(mut self, last: &Reply) {
        if self.send(last).await.is_err() || !matches!(timeout(self.patience, self.stream.shutdown()).await, Ok(Ok(()))) {
            return;
        }
        let discard = async {
            loop {
                self.received.clear();
                if self.read().await.is_err() {
                    return;
                }
            }
        };
        // Either way the connection is closed now.
        let _ = timeout(LINGER, discard).await;
    }

    /// Lets go of what was taken.
    fn advance(&mut self, length: usize) {
        self.received.advance(length);
        self.scanned = 0;
        if self.received.is_empty() {
            // An idle session holds no buffer.
            self.received = BytesMut::new();
        }
    }

    /// The place of the first line end.
    fn line_end(&mut self) -> Option<usize> {
        let unseen = self.received.get(self.scanned..).unwrap_or_default();
        match unseen.iter().position(|&byte| byte == b'\n') {
            Some(at) => Some(self.scanned + at),
            None => {
                self.scanned = self.received.len();
                None
            }
        }
    }

    /// Reads what has come, up to the bound.
    async fn read(&mut self) -> io::Result<()> {
        let room = LINE_BYTES_MAX.saturating_sub(self.received.len());
        let mut limited = (&mut self.received).limit(room);
        let read = match &mut self.stream {
            Stream::Plain(stream) => read_up_to_mark(stream, &mut limited).await?,
            stream => stream.read_buf(&mut limited).await?,
        };
        match read {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// Reads what has come, up to the mark in front of an urgent byte, and leaves what is behind that for the next read. The runtime's own
/// read takes a short one for a sign that nothing is left, and then waits for more: an ABOR whose last byte is urgent, as Python's
/// ftplib sends it, would be heard with the next line only.
async fn read_up_to_mark(stream: &TcpStream, buffer: &mut impl BufMut) -> io::Result<usize> {
    loop {
        stream.readable().await?;
        match stream.try_read_buf(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
    }
}

/// Sets what every connection with a device needs: small replies leave at once, and a peer that vanished is noticed.
pub(crate) fn tune(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_INTERVAL).with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&keepalive)?;
    // ABOR comes with an urgent byte (RFC 959 section 4.1.3), which belongs in its place among the others.
    socket.set_out_of_band_inline(true)
}

/// A line without its carriage return and without telnet's commands (RFC 854), which clients send before ABOR.
pub(super) fn printable(line: &[u8]) -> Vec<u8> {
    const IAC: u8 = 255;
    const WILL: u8 = 251;
    const DONT: u8 = 254;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut bytes = line.iter().copied();
    let mut clean = Vec::with_capacity(line.len());
    while let Some(byte) = bytes.next() {
        if byte != IAC {
            clean.push(byte);
            continue;
        }
        match bytes.next() {
            Some(IAC) => clean.push(IAC),
            Some(WILL..=DONT) => drop(bytes.next()),
            _ => {}
        }
    }
    clean
}

#[cfg(test)]
mod tests;
