//! Clients of AWS, or of servers that speak its protocols. Credentials come from the AWS SDK's own chain.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::config::{Catalog, Lake, Queue};

/// Longer than the longest wait for a message, 20 s.
const SQS_ATTEMPT: Duration = Duration::from_secs(30);

/// How long a server may take to answer what the ETL asks or sends; its longest sending is a data file. One that takes a request and never
/// answers must not hold up all that comes after it.
const ANSWER: Duration = Duration::from_secs(300);

const CONNECT: Duration = Duration::from_secs(5);

/// A client for the lake's S3. The watcher, whose objects may be long, bounds each call by itself.
pub async fn s3(lake: &Lake) -> aws_sdk_s3::Client {
    let shared = shared(lake.region.as_deref()).await;
    let mut builder = aws_sdk_s3::config::Builder::from(&shared).force_path_style(lake.path_style);
    if let Some(endpoint) = &lake.endpoint {
        builder = builder.endpoint_url(endpoint);
    }
    aws_sdk_s3::Client::from_conf(builder.build())
}

/// The same client for the ETL, whose calls must all end.
pub fn bounded(client: &aws_sdk_s3::Client) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(client.config().to_builder().timeout_config(answering()).build())
}

fn answering() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(ANSWER).build()
}

/// A client for the queue's SQS.
pub async fn sqs(queue: &Queue) -> aws_sdk_sqs::Client {
    let shared = shared(queue.region.as_deref()).await;
    // A server that takes a request and never answers must not hold up all that comes after it.
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(SQS_ATTEMPT).build();
    let mut builder = aws_sdk_sqs::config::Builder::from(&shared).timeout_config(timeouts);
    if let Some(endpoint) = &queue.endpoint {
        builder = builder.endpoint_url(endpoint);
    }
    aws_sdk_sqs::Client::from_conf(builder.build())
}

/// A client for the catalog's S3 Tables.
pub async fn s3tables(catalog: &Catalog) -> aws_sdk_s3tables::Client {
    let shared = shared(catalog.region.as_deref()).await;
    let mut builder = aws_sdk_s3tables::config::Builder::from(&shared).timeout_config(answering());
    if let Some(endpoint) = &catalog.endpoint {
        builder = builder.endpoint_url(endpoint);
    }
    aws_sdk_s3tables::Client::from_conf(builder.build())
}

/// One TLS provider, ring, for all: the SDK's default would bring a second one into the build.
async fn shared(region: Option<&str>) -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http);
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    loader.load().await
}
