//! The `uploads` table: one row for each upload, whatever became of it. It is a table like the others, written by the same commit.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
use jiff::Timestamp;

use crate::batch::moment;
use crate::commit::Share;
use crate::facts::Upload;
use crate::ledger::Id;
use crate::packed::{Packed, Parcel};
use crate::rows::{Column, Kind, Part};

/// The table's name, which no format may give to its own.
pub const TABLE: &str = "uploads";

/// What became of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) source: Id,
    pub(crate) upload: Arc<Upload>,
    pub(crate) format: Option<String>,
    /// The zone that its times were read in.
    pub(crate) zone: Option<String>,
    pub(crate) committed_at: Timestamp,
    /// Rows of it that are in tables.
    pub(crate) rows: u64,
    pub(crate) rows_refused: u64,
    /// Rows that the format declares that nobody wants.
    pub(crate) rows_skipped: u64,
    /// The tables that hold them.
    pub(crate) tables: Vec<String>,
    pub(crate) outcome: Outcome,
    /// Why something of it, or all, is in quarantine.
    pub(crate) reason: Option<String>,
}

/// The outcome of an upload, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Rows of it are in tables.
    Committed,
    /// Nothing of it could be used.
    Quarantined,
    /// The same file was there before.
    Duplicate,
    /// It has no rows.
    Empty,
    /// It has no rows yet: what it holds waits for the next segment of its file.
    Held,
}

impl Outcome {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Quarantined => "quarantined",
            Self::Duplicate => "duplicate",
            Self::Empty => "empty",
            Self::Held => "held",
        }
    }
}

/// The rows that tell this, each as a share for the committer. Contents do not count here: each upload has its own row.
pub(crate) fn shares(records: &[&Record]) -> Arc<[Share]> {
    let rows = Arc::new(Packed::from(part(records)));
    let share = |(at, record): (usize, &&Record)| Share {
        upload: record.upload.id.clone(),
        source: record.source,
        content: None,
        push: None,
        parts: vec![Parcel::Shared(rows.clone(), at..at + 1)],
    };
    records.iter().enumerate().map(share).collect()
}

fn part(records: &[&Record]) -> Part {
    let to = Columns(records);
    let tables = records.iter().map(|record| record.tables.join(","));
    let columns = vec![
        to.texts("upload", |record| Some(&record.upload.id)),
        to.texts("account", |record| record.upload.account.as_deref()),
        to.texts("path", |record| Some(&record.upload.path)),
        to.texts("verb", |record| record.upload.verb.as_deref()),
        to.texts("mode", |record| record.upload.mode.as_deref()),
        to.texts("client", |record| record.upload.client.as_deref()),
        to.texts("session", |record| record.upload.session.as_deref()),
        to.longs("offset", None, |record| record.upload.offset),
        to.longs("bytes", Some("B"), |record| record.upload.bytes),
        to.texts("sha256", |record| record.upload.sha256.as_deref()),
        to.texts("zone", |record| record.zone.as_deref()),
        to.texts("format", |record| record.format.as_deref()),
        to.times("received_at", |record| record.upload.received_at),
        to.times("landed_at", |record| Some(record.upload.landed_at)),
        to.times("committed_at", |record| Some(record.committed_at)),
        to.longs("rows", None, |record| record.rows),
        to.longs("rows_refused", None, |record| record.rows_refused),
        to.longs("rows_skipped", None, |record| record.rows_skipped),
        (column("tables", Kind::Text, None), Arc::new(StringArray::from_iter_values(tables))),
        to.texts("outcome", |record| Some(record.outcome.as_str())),
        to.texts("reason", |record| record.reason.as_deref()),
    ];
    Part {
        table: TABLE.to_owned(),
        member: None,
        device: records.iter().map(|record| Some(record.upload.device.as_str())).collect(),
        ts: records
            .iter()
            .map(|record| Some(moment(record.upload.landed_at)))
            .collect::<TimestampMicrosecondArray>()
            .with_timezone_utc(),
        row: Int64Array::from_value(1, records.len()),
        columns,
    }
}

/// Columns of the record, each of one value for each of these.
struct Columns<'r>(&'r [&'r Record]);

impl<'r> Columns<'r> {
    fn texts(&self, name: &str, value: impl Fn(&'r Record) -> Option<&'r str>) -> (Column, ArrayRef) {
        let values: StringArray = self.0.iter().map(|record| value(record)).collect();
        (column(name, Kind::Text, None), Arc::new(values))
    }

    fn longs(&self, name: &str, unit: Option<&str>, value: impl Fn(&Record) -> u64) -> (Column, ArrayRef) {
        let values: Int64Array = self.0.iter().map(|record| i64::try_from(value(record)).ok()).collect();
        (column(name, Kind::Long, unit), Arc::new(values))
    }

    fn times(&self, name: &str, value: impl Fn(&Record) -> Option<Timestamp>) -> (Column, ArrayRef) {
        let values: TimestampMicrosecondArray = self.0.iter().map(|record| value(record).map(moment)).collect();
        (column(name, Kind::Timestamp, None), Arc::new(values.with_timezone_utc()))
    }
}

fn column(name: &str, kind: Kind, unit: Option<&str>) -> Column {
    Column { name: name.to_owned(), original: name.to_owned(), unit: unit.map(str::to_owned), process: None, kind }
}
