//! One batch's life: deliveries gather until it is old or large enough, its rows are committed table by table, what cannot be used is
//! kept in quarantine, each upload is recorded, and only then are the messages deleted.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use tracing::{error, info, warn};

use crate::delivery::Delivery;
use crate::error::Error;
use crate::intake::explain;
use crate::load::Loaded;
use crate::queue::Queue;
use crate::retry::retry;
use crate::settle::{Item, Settler};
use crate::{BatchConfig, clock, ledger, metrics};

const DELETES_AT_ONCE: usize = 8;
/// How many messages one call deletes: ten calls to SQS.
const RECEIPTS_MAX: usize = 100;

/// Turns deliveries into commits, one batch at a time.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) settler: Arc<Settler>,
    pub(crate) batch: BatchConfig,
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
        self.opened.get_or_insert_with(clock::now);
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
        Some(if self.is_full(bounds) { Duration::ZERO } else { bounds.max_age.saturating_sub(clock::now() - opened) })
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
                biased;
                delivery = from.recv(), if !is_full => match delivery {
                    Some(delivery) => batch.add(delivery),
                    None => break,
                },
                () = clock::sleep(closes_in.unwrap_or_default()), if closes_in.is_some() && settling.is_none() => {
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
        let id = ledger::new_name((self.settler.now)());
        let started = clock::now();
        let mut items = Vec::with_capacity(batch.deliveries.iter().map(|delivery| delivery.uploads.len()).sum());
        let mut tickets = Vec::with_capacity(batch.deliveries.len());
        let mut holds = Vec::with_capacity(batch.deliveries.len());
        for (delivery, number) in batch.deliveries.into_iter().zip(0..) {
            items.extend(delivery.uploads.into_iter().map(|loaded| Item::new(number, loaded)));
            tickets.push(delivery.ticket);
            holds.push(delivery.hold);
        }
        let (uploads, messages) = (items.len(), tickets.len());

        // Tables first, then quarantine, then the record of uploads.
        let mut undone = self.settler.commit(id, &mut items).await;
        drop(holds);
        items.retain(|item| !undone.contains_key(&item.delivery));
        let (records, unkept) = self.settler.quarantine(items).await;
        undone.extend(unkept);
        if let Err(cause) = self.settler.record(id, &records).await {
            undone.extend(records.iter().map(|(delivery, _)| (*delivery, cause.clone())));
        }
        // Acknowledged only after the commits: a crash here costs a second delivery, never a row.
        let mut done = Vec::new();
        for (ticket, number) in tickets.into_iter().zip(0..) {
            match undone.get(&number) {
                None => done.push(ticket),
                Some(cause) => {
                    metrics::message_left();
                    explain(self.queue.as_ref(), &ticket.receipt, cause).await;
                }
            }
        }
        self.delete(done.iter().map(|ticket| ticket.receipt.clone()).collect()).await;
        info!(batch = %id, uploads, messages, left = messages - done.len(), took = ?clock::now() - started, "settled batch");
    }

    async fn delete(&self, receipts: Vec<String>) {
        let chunks: Vec<_> = receipts.chunks(RECEIPTS_MAX).map(<[String]>::to_vec).collect();
        let deletes = stream::iter(chunks).for_each_concurrent(DELETES_AT_ONCE, |receipts| async move {
            let delete = || async { Ok(self.queue.delete(receipts.clone()).await?) };
            match retry(self.settler.backoff, delete).await {
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
mod simulation;
#[cfg(test)]
mod snapshots;
#[cfg(test)]
pub(crate) mod tests;
