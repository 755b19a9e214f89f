//! The catalog: which tables there are, and which metadata file each is at.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use iceberg::{Catalog, CatalogBuilder};
use iceberg_catalog_sql::{
    SQL_CATALOG_PROP_BIND_STYLE, SQL_CATALOG_PROP_URI, SQL_CATALOG_PROP_WAREHOUSE, SqlBindStyle, SqlCatalogBuilder,
};
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

use crate::error::Error;
use crate::lake::Lake;
use crate::storage::LakeStorage;

/// The catalog's name within its database. pyiceberg finds the tables under the same name.
const NAME: &str = "inlet";

/// Opens a catalog in a SQLite database (`sqlite:///…/catalog.db`), which is made if there is none. New tables go under
/// `warehouse`, a URL of the lake without a slash at its end.
pub async fn sqlite(uri: &str, warehouse: &str, lake: Arc<dyn Lake>) -> Result<Arc<dyn Catalog>, Error> {
    let opening = |source: Box<dyn std::error::Error + Send + Sync>| Error::Catalog { uri: uri.to_owned(), source };
    // The catalog's own connections cannot be told to create the file, or to let readers go on while somebody writes.
    let options = SqliteConnectOptions::from_str(uri).map_err(|error| opening(error.into()))?;
    let options = options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
    let connection = options.connect().await.map_err(|error| opening(error.into()))?;
    sqlx::Connection::close(connection).await.map_err(|error| opening(error.into()))?;

    let properties = HashMap::from([
        (SQL_CATALOG_PROP_URI.to_owned(), uri.to_owned()),
        (SQL_CATALOG_PROP_WAREHOUSE.to_owned(), warehouse.to_owned()),
        (SQL_CATALOG_PROP_BIND_STYLE.to_owned(), SqlBindStyle::QMark.to_string()),
    ]);
    let builder = SqlCatalogBuilder::default().with_storage_factory(Arc::new(LakeStorage::new(lake)));
    let catalog = builder.load(NAME, properties).await.map_err(|error| opening(error.into()))?;
    Ok(Arc::new(catalog))
}
