//! The `uploads` table: one row for each upload, whatever became of it. It is a table like the others, written by the same commit.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
use jiff::Timestamp;

use crate::batch::moment;
use crate::commit::Share;
use crate::facts::Upload;
use crate::ledger::Id;
use crate::packed::Headers;
use crate::rows::{Column, Kind, Part};

/// The table's name, which no format may give to its own.
pub const TABLE: &str = "uploads";

/// What became of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) source: Id,
    pub(crate) upload: Upload,
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

impl Record {
    /// The row that tells this, as a share for the committer. Contents do not count here: each upload has its own row.
    pub(crate) fn share(&self, headers: &Headers) -> Share {
        let upload = &self.upload;
        let columns = vec![
            text("upload", Some(&upload.id)),
            text("account", upload.account.as_deref()),
            text("path", Some(&upload.path)),
            text("verb", upload.verb.as_deref()),
            text("mode", upload.mode.as_deref()),
            text("client", upload.client.as_deref()),
            text("session", upload.session.as_deref()),
            long("offset", upload.offset, None),
            long("bytes", upload.bytes, Some("B")),
            text("sha256", upload.sha256.as_deref()),
            text("zone", self.zone.as_deref()),
            text("format", self.format.as_deref()),
            time("received_at", upload.received_at),
            time("landed_at", Some(upload.landed_at)),
            time("committed_at", Some(self.committed_at)),
            long("rows", self.rows, None),
            long("rows_refused", self.rows_refused, None),
            long("rows_skipped", self.rows_skipped, None),
            text("tables", Some(&self.tables.join(","))),
            text("outcome", Some(self.outcome.as_str())),
            text("reason", self.reason.as_deref()),
        ];
        let part = Part {
            table: TABLE.to_owned(),
            member: None,
            device: StringArray::from(vec![upload.device.as_str()]),
            ts: TimestampMicrosecondArray::from(vec![moment(upload.landed_at)]).with_timezone_utc(),
            row: Int64Array::from(vec![1]),
            columns,
        };
        Share {
            upload: upload.id.clone(),
            source: self.source,
            content: None,
            push: None,
            parts: vec![headers.pack(part).into()],
        }
    }
}

fn text(name: &str, value: Option<&str>) -> (Column, ArrayRef) {
    (column(name, Kind::Text, None), Arc::new(StringArray::from(vec![value])))
}

fn long(name: &str, value: u64, unit: Option<&str>) -> (Column, ArrayRef) {
    (column(name, Kind::Long, unit), Arc::new(Int64Array::from(vec![i64::try_from(value).ok()])))
}

fn time(name: &str, value: Option<Timestamp>) -> (Column, ArrayRef) {
    let values = TimestampMicrosecondArray::from(vec![value.map(moment)]).with_timezone_utc();
    (column(name, Kind::Timestamp, None), Arc::new(values))
}

fn column(name: &str, kind: Kind, unit: Option<&str>) -> Column {
    Column { name: name.to_owned(), original: name.to_owned(), unit: unit.map(str::to_owned), process: None, kind }
}
