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
    /// Uploads that were read. Of a job for one table those that have rows for it.
    pub uploads: u64,
    /// Of these, how many were there before from another upload with the same content.
    pub duplicates: u64,
    /// How many uploads are in quarantine, as a whole or in part.
    pub quarantined: u64,
    /// Of a job for one table: uploads that are not in quarantine, but of which nothing can be read now. What they have for the table is
    /// not in it, unless it was there before.
    #[serde(default)]
    pub unread: u64,
    /// Rows that were added, table by table.
    pub rows_added: BTreeMap<String, u64>,
    /// Rows that were there before.
    pub rows_known: u64,
    /// Rows that were refused, of files of which the others could be used.
    pub rows_refused: u64,
    /// What went wrong: for good when it is done, else this time, and it is tried again.
    pub problem: Option<String>,
    /// The first of the unread uploads, and why.
    #[serde(skip)]
    first_unread: Option<String>,
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
            unread: 0,
            rows_added: BTreeMap::new(),
            rows_known: 0,
            rows_refused: 0,
            problem: None,
            first_unread: None,
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

    pub(super) fn count_unread(&mut self, upload: &str, reason: &str) {
        self.unread += 1;
        let first = self.first_unread.get_or_insert_with(|| format!("{upload}: {reason}"));
        self.problem = Some(format!(
            "{} uploads could not be read, and what they have for the table is left out; the first is {first}",
            self.unread
        ));
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
