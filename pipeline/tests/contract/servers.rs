//! Clients of the servers that the environment names.

use std::io::Write;
use std::time::{Duration, Instant};

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::{Builder, tls};

/// A server that speaks S3, SQS or both.
pub(crate) struct Servers {
    endpoint: String,
    credentials: Credentials,
}

#[expect(clippy::disallowed_methods, reason = "tests learn from the environment which servers run")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Servers {
    /// The server whose URL is in that variable. Without it, says so past libtest's capture of output; or fails, if all are required.
    pub(crate) fn named(variable: &str) -> Option<Self> {
        let Some(endpoint) = environment(variable) else {
            assert_ne!(environment("INLET_TEST_SERVERS").as_deref(), Some("required"), "{variable} is not set");
            let mut stderr = std::io::stderr();
            writeln!(stderr, "not tested: {variable} is not set (`tests/servers start DIR` prints it)").unwrap();
            return None;
        };
        let key = |name| environment(name).unwrap_or_else(|| panic!("{variable} is set, and {name} is not"));
        let credentials = Credentials::new(key("AWS_ACCESS_KEY_ID"), key("AWS_SECRET_ACCESS_KEY"), None, None, "tests");
        Some(Self { endpoint, credentials })
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .http_client(http_client())
            .endpoint_url(&self.endpoint)
            .region(Region::new("us-east-1"))
            .credentials_provider(self.credentials.clone())
            .force_path_style(true);
        aws_sdk_s3::Client::from_conf(config.build())
    }

    pub(crate) fn sqs(&self) -> aws_sdk_sqs::Client {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .http_client(http_client())
            .endpoint_url(&self.endpoint)
            .region(Region::new("us-east-1"))
            .credentials_provider(self.credentials.clone());
        aws_sdk_sqs::Client::from_conf(config.build())
    }

    /// A new bucket.
    pub(crate) async fn bucket(&self) -> String {
        let bucket = unique();
        self.s3().create_bucket().bucket(&bucket).send().await.unwrap();
        bucket
    }

    /// Waits until every multipart upload is completed or aborted: what was dropped unfinished must not cost storage for ever.
    pub(crate) async fn has_no_upload_left(&self, bucket: &str) {
        let began = Instant::now();
        loop {
            let left = self.s3().list_multipart_uploads().bucket(bucket).send().await.unwrap().uploads.unwrap_or_default();
            if left.is_empty() {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "left unfinished: {left:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The URL of a new queue.
    pub(crate) async fn queue(&self) -> String {
        self.sqs().create_queue().queue_name(unique()).send().await.unwrap().queue_url.unwrap()
    }
}

fn http_client() -> aws_sdk_s3::config::SharedHttpClient {
    Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https()
}

fn unique() -> String {
    format!("contract-{}", ulid::Ulid::generate().to_string().to_lowercase())
}
