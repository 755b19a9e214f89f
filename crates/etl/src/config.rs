//! The `[etl]` section of the configuration. It has no defaults: these are the pipeline's.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;

use crate::limits::Limits;
use crate::table::Partition;
use crate::zone::Zone;

/// How events become rows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The zone for times that neither their format nor their account declares one for: an IANA name.
    pub default_zone: String,
    /// Files and directories with more format definitions.
    pub formats: Vec<PathBuf>,
    /// The catalog's namespace for the tables.
    pub namespace: String,
    /// Messages whose uploads are fetched at the same time.
    pub concurrency: usize,
    /// Files parsed at the same time; one for each processor if absent.
    pub threads: Option<usize>,
    /// The longest pause between two tries.
    #[serde(with = "humantime_serde")]
    pub retry_max: Duration,
    /// How long stopping may take: what is open is committed within this time or left in the queue.
    #[serde(with = "humantime_serde")]
    pub drain: Duration,
    /// When a batch closes.
    pub batch: BatchConfig,
    /// How new tables are laid out.
    pub table: TableConfig,
    /// Bounds on one file.
    pub limits: Limits,
    /// How the queue is used.
    pub queue: QueueConfig,
    /// How long processed uploads are remembered.
    pub ledger: LedgerConfig,
}

/// A batch closes when one of these is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchConfig {
    /// Time since its first upload was read.
    #[serde(with = "humantime_serde")]
    pub max_age: Duration,
    /// Rows for all tables together.
    pub max_rows: usize,
    /// Bytes in memory. Twice as many are held at most, while one batch is committed and the next one gathers; or this many and a
    /// file that is longer.
    pub max_bytes: ByteSize,
}

/// How tables are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableConfig {
    /// What spans of time are kept in files of their own, in new tables.
    pub partition: Partition,
    /// How long a table's earlier states can be read, and its 500 newest at most; with S3 Tables the service decides. A table's own
    /// `history.expire.max-snapshot-age-ms` takes the place of both.
    #[serde(with = "humantime_serde")]
    pub history: Duration,
}

/// How the queue is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueConfig {
    /// How long a message stays hidden when its worker dies. While the worker lives it is hidden again in time.
    #[serde(with = "humantime_serde")]
    pub visibility: Duration,
}

/// How long processed uploads are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerConfig {
    /// At least as long as an event can come again: the life of raw objects and 14 days in the queue. Uploads that landed longer ago are
    /// not loaded but quarantined. Without it every upload is remembered for ever.
    #[serde(default, with = "humantime_serde")]
    pub window: Option<Duration>,
    /// Of files that are sent whole again and again: how long rows are remembered that the file does not have any more.
    #[serde(with = "humantime_serde")]
    pub snapshots: Duration,
}

impl Config {
    /// What is wrong with this configuration: the key relative to this section, and why.
    pub fn problems(&self) -> Vec<(String, String)> {
        let name = &self.namespace;
        let is_plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let wrong = [
            ("default_zone", Zone::named(&self.default_zone).is_none(), "is neither a time zone nor an offset"),
            ("namespace", !is_plain, "must be letters, digits and underscores"),
            ("concurrency", self.concurrency == 0, "must be more than zero"),
            ("threads", self.threads == Some(0), "must be more than zero"),
            ("retry_max", self.retry_max.is_zero(), "must be more than zero"),
            ("batch.max_rows", self.batch.max_rows == 0, "must be more than zero"),
            ("batch.max_rows", u32::try_from(self.batch.max_rows).is_err(), "must be less than 2^32"),
            ("batch.max_bytes", self.batch.max_bytes.as_u64() == 0, "must be more than zero"),
            ("ledger.snapshots", self.ledger.snapshots.is_zero(), "must be more than zero"),
            ("queue.visibility", self.queue.visibility < Duration::from_secs(1), "must be at least one second"),
            ("queue.visibility", self.queue.visibility > Duration::from_hours(12), "must be at most twelve hours"),
        ];
        let own = wrong.into_iter().filter(|(_, is_wrong, _)| *is_wrong).map(|(key, _, why)| (key.to_owned(), why.to_owned()));
        let limits = self.limits.problems().into_iter().map(|(key, why)| (format!("limits.{key}"), why));
        own.chain(limits).collect()
    }
}

#[cfg(test)]
mod tests;
