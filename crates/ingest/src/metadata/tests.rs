use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{body, zone};

/// A stand-in for the service, which gives the zone only to those with its token.
async fn stand_in() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            let request = String::from_utf8(request).unwrap().to_ascii_lowercase();
            let (status, body) = if request.starts_with("put /latest/api/token http/1.1\r\n")
                && request.contains("\r\nx-aws-ec2-metadata-token-ttl-seconds: 60\r\n")
            {
                ("200 OK", "dG9rZW4=")
            } else if request.starts_with("get /latest/meta-data/placement/availability-zone http/1.1\r\n")
                && request.contains("\r\nx-aws-ec2-metadata-token: dg9rzw4=\r\n")
            {
                ("200 OK", "eu-central-1b")
            } else {
                ("401 Unauthorized", "")
            };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn the_zone_is_asked_for_with_a_token() {
    assert_eq!(zone(stand_in().await).await.unwrap(), "eu-central-1b");
}

#[tokio::test]
async fn a_service_that_is_not_there_is_given_up_in_time() {
    // It accepts by its backlog, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = zone(silent.local_addr().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
}

#[test]
fn anything_but_one_word_is_no_answer() {
    assert_eq!(body("HTTP/1.1 200 OK\r\nServer: EC2ws\r\n\r\neu-central-1a"), Some("eu-central-1a"));
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\n\r\nx",
        "HTTP/1.1 200 OK\r\n\r\n<html> page",
        "HTTP/1.1 200 OK\r\n\r\na\r\nInjected: header",
    ] {
        assert_eq!(body(answer), None, "{answer:?}");
    }
}
