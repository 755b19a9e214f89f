use std::fs;

use crate::harness::{LONG, within};

use super::*;

#[tokio::test]
async fn an_entry_that_leaves_the_outbox_is_delivered() {
    let outbox = tempfile::tempdir().unwrap();
    let deliveries = Deliveries::listen(outbox.path(), LONG);
    let uploads: Vec<_> = (0..100).map(|_| Ulid::generate()).collect();
    let records: Vec<_> = uploads.iter().map(|upload| outbox.path().join(format!("{upload}.json"))).collect();
    let expected: Vec<_> = uploads.iter().map(|upload| deliveries.expect(*upload)).collect();
    records.iter().for_each(|record| fs::write(record, "").unwrap());
    let started = Instant::now();
    let remove = async { records.iter().for_each(|record| fs::remove_file(record).unwrap()) };
    let waits = futures::future::join_all(expected.iter().map(Expected::delivered));
    let (delivered, ()) = within(async { tokio::join!(waits, remove) }).await;
    assert!(delivered.into_iter().all(|delivered| delivered));
    assert!(started.elapsed() < LOOK_EVERY, "found by looking, not by being told: {:?}", started.elapsed());
    drop(expected);
    assert!(super::expected(&deliveries.waiting).is_empty());
}

#[tokio::test]
async fn without_notices_it_is_found_by_looking() {
    let outbox = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut deliveries = Deliveries::listen(elsewhere.path(), LONG);
    deliveries.outbox = outbox.path().to_owned();
    let upload = Ulid::generate();
    let record = outbox.path().join(format!("{upload}.json"));
    fs::write(&record, "").unwrap();
    let expected = deliveries.expect(upload);
    let (delivered, ()) = within(async { tokio::join!(expected.delivered(), async { fs::remove_file(&record).unwrap() }) }).await;
    assert!(delivered);
}

#[tokio::test]
async fn an_entry_that_stays_is_not_waited_for_for_ever() {
    let outbox = tempfile::tempdir().unwrap();
    let patience = Duration::from_millis(50);
    let deliveries = Deliveries::listen(outbox.path(), patience);
    let upload = Ulid::generate();
    fs::write(outbox.path().join(format!("{upload}.json")), "").unwrap();
    let started = Instant::now();
    assert!(!within(deliveries.expect(upload).delivered()).await);
    assert!(started.elapsed() >= patience);
}
