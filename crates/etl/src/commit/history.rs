//! A table's earlier states: how long they can be read, and what goes with those that cannot any more.
//!
//! Each commit leaves a snapshot, which all later metadata files repeat, a manifest list and a metadata file. If none of them ever went,
//! what is on the disk would grow with the square of the commits. Manifests that were merged go with the last snapshot that names them.
//! No data file goes: every row stays in the newest snapshot.

use std::collections::HashSet;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use iceberg::spec::{ManifestList, SnapshotRef, TableMetadata};
use iceberg::table::Table;
use iceberg::transaction::{ApplyTransactionAction, Transaction};
use iceberg::{Catalog, Result};
use tracing::{debug, warn};

use super::FILES_AT_ONCE;

/// More snapshots are not kept, however young: each is about 0.9 kB of every metadata file.
const SNAPSHOTS_MAX: usize = if cfg!(test) { 10 } else { 500 };
/// Fewer are not worth a change.
const EXPIRED_MIN: usize = if cfg!(test) { 3 } else { 50 };

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
    /// After a commit: removes what has no reader any more, and lets snapshots expire when they are many. What fails is logged; a
    /// snapshot that did not expire is tried again after the next commit, a file that was not removed stays.
    pub(super) async fn shorten(&self, catalog: &dyn Catalog, before: &Table, committed: &Table) {
        if self.upkeep == Upkeep::Service {
            return;
        }
        self.remove(committed, self.metadata_gone(before, committed)).await;
        // In a commit of its own: within the other one it would assert a snapshot that the catalog has not yet.
        let Some(oldest) = self.expired_before(committed.metadata()) else { return };
        let transaction = Transaction::new(committed);
        let expire = transaction.expire_snapshots().expire_older_than_ms(oldest);
        let expired = async { expire.apply(transaction)?.commit(catalog).await };
        match expired.await {
            Ok(left) => self.clear(committed, &left).await,
            Err(error) => warn!(table = committed.identifier().name(), %error, "snapshots did not expire"),
        }
    }

    /// Removes what an expiry has left without a reader. What others let expire is theirs to remove, after they have read it.
    async fn clear(&self, before: &Table, after: &Table) {
        let now = after.metadata();
        let expired = before.metadata().snapshots().filter(|snapshot| now.snapshot_by_id(snapshot.snapshot_id()).is_none());
        let expired: Vec<&SnapshotRef> = expired.collect();
        // First of all, while the lists that name them are there.
        let manifests = manifests_gone(before, after, &expired).await.unwrap_or_else(|error| {
            warn!(table = after.identifier().name(), %error, "manifests of earlier states stay");
            Vec::new()
        });
        let lists = expired.iter().map(|snapshot| snapshot.manifest_list().to_owned());
        self.remove(after, manifests.into_iter().chain(lists).chain(self.metadata_gone(before, after)).collect()).await;
    }

    /// Snapshots from before this moment, in milliseconds since the Unix epoch, are to go; `None` while they are few. A table's own
    /// property for their age takes the place of ours, and no snapshot goes that a branch or a tag names.
    fn expired_before(&self, table: &TableMetadata) -> Option<i64> {
        let properties = table.properties();
        if properties.get(IS_COLLECTED).is_some_and(|is| is == "false") {
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

    /// Removes files that have no reader any more. One that stays costs space and nothing else.
    async fn remove(&self, table: &Table, gone: Vec<String>) {
        if gone.is_empty() {
            return;
        }
        let (name, files, storage) = (table.identifier().name(), gone.len(), table.file_io());
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

    /// The metadata files that fell out of the table's log.
    fn metadata_gone(&self, before: &Table, after: &Table) -> Vec<String> {
        if self.upkeep != Upkeep::Whole {
            return Vec::new();
        }
        let mut logged: HashSet<&str> =
            after.metadata().metadata_log().iter().map(|entry| entry.metadata_file.as_str()).collect();
        logged.extend(after.metadata_location());
        let dropped = before.metadata().metadata_log().iter().map(|entry| &entry.metadata_file);
        dropped.filter(|file| !logged.contains(file.as_str())).cloned().collect()
    }
}

/// The manifests that expired snapshots alone name. A manifest that one state of a line has and the next has not is in no later one, so
/// what the oldest state that is left has not is in none. Where states branch off, or one in between is left, nothing is said.
async fn manifests_gone(before: &Table, after: &Table, expired: &[&SnapshotRef]) -> Result<Vec<String>> {
    let left = line(after.metadata(), after.metadata().current_snapshot());
    let Some(oldest) = left.last().filter(|_| left.len() == after.metadata().snapshots().len()) else { return Ok(Vec::new()) };
    let earlier = line(before.metadata(), oldest.parent_snapshot_id().and_then(|id| before.metadata().snapshot_by_id(id)));
    if earlier.len() != expired.len() {
        return Ok(Vec::new());
    }
    let paths = |list: ManifestList| list.consume_entries().into_iter().map(|manifest| manifest.manifest_path);
    let kept: HashSet<String> = paths(before.manifest_list_reader(oldest).load().await?).collect();
    // A list may be long, and each names nearly the same: no more than some of them are in memory.
    let readers: Vec<_> = earlier.into_iter().map(|snapshot| before.manifest_list_reader(snapshot)).collect();
    let mut lists = stream::iter(readers.into_iter().map(|reader| async move { reader.load().await })).buffered(FILES_AT_ONCE);
    let mut gone = HashSet::new();
    while let Some(list) = lists.try_next().await? {
        gone.extend(paths(list).filter(|path| !kept.contains(path)));
    }
    Ok(gone.into_iter().collect())
}

/// A snapshot and those before it, as far as the table has them.
fn line<'a>(table: &'a TableMetadata, newest: Option<&'a SnapshotRef>) -> Vec<&'a SnapshotRef> {
    let before = |snapshot: &&'a SnapshotRef| snapshot.parent_snapshot_id().and_then(|id| table.snapshot_by_id(id));
    std::iter::successors(newest, before).collect()
}

#[cfg(test)]
mod tests;
