//! The instance metadata service of EC2, version 2: in which availability zone this server is.
//!
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>. Two requests of a few bytes at
//! start, which is no reason for an HTTP client.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The service is on the same host: what takes longer is not there.
const LIMIT: Duration = Duration::from_secs(2);

/// The longest answer that is read. Tokens and zone names have less than a hundred bytes.
const ANSWER_BYTES_MAX: u64 = 16 * 1024;

/// The availability zone, such as `eu-central-1a`.
///
/// # Errors
/// When the service does not answer in time or says something else.
pub(crate) async fn zone(endpoint: SocketAddr) -> io::Result<String> {
    let token = ask(endpoint, "PUT /latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 60").await?;
    ask(endpoint, "GET /latest/meta-data/placement/availability-zone", &format!("X-aws-ec2-metadata-token: {token}")).await
}

/// One request with one header, and the body of its answer.
async fn ask(endpoint: SocketAddr, request: &str, header: &str) -> io::Result<String> {
    let exchange = async {
        let mut stream = TcpStream::connect(endpoint).await?;
        let request =
            format!("{request} HTTP/1.1\r\nHost: {endpoint}\r\n{header}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    };
    let answer = timeout(LIMIT, exchange).await??;
    body(&answer).map(str::to_owned).ok_or_else(|| {
        let status = answer.lines().next().unwrap_or_default().to_owned();
        io::Error::new(io::ErrorKind::InvalidData, format!("{request} was answered {status:?}"))
    })
}

/// The body of a whole answer of one word: the only kind of body that may stand in a header of ours.
fn body(answer: &str) -> Option<&str> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let ok = head.split(' ').nth(1) == Some("200");
    let word = !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_graphic());
    (ok && word).then_some(body)
}

#[cfg(test)]
mod tests;
