//! Uploads that are broken off, or might be.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::ReadBuf;

use super::*;

/// Gives some bytes, and then what the data connection gives.
struct Input(Option<Vec<u8>>, fn(&mut Context<'_>) -> Poll<io::Result<()>>);

impl AsyncRead for Input {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(bytes) = self.0.take().filter(|bytes| !bytes.is_empty()) else { return self.1(context) };
        let now = bytes.len().min(buffer.remaining());
        buffer.put_slice(&bytes[..now]);
        if now < bytes.len() {
            self.0 = Some(bytes[now..].to_vec());
        }
        Poll::Ready(Ok(()))
    }
}

fn reset(_: &mut Context<'_>) -> Poll<io::Result<()>> {
    Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
}

#[tokio::test]
async fn a_broken_upload_leaves_what_was_there_and_nothing_else() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "x.dat", b"old").await.unwrap();
    let before = bench.outbox();
    for length in [0, 10, 600_000] {
        for verb in [Verb::Stor, Verb::Appe, Verb::Stou] {
            let (landing, session) = bench.session();
            session.begin(Mode::Passive, verb);
            let broken = landing.put(&bench.account, Input(Some(vec![b'n'; length]), reset), "x.dat", 0).await;
            assert_eq!(broken.unwrap_err().kind(), ErrorKind::ConnectionClosed);

            session.begin(Mode::Passive, verb);
            session.end(Fate::Broken);
            let broken = landing.put(&bench.account, io::Cursor::new(vec![b'n'; length]), "x.dat", 0).await;
            assert_eq!(broken.unwrap_err().kind(), ErrorKind::ConnectionClosed);
        }
    }
    assert_eq!(bench.read("x.dat"), b"old");
    assert_eq!(bench.outbox(), before);
    // Steps of a broken upload may still be on their way out of a blocking thread.
    settles(|| names(&bench.root.path().join("spool")).is_empty()).await;
}

/// Waits for a condition, at most ten seconds.
async fn settles(condition: impl Fn() -> bool + Send + Sync) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), wait).await.unwrap();
}

#[tokio::test]
async fn a_control_connection_found_lost_after_the_sync_is_a_broken_upload() {
    let bench = Bench::new();
    let (landing, session) = bench.session();
    session.begin(Mode::Passive, Verb::Stor);
    session.end(Fate::Complete);
    let said = Arc::clone(&session);
    bench.spool.look(move |point| {
        if point == "sealed" {
            said.end(Fate::Broken);
        }
    });
    let broken = landing.put(&bench.account, io::Cursor::new(b"half".to_vec()), "x.dat", 0).await;
    assert_eq!(broken.unwrap_err().kind(), ErrorKind::ConnectionClosed);
    assert!(!bench.home("x.dat").exists() && bench.outbox().is_empty());
    bench.nothing_under_way();
}

#[tokio::test]
async fn an_upload_waits_until_its_fate_is_said() {
    let bench = Bench::new();
    let (landing, session) = bench.session();
    session.begin(Mode::Passive, Verb::Stor);
    let mut put = Box::pin(landing.put(&bench.account, io::Cursor::new(b"whole".to_vec()), "x.dat", 0));
    assert!(futures::poll!(&mut put).is_pending());
    assert!(!bench.home("x.dat").exists());
    session.end(Fate::Complete);
    put.await.unwrap();
    assert_eq!(bench.read("x.dat"), b"whole");
}

#[tokio::test]
async fn an_upload_that_is_dropped_midway_leaves_nothing() {
    let bench = Bench::new();
    let (landing, session) = bench.session();
    session.begin(Mode::Passive, Verb::Stor);
    let input = Input(Some(vec![1; 600_000]), |_| Poll::Pending);
    let mut put = Box::pin(landing.put(&bench.account, input, "x.dat", 0));
    let spool = bench.root.path().join("spool");
    while names(&spool).is_empty() {
        assert!(futures::poll!(&mut put).is_pending());
        tokio::task::yield_now().await;
    }
    drop(put);
    settles(|| names(&spool).is_empty()).await;
    bench.nothing_under_way();
}
