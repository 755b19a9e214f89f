//! What has come of a job so far: `jobs/<job>.json`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Job, ROOT, VERSION};
use crate::error::Error;
use crate::lake::{Address, Lake, LakeError};
use crate::settle::Verdict;
use crate::uploads::Outcome;

const REPORT_BYTES_MAX: u64 = 1 << 20;

/// What has come of a job so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The form of this object; 1.
    pub version: u32,
    /// The job.
    pub job: String,
    /// Whether it has come to its end.
    pub done: bool,
    /// When this was said.
    #[serde(with = "crate::facts::text")]
    pub at: Timestamp,
    /// Uploads that were read.
    pub uploads: u64,
    /// Of these, how many were there before from another upload with the same content.
    pub duplicates: u64,
    /// Of these, how many are in quarantine, as a whole or in part.
    pub quarantined: u64,
    /// Rows that were added, table by table.
    pub rows_added: BTreeMap<String, u64>,
    /// Rows that were there before.
    pub rows_known: u64,
    /// Rows that were refused, of files of which the others could be used.
    pub rows_refused: u64,
    /// What went wrong: for good when it is done, else this time, and it is tried again.
    pub problem: Option<String>,
}

impl Report {
    pub(super) fn of(job: &Job, now: Timestamp) -> Self {
        Self {
            version: VERSION,
            job: job.job.clone(),
            done: false,
            at: now,
            uploads: 0,
            duplicates: 0,
            quarantined: 0,
            rows_added: BTreeMap::new(),
            rows_known: 0,
            rows_refused: 0,
            problem: None,
        }
    }

    pub(super) fn count(&mut self, verdict: &Verdict) {
        let record = &verdict.record;
        self.uploads += 1;
        self.duplicates += u64::from(record.outcome == Outcome::Duplicate);
        self.quarantined += u64::from(record.reason.is_some());
        self.rows_refused = self.rows_refused.saturating_add(record.rows_refused);
        self.rows_known = self.rows_known.saturating_add(record.rows.saturating_sub(verdict.added.values().sum()));
        for (table, rows) in &verdict.added {
            *self.rows_added.entry(table.clone()).or_default() += rows;
        }
    }
}

/// What has come of a job so far; `None` when nobody has begun with it.
pub async fn read_report(lake: &dyn Lake, bucket: &str, job: &Job) -> Result<Option<Report>, Error> {
    let at = at(bucket, job);
    match lake.get(&at, REPORT_BYTES_MAX).await {
        Ok((_, text)) => {
            let report = serde_json::from_slice(&text);
            report.map(Some).map_err(|error| Error::Damaged { key: at.key, problem: error.to_string() })
        }
        Err(LakeError::NotFound(_)) => Ok(None),
        Err(error) => Err(Error::lake("read the report of a job")(error)),
    }
}

pub(super) async fn write(lake: &dyn Lake, bucket: &str, job: &Job, report: &Report) -> Result<(), Error> {
    let at = at(bucket, job);
    let text = serde_json::to_vec(report).map_err(|error| Error::Damaged { key: at.key.clone(), problem: error.to_string() })?;
    lake.replace(&at, text.into()).await.map_err(Error::lake("write the report of a job"))
}

fn at(bucket: &str, job: &Job) -> Address {
    Address { bucket: bucket.to_owned(), key: format!("{ROOT}{}.json", job.job) }
}
