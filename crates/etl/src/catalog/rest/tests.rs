//! A service whose tokens run out, which the real ones do only after an hour: a few lines of HTTP by hand.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::testing::TestLake;

/// How many requests a token is good for.
const USES: usize = 2;

/// Tokens given out, and requests made with the newest one.
#[derive(Default)]
struct Service {
    tokens: AtomicUsize,
    uses: AtomicUsize,
}

impl Service {
    async fn start() -> (Arc<Self>, String) {
        let service = Arc::new(Self::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let accepting = service.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().serve(stream));
            }
        });
        (service, uri)
    }

    async fn serve(self: Arc<Self>, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        loop {
            let mut head = Vec::new();
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await.unwrap() == 0 {
                    return;
                }
                if line == "\r\n" {
                    break;
                }
                head.push(line.trim().to_lowercase());
            }
            let value = |name: &str| head.iter().find_map(|line| line.strip_prefix(name));
            let length = value("content-length: ").map_or(0, |length| length.parse().unwrap());
            stream.read_exact(&mut vec![0; length]).await.unwrap();
            let (status, body) = self.answer(&head[0], value("authorization: bearer "));
            let length = body.len();
            let answer = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }

    fn answer(&self, request: &str, token: Option<&str>) -> (&'static str, String) {
        if request.starts_with("post /v1/oauth/tokens") {
            let token = self.tokens.fetch_add(1, Ordering::SeqCst) + 1;
            self.uses.store(0, Ordering::SeqCst);
            return ("200 OK", format!(r#"{{"access_token": "t{token}", "token_type": "bearer"}}"#));
        }
        if request.starts_with("get /v1/config") {
            return ("200 OK", r#"{"defaults": {}, "overrides": {}}"#.to_owned());
        }
        let newest = format!("t{}", self.tokens.load(Ordering::SeqCst));
        if token != Some(newest.as_str()) || self.uses.fetch_add(1, Ordering::SeqCst) >= USES {
            return (
                "401 Unauthorized",
                r#"{"error": {"message": "expired", "type": "NotAuthorizedException", "code": 401}}"#.to_owned(),
            );
        }
        ("200 OK", r#"{"namespaces": [["inlet"]]}"#.to_owned())
    }
}

fn settings(uri: &str, credential: Option<&str>) -> Rest {
    let credential = credential.map(str::to_owned);
    Rest { uri: uri.to_owned(), warehouse: None, credential, oauth2_server_uri: None, scope: None }
}

/// What is asked here never comes to a table's files.
fn no_lake() -> Arc<dyn Lake> {
    Arc::new(TestLake::new(std::path::Path::new("/nonexistent")))
}

#[tokio::test]
async fn a_token_that_ran_out_is_renewed() {
    let (service, uri) = Service::start().await;
    let catalog = rest(&settings(&uri, Some("id:secret")), no_lake()).await.unwrap();
    for _ in 0..3 * USES {
        assert_eq!(catalog.list_namespaces(None).await.unwrap(), [NamespaceIdent::new("inlet".into())]);
    }
    // The one of the start, and those that followed it; a token is used up before it is renewed.
    assert_eq!(service.tokens.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_service_that_does_not_know_us_is_told_at_the_start() {
    let (_, uri) = Service::start().await;
    let error = rest(&settings(&uri, None), no_lake()).await.unwrap_err();
    assert!(matches!(&error, crate::Error::Catalog { uri: named, .. } if *named == uri), "{error:?}");
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_told_without_its_password() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for uri in [format!("http://inlet:hunter2@{nobody}"), format!("http://inlet:hunter/2@{nobody}")] {
        let error = rest(&settings(&uri, Some("id:secret")), no_lake()).await.unwrap_err();
        let (said, chain) = (error.to_string(), format!("{error:?}"));
        assert_eq!(said, format!("open catalog http://…@{nobody}"));
        assert!(!chain.contains("hunter") && !chain.contains("secret"), "{chain}");
    }
}

#[test]
fn a_credential_is_not_shown() {
    let shown = format!("{:?}", settings("http://inlet:hunter2@catalog", Some("id:secret")));
    assert!(!shown.contains("secret") && !shown.contains("hunter2"), "{shown}");
}
