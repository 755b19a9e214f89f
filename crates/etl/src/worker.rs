//! One batch's life: deliveries gather until it is old or large enough, its rows are committed table by table, what cannot be used is
//! kept in quarantine, each upload is recorded, and only then are the messages deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use tracing::{error, info, warn};
use ulid::Ulid;

use crate::commit::{Committer, Share};
use crate::delivery::Delivery;
use crate::error::Error;
use crate::lake::Lake;
use crate::load::Loaded;
use crate::queue::Queue;
use crate::retry::{Backoff, retry};
use crate::uploads::{self, Record};
use crate::{BatchConfig, ledger, metrics, quarantine};

mod item;
use item::Item;

const TABLES_AT_ONCE: usize = 4;
const CASES_AT_ONCE: usize = 8;
const DELETES_AT_ONCE: usize = 8;
/// How many messages one call deletes: ten calls to SQS.
const RECEIPTS_MAX: usize = 100;

/// Turns deliveries into commits, one batch at a time.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) lake: Arc<dyn Lake>,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) committer: Committer,
    /// The bucket of the quarantine.
    pub(crate) bucket: String,
    pub(crate) batch: BatchConfig,
    pub(crate) backoff: Backoff,
    pub(crate) now: fn() -> Timestamp,
}

/// The deliveries that will be committed together.
#[derive(Debug, Default)]
struct Batch {
    deliveries: Vec<Delivery>,
    rows: usize,
    bytes: u64,
    /// When the first one came.
    opened: Option<Instant>,
}

impl Batch {
    fn add(&mut self, delivery: Delivery) {
        self.opened.get_or_insert_with(Instant::now);
        self.rows += delivery.uploads.iter().map(Loaded::rows).sum::<usize>();
        self.bytes += delivery.hold.bytes();
        self.deliveries.push(delivery);
    }

    fn is_full(&self, bounds: &BatchConfig) -> bool {
        self.rows >= bounds.max_rows || self.bytes >= bounds.max_bytes.as_u64()
    }

    /// How long until it closes; `None` while it is empty.
    fn closes_in(&self, bounds: &BatchConfig) -> Option<Duration> {
        let opened = self.opened?;
        Some(if self.is_full(bounds) { Duration::ZERO } else { bounds.max_age.saturating_sub(opened.elapsed()) })
    }
}

impl Worker {
    /// Gathers and commits until no more deliveries can come. A batch gathers while the one before it is being committed.
    pub(crate) async fn run(self: Arc<Self>, mut from: mpsc::Receiver<Delivery>) {
        let mut batch = Batch::default();
        let mut settling: Option<AbortOnDropHandle<()>> = None;
        loop {
            let is_full = batch.is_full(&self.batch);
            let closes_in = batch.closes_in(&self.batch);
            tokio::select! {
                delivery = from.recv(), if !is_full => match delivery {
                    Some(delivery) => batch.add(delivery),
                    None => break,
                },
                () = tokio::time::sleep(closes_in.unwrap_or_default()), if closes_in.is_some() && settling.is_none() => {
                    let settle = self.clone().settle(std::mem::take(&mut batch));
                    settling = Some(AbortOnDropHandle::new(tokio::spawn(settle)));
                }
                done = finished(&mut settling), if settling.is_some() => {
                    settling = None;
                    report(done);
                }
            }
        }
        report(finished(&mut settling).await);
        self.settle(batch).await;
    }

    /// Commits a batch and deletes its messages. A message of which anything is undone stays in the queue.
    async fn settle(self: Arc<Self>, batch: Batch) {
        if batch.deliveries.is_empty() {
            return;
        }
        let id = ledger::new_name((self.now)());
        let started = Instant::now();
        let mut items = Vec::new();
        let mut tickets = Vec::new();
        let mut holds = Vec::new();
        for (delivery, number) in batch.deliveries.into_iter().zip(0..) {
            items.extend(delivery.uploads.into_iter().map(|loaded| Item::new(number, loaded)));
            tickets.push(delivery.ticket);
            holds.push(delivery.hold);
        }
        let (uploads, messages) = (items.len(), tickets.len());

        // Tables first, then quarantine, then the record of uploads. Each step may be repeated after a crash: the tables know their
        // sources, quarantine keys follow from the upload, and the record is a table like the others.
        let mut undone = self.commit(id, &mut items).await;
        drop(holds);
        items.retain(|item| !undone.contains(&item.delivery));
        let (records, unkept) = self.quarantine(items).await;
        undone.extend(unkept);
        if !self.record(id, &records).await {
            undone.extend(records.iter().map(|(delivery, _)| *delivery));
        }
        // Acknowledged only after the commits: a crash here costs a second delivery, never a row.
        let done: Vec<_> =
            tickets.into_iter().zip(0..).filter(|(_, number)| !undone.contains(number)).map(|(ticket, _)| ticket).collect();
        for _ in undone {
            metrics::message_left();
        }
        self.delete(done.iter().map(|ticket| ticket.receipt.clone()).collect()).await;
        info!(batch = %id, uploads, messages, left = messages - done.len(), took = ?started.elapsed(), "settled batch");
    }

    /// Commits all tables of a batch. Returns the deliveries that have a part in a table that could not be committed.
    async fn commit(&self, batch: Ulid, items: &mut [Item]) -> BTreeSet<usize> {
        let mut tables: BTreeMap<String, (Vec<Share>, Vec<usize>)> = BTreeMap::new();
        for (item, at) in items.iter_mut().zip(0..) {
            for (table, share) in item.take_shares() {
                let (shares, places) = tables.entry(table).or_default();
                shares.push(share);
                places.push(at);
            }
        }
        let commits = stream::iter(tables).map(|(table, (shares, places))| async move {
            let outcomes = self.committer.commit(&table, batch, &shares.into()).await;
            (table, places, outcomes)
        });
        let mut commits = std::pin::pin!(commits.buffer_unordered(TABLES_AT_ONCE));
        let mut undone = BTreeSet::new();
        while let Some((table, places, outcomes)) = commits.next().await {
            match outcomes {
                Ok(outcomes) => {
                    for (at, outcome) in places.into_iter().zip(outcomes) {
                        if let Some(item) = items.get_mut(at) {
                            item.outcomes.push((table.clone(), outcome));
                        }
                    }
                }
                Err(failure) => {
                    error!(table, %batch, error = failure.chain(), "batch not committed; its messages stay in the queue");
                    undone.extend(places.into_iter().filter_map(|at| items.get(at)).map(|item| item.delivery));
                }
            }
        }
        undone
    }

    /// Keeps what could not be used. Returns what became of each upload, and the deliveries of which something could not be kept.
    async fn quarantine(&self, items: Vec<Item>) -> (Vec<(usize, Record)>, Vec<usize>) {
        let kept = stream::iter(items).map(|item| async move {
            let delivery = item.delivery;
            let (record, case) = item.verdict((self.now)());
            let Some(case) = case else { return (delivery, Ok(record)) };
            warn!(upload = record.upload.id, reason = case.reason, rows = case.rows.len(), whole = case.whole, "quarantine");
            let keep = || quarantine::keep(self.lake.as_ref(), &self.bucket, &case);
            (delivery, retry(self.backoff, keep).await.map(|()| record))
        });
        let mut kept = std::pin::pin!(kept.buffered(CASES_AT_ONCE));
        let (mut records, mut unkept) = (Vec::new(), Vec::new());
        while let Some((delivery, record)) = kept.next().await {
            match record {
                Ok(record) => records.push((delivery, record)),
                Err(failure) => {
                    error!(error = failure.chain(), "not quarantined; the message stays in the queue");
                    unkept.push(delivery);
                }
            }
        }
        (records, unkept)
    }

    /// Records the uploads. Returns whether that worked.
    async fn record(&self, batch: Ulid, records: &[(usize, Record)]) -> bool {
        let shares: Arc<[Share]> = records.iter().map(|(_, record)| record.share()).collect();
        if shares.is_empty() {
            return true;
        }
        if let Err(failure) = self.committer.commit(uploads::TABLE, batch, &shares).await {
            error!(%batch, error = failure.chain(), "uploads not recorded; their messages stay in the queue");
            return false;
        }
        for (_, record) in records {
            metrics::settled(record.outcome.as_str());
            metrics::refused_rows(record.rows_refused);
            if record.outcome == uploads::Outcome::Committed {
                metrics::latency(record.committed_at.duration_since(record.upload.landed_at).unsigned_abs());
            }
        }
        true
    }

    async fn delete(&self, receipts: Vec<String>) {
        let chunks: Vec<_> = receipts.chunks(RECEIPTS_MAX).map(<[String]>::to_vec).collect();
        let deletes = stream::iter(chunks).for_each_concurrent(DELETES_AT_ONCE, |receipts| async move {
            let delete = || async { Ok(self.queue.delete(receipts.clone()).await?) };
            match retry(self.backoff, delete).await {
                Ok(failed) if failed.is_empty() => {}
                Ok(failed) => warn!(messages = failed.len(), "messages not deleted; they will be delivered again"),
                Err(failure) => warn!(error = failure.chain(), "messages not deleted; they will be delivered again"),
            }
        });
        deletes.await;
    }
}

async fn finished(settling: &mut Option<AbortOnDropHandle<()>>) -> Result<(), tokio::task::JoinError> {
    match settling {
        Some(settling) => settling.await,
        None => Ok(()),
    }
}

fn report(settled: Result<(), tokio::task::JoinError>) {
    if let Err(source) = settled {
        error!(error = Error::Task { doing: "settle a batch", source }.chain(), "its messages stay in the queue");
    }
}

#[cfg(test)]
pub(crate) mod tests;
