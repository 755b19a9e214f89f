use std::collections::BTreeMap;
use std::io::Write;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use tokio::net::TcpListener;

use super::*;

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let taken = tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            connections.push(connection);
        }
    });
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
        .region(Region::new("eu-central-1"))
        .endpoint_url(endpoint)
        .build();
    let lake = S3Lake::new(Client::from_conf(config), "raw".into());
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"1,2\n").unwrap();
    let facts = BTreeMap::new();
    let put = lake.put_new(Object { key: "raw/a.csv", file: file.path(), facts: &facts });
    let failed = timeout(Duration::from_secs(30), put).await.expect("the call ends").unwrap_err();
    assert_eq!(failed.source.to_string(), "no answer within 1 s");
    taken.abort();
}
