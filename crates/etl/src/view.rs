//! The tables as people ask after them: which there are, how much is in them, and their first rows.

use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::stream::TryStreamExt;
use iceberg::Catalog;
use iceberg::spec::Snapshot;
use serde::Serialize;

use crate::error::Error;
use crate::table::Tables;

/// The table that has a row for each upload: where it came from, and what became of it.
pub use crate::uploads::TABLE as UPLOADS;

/// One table as of its current snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The name within the namespace.
    pub name: String,
    /// The URL that its files are under.
    pub location: String,
    /// The URL of its current metadata file, which DuckDB's `iceberg_scan` and pyiceberg's `StaticTable` read.
    pub metadata_location: Option<String>,
    /// Rows in it.
    pub rows: u64,
    /// Data files that hold them.
    pub data_files: u64,
    /// The current snapshot; `None` while nothing was committed.
    pub snapshot_id: Option<i64>,
}

/// The tables of a namespace, in order of their names.
pub async fn list(catalog: Arc<dyn Catalog>, namespace: &str) -> Result<Vec<Summary>, Error> {
    let tables = Tables::new(catalog, namespace);
    let mut summaries = Vec::new();
    for name in tables.names().await? {
        // One that was dropped since the names were read is no table any more.
        let Some(table) = tables.load(&name).await? else { continue };
        let metadata = table.metadata();
        let snapshot = metadata.current_snapshot();
        summaries.push(Summary {
            name,
            location: metadata.location().to_owned(),
            metadata_location: table.metadata_location().map(str::to_owned),
            rows: total(snapshot, "total-records"),
            data_files: total(snapshot, "total-data-files"),
            snapshot_id: snapshot.map(|snapshot| snapshot.snapshot_id()),
        });
    }
    Ok(summaries)
}

/// Rows of a table, at most `limit`, in no promised order; `None` when there is no such table.
pub async fn head(
    catalog: Arc<dyn Catalog>,
    namespace: &str,
    name: &str,
    limit: usize,
) -> Result<Option<Vec<RecordBatch>>, Error> {
    let Some(table) = Tables::new(catalog, namespace).load(name).await? else { return Ok(None) };
    let failed = Error::table("read", name);
    let scan = table.scan().with_batch_size(Some(limit.clamp(1, 8192))).build().map_err(&failed)?;
    let mut stream = scan.to_arrow().await.map_err(&failed)?;
    let (mut batches, mut left) = (Vec::new(), limit);
    while left > 0 {
        let Some(batch) = stream.try_next().await.map_err(&failed)? else { break };
        let batch = batch.slice(0, batch.num_rows().min(left));
        left -= batch.num_rows();
        batches.push(batch);
    }
    Ok(Some(batches))
}

/// A total of the snapshot's summary, as the Iceberg specification names them (appendix F, optional snapshot summary fields).
fn total(snapshot: Option<&Arc<Snapshot>>, name: &str) -> u64 {
    snapshot.and_then(|snapshot| snapshot.summary().additional_properties.get(name)?.parse().ok()).unwrap_or(0)
}
