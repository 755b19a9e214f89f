//! A table's earlier states: how long they can be read, and what goes with those that cannot any more.
//!
//! Each commit leaves a snapshot, which all later metadata files repeat, a manifest list and a metadata file. If none of them ever went,
//! what is on the disk would grow with the square of the commits. No data file goes: every row stays in the newest snapshot.

use std::collections::HashSet;
use std::time::Duration;

use futures::{StreamExt, stream};
use iceberg::Catalog;
use iceberg::spec::TableMetadata;
use iceberg::table::Table;
use iceberg::transaction::{ApplyTransactionAction, Transaction};
use tracing::{debug, warn};

/// More snapshots are not kept, however young: each is about 0.9 kB of every metadata file.
const SNAPSHOTS_MAX: usize = if cfg!(test) { 10 } else { 500 };
/// Fewer are not worth a change.
const EXPIRED_MIN: usize = if cfg!(test) { 3 } else { 50 };
const FILES_AT_ONCE: usize = 16;

/// Properties with which a table has a say of its own: <https://iceberg.apache.org/docs/latest/configuration/>.
const AGE_MAX: &str = "history.expire.max-snapshot-age-ms";
const IS_COLLECTED: &str = "gc.enabled";

/// Who sees to it that a catalog's tables do not fill up with what nobody reads any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// The catalog's service, as Amazon S3 Tables do.
    Service,
    /// Inlet lets snapshots expire; the service writes and removes the metadata files, as those of Iceberg's REST protocol do.
    Snapshots,
    /// Inlet alone.
    Whole,
}

/// How far back the states of tables can be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct History {
    pub(crate) keep: Duration,
    pub(crate) upkeep: Upkeep,
}

impl History {
    /// After a commit: removes what has no reader any more, and lets snapshots expire when they are many. What fails is logged, and tried
    /// again after the next commit.
    pub(super) async fn shorten(&self, catalog: &dyn Catalog, before: &Table, committed: &Table) {
        self.clear(before, committed).await;
        // In a commit of its own: within the other one it would assert a snapshot that the catalog has not yet.
        let Some(oldest) = self.expired_before(committed.metadata()) else { return };
        let transaction = Transaction::new(committed);
        let expire = transaction.expire_snapshots().expire_older_than_ms(oldest);
        let expired = async { expire.apply(transaction)?.commit(catalog).await };
        match expired.await {
            Ok(expired) => self.clear(committed, &expired).await,
            Err(error) => warn!(table = committed.identifier().name(), %error, "snapshots did not expire"),
        }
    }

    /// Snapshots from before this moment, in milliseconds since the Unix epoch, are to go; `None` while they are few. A table's own
    /// property for their age takes the place of ours, and no snapshot goes that a branch or a tag names.
    fn expired_before(&self, table: &TableMetadata) -> Option<i64> {
        let properties = table.properties();
        if self.upkeep == Upkeep::Service || properties.get(IS_COLLECTED).is_some_and(|is| is == "false") {
            return None;
        }
        let mut times: Vec<i64> = table.snapshots().map(|snapshot| snapshot.timestamp_ms()).collect();
        times.sort_unstable_by_key(|time| std::cmp::Reverse(*time));
        let newest = *times.first()?;
        let before = match properties.get(AGE_MAX) {
            Some(age) => newest.saturating_sub(age.parse().ok()?),
            None => {
                let by_age = newest.saturating_sub(i64::try_from(self.keep.as_millis()).unwrap_or(i64::MAX));
                times.get(SNAPSHOTS_MAX - 1).map_or(by_age, |last| by_age.max(*last))
            }
        };
        let expired = times.iter().filter(|time| **time < before).count();
        (expired >= EXPIRED_MIN).then_some(before)
    }

    /// Removes the files that a commit has left without a reader. One that stays costs space and nothing else.
    async fn clear(&self, before: &Table, after: &Table) {
        let (name, gone) = (after.identifier().name(), self.gone(before.metadata(), after));
        let (files, storage) = (gone.len(), after.file_io());
        let removals = gone.into_iter().map(|path| {
            let storage = storage.clone();
            async move { storage.delete(path).await }
        });
        let mut removals = stream::iter(removals).buffer_unordered(FILES_AT_ONCE);
        let mut failed = None;
        while let Some(removed) = removals.next().await {
            failed = removed.err().or(failed);
        }
        match failed {
            None => debug!(table = name, files, "removed metadata of earlier states"),
            Some(error) => warn!(table = name, %error, "metadata of earlier states stays"),
        }
    }

    fn gone(&self, before: &TableMetadata, after: &Table) -> Vec<String> {
        let now = after.metadata();
        let expired = before.snapshots().filter(|snapshot| now.snapshot_by_id(snapshot.snapshot_id()).is_none());
        let mut gone: Vec<String> = expired.map(|snapshot| snapshot.manifest_list().to_owned()).collect();
        if self.upkeep == Upkeep::Whole {
            let mut logged: HashSet<&str> = now.metadata_log().iter().map(|entry| entry.metadata_file.as_str()).collect();
            logged.extend(after.metadata_location());
            let dropped = before.metadata_log().iter().map(|entry| &entry.metadata_file);
            gone.extend(dropped.filter(|file| !logged.contains(file.as_str())).cloned());
        }
        gone
    }
}

#[cfg(test)]
mod tests;
