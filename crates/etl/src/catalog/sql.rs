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
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use tokio::time::timeout;

use super::{NAME, without_password};
use crate::error::Error;
use crate::lake::Lake;
use crate::retry::Backoff;
use crate::storage::LakeStorage;

/// SQLITE_BUSY and SQLITE_LOCKED: <https://sqlite.org/rescode.html>
const LOCKED: [u32; 2] = [5, 6];
const PAUSE_MAX: Duration = Duration::from_millis(400);
const TRIES_MAX: u32 = 20;

/// How long a database server may take to answer.
const CONNECT: Duration = Duration::from_secs(10);

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Opens a catalog in a SQL database: SQLite (`sqlite:///FILE`), which is made if there is none, or PostgreSQL
/// (`postgres://USER:PASSWORD@HOST/DATABASE`), in which the catalog's own two tables are made. New tables go under `warehouse`, a
/// URL of the lake without a slash at its end.
pub async fn sql(uri: &str, warehouse: &str, lake: Arc<dyn Lake>) -> Result<Arc<dyn Catalog>, Error> {
    let opening = |source: Cause| Error::Catalog { uri: without_password(uri), source };
    let catalog = if uri.starts_with("sqlite:") {
        open_sqlite(uri, warehouse, &lake).await.map_err(opening)?
    } else {
        reach(uri).await.map_err(opening)?;
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

/// Connects once. The catalog's own connections are made again and again for half a minute, after which the reason is lost: a server
/// that is not there, a wrong password, a database that does not exist.
async fn reach(uri: &str) -> Result<(), Cause> {
    let options = PgConnectOptions::from_str(uri)?;
    let connected = timeout(CONNECT, async { sqlx::Connection::close(options.connect().await?).await });
    connected.await.map_err(|_| format!("no answer within {} s", CONNECT.as_secs()))?.map_err(Cause::from)
}

/// While another process opens or closes the database as its only user, SQLite does not wait for it but fails, whatever the busy
/// time-out. So opening is tried again; what is called later is tried again by its caller, as every call that may succeed then.
async fn open_sqlite(uri: &str, warehouse: &str, lake: &Arc<dyn Lake>) -> Result<SqlCatalog, Cause> {
    let mut backoff = Backoff::new(PAUSE_MAX, TRIES_MAX);
    loop {
        let opened = async {
            make(uri).await?;
            Ok::<_, Cause>(open(uri, warehouse, SqlBindStyle::QMark, lake.clone()).await?)
        };
        let error: Cause = match opened.await {
            Ok(catalog) => return Ok(catalog),
            Err(error) => error,
        };
        let Some(pause) = backoff.pause().filter(|_| is_locked(&*error)) else { return Err(error) };
        tokio::time::sleep(pause).await;
    }
}

/// Makes the database, which the catalog's own connections cannot be told to do, and lets readers go on while somebody writes.
async fn make(uri: &str) -> Result<(), sqlx::Error> {
    let options = SqliteConnectOptions::from_str(uri)?.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
    sqlx::Connection::close(options.connect().await?).await
}

/// Whether SQLite says somewhere in it that the database is locked. The code may be an extended one, whose low byte is the code.
fn is_locked(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let of_database = error.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
        let code = of_database.and_then(DatabaseError::code).and_then(|code| code.parse::<u32>().ok());
        if code.is_some_and(|code| LOCKED.contains(&(code & 0xff))) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests;
