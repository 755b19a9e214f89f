//! The lake, the queue and the catalog that the configuration names.

use std::sync::Arc;

use anyhow::Context as _;
use tracing::{info, warn};

use crate::aws;
use crate::config::{self, CatalogKind, Config, LakeKind, QueueKind, Secret, WAREHOUSE};
use crate::data::Data;
use crate::embedded::{LocalLake, SqliteQueue};

/// A lake as both sides see it.
#[derive(Clone, Debug)]
pub struct Lakes {
    /// Where raw objects go.
    pub raw: Arc<dyn watcher::Lake>,
    /// Where the ETL reads them, and keeps the ledger, quarantine and tables.
    pub whole: Arc<dyn etl::Lake>,
}

/// A queue as both sides see it.
#[derive(Clone, Debug)]
pub struct Queues {
    /// Where events are published.
    pub publish: Arc<dyn watcher::Publish>,
    /// Where they are received.
    pub receive: Arc<dyn etl::Queue>,
    /// The embedded queue, when that is what it is.
    pub embedded: Option<SqliteQueue>,
}

/// Opens the lake.
pub async fn lakes(config: &Config, data: &Data) -> anyhow::Result<Lakes> {
    let bucket = &config.lake.bucket;
    match config.lake.kind {
        LakeKind::Local => {
            let buckets = [(bucket.as_str(), data.join("lake")), (WAREHOUSE, data.join(WAREHOUSE))];
            let lake = LocalLake::new(buckets).context("open the embedded lake")?;
            let raw = lake.bucket(bucket).context("open the bucket of raw objects")?;
            Ok(Lakes { raw: Arc::new(raw), whole: Arc::new(lake) })
        }
        LakeKind::S3 => {
            let client = aws::s3(&config.lake).await;
            let answered = aws::bounded(&client);
            let raw = watcher::S3Lake::new(client, bucket.clone());
            // A server other than AWS's may list keys in an order of its own.
            let whole = match config.lake.endpoint {
                None => etl::S3Lake::new(answered),
                Some(_) => etl::S3Lake::compatible(answered),
            };
            Ok(Lakes { raw: Arc::new(raw), whole: Arc::new(whole) })
        }
    }
}

/// Opens the queue.
pub async fn queues(config: &Config, data: &Data) -> anyhow::Result<Queues> {
    match config.queue.kind {
        QueueKind::Sqlite => {
            let file = data.join("queue.db");
            let queue = SqliteQueue::open(&file, config.queue.deliveries_max).await;
            let queue = queue.with_context(|| format!("open the embedded queue {}", file.display()))?;
            Ok(Queues { publish: Arc::new(queue.clone()), receive: Arc::new(queue.clone()), embedded: Some(queue) })
        }
        QueueKind::Sqs => {
            let client = aws::sqs(&config.queue).await;
            let url = config.queue.url.clone().context("queue.url: missing")?;
            Ok(Queues {
                publish: Arc::new(watcher::SqsQueue::new(client.clone(), url.clone())),
                receive: Arc::new(etl::SqsQueue::new(client, url)),
                embedded: None,
            })
        }
    }
}

/// Warns when SQS gives messages up before the ETL is done with them, or never. Those who may not ask are not told.
pub async fn check_redrive_policy(queue: config::Queue) {
    let (QueueKind::Sqs, Some(url)) = (queue.kind, &queue.url) else { return };
    let queue = etl::SqsQueue::new(aws::sqs(&queue).await, url.clone());
    match queue.deliveries_max().await {
        Ok(Some(deliveries)) if deliveries < etl::DELIVERIES_MIN => {
            let least = etl::DELIVERIES_MIN;
            warn!(
                deliveries,
                least, "the queue's redrive policy gives up pieces of files that only came early: raise maxReceiveCount"
            );
        }
        Ok(Some(_)) => {}
        Ok(None) => {
            warn!("the queue has no redrive policy: an event that fails each time is delivered for as long as it is retained")
        }
        Err(error) => info!(error = &error as &dyn std::error::Error, "the queue's redrive policy is not known"),
    }
}

/// Opens the catalog, whose tables' files are in `lake`.
pub async fn catalog(config: &Config, data: &Data, lake: Arc<dyn etl::Lake>) -> anyhow::Result<Arc<dyn iceberg::Catalog>> {
    let settings = &config.catalog;
    let uri = settings.uri.as_ref().map(Secret::expose);
    let catalog = match settings.kind {
        CatalogKind::Sql => {
            let uri = uri.map_or_else(|| format!("sqlite://{}", data.join("catalog.db").display()), str::to_owned);
            let warehouse = settings.warehouse.clone().unwrap_or_else(|| format!("file://{}", data.join(WAREHOUSE).display()));
            etl::catalog::sql(&uri, warehouse.trim_end_matches('/'), lake).await
        }
        CatalogKind::Rest => {
            let rest = etl::catalog::Rest {
                uri: uri.context("catalog.uri: missing")?.to_owned(),
                warehouse: settings.warehouse.clone(),
                credential: settings.credential.as_ref().map(|credential| credential.expose().to_owned()),
                oauth2_server_uri: settings.oauth2_server_uri.clone(),
                scope: settings.scope.clone(),
            };
            etl::catalog::rest(&rest, lake).await
        }
        CatalogKind::S3tables => {
            let table_bucket = settings.table_bucket.as_ref().context("catalog.table_bucket: missing")?;
            Ok(etl::catalog::s3tables(aws::s3tables(settings).await, table_bucket, lake))
        }
    };
    catalog.context("open the catalog")
}
