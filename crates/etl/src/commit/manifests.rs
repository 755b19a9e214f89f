//! Manifests: each append leaves one more, and who reads a table fetches all of them. Small ones become one from time to time.
//!
//! `iceberg` has no action for that. Its append takes over what its table's newest manifest list names, so it is shown a list in which
//! the small manifests are merged: one commit, which names the merged ones and the files that it adds, as the append of Iceberg's
//! reference implementation does. A merged manifest is said to be of the snapshot before, since the new one's number is not known yet;
//! its files keep the numbers that they have. What only earlier snapshots name goes with them ([`super::history`]).

use std::panic::AssertUnwindSafe;
use std::str::FromStr;
use std::sync::Arc;

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use iceberg::io::{FileIO, FileIOBuilder};
use iceberg::spec::{
    FormatVersion, ManifestContentType, ManifestEntry, ManifestFile, ManifestListWriter, ManifestWriterBuilder, Snapshot,
    TableMetadata,
};
use iceberg::table::Table;
use iceberg::{Error, ErrorKind, Result, Runtime};
use tracing::{info, warn};
use ulid::Ulid;

use super::FILES_AT_ONCE;
use crate::lake::Lake;
use crate::storage::LakeStorage;

/// Properties with which a table has a say of its own: <https://iceberg.apache.org/docs/latest/configuration/>.
const IS_ENABLED: &str = "commit.manifest-merge.enabled";
const COUNT_MIN: &str = "commit.manifest.min-count-to-merge";
const BYTES_TARGET: &str = "commit.manifest.target-size-bytes";

/// Every so many appends, manifests are merged.
const COUNT_MIN_DEFAULT: i64 = if cfg!(test) { 8 } else { 100 };
/// A quarter of what others take: some hundred files, which take about ten times that in memory while they are merged.
const BYTES_TARGET_DEFAULT: i64 = 2 << 20;
/// More wait for the next time: the commit waits for them, and a table from before has very many.
const MERGED_MAX: usize = 2000;

/// The table as an append is to see it when its small manifests are due to be merged, and they could be. The merged ones are written
/// then, under names of their own, and stay without a reader when the append fails.
pub(super) async fn merged(table: &Table, lake: Arc<dyn Lake>, name: Ulid) -> Option<Table> {
    // Manifests may be anybody's, and iceberg trusts that their partitions are as their specification says.
    let merged = AssertUnwindSafe(merge(table, lake, name)).catch_unwind().await;
    let merged = merged.unwrap_or_else(|_| Err(Error::new(ErrorKind::Unexpected, "merging them ended in a panic")));
    merged.unwrap_or_else(|error| {
        warn!(table = table.identifier().name(), %error, "manifests are not merged");
        None
    })
}

async fn merge(table: &Table, lake: Arc<dyn Lake>, name: Ulid) -> Result<Option<Table>> {
    let metadata = table.metadata();
    let Some(snapshot) = metadata.current_snapshot() else { return Ok(None) };
    let every = setting(metadata, COUNT_MIN, COUNT_MIN_DEFAULT).max(2);
    // By the number of changes, which is at hand, and not by the list, which each append would have to read once more.
    let is_due = snapshot.sequence_number() % every == 0
        && !metadata.properties().get(IS_ENABLED).is_some_and(|is| is.eq_ignore_ascii_case("false"));
    if !is_due || metadata.format_version() != FormatVersion::V2 {
        return Ok(None);
    }
    let target = setting(metadata, BYTES_TARGET, BYTES_TARGET_DEFAULT);
    let list = table.manifest_list_reader(snapshot).load().await?;
    let is_small = |manifest: &ManifestFile| {
        manifest.content == ManifestContentType::Data
            && manifest.partition_spec_id == metadata.default_partition_spec_id()
            && manifest.manifest_length < target
    };
    let (mut small, mut taken_over): (Vec<_>, Vec<_>) = list.consume_entries().into_iter().partition(is_small);
    if i64::try_from(small.len()).unwrap_or(i64::MAX) < every / 2 {
        return Ok(None);
    }
    taken_over.extend(small.drain(MERGED_MAX.min(small.len())..));
    let mut merged = 0;
    for (number, group) in groups(&small, target).enumerate() {
        if let [alone] = group {
            taken_over.push(alone.clone());
            continue;
        }
        let at = format!("{}/metadata/{name}-{number}.avro", metadata.location());
        if let Some(manifest) = write(table, snapshot, group, at).await? {
            taken_over.push(manifest);
            merged += 1;
        }
    }
    info!(table = table.identifier().name(), manifests = small.len(), merged, "merged manifests for the next commit");
    showing(table, snapshot, taken_over, lake).await.map(Some)
}

fn setting<T: FromStr>(metadata: &TableMetadata, property: &str, default: T) -> T {
    metadata.properties().get(property).and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Neighbours that are about as long as the target together.
fn groups(manifests: &[ManifestFile], target: i64) -> impl Iterator<Item = &[ManifestFile]> {
    let mut bytes = 0;
    manifests.chunk_by(move |manifest, _| {
        bytes += manifest.manifest_length;
        let is_within = bytes < target;
        if !is_within {
            bytes = 0;
        }
        is_within
    })
}

/// One manifest of the files that these name and that are still in the table; `None` when there is no such file.
async fn write(table: &Table, snapshot: &Snapshot, manifests: &[ManifestFile], at: String) -> Result<Option<ManifestFile>> {
    let (files, metadata) = (table.file_io(), table.metadata());
    let (schema, spec) = (metadata.current_schema().clone(), metadata.default_partition_spec().as_ref().clone());
    let builder = ManifestWriterBuilder::new(files.new_output(at)?, Some(snapshot.snapshot_id()), schema, spec);
    let mut writer = builder.build_v2_data();
    let mut is_empty = true;
    let loads = manifests.iter().cloned().map(|manifest| {
        let files = files.clone();
        async move { manifest.load_manifest(&files).await }
    });
    let mut loads = stream::iter(loads).buffered(FILES_AT_ONCE);
    while let Some(manifest) = loads.try_next().await? {
        // One copy of each is enough: they take far more memory than in the file.
        let (entries, _) = manifest.into_parts();
        for entry in entries.into_iter().map(Arc::unwrap_or_clone).filter(ManifestEntry::is_alive) {
            // The list gives them to entries that have none of their own.
            let (added_in, sequence) = (entry.snapshot_id.unwrap_or_default(), entry.sequence_number.unwrap_or_default());
            writer.add_existing_file(entry.data_file, added_in, sequence, entry.file_sequence_number)?;
            is_empty = false;
        }
    }
    if is_empty {
        return Ok(None);
    }
    let merged = writer.write_manifest_file().await?;
    // The append's own number is given when it is made, to what it adds alone.
    Ok(Some(ManifestFile { sequence_number: snapshot.sequence_number(), ..merged }))
}

/// The table, its newest manifest list naming these.
async fn showing(table: &Table, snapshot: &Snapshot, manifests: Vec<ManifestFile>, lake: Arc<dyn Lake>) -> Result<Table> {
    let memory = FileIO::new_with_memory();
    let list = memory.new_output("memory:///list")?;
    let (id, parent, sequence) = (snapshot.snapshot_id(), snapshot.parent_snapshot_id(), snapshot.sequence_number());
    let mut writer = ManifestListWriter::v2(list.writer().await?, id, parent, sequence);
    writer.add_manifests(manifests.into_iter())?;
    writer.close().await?;
    let storage = LakeStorage::new(lake).showing(snapshot.manifest_list(), list.to_input_file().read().await?);
    let builder = Table::builder().identifier(table.identifier().clone()).metadata(table.metadata_ref());
    builder
        .metadata_location(table.metadata_location_result()?)
        .file_io(FileIOBuilder::new(Arc::new(storage)).build())
        .runtime(Runtime::current())
        .build()
}

#[cfg(test)]
mod tests;
