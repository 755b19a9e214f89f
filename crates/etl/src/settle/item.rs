//! One upload within a batch: its rows for the tables, and the verdict on it once these are committed.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;

use crate::commit::{Outcome, Share};
use crate::error::Error;
use crate::ledger::Id;
use crate::lines::{self, Lines};
use crate::load::{Loaded, Read};
use crate::packed::Parcel;
use crate::quarantine::Case;
use crate::rows::{Refusal, Refused};
use crate::snapshot::Push;
use crate::unwrapped::Unwrapped;
use crate::uploads::{self, Record};

/// One upload of a batch.
#[derive(Debug)]
pub(crate) struct Item {
    /// The number of its delivery within the batch.
    pub(crate) delivery: usize,
    loaded: Loaded,
    /// The tables that other lines of the same file are in already. There each line is a source of its own; elsewhere the file is, so
    /// that whoever reads all of it again finds it known.
    loaded_before: Vec<String>,
    /// Refused lines of which other rows are for tables: these can not be told apart later.
    mixed: Vec<Lines>,
    outcomes: Vec<Noted>,
}

/// What became of a share.
#[derive(Debug)]
struct Noted {
    table: String,
    rows: u64,
    outcome: Outcome,
    /// Its lines, if it was refused.
    lines: Vec<Lines>,
}

/// What is to be said of an upload.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// For the table of uploads.
    pub(crate) record: Record,
    /// For the quarantine.
    pub(crate) case: Option<Case>,
    /// Rows that these commits have added, table by table; those that were there before are not among them.
    pub(crate) added: BTreeMap<String, u64>,
}

impl Item {
    /// An upload of which all is for its tables.
    pub(crate) fn new(delivery: usize, loaded: Loaded) -> Self {
        let mixed = loaded.read.as_ref().map(|read| mixed(&read.parsed.parts, &read.parsed.refused)).unwrap_or_default();
        Self { delivery, loaded, loaded_before: Vec::new(), mixed, outcomes: Vec::new() }
    }

    /// Lines of an upload whose other lines are in these tables already. There each part is one line.
    pub(crate) fn of_lines(delivery: usize, loaded: Loaded, tables: Vec<String>) -> Self {
        Self { loaded_before: tables, ..Self::new(delivery, loaded) }
    }

    /// Its rows, each share with its table.
    pub(super) fn take_shares(&mut self) -> Vec<(String, Share)> {
        let Loaded { upload, source, content, read, .. } = &mut self.loaded;
        let Ok(Read { parsed, .. }) = read else { return Vec::new() };
        let push = Push { place: Id::of_place(&upload.device, &upload.path), landed: upload.landed_at.as_microsecond() };
        let mut shares: BTreeMap<(String, Id), Share> = BTreeMap::new();
        for part in std::mem::take(&mut parsed.parts) {
            let table = part.table().to_owned();
            let each_line = self.loaded_before.contains(&table);
            let source = if each_line { Id::of_line(source, part.member(), part.line()) } else { *source };
            let push = parsed.snapshots.contains(&table).then_some(push);
            let share = shares.entry((table, source)).or_insert_with(|| Share {
                upload: upload.id.clone(),
                source,
                // A file that is as it was some pushes ago is not as it was at the last one, and rows that have the time of their
                // arrival are new ones each time.
                content: (push.is_none() && !each_line && !parsed.by_arrival).then_some(*content),
                push,
                parts: Vec::new(),
            });
            share.parts.push(part);
        }
        shares.into_iter().map(|((table, _), share)| (table, share)).collect()
    }

    pub(super) fn note(&mut self, table: &str, share: &Share, outcome: Outcome) -> Result<(), Error> {
        let failed = |source| Error::Rows { table: table.to_owned(), source };
        let lines = match outcome {
            Outcome::Refused(_) => lines::of_parts(&share.parts).map_err(failed)?,
            _ => Vec::new(),
        };
        self.outcomes.push(Noted { table: table.to_owned(), rows: share.rows(), outcome, lines });
        Ok(())
    }

    /// What became of it, and what is to be kept of it in quarantine.
    pub(crate) fn verdict(self, committed_at: Timestamp) -> Verdict {
        let Self { loaded: Loaded { upload, source, read, held, .. }, outcomes, loaded_before, mixed, .. } = self;
        let mut record = Record {
            source,
            upload: upload.clone(),
            format: None,
            zone: None,
            committed_at,
            rows: 0,
            rows_refused: 0,
            rows_skipped: 0,
            tables: Vec::new(),
            outcome: uploads::Outcome::Quarantined,
            reason: None,
        };
        let mut case = Case {
            bytes_at: upload.source.at(),
            upload,
            format: None,
            tables: Vec::new(),
            reason: String::new(),
            rows: Vec::new(),
            unwrapped: Unwrapped::default(),
            whole: true,
            lines: None,
            loaded: loaded_before,
        };
        let mut added = BTreeMap::new();
        let Read { parsed, unwrapped, .. } = match read {
            Ok(read) => read,
            Err(Refusal { reason }) => {
                record.reason = Some(reason.clone());
                return Verdict { record, case: Some(Case { reason, ..case }), added };
            }
        };
        let mut reasons = Vec::new();
        let mut refused_lines = Vec::new();
        let (mut is_duplicate, mut is_unchanged) = (false, false);
        for Noted { table, rows, outcome, lines } in outcomes {
            match outcome {
                // A push of which all rows were there.
                Outcome::Landed(0) | Outcome::Known(0) => {
                    is_unchanged = true;
                    list(&mut case.loaded, table);
                }
                Outcome::Landed(rows) | Outcome::Known(rows) => {
                    if matches!(outcome, Outcome::Landed(_)) {
                        *added.entry(table.clone()).or_default() += rows;
                    }
                    record.rows += rows;
                    list(&mut record.tables, table.clone());
                    list(&mut case.loaded, table);
                }
                Outcome::Duplicate => is_duplicate = true,
                Outcome::Refused(reason) => {
                    record.rows_refused += rows;
                    list(&mut reasons, format!("table {table}: {reason}"));
                    list(&mut case.tables, table);
                    refused_lines.extend(lines);
                }
            }
        }
        // A file of which nothing could be used is kept whole: its header is needed to make sense of its rows.
        let in_tables = is_unchanged || !record.tables.is_empty();
        case.whole = !case.tables.is_empty() || case.loaded.is_empty();
        // So is an archive of which a member could not be used.
        case.whole |= parsed.refused.iter().any(Refused::is_whole_member);
        // The rows that a duplicate refuses are in quarantine already, under the upload that it repeats.
        is_duplicate &= !in_tables && reasons.is_empty();
        if let Some(first) = parsed.refused.first().filter(|_| !is_duplicate) {
            let rows = parsed.refused.len();
            record.rows_refused = record.rows_refused.saturating_add(u64::try_from(rows).unwrap_or(u64::MAX));
            let of = first.member.as_ref().map(|member| format!(" of {member}")).unwrap_or_default();
            reasons.push(format!("{rows} rows refused, the first at line {}{of}: {}", first.row, first.reason));
            refused_lines.extend(lines::of_refused(&parsed.refused));
            (case.rows, case.unwrapped) = (parsed.refused, unwrapped);
        }
        // Of a file that is partly in tables only the other lines may be released.
        if !case.loaded.is_empty() {
            case.lines = Some(lines::without(lines::merged(refused_lines), &mixed));
        }
        record.reason = (!reasons.is_empty()).then(|| reasons.join("; "));
        record.outcome = match () {
            () if !record.tables.is_empty() => uploads::Outcome::Committed,
            () if record.reason.is_some() => uploads::Outcome::Quarantined,
            () if is_duplicate || is_unchanged => uploads::Outcome::Duplicate,
            () if held => uploads::Outcome::Held,
            () => uploads::Outcome::Empty,
        };
        // A file with nothing in it is claimed by no format.
        record.format = Some(parsed.format).filter(|format| !format.is_empty());
        record.zone = parsed.zone;
        record.rows_skipped = parsed.skipped;
        let case = record.reason.clone().map(|reason| Case { format: record.format.clone(), reason, ..case });
        Verdict { record, case, added }
    }
}

/// Adds a name that is not there yet.
fn list(names: &mut Vec<String>, name: String) {
    if !names.contains(&name) {
        names.push(name);
    }
}

/// The refused lines that parts have rows of as well.
fn mixed(parts: &[Parcel], refused: &[Refused]) -> Vec<Lines> {
    if refused.is_empty() {
        return Vec::new();
    }
    let refused: HashSet<(Option<&str>, u64)> = refused.iter().map(|row| (row.member.as_deref(), row.row)).collect();
    // In files that are read in pieces each row is a line of its own.
    let packed = parts.iter().filter_map(|part| match part {
        Parcel::Packed(packed) => Some(packed),
        Parcel::Shared(..) | Parcel::Spooled(_) => None,
    });
    let both = packed.flat_map(|part| {
        let lines = part.row.some(0..part.rows()).filter_map(|row| u64::try_from(row).ok());
        lines.filter(|line| refused.contains(&(part.member.as_deref(), *line))).map(|line| Lines::one(part.member.clone(), line))
    });
    lines::merged(both.collect())
}
