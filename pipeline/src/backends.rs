//! The lake, the queue and the catalog that the configuration names.

use std::sync::Arc;

use anyhow::{Context as _, bail};

use crate::aws;
use crate::config::{CatalogKind, Config, LakeKind, QueueKind};
use crate::data::Data;
use crate::embedded::{LocalLake, SqliteQueue};

/// The bucket of the embedded warehouse; tables are plain files in the directory of that name.
const WAREHOUSE: &str = "warehouse";

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
            let Some(raw) = lake.bucket(bucket) else { bail!("lake.bucket: `{bucket}` is the warehouse's own name") };
            Ok(Lakes { raw: Arc::new(raw), whole: Arc::new(lake) })
        }
        LakeKind::S3 => {
            let client = aws::s3(&config.lake).await;
            let raw = watcher::S3Lake::new(client.clone(), bucket.clone());
            // A server other than AWS's may list keys in an order of its own.
            let whole = match config.lake.endpoint {
                None => etl::S3Lake::new(client),
                Some(_) => etl::S3Lake::compatible(client),
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

/// Opens the catalog, whose tables' files are in `lake`.
pub async fn catalog(config: &Config, data: &Data, lake: Arc<dyn etl::Lake>) -> anyhow::Result<Arc<dyn iceberg::Catalog>> {
    let CatalogKind::Sql = config.catalog.kind;
    let uri = config.catalog.uri.clone().unwrap_or_else(|| format!("sqlite://{}", data.join("catalog.db").display()));
    let warehouse = config.catalog.warehouse.clone().unwrap_or_else(|| format!("file://{}", data.join(WAREHOUSE).display()));
    etl::catalog::sqlite(&uri, warehouse.trim_end_matches('/'), lake).await.context("open the catalog")
}
