//! Bytes from one side of a transfer to the other.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::ascii;
use super::facts::Facts;
use super::reply::spelled;
use super::stream::Stream;
use crate::config::CloseNotify;
use crate::landing::{Failure, Receiving, STEP_BYTES};
use crate::metrics;
use crate::spool::aligned_room;

/// A transfer's buffer starts small, because most files are, and grows while reads fill it.
const BUFFER_BYTES_MIN: usize = 16 * 1024;
const BUFFER_BYTES_MAX: usize = 256 * 1024;

/// Why the bytes stopped before the end.
#[derive(Debug)]
pub(crate) enum Broken<Ours> {
    /// The device's side broke or stalled: the cause in words, for the 426.
    Device(String),
    /// Our side wants no more. Landing says why at once, and libunftp in its reply.
    Ours(Ours),
}

/// How bytes are moved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// How long nothing may move.
    pub(crate) stall: Duration,
    /// Whether line ends are converted (TYPE A).
    pub(crate) ascii: bool,
    /// Of a list of MLSD's: what it tells of files.
    pub(crate) facts: Option<Facts>,
    /// What the end of an upload within TLS must be like.
    pub(crate) close_notify: CloseNotify,
}

/// Hands what the device sends to landing, step by step, until the device has closed its side. Gives the last step, which tells landing
/// that the file is whole.
pub(crate) async fn upload(
    device: &mut Stream,
    landing: &mut Receiving,
    rules: Rules,
    moved: &AtomicU64,
) -> Result<Bytes, Broken<Failure>> {
    let stall = rules.stall;
    let mut text = rules.ascii.then(ascii::Incoming::default);
    let mut step = BytesMut::with_capacity(BUFFER_BYTES_MIN);
    loop {
        let room = STEP_BYTES.saturating_sub(step.len());
        let read = match timeout(stall, device.read_buf(&mut (&mut step).limit(room))).await.map_err(|_| stalled(stall))? {
            Err(error) if device.ended_without_close_notify(&error) => bare_end(rules.close_notify)?,
            read => read.map_err(broken)?,
        };
        count(moved, read);
        if read > 0 && step.len() < STEP_BYTES {
            continue;
        }
        if read == 0 {
            break;
        }
        let full = std::mem::replace(&mut step, aligned_room(STEP_BYTES)).freeze();
        let full = match &mut text {
            Some(text) => text.convert(&full).into(),
            None => full,
        };
        landing.go_on(full).await.map_err(Broken::Ours)?;
    }
    let last = match text {
        Some(text) => text.finish(&step).into(),
        None => step.freeze(),
    };
    // Before the file lands: Python's ftplib and others hang up and wait for the reply only when they have heard it.
    let _ = timeout(stall, device.say_close_notify()).await;
    Ok(last)
}

/// The device closed the connection without close_notify. Anybody on the way could have done that, and a device that loses its
/// program does it too: within TLS, such an end says nothing about the file.
fn bare_end<Ours>(close_notify: CloseNotify) -> Result<usize, Broken<Ours>> {
    metrics::ended_without_close_notify();
    match close_notify {
        CloseNotify::Optional => Ok(0),
        CloseNotify::Required => Err(Broken::Device("the data ended without TLS close_notify and may not be whole".to_owned())),
    }
}

/// Moves what libunftp sends to the device until libunftp has closed its side, then ends the device's data connection.
pub(crate) async fn download(
    device: &mut Stream,
    local: &mut TcpStream,
    rules: Rules,
    moved: &AtomicU64,
) -> Result<(), Broken<()>> {
    let stall = rules.stall;
    let mut text = rules.ascii.then(ascii::Outgoing::default);
    let mut list = rules.facts.and_then(Facts::chosen);
    let mut buffer = BytesMut::with_capacity(BUFFER_BYTES_MIN);
    loop {
        if local.read_buf(&mut buffer).await.map_err(|_| Broken::Ours(()))? == 0 {
            return timeout(stall, device.shutdown()).await.map_err(|_| stalled(stall))?.map_err(broken);
        }
        let converted = match (&mut text, &mut list) {
            (Some(text), _) => Some(text.convert(&buffer)),
            (None, list) => list.as_mut().map(|list| list.convert(&buffer)),
        };
        let mut rest = converted.as_deref().unwrap_or(&buffer[..]);
        while !rest.is_empty() {
            // Each write on its own: a slow device that goes on taking bytes has not stalled.
            timeout(stall, device.write_buf(&mut rest)).await.map_err(|_| stalled(stall))?.map_err(broken)?;
        }
        count(moved, buffer.len());
        next(&mut buffer);
    }
}

/// Makes room for the next read.
fn next(buffer: &mut BytesMut) {
    let filled = buffer.len();
    buffer.clear();
    if filled == buffer.capacity() && filled < BUFFER_BYTES_MAX {
        buffer.reserve(filled * 2);
    }
}

fn count(moved: &AtomicU64, bytes: usize) {
    moved.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
}

fn broken<Ours>(error: io::Error) -> Broken<Ours> {
    Broken::Device(match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "data connection reset by the device".to_owned(),
        _ => format!("data connection broken: {error}"),
    })
}

fn stalled<Ours>(stall: Duration) -> Broken<Ours> {
    metrics::stalled();
    Broken::Device(format!("no data moved for {}", spelled(stall)))
}
