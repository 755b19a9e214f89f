//! One contract for every implementation of the traits for lake and queue.
//!
//! The embedded ones are always held to it; S3 and SQS when the environment names servers (`tests/servers start DIR` prints it):
//! INLET_TEST_S3, INLET_TEST_S3_2 and INLET_TEST_SQS, with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Without them one line
//! says so, and INLET_TEST_SERVERS=required makes their absence a failure.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod crash;
mod lake;
mod queue;
mod raw;
mod servers;

use std::sync::Arc;

use inlet::embedded::{LocalLake, SqliteQueue};

use servers::Servers;

/// Races for one object on our own lake.
const RACES: usize = 20;
/// And on servers: SeaweedFS lets those that compete for a key wait for whole seconds.
const RACES_ON_SERVERS: usize = 1;

#[tokio::test(flavor = "multi_thread")]
async fn the_lake_of_plain_files() {
    let directory = tempfile::tempdir().unwrap();
    let lake = LocalLake::new([("lake", directory.path().join("lake"))]).unwrap();
    lake::check_lake(Arc::new(lake.clone()), "lake", RACES).await;
    raw::check_raw(Arc::new(lake.bucket("lake").unwrap()), &lake, RACES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lake_on_s3() {
    let Some(servers) = Servers::named("INLET_TEST_S3") else { return };
    on_s3(servers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lake_on_another_s3() {
    let Some(servers) = Servers::named("INLET_TEST_S3_2") else { return };
    on_s3(servers).await;
}

async fn on_s3(servers: Servers) {
    let bucket = servers.bucket().await;
    let lake = etl::S3Lake::compatible(servers.s3());
    lake::check_lake(Arc::new(lake.clone()), &bucket, RACES_ON_SERVERS).await;
    servers.has_no_upload_left(&bucket).await;
    raw::check_raw(Arc::new(watcher::S3Lake::new(servers.s3(), bucket)), &lake, RACES_ON_SERVERS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_in_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(&directory.path().join("queue.db"), 100).await.unwrap();
    queue::check_queue(&queue, Arc::new(queue.clone())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_on_sqs() {
    let Some(servers) = Servers::named("INLET_TEST_SQS") else { return };
    let url = servers.queue().await;
    let publish = watcher::SqsQueue::new(servers.sqs(), url.clone());
    queue::check_queue(&publish, Arc::new(etl::SqsQueue::new(servers.sqs(), url))).await;
}
