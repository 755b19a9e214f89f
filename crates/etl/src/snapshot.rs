//! Files that are sent whole at every push: which of their rows are new, and which have changed.
//!
//! A [`State`] is what is known of the rows of one path of one device, as of one commit. A row is known by its device and time. One with
//! other values than before is the next revision of it, unless the push that it came with landed before the one that is known:
//! pushes count in the order in which they landed, whatever the order in which they are delivered. Rows that are missing from a later
//! push stay.
//!
//! Days whose rows no push has had for a while are forgotten; what comes of such a day later is refused, for nobody could say whether
//! it is in the table.

mod bytes;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array};
use arrow::error::ArrowError;

use crate::ledger::Id;
use crate::lines;
use crate::rows::{Column, Kind, Part};
use crate::table::REVISION;

/// Rows of one path that are remembered at most.
const ROWS_MAX: usize = 1 << 20;
/// Pushes of which it is remembered how many rows they added, for a record that was lost.
const PUSHES_MAX: usize = 64;
const DAY_MICROSECONDS: i64 = 86_400_000_000;

/// One push of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Push {
    /// The device and the path.
    pub(crate) place: Id,
    /// When it landed, in microseconds since the Unix epoch.
    pub(crate) landed: i64,
}

/// What is known of the rows of one path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// How many commits it has seen.
    pub(crate) seq: u64,
    /// When the newest push landed.
    newest: i64,
    /// Ordered by time and device.
    rows: Vec<Known>,
    /// Days since the Unix epoch that are forgotten: the first and the last of each run.
    forgotten: Vec<(i32, i32)>,
    /// The last pushes: their sources, and how many rows each added.
    pushes: Vec<(Id, u64)>,
}

/// A row as the newest push had it that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    ts: i64,
    device: u64,
    value: u64,
    landed: i64,
    revision: u32,
}

/// A row of a push: where it stands, and what it says.
#[derive(Clone, Copy, Debug)]
struct Sent {
    part: usize,
    row: u32,
    value: u64,
}

/// Why a push cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// In words.
    #[error("{0}")]
    Because(String),
    /// A fault of ours.
    #[error("pick the new rows of a push")]
    Pick(#[from] ArrowError),
}

impl State {
    /// Takes a push, and returns its rows that are new, each with its revision. When it is refused nothing has happened.
    pub(crate) fn take(&mut self, source: Id, push: Push, parts: &[Part], remembered: Duration) -> Result<Vec<Part>, Refused> {
        let mut next = self.clone();
        let mut sent: BTreeMap<(i64, u64), Vec<Sent>> = BTreeMap::new();
        for (part, number) in parts.iter().zip(0..) {
            for (key, row, value) in value::rows(part) {
                sent.entry(key).or_default().push(Sent { part: number, row, value });
            }
        }
        let mut new: Vec<Vec<(u32, i64)>> = parts.iter().map(|_| Vec::new()).collect();
        let mut rows = Vec::with_capacity(next.rows.len() + sent.len());
        let mut known = std::mem::take(&mut next.rows).into_iter().peekable();
        for (key, sent) in sent {
            while let Some(before) = known.next_if(|row| (row.ts, row.device) < key) {
                rows.push(before);
            }
            let same: Vec<Known> = std::iter::from_fn(|| known.next_if(|row| (row.ts, row.device) == key)).collect();
            let day = day_of(key.0);
            if same.is_empty() && self.forgotten.iter().any(|(first, last)| (*first..=*last).contains(&day)) {
                let date = jiff::Timestamp::from_microsecond(key.0).unwrap_or_default();
                let reason = format!("a row of {date}, whose day is longer ago than the rows of this path are remembered");
                return Err(Refused::Because(reason));
            }
            for (sent, revision) in merge(key, same, sent, push.landed, &mut rows) {
                new.get_mut(sent.part).into_iter().for_each(|rows| rows.push((sent.row, i64::from(revision))));
            }
        }
        rows.extend(known);
        if rows.len() > ROWS_MAX {
            return Err(Refused::Because(format!("{} rows of one path, {ROWS_MAX} allowed", rows.len())));
        }
        next.rows = rows;
        next.newest = next.newest.max(push.landed);
        next.forget(remembered);
        let picked = parts.iter().zip(new).filter(|(_, rows)| !rows.is_empty()).map(|(part, rows)| picked(part, rows));
        let picked = picked.collect::<Result<Vec<_>, _>>()?;
        next.pushes.push((source, picked.iter().map(rows_of).sum()));
        let surplus = next.pushes.len().saturating_sub(PUSHES_MAX);
        next.pushes.drain(..surplus);
        *self = next;
        Ok(picked)
    }

    /// How many rows a push added, while that is remembered.
    pub(crate) fn added_by(&self, source: &Id) -> Option<u64> {
        self.pushes.iter().rev().find(|(push, _)| push == source).map(|(_, rows)| *rows)
    }

    /// Forgets the days of which no push has had a row for so long.
    fn forget(&mut self, remembered: Duration) {
        let oldest = self.newest.saturating_sub(i64::try_from(remembered.as_micros()).unwrap_or(i64::MAX));
        let days = self.rows.chunk_by(|a, b| day_of(a.ts) == day_of(b.ts));
        let old = days.filter(|day| day.iter().all(|row| row.landed < oldest));
        let old: Vec<i32> = old.filter_map(|day| day.first().map(|row| day_of(row.ts))).collect();
        if old.is_empty() {
            return;
        }
        self.rows.retain(|row| old.binary_search(&day_of(row.ts)).is_err());
        self.forgotten.extend(old.into_iter().map(|day| (day, day)));
        self.forgotten.sort_unstable();
        let mut runs: Vec<(i32, i32)> = Vec::new();
        for (first, last) in self.forgotten.drain(..) {
            match runs.last_mut() {
                Some(run) if first <= run.1.saturating_add(1) => run.1 = run.1.max(last),
                _ => runs.push((first, last)),
            }
        }
        self.forgotten = runs;
    }
}

/// The column that says which revision of its row a row is.
pub(crate) fn column() -> Column {
    Column { name: REVISION.to_owned(), original: REVISION.to_owned(), unit: None, process: None, kind: Kind::Long }
}

/// Holds what was sent for one device and time against what is known of it. Equal values are the same row; what is left on both sides is
/// the same row with other values, in order; what is left of what was sent is new. Returns what is for the table.
fn merge(key: (i64, u64), known: Vec<Known>, sent: Vec<Sent>, landed: i64, rows: &mut Vec<Known>) -> Vec<(Sent, u32)> {
    let (ts, device) = key;
    let (mut left, mut changed) = (known, Vec::new());
    for sent in sent {
        match left.iter().position(|known| known.value == sent.value) {
            Some(at) => {
                let known = left.swap_remove(at);
                rows.push(Known { landed: known.landed.max(landed), ..known });
            }
            None => changed.push(sent),
        }
    }
    left.sort_unstable_by_key(|known| known.value);
    let mut left = left.into_iter();
    let mut new = Vec::new();
    for sent in changed {
        let Some(known) = left.next() else {
            rows.push(Known { ts, device, value: sent.value, landed, revision: 0 });
            new.push((sent, 0));
            continue;
        };
        // Of two pushes that landed in the same microsecond one has to count as the later one, wherever they meet.
        if (landed, sent.value) > (known.landed, known.value) {
            let revision = known.revision.saturating_add(1);
            rows.push(Known { value: sent.value, landed, revision, ..known });
            new.push((sent, revision));
        } else {
            rows.push(known);
        }
    }
    rows.extend(left);
    new
}

fn rows_of(part: &Part) -> u64 {
    u64::try_from(part.ts.len()).unwrap_or(u64::MAX)
}

/// These rows of a part, each with its revision.
fn picked(part: &Part, mut rows: Vec<(u32, i64)>) -> Result<Part, ArrowError> {
    // In the order of the file.
    rows.sort_unstable();
    let (rows, revisions): (Vec<u32>, Vec<i64>) = rows.into_iter().unzip();
    let mut picked = lines::pick(part, rows)?;
    let revisions: ArrayRef = Arc::new(Int64Array::from(revisions));
    picked.columns.push((column(), revisions));
    Ok(picked)
}

fn day_of(ts: i64) -> i32 {
    i32::try_from(ts.div_euclid(DAY_MICROSECONDS)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
