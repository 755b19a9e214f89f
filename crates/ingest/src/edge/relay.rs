//! Bytes from one side of a transfer to the other.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::reply::spelled;
use crate::metrics;

/// A transfer's buffer starts small, because most files are, and grows while reads fill it.
const BUFFER_BYTES_MIN: usize = 16 * 1024;
const BUFFER_BYTES_MAX: usize = 256 * 1024;

/// Why the bytes stopped before the end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The device's side broke or stalled: the cause in words, for the 426.
    Device(String),
    /// libunftp wants no more. Its reply says why.
    Local,
}

/// Moves what the device sends to libunftp until the device has closed its side.
pub(crate) async fn upload(
    device: &mut TcpStream,
    local: &mut TcpStream,
    stall: Duration,
    moved: &AtomicU64,
) -> Result<(), Broken> {
    let mut buffer = BytesMut::with_capacity(BUFFER_BYTES_MIN);
    loop {
        let read = timeout(stall, device.read_buf(&mut buffer)).await.map_err(|_| stalled(stall))?.map_err(broken)?;
        if read == 0 {
            return Ok(());
        }
        local.write_all(&buffer).await.map_err(|_| Broken::Local)?;
        next(&mut buffer, moved);
    }
}

/// Moves what libunftp sends to the device until libunftp has closed its side, then ends the device's data connection.
pub(crate) async fn download(
    device: &mut TcpStream,
    local: &mut TcpStream,
    stall: Duration,
    moved: &AtomicU64,
) -> Result<(), Broken> {
    let mut buffer = BytesMut::with_capacity(BUFFER_BYTES_MIN);
    loop {
        if local.read_buf(&mut buffer).await.map_err(|_| Broken::Local)? == 0 {
            return device.shutdown().await.map_err(broken);
        }
        let mut rest = &buffer[..];
        while !rest.is_empty() {
            // Each write on its own: a slow device that goes on taking bytes has not stalled.
            timeout(stall, device.write_buf(&mut rest)).await.map_err(|_| stalled(stall))?.map_err(broken)?;
        }
        next(&mut buffer, moved);
    }
}

/// Counts what was moved and makes room for the next read.
fn next(buffer: &mut BytesMut, moved: &AtomicU64) {
    let filled = buffer.len();
    moved.fetch_add(u64::try_from(filled).unwrap_or(u64::MAX), Ordering::Relaxed);
    buffer.clear();
    if filled == buffer.capacity() && filled < BUFFER_BYTES_MAX {
        buffer.reserve(filled * 2);
    }
}

fn broken(error: io::Error) -> Broken {
    Broken::Device(match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "data connection reset by the device".to_owned(),
        _ => format!("data connection broken: {error}"),
    })
}

fn stalled(stall: Duration) -> Broken {
    metrics::stalled();
    Broken::Device(format!("no data moved for {}", spelled(stall)))
}
