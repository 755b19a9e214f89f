//! Catalogs in a SQL database: SQLite for one machine, PostgreSQL for several.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use iceberg::{Catalog, CatalogBuilder};
use iceberg_catalog_sql::{
    SQL_CATALOG_PROP_BIND_STYLE, SQL_CATALOG_PROP_URI, SQL_CATALOG_PROP_WAREHOUSE, SqlBindStyle, SqlCatalog, SqlCatalogBuilder,
};
use sqlx::ConnectOptions;
use sqlx::error::DatabaseError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

use super::NAME;
use crate::error::Error;
use crate::lake::Lake;
use crate::retry::Backoff;
use crate::storage::LakeStorage;

/// <https://sqlite.org/rescode.html#busy>
const SQLITE_BUSY: &str = "5";
const PAUSE_MAX: Duration = Duration::from_millis(400);
const TRIES_MAX: u32 = 20;

/// Opens a catalog in a SQL database: SQLite (`sqlite:///FILE`), which is made if there is none, or PostgreSQL
/// (`postgres://USER:PASSWORD@HOST/DATABASE`), in which the catalog's own two tables are made. New tables go under `warehouse`, a
/// URL of the lake without a slash at its end.
pub async fn sql(uri: &str, warehouse: &str, lake: Arc<dyn Lake>) -> Result<Arc<dyn Catalog>, Error> {
    let opening = |source: Box<dyn std::error::Error + Send + Sync>| Error::Catalog { uri: without_password(uri), source };
    let catalog = if uri.starts_with("sqlite:") {
        make(uri).await.map_err(|error| opening(error.into()))?;
        open(uri, warehouse, SqlBindStyle::QMark, lake).await.map_err(|error| opening(error.into()))?
    } else {
        // Two workers that start at once both make the catalog's tables, and PostgreSQL fails one of them, `IF NOT EXISTS` or not.
        let mut backoff = Backoff::new(PAUSE_MAX, 2);
        loop {
            let error = match open(uri, warehouse, SqlBindStyle::DollarNumeric, lake.clone()).await {
                Ok(catalog) => break catalog,
                Err(error) => error,
            };
            let Some(pause) = backoff.pause() else { return Err(opening(error.into())) };
            tokio::time::sleep(pause).await;
        }
    };
    Ok(Arc::new(catalog))
}

async fn open(uri: &str, warehouse: &str, bind: SqlBindStyle, lake: Arc<dyn Lake>) -> iceberg::Result<SqlCatalog> {
    let properties = HashMap::from([
        (SQL_CATALOG_PROP_URI.to_owned(), uri.to_owned()),
        (SQL_CATALOG_PROP_WAREHOUSE.to_owned(), warehouse.to_owned()),
        (SQL_CATALOG_PROP_BIND_STYLE.to_owned(), bind.to_string()),
    ]);
    SqlCatalogBuilder::default().with_storage_factory(Arc::new(LakeStorage::new(lake))).load(NAME, properties).await
}

/// Makes the database, which the catalog's own connections cannot be told to do, and lets readers go on while somebody writes.
async fn make(uri: &str) -> Result<(), sqlx::Error> {
    let options = SqliteConnectOptions::from_str(uri)?.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
    let mut backoff = Backoff::new(PAUSE_MAX, TRIES_MAX);
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

/// The database's address as it may stand in an error.
fn without_password(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    // The last `@` before the path: a password may hold others.
    let authority_bytes = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_bytes);
    match authority.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split_once(':').map_or(user, |(user, _)| user);
            format!("{scheme}://{user}@{host}{path}")
        }
        None => uri.to_owned(),
    }
}

#[cfg(test)]
mod tests;
