//! The queue's tables and the statements on them. Times are milliseconds since the Unix epoch.

use std::time::Duration;

use metrics::counter;
use sqlx::{Connection as _, Row as _, SqliteConnection};
use tracing::error;

use super::now;

/// An id is never used again, so that an old receipt never names a new message. `visible_at` is of versions that kept there what was
/// hidden, and can still open the file. `receiver` has a row from a process's first receive until it ends in order.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        body TEXT NOT NULL,
        sent_at INTEGER NOT NULL,
        visible_at INTEGER NOT NULL,
        deliveries INTEGER NOT NULL DEFAULT 0,
        cause TEXT
    ) STRICT;
    CREATE TABLE IF NOT EXISTS dead_letters (
        id INTEGER PRIMARY KEY,
        body TEXT NOT NULL,
        sent_at INTEGER NOT NULL,
        died_at INTEGER NOT NULL,
        deliveries INTEGER NOT NULL,
        cause TEXT
    ) STRICT;
    CREATE TABLE IF NOT EXISTS receiver (since INTEGER NOT NULL) STRICT;
";

/// How much a queue holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Messages that can be delivered now.
    pub visible: u64,
    /// Messages that were delivered and neither deleted nor due again.
    pub hidden: u64,
    /// Dead letters.
    pub dead: u64,
    /// How long ago the oldest message was sent; none when the queue is empty.
    pub oldest: Option<Duration>,
}

/// A message as it is kept, and how often it was delivered before.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) body: String,
    pub(super) deliveries: u32,
}

pub(super) async fn create(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(SCHEMA).execute(&mut *connection).await?;
    // Files of older versions have no causes.
    for table in ["messages", "dead_letters"] {
        let columns = sqlx::query_scalar("SELECT count(*) FROM pragma_table_info(?1) WHERE name = 'cause'");
        let found: i64 = columns.bind(table).fetch_one(&mut *connection).await?;
        if found == 0 {
            sqlx::raw_sql(&format!("ALTER TABLE {table} ADD COLUMN cause TEXT")).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// Takes over from a version that kept in the file what was hidden: the messages that it was working on when it was cut off are
/// deliverable, and those deliveries do not count.
pub(super) async fn adopt(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let find = "SELECT count(*) FROM sqlite_schema WHERE name = 'messages_by_visibility'";
    let found: i64 = sqlx::query_scalar(find).fetch_one(&mut *connection).await?;
    if found > 0 {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        let update = "UPDATE messages SET deliveries = max(deliveries - 1, 0) WHERE visible_at > ?1";
        sqlx::query(update).bind(now()).execute(&mut *transaction).await?;
        sqlx::raw_sql("DROP INDEX IF EXISTS messages_by_visibility").execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// Notes that a process receives from here on. Returns the highest id that the one before may have had in hand when it ended without
/// a word; 0 when it ended in order.
pub(super) async fn begin(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let left = "SELECT coalesce(max(id), 0) FROM messages WHERE EXISTS (SELECT * FROM receiver)";
    let left = sqlx::query_scalar(left).fetch_one(&mut *transaction).await?;
    sqlx::query("DELETE FROM receiver").execute(&mut *transaction).await?;
    sqlx::query("INSERT INTO receiver VALUES (?1)").bind(now()).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(left)
}

/// Notes that the process that received has ended in order.
pub(super) async fn end(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM receiver").execute(connection).await?;
    Ok(())
}

/// Counts a delivery of each of these before it is made.
pub(super) async fn foresee(connection: &mut SqliteConnection, ids: &[i64]) -> Result<(), sqlx::Error> {
    if !ids.is_empty() {
        let update = "UPDATE messages SET deliveries = deliveries + 1 WHERE id IN (SELECT value FROM json_each(?1))";
        sqlx::query(update).bind(json(ids)?).execute(connection).await?;
    }
    Ok(())
}

pub(super) async fn send(connection: &mut SqliteConnection, bodies: &[String]) -> Result<(), sqlx::Error> {
    let now = now();
    for body in bodies {
        let insert = sqlx::query("INSERT INTO messages (body, sent_at, visible_at) VALUES (?1, ?2, ?2)");
        insert.bind(body).bind(now).execute(&mut *connection).await?;
    }
    Ok(())
}

/// The messages behind an id, in the order of their ids.
pub(super) async fn behind(connection: &mut SqliteConnection, id: i64, rows_max: usize) -> Result<Vec<Row>, sqlx::Error> {
    let rows = sqlx::query("SELECT id, body, deliveries FROM messages WHERE id > ?1 ORDER BY id LIMIT ?2");
    let rows = rows.bind(id).bind(i64::try_from(rows_max).unwrap_or(i64::MAX)).fetch_all(connection).await?;
    rows.iter().map(row).collect()
}

/// Writes down how often messages were delivered, puts the `dead` among them where dead letters are, and returns the others. All of it
/// happens, or nothing.
pub(super) async fn again(
    connection: &mut SqliteConnection,
    counts: &[(i64, u32)],
    dead: &[i64],
) -> Result<Vec<Row>, sqlx::Error> {
    let counts = json(counts)?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let update = "UPDATE messages SET deliveries = value ->> 1 FROM json_each(?1) WHERE messages.id = value ->> 0";
    sqlx::query(update).bind(&counts).execute(&mut *transaction).await?;
    set_aside(&mut transaction, dead).await?;
    let rows = sqlx::query("SELECT id, body, deliveries FROM messages WHERE id IN (SELECT value ->> 0 FROM json_each(?1))");
    let rows = rows.bind(&counts).fetch_all(&mut *transaction).await?;
    transaction.commit().await?;
    tell_dead(dead);
    rows.iter().map(row).collect()
}

/// Puts messages among the dead letters: all of them, or none.
pub(super) async fn bury(connection: &mut SqliteConnection, dead: &[i64]) -> Result<(), sqlx::Error> {
    if dead.is_empty() {
        return Ok(());
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    set_aside(&mut transaction, dead).await?;
    transaction.commit().await?;
    tell_dead(dead);
    Ok(())
}

async fn set_aside(connection: &mut SqliteConnection, dead: &[i64]) -> Result<(), sqlx::Error> {
    for id in dead {
        let copy = sqlx::query(
            "INSERT INTO dead_letters (id, body, sent_at, died_at, deliveries, cause)
             SELECT id, body, sent_at, ?1, deliveries, cause FROM messages WHERE id = ?2",
        );
        copy.bind(now()).bind(id).execute(&mut *connection).await?;
    }
    delete(connection, dead).await
}

fn tell_dead(dead: &[i64]) {
    for id in dead {
        counter!("inlet_dead_letters_total").increment(1);
        error!(
            message = id,
            "an upload's event failed too often and is a dead letter (`inlet queue dead list`); its raw object is in the lake"
        );
    }
}

/// Writes down why a delivery was left, and how often the message was delivered by then.
pub(super) async fn explain(connection: &mut SqliteConnection, id: i64, deliveries: u32, cause: &str) -> Result<(), sqlx::Error> {
    let update = sqlx::query("UPDATE messages SET cause = ?1, deliveries = ?2 WHERE id = ?3");
    update.bind(cause).bind(deliveries).bind(id).execute(connection).await?;
    Ok(())
}

/// One statement, however many messages: each statement is a message to the thread that runs SQLite.
pub(super) async fn delete(connection: &mut SqliteConnection, ids: &[i64]) -> Result<(), sqlx::Error> {
    if !ids.is_empty() {
        let delete = sqlx::query("DELETE FROM messages WHERE id IN (SELECT value FROM json_each(?1))");
        delete.bind(json(ids)?).execute(connection).await?;
    }
    Ok(())
}

/// What is in the tables, of which so many messages are `hidden`.
pub(super) async fn depth(connection: &mut SqliteConnection, hidden: u64) -> Result<Depth, sqlx::Error> {
    let read = sqlx::query("SELECT count(*), min(sent_at), (SELECT count(*) FROM dead_letters) FROM messages");
    let row = read.fetch_one(connection).await?;
    let oldest: Option<i64> = row.try_get(1)?;
    Ok(Depth {
        visible: count(row.try_get(0)?).saturating_sub(hidden),
        hidden,
        dead: count(row.try_get(2)?),
        oldest: oldest.map(|sent_at| Duration::from_millis(u64::try_from(now().saturating_sub(sent_at)).unwrap_or(0))),
    })
}

fn row(row: &sqlx::sqlite::SqliteRow) -> Result<Row, sqlx::Error> {
    Ok(Row { id: row.try_get(0)?, body: row.try_get(1)?, deliveries: row.try_get(2)? })
}

fn json<T: serde::Serialize>(values: &[T]) -> Result<String, sqlx::Error> {
    serde_json::to_string(values).map_err(|error| sqlx::Error::Encode(error.into()))
}

fn count(rows: i64) -> u64 {
    u64::try_from(rows).unwrap_or(0)
}
