//! The catalog: which tables there are, and which metadata file each is at.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use iceberg::{Catalog, CatalogBuilder};
use iceberg_catalog_sql::{
    SQL_CATALOG_PROP_BIND_STYLE, SQL_CATALOG_PROP_URI, SQL_CATALOG_PROP_WAREHOUSE, SqlBindStyle, SqlCatalogBuilder,
};
use sqlx::ConnectOptions;
use sqlx::error::DatabaseError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

use crate::error::Error;
use crate::lake::Lake;
use crate::retry::Backoff;
use crate::storage::LakeStorage;

/// The catalog's name within its database. pyiceberg finds the tables under the same name.
const NAME: &str = "inlet";

/// <https://sqlite.org/rescode.html#busy>
const SQLITE_BUSY: &str = "5";
const LOCKED_PAUSE_MAX: Duration = Duration::from_millis(400);
const LOCKED_TRIES_MAX: u32 = 20;

/// Opens a catalog in a SQLite database (`sqlite:///…/catalog.db`), which is made if there is none. New tables go under
/// `warehouse`, a URL of the lake without a slash at its end.
pub async fn sqlite(uri: &str, warehouse: &str, lake: Arc<dyn Lake>) -> Result<Arc<dyn Catalog>, Error> {
    let opening = |source: Box<dyn std::error::Error + Send + Sync>| Error::Catalog { uri: uri.to_owned(), source };
    make(uri).await.map_err(|error| opening(error.into()))?;
    let properties = HashMap::from([
        (SQL_CATALOG_PROP_URI.to_owned(), uri.to_owned()),
        (SQL_CATALOG_PROP_WAREHOUSE.to_owned(), warehouse.to_owned()),
        (SQL_CATALOG_PROP_BIND_STYLE.to_owned(), SqlBindStyle::QMark.to_string()),
    ]);
    let builder = SqlCatalogBuilder::default().with_storage_factory(Arc::new(LakeStorage::new(lake)));
    let catalog = builder.load(NAME, properties).await.map_err(|error| opening(error.into()))?;
    Ok(Arc::new(catalog))
}

/// Makes the database, which the catalog's own connections cannot be told to do, and lets readers go on while somebody writes.
async fn make(uri: &str) -> Result<(), sqlx::Error> {
    let options = SqliteConnectOptions::from_str(uri)?.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
    let mut backoff = Backoff::new(LOCKED_PAUSE_MAX, LOCKED_TRIES_MAX);
    loop {
        let error = match options.connect().await {
            Ok(connection) => return sqlx::Connection::close(connection).await,
            Err(error) => error,
        };
        // While another process opens or closes the database as its only user, SQLite does not wait for it but fails.
        let is_locked = error.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code == SQLITE_BUSY);
        let Some(pause) = backoff.pause().filter(|_| is_locked) else { return Err(error) };
        tokio::time::sleep(pause).await;
    }
}
