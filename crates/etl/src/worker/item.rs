//! One upload within a batch: its rows for the tables, and the verdict on it once these are committed.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::commit::{Outcome, Share};
use crate::load::{Loaded, Read};
use crate::quarantine::Case;
use crate::rows::{Refusal, Refused};
use crate::uploads::{self, Record};

/// One upload of a batch.
#[derive(Debug)]
pub(super) struct Item {
    /// The number of its delivery within the batch.
    pub(super) delivery: usize,
    loaded: Loaded,
    /// What became of its rows, table by table.
    pub(super) outcomes: Vec<(String, Outcome)>,
    /// How many rows it has for each table.
    rows: BTreeMap<String, u64>,
}

impl Item {
    pub(super) fn new(delivery: usize, loaded: Loaded) -> Self {
        let mut rows = BTreeMap::new();
        for part in loaded.read.iter().flat_map(|read| &read.parsed.parts) {
            *rows.entry(part.table.clone()).or_default() += u64::try_from(part.ts.len()).unwrap_or(u64::MAX);
        }
        Self { delivery, loaded, outcomes: Vec::new(), rows }
    }

    /// Its rows, one share for each table.
    pub(super) fn take_shares(&mut self) -> BTreeMap<String, Share> {
        let Loaded { upload, source, content, read } = &mut self.loaded;
        let mut shares = BTreeMap::new();
        for part in read.iter_mut().flat_map(|read| std::mem::take(&mut read.parsed.parts)) {
            let share = shares.entry(part.table.clone()).or_insert_with(|| Share {
                upload: upload.id.clone(),
                source: *source,
                content: Some(*content),
                parts: Vec::new(),
            });
            share.parts.push(part);
        }
        shares
    }

    /// What became of it, and what is to be kept of it in quarantine.
    pub(super) fn verdict(self, committed_at: Timestamp) -> (Record, Option<Case>) {
        let Self { loaded: Loaded { upload, source, read, .. }, outcomes, rows, .. } = self;
        let mut record = Record {
            source,
            upload: upload.clone(),
            format: None,
            zone: None,
            committed_at,
            rows: 0,
            rows_refused: 0,
            tables: Vec::new(),
            outcome: uploads::Outcome::Quarantined,
            reason: None,
        };
        let mut case = Case {
            upload,
            format: None,
            tables: Vec::new(),
            reason: String::new(),
            rows: Vec::new(),
            unwrapped: Vec::new(),
            whole: true,
        };
        let Read { parsed, unwrapped } = match read {
            Ok(read) => read,
            Err(Refusal { reason }) => {
                record.reason = Some(reason.clone());
                return (record, Some(Case { reason, ..case }));
            }
        };
        let mut reasons = Vec::new();
        let mut is_duplicate = false;
        for (table, outcome) in outcomes {
            let rows = rows.get(&table).copied().unwrap_or_default();
            match outcome {
                Outcome::Landed => {
                    record.rows += rows;
                    record.tables.push(table);
                }
                Outcome::Duplicate => is_duplicate = true,
                Outcome::Refused(reason) => {
                    record.rows_refused += rows;
                    reasons.push(format!("table {table}: {reason}"));
                    case.tables.push(table);
                }
            }
        }
        // A file of which nothing could be used is kept whole: its header is needed to make sense of its rows.
        case.whole = !case.tables.is_empty() || record.tables.is_empty();
        // So is an archive of which a member could not be used.
        case.whole |= parsed.refused.iter().any(Refused::is_whole_member);
        // The rows that a duplicate refuses are in quarantine already, under the upload that it repeats.
        is_duplicate &= record.tables.is_empty() && reasons.is_empty();
        if let Some(first) = parsed.refused.first().filter(|_| !is_duplicate) {
            let rows = parsed.refused.len();
            record.rows_refused = record.rows_refused.saturating_add(u64::try_from(rows).unwrap_or(u64::MAX));
            let of = first.member.as_ref().map(|member| format!(" of {member}")).unwrap_or_default();
            reasons.push(format!("{rows} rows refused, the first at line {}{of}: {}", first.row, first.reason));
            (case.rows, case.unwrapped) = (parsed.refused, unwrapped);
        }
        record.reason = (!reasons.is_empty()).then(|| reasons.join("; "));
        record.outcome = match () {
            () if !record.tables.is_empty() => uploads::Outcome::Committed,
            () if record.reason.is_some() => uploads::Outcome::Quarantined,
            () if is_duplicate => uploads::Outcome::Duplicate,
            () => uploads::Outcome::Empty,
        };
        // A file with nothing in it is claimed by no format.
        record.format = Some(parsed.format).filter(|format| !format.is_empty());
        record.zone = parsed.zone;
        let case = record.reason.clone().map(|reason| Case { format: record.format.clone(), reason, ..case });
        (record, case)
    }
}
