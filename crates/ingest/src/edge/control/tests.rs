use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Control, Event, LINE_BYTES_MAX, LineError, printable};
use crate::edge::reply::Reply;

async fn pair() -> (TcpStream, Control) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let device = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    super::tune(&stream).unwrap();
    (device, Control::new(stream, Duration::from_secs(5)))
}

#[test]
fn telnet_commands_and_line_ends_are_dropped() {
    for (line, expected) in [
        (&b"ABOR\r"[..], &b"ABOR"[..]),
        (b"ABOR", b"ABOR"),
        (b"\xff\xf4\xff\xf2ABOR\r", b"ABOR"),
        (b"\xff\xf4\xffABOR", b"BOR"),
        (b"\xff\xfd\x06NOOP", b"NOOP"),
        (b"a\xff\xffb", b"a\xffb"),
        (b"NOOP\xff", b"NOOP"),
        (b"a\rb\r\r", b"a\rb\r"),
    ] {
        assert_eq!(printable(line), expected, "{line:?}");
    }
}

#[tokio::test]
async fn lines_come_one_by_one_however_they_were_sent() {
    let (mut device, mut control) = pair().await;
    device.write_all(b"USER a\r\nPASS b\nQU").await.unwrap();
    assert_eq!(control.line().await.unwrap(), b"USER a");
    assert_eq!(control.line().await.unwrap(), b"PASS b");
    device.write_all(b"IT\r\n").await.unwrap();
    assert_eq!(control.line().await.unwrap(), b"QUIT");
    drop(device);
    assert!(matches!(control.line().await, Err(LineError::Lost)));
}

#[tokio::test]
async fn an_urgent_abort_is_read_in_its_place() {
    let (device, mut control) = pair().await;
    let socket = socket2::SockRef::from(&device);
    socket.send(b"\xff\xf4").unwrap();
    socket.send_out_of_band(b"\xff").unwrap();
    socket.send(b"\xf2ABOR\r\n").unwrap();
    assert_eq!(control.watch().await, Event::Abort);
}

#[tokio::test]
async fn an_abort_that_is_urgent_to_its_last_byte_is_read_at_once() {
    let (device, mut control) = pair().await;
    let socket = socket2::SockRef::from(&device);
    for idle in [true, false] {
        socket.send_out_of_band(b"ABOR\r\n").unwrap();
        if idle {
            assert_eq!(control.line().await.unwrap(), b"ABOR");
        } else {
            assert_eq!(control.watch().await, Event::Abort);
        }
    }
}

#[tokio::test]
async fn noops_neither_hide_an_abort_nor_lose_their_place() {
    let (mut device, mut control) = pair().await;
    device.write_all(b"NOOP\r\nnoop\nABOR\r\n").await.unwrap();
    assert_eq!(control.watch().await, Event::Abort);
    for line in [&b"NOOP"[..], b"noop", b"ABOR"] {
        assert_eq!(control.line().await.unwrap(), line);
    }
}

#[tokio::test]
async fn a_line_is_bounded() {
    let (mut device, mut control) = pair().await;
    let longest = vec![b'x'; LINE_BYTES_MAX - 1];
    device.write_all(&longest).await.unwrap();
    device.write_all(b"\n").await.unwrap();
    assert_eq!(control.line().await.unwrap(), longest);
    device.write_all(&[b'x'; LINE_BYTES_MAX]).await.unwrap();
    assert!(matches!(control.line().await, Err(LineError::TooLong)));
}

#[tokio::test]
async fn a_device_that_sends_on_and_on_still_reads_the_last_word() {
    let (mut device, control) = pair().await;
    let sender = tokio::spawn(async move {
        device.write_all(&vec![b'x'; 10_000_000]).await.unwrap();
        let mut reply = String::new();
        device.read_to_string(&mut reply).await.unwrap();
        reply
    });
    control.close(&Reply::new(500, "Too long")).await;
    assert_eq!(sender.await.unwrap(), "500 Too long\r\n");
}

#[tokio::test]
async fn watching_sees_abort_and_status_and_leaves_the_rest_in_order() {
    let (mut device, mut control) = pair().await;
    device.write_all(b"stat\r\nABOR\r\nPWD\r\nABOR\r\n").await.unwrap();
    assert_eq!(control.watch().await, Event::Status);
    assert_eq!(control.watch().await, Event::Abort);
    assert_eq!(control.line().await.unwrap(), b"ABOR");
    let watch = tokio::time::timeout(Duration::from_millis(20), control.watch()).await;
    assert!(watch.is_err(), "ABOR overtook PWD: {watch:?}");
    assert_eq!(control.line().await.unwrap(), b"PWD");
    assert_eq!(control.line().await.unwrap(), b"ABOR");
}

#[tokio::test]
async fn what_has_come_is_seen_without_waiting() {
    let (mut device, mut control) = pair().await;
    // On loopback what was sent is there at once.
    assert_eq!(control.event_by_now().await, None);
    device.write_all(b"STAT\r\nAB").await.unwrap();
    assert_eq!(control.event_by_now().await, Some(Event::Status));
    assert_eq!(control.event_by_now().await, None);
    device.write_all(b"OR\r\n").await.unwrap();
    assert_eq!(control.event_by_now().await, Some(Event::Abort));
}

#[tokio::test]
async fn a_lost_connection_is_seen_with_and_without_waiting() {
    let (device, mut control) = pair().await;
    drop(device);
    assert_eq!(control.event_by_now().await, Some(Event::Lost));
    assert_eq!(control.watch().await, Event::Lost);
}

#[tokio::test]
async fn a_device_that_said_quit_is_not_lost() {
    for (sent, lost) in [(&b"QUIT\r\n"[..], false), (b"NOOP\r\nquit\n", false), (b"QUIT", true), (b"QUIT\r\nNOOP\r\n", true)] {
        let (mut device, mut control) = pair().await;
        device.write_all(sent).await.unwrap();
        drop(device);
        assert_eq!(control.event_by_now().await, lost.then_some(Event::Lost), "{sent:?}");
        let seen = tokio::time::timeout(Duration::from_millis(50), control.watch()).await;
        assert_eq!(seen.ok(), lost.then_some(Event::Lost), "{sent:?}");
    }
}
