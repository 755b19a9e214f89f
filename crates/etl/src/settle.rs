//! Uploads that were read → rows in tables, cases in quarantine, records of uploads: in this order, and each step may be repeated.
//!
//! The tables know their sources, the keys of the quarantine follow from the upload, and the record is a table like the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use tracing::{error, warn};
use ulid::Ulid;

use crate::commit::{Committer, Share};
use crate::lake::Lake;
use crate::retry::{Backoff, retry};
use crate::uploads::{self, Record};
use crate::{metrics, quarantine};

mod item;

pub(crate) use item::{Item, Verdict};

const TABLES_AT_ONCE: usize = 4;
const CASES_AT_ONCE: usize = 8;

/// Brings uploads to where they belong.
#[derive(Debug)]
pub(crate) struct Settler {
    pub(crate) lake: Arc<dyn Lake>,
    pub(crate) committer: Committer,
    /// The bucket of the quarantine.
    pub(crate) bucket: String,
    pub(crate) backoff: Backoff,
    pub(crate) now: fn() -> Timestamp,
}

impl Settler {
    /// Commits all tables of a batch. Returns the deliveries that have a part in a table that could not be committed, and why
    /// not.
    pub(crate) async fn commit(&self, batch: Ulid, items: &mut [Item]) -> BTreeMap<usize, String> {
        let mut tables: BTreeMap<String, (Vec<Share>, Vec<usize>)> = BTreeMap::new();
        for (item, at) in items.iter_mut().zip(0..) {
            for (table, share) in item.take_shares() {
                let (shares, places) = tables.entry(table).or_default();
                shares.push(share);
                places.push(at);
            }
        }
        let commits = stream::iter(tables).map(|(table, (shares, places))| async move {
            let shares: Arc<[Share]> = shares.into();
            let outcomes = self.committer.commit(&table, batch, &shares).await;
            (table, shares, places, outcomes)
        });
        let mut commits = std::pin::pin!(commits.buffer_unordered(TABLES_AT_ONCE));
        let mut undone = BTreeMap::new();
        while let Some((table, shares, places, outcomes)) = commits.next().await {
            match outcomes {
                Ok(outcomes) => {
                    for ((at, share), outcome) in places.into_iter().zip(shares.iter()).zip(outcomes) {
                        let Some(item) = items.get_mut(at) else { continue };
                        if let Err(failure) = item.note(&table, share, outcome) {
                            let cause = failure.chain();
                            error!(table, %batch, error = cause, "not known which lines were refused; the message stays in the queue");
                            undone.insert(item.delivery, cause);
                        }
                    }
                }
                Err(failure) => {
                    let cause = failure.chain();
                    error!(table, %batch, error = cause, "batch not committed; its messages stay in the queue");
                    undone.extend(places.into_iter().filter_map(|at| items.get(at)).map(|item| (item.delivery, cause.clone())));
                }
            }
        }
        undone
    }

    /// Keeps what could not be used. Returns what became of each upload, and the deliveries of which something could not be kept,
    /// with the cause.
    pub(crate) async fn quarantine(&self, items: Vec<Item>) -> (Vec<(usize, Record)>, Vec<(usize, String)>) {
        let kept = stream::iter(items).map(|item| async move {
            let delivery = item.delivery;
            let Verdict { record, case, .. } = item.verdict((self.now)());
            let Some(case) = case else { return (delivery, Ok(record)) };
            warn!(upload = record.upload.id, reason = case.reason, rows = case.rows.len(), whole = case.whole, "quarantine");
            let dir = quarantine::dir(&case.upload);
            let keep = || quarantine::keep(self.lake.as_ref(), &self.bucket, &dir, &case);
            (delivery, retry(self.backoff, keep).await.map(|()| record))
        });
        let mut kept = std::pin::pin!(kept.buffered(CASES_AT_ONCE));
        let (mut records, mut unkept) = (Vec::new(), Vec::new());
        while let Some((delivery, record)) = kept.next().await {
            match record {
                Ok(record) => records.push((delivery, record)),
                Err(failure) => {
                    let cause = failure.chain();
                    error!(error = cause, "not quarantined; the message stays in the queue");
                    unkept.push((delivery, cause));
                }
            }
        }
        (records, unkept)
    }

    /// Records the uploads, or says why that did not work.
    pub(crate) async fn record(&self, batch: Ulid, records: &[(usize, Record)]) -> Result<(), String> {
        if records.is_empty() {
            return Ok(());
        }
        let shares = uploads::shares(&records.iter().map(|(_, record)| record).collect::<Vec<_>>());
        if let Err(failure) = self.committer.commit(uploads::TABLE, batch, &shares).await {
            let cause = failure.chain();
            error!(%batch, error = cause, "uploads not recorded; their messages stay in the queue");
            return Err(cause);
        }
        for (_, record) in records {
            metrics::settled(record.outcome.as_str());
            metrics::refused_rows(record.rows_refused);
            if record.outcome == uploads::Outcome::Committed {
                metrics::latency(record.committed_at.duration_since(record.upload.landed_at).unsigned_abs());
            }
        }
        Ok(())
    }
}
