//! A connection with a device, plain or within TLS. The plain way costs one branch a call and no copy.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A connection with a device.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    /// On the heap: a plain session, of which there are thousands, should not hold the room for it.
    Tls(Box<TlsStream<TcpStream>>),
    /// During a handshake, and after one that failed: nothing is read or written any more.
    Closed,
}

impl Stream {
    /// Takes the connection for a handshake.
    pub(super) fn take_plain(&mut self) -> io::Result<TcpStream> {
        match std::mem::replace(self, Self::Closed) {
            Self::Plain(stream) => Ok(stream),
            other => {
                *self = other;
                Err(io::ErrorKind::AlreadyExists.into())
            }
        }
    }

    /// The connection beneath.
    pub(super) fn socket(&self) -> io::Result<&TcpStream> {
        match self {
            Self::Plain(stream) => Ok(stream),
            Self::Tls(stream) => Ok(stream.get_ref().0),
            Self::Closed => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Whether bytes have come and were not read, asked of the kernel itself: the runtime may not have heard of them yet.
    ///
    /// # Errors
    /// When the connection is at its end or broken.
    pub(super) fn has_bytes(&self) -> io::Result<bool> {
        match SockRef::from(self.socket()?).peek(&mut [MaybeUninit::uninit()]) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether a failed read means no more than that the device closed the connection without saying in TLS that this is the
    /// end (RFC 8446 section 6.1).
    pub(super) fn ended_without_close_notify(&self, error: &io::Error) -> bool {
        matches!(self, Self::Tls(_)) && error.kind() == io::ErrorKind::UnexpectedEof
    }

    /// Says within TLS that nothing more comes, as many devices wait for before they hang up. Without TLS there is nothing to say.
    pub(super) async fn say_close_notify(&mut self) {
        if let Self::Tls(stream) = self {
            // A device that is gone already does not wait for it.
            let _ = stream.shutdown().await;
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
            Self::Closed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
            Self::Closed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
            Self::Closed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Within TLS, says first that nothing more comes.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
            Self::Closed => Poll::Ready(Ok(())),
        }
    }
}
