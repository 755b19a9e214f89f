//! What the tables hold, for people and programs that ask without a query engine.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use futures::TryStreamExt;
use iceberg::Catalog;
use iceberg::table::Table;
use serde::Serialize;

use crate::error::Error;
use crate::table::Tables;

/// One table as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// Its name within the namespace.
    pub name: String,
    /// The URL under which all its files are.
    pub location: String,
    /// The URL of its metadata file, from which other engines can read it without the catalog.
    pub metadata_location: String,
    /// How many rows it has.
    pub rows: u64,
    /// How many data files these are in.
    pub data_files: u64,
    /// The snapshot; `None` while it has no rows.
    pub snapshot_id: Option<i64>,
}

/// All tables of a namespace, by name.
pub async fn tables(catalog: Arc<dyn Catalog>, namespace: &str) -> Result<Vec<Listing>, Error> {
    let tables = Tables::new(catalog, namespace);
    let mut listings = Vec::new();
    for name in tables.names().await? {
        // One that was dropped meanwhile is not listed.
        if let Some(table) = tables.load(&name).await? {
            listings.push(listing(name, &table));
        }
    }
    Ok(listings)
}

/// The first `rows_max` rows that a scan of the table meets, with all columns; `None` when there is no such table.
pub async fn head(
    catalog: Arc<dyn Catalog>,
    namespace: &str,
    name: &str,
    rows_max: usize,
) -> Result<Option<Vec<RecordBatch>>, Error> {
    let Some(table) = Tables::new(catalog, namespace).load(name).await? else { return Ok(None) };
    let failed = Error::table("scan", name);
    // One file after the other, in batches no larger than what is asked for: to read more would be for nothing.
    let scan = table.scan().select_all().with_concurrency_limit(1).with_batch_size(Some(rows_max.clamp(1, 1024)));
    let mut stream = scan.build().map_err(&failed)?.to_arrow().await.map_err(&failed)?;
    let mut batches = Vec::new();
    let mut left = rows_max;
    while left > 0 {
        let Some(batch) = stream.try_next().await.map_err(&failed)? else { break };
        let batch = batch.slice(0, batch.num_rows().min(left));
        left -= batch.num_rows();
        batches.push(batch);
    }
    Ok(Some(batches))
}

fn listing(name: String, table: &Table) -> Listing {
    let metadata = table.metadata();
    let snapshot = metadata.current_snapshot();
    let total = |key: &str| {
        let value = snapshot.and_then(|snapshot| snapshot.summary().additional_properties.get(key));
        value.and_then(|value| value.parse().ok()).unwrap_or_default()
    };
    Listing {
        name,
        location: metadata.location().to_owned(),
        metadata_location: table.metadata_location().unwrap_or_default().to_owned(),
        rows: total("total-records"),
        data_files: total("total-data-files"),
        snapshot_id: snapshot.map(|snapshot| snapshot.snapshot_id()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NAMESPACE, World};

    #[tokio::test]
    async fn tables_are_listed_and_shown() {
        let world = World::new();
        let catalog = world.tables().await.catalog.clone();
        assert_eq!(tables(catalog.clone(), NAMESPACE).await.unwrap(), []);
        assert!(head(catalog.clone(), NAMESPACE, "t", 3).await.unwrap().is_none());
        world.upload("U1", "a", "/x", "t,0,1\nt,1,2\nt,86400,3\n");
        crate::worker::tests::drain(&world, crate::testing::Faults::none()).await;

        let listed = tables(catalog.clone(), NAMESPACE).await.unwrap();
        let told: Vec<_> = listed.iter().map(|table| (table.name.as_str(), table.rows, table.data_files)).collect();
        assert_eq!(told, [("t", 3, 2), ("uploads", 1, 1)]);
        let root = format!("file://{}/warehouse/inlet/t", world.dir.path().display());
        assert_eq!(listed[0].location, root);
        assert!(listed[0].metadata_location.starts_with(&format!("{root}/metadata/")));
        assert!(listed[0].snapshot_id.is_some());

        for (limit, rows) in [(0, 0), (1, 1), (2, 2), (10, 3)] {
            let batches = head(catalog.clone(), NAMESPACE, "t", limit).await.unwrap().unwrap();
            assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), rows);
        }
    }
}
