//! The queue's tables and the statements on them. Times are milliseconds since the Unix epoch.

use std::collections::HashSet;
use std::time::Duration;

use etl::Message;
use metrics::counter;
use sqlx::{Row, SqliteConnection};
use tracing::error;

/// An id is never used again, so that an old receipt never names a new message.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        body TEXT NOT NULL,
        sent_at INTEGER NOT NULL,
        visible_at INTEGER NOT NULL,
        deliveries INTEGER NOT NULL DEFAULT 0,
        cause TEXT
    ) STRICT;
    CREATE INDEX IF NOT EXISTS messages_by_visibility ON messages (visible_at, id);
    CREATE TABLE IF NOT EXISTS dead_letters (
        id INTEGER PRIMARY KEY,
        body TEXT NOT NULL,
        sent_at INTEGER NOT NULL,
        died_at INTEGER NOT NULL,
        deliveries INTEGER NOT NULL,
        cause TEXT
    ) STRICT;
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

/// What a receive gave.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) messages: Vec<Message>,
    /// When the next hidden message is due, from now; only told when there are no messages.
    pub(super) next_in: Option<Duration>,
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

pub(super) async fn send(connection: &mut SqliteConnection, bodies: &[String], now: i64) -> Result<(), sqlx::Error> {
    for body in bodies {
        let insert = sqlx::query("INSERT INTO messages (body, sent_at, visible_at) VALUES (?1, ?2, ?2)");
        insert.bind(body).bind(now).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Makes what a process that is gone was working on deliverable at once. That delivery does not count: the process was cut off.
pub(super) async fn take_back(connection: &mut SqliteConnection, now: i64) -> Result<u64, sqlx::Error> {
    let update = "UPDATE messages SET visible_at = ?1, deliveries = max(deliveries - 1, 0) WHERE visible_at > ?1";
    Ok(sqlx::query(update).bind(now).execute(connection).await?.rows_affected())
}

pub(super) async fn receive(
    connection: &mut SqliteConnection,
    messages_max: u32,
    visibility: Duration,
    deliveries_max: u32,
    now: i64,
) -> Result<Received, sqlx::Error> {
    loop {
        let due = take(connection, messages_max, after(now, visibility), now).await?;
        let found = !due.is_empty();
        let (messages, dead): (Vec<_>, Vec<_>) = due.into_iter().partition(|message| message.deliveries <= deliveries_max);
        bury(connection, &dead, now).await?;
        // When all that was due are dead letters, there may be more behind them.
        if !messages.is_empty() {
            return Ok(Received { messages, next_in: None });
        }
        if !found {
            let next: Option<i64> = sqlx::query_scalar("SELECT min(visible_at) FROM messages").fetch_one(connection).await?;
            return Ok(Received { messages, next_in: next.map(|next| between(now, next)) });
        }
    }
}

async fn take(
    connection: &mut SqliteConnection,
    messages_max: u32,
    hidden_until: i64,
    now: i64,
) -> Result<Vec<Message>, sqlx::Error> {
    let update = sqlx::query(
        "UPDATE messages SET deliveries = deliveries + 1, visible_at = ?1
         WHERE id IN (SELECT id FROM messages WHERE visible_at <= ?2 ORDER BY visible_at, id LIMIT ?3)
         RETURNING id, body, deliveries",
    );
    let rows = update.bind(hidden_until).bind(now).bind(messages_max).fetch_all(connection).await?;
    rows.iter().map(message).collect()
}

/// Puts among the dead letters what would have been delivered once too often.
async fn bury(connection: &mut SqliteConnection, dead: &[Message], now: i64) -> Result<(), sqlx::Error> {
    for (id, _) in dead.iter().filter_map(|message| parse(&message.receipt)) {
        counter!("inlet_dead_letters_total").increment(1);
        error!(
            message = id,
            "an upload's event failed too often and is a dead letter (`inlet queue dead list`); its raw object is in the lake"
        );
        let copy = sqlx::query(
            "INSERT INTO dead_letters (id, body, sent_at, died_at, deliveries, cause)
             SELECT id, body, sent_at, ?1, deliveries - 1, cause FROM messages WHERE id = ?2",
        );
        copy.bind(now).bind(id).execute(&mut *connection).await?;
        sqlx::query("DELETE FROM messages WHERE id = ?1").bind(id).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Writes down why a delivery is left. An older delivery has no say any more.
pub(super) async fn explain(connection: &mut SqliteConnection, receipt: &str, cause: &str) -> Result<(), sqlx::Error> {
    if let Some((id, delivery)) = parse(receipt) {
        let update = sqlx::query("UPDATE messages SET cause = ?1 WHERE id = ?2 AND deliveries = ?3");
        update.bind(cause).bind(id).bind(delivery).execute(connection).await?;
    }
    Ok(())
}

/// Returns the receipts that name a message which has been delivered again since, or none that ever was. Two statements, however many
/// receipts: each statement is a message to the thread that runs SQLite.
pub(super) async fn delete(connection: &mut SqliteConnection, receipts: Vec<String>) -> Result<Vec<String>, sqlx::Error> {
    let named: Vec<_> = receipts.iter().filter_map(|receipt| parse(receipt)).collect();
    let named = serde_json::to_string(&named).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let delete =
        sqlx::query("DELETE FROM messages WHERE (id, deliveries) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))");
    delete.bind(&named).execute(&mut *connection).await?;
    let left = sqlx::query_scalar("SELECT id FROM messages WHERE id IN (SELECT value ->> 0 FROM json_each(?1))");
    let left: HashSet<i64> = left.bind(&named).fetch_all(&mut *connection).await?.into_iter().collect();
    let is_left = |receipt: &String| parse(receipt).is_none_or(|(id, _)| left.contains(&id));
    Ok(receipts.into_iter().filter(is_left).collect())
}

/// Returns the receipts whose message is not hidden by them any more.
pub(super) async fn extend(
    connection: &mut SqliteConnection,
    receipts: Vec<String>,
    visibility: Duration,
    now: i64,
) -> Result<Vec<String>, sqlx::Error> {
    let mut refused = Vec::new();
    for receipt in receipts {
        let extended = match parse(&receipt) {
            None => false,
            Some((id, delivery)) => {
                let update =
                    sqlx::query("UPDATE messages SET visible_at = ?1 WHERE id = ?2 AND deliveries = ?3 AND visible_at > ?4");
                let update = update.bind(after(now, visibility)).bind(id).bind(delivery).bind(now);
                update.execute(&mut *connection).await?.rows_affected() > 0
            }
        };
        if !extended {
            refused.push(receipt);
        }
    }
    Ok(refused)
}

pub(super) async fn depth(connection: &mut SqliteConnection, now: i64) -> Result<Depth, sqlx::Error> {
    let read = sqlx::query(
        "SELECT count(*) FILTER (WHERE visible_at <= ?1), count(*) FILTER (WHERE visible_at > ?1), min(sent_at),
                (SELECT count(*) FROM dead_letters)
         FROM messages",
    );
    let row = read.bind(now).fetch_one(connection).await?;
    let oldest: Option<i64> = row.try_get(2)?;
    Ok(Depth {
        visible: count(row.try_get(0)?),
        hidden: count(row.try_get(1)?),
        dead: count(row.try_get(3)?),
        oldest: oldest.map(|sent_at| between(sent_at, now)),
    })
}

fn message(row: &sqlx::sqlite::SqliteRow) -> Result<Message, sqlx::Error> {
    let (id, deliveries): (i64, u32) = (row.try_get(0)?, row.try_get(2)?);
    Ok(Message { receipt: format!("{id}-{deliveries}"), body: row.try_get(1)?, deliveries })
}

/// A receipt names a message and which of its deliveries this is.
fn parse(receipt: &str) -> Option<(i64, u32)> {
    let (id, delivery) = receipt.split_once('-')?;
    Some((id.parse().ok()?, delivery.parse().ok()?))
}

fn after(now: i64, duration: Duration) -> i64 {
    now.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

fn between(earlier: i64, later: i64) -> Duration {
    Duration::from_millis(u64::try_from(later.saturating_sub(earlier)).unwrap_or(0))
}

fn count(rows: i64) -> u64 {
    u64::try_from(rows).unwrap_or(0)
}
