//! The dead letters of the embedded queue, as the command line asks for them, beside a running Inlet or without one.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};

use super::table;

/// An event that failed too often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Names it within its queue.
    pub id: i64,
    /// The event.
    pub body: String,
    /// When it was sent, in milliseconds since the Unix epoch.
    pub sent_at: i64,
    /// When it was given up.
    pub died_at: i64,
    /// How often it was delivered.
    pub deliveries: u32,
    /// Why the last delivery was left, if its worker lived long enough to say so.
    pub cause: Option<String>,
}

/// The dead letters of the queue in one file.
#[derive(Debug)]
pub struct DeadLetters(SqliteConnection);

impl DeadLetters {
    /// Opens the file of a queue, or makes it: where nothing was ever sent there are no dead letters.
    pub async fn open(file: &Path) -> Result<Self, sqlx::Error> {
        let mut connection = SqliteConnectOptions::new().filename(file).create_if_missing(true).connect().await?;
        table::create(&mut connection).await?;
        Ok(Self(connection))
    }

    /// All, in the order in which they died.
    pub async fn list(&mut self) -> Result<Vec<DeadLetter>, sqlx::Error> {
        let read = "SELECT id, body, sent_at, died_at, deliveries, cause FROM dead_letters ORDER BY died_at, id";
        let rows = sqlx::query(read).fetch_all(&mut self.0).await?;
        let letter = |row: &sqlx::sqlite::SqliteRow| {
            Ok(DeadLetter {
                id: row.try_get(0)?,
                body: row.try_get(1)?,
                sent_at: row.try_get(2)?,
                died_at: row.try_get(3)?,
                deliveries: row.try_get(4)?,
                cause: row.try_get(5)?,
            })
        };
        rows.iter().map(letter).collect()
    }

    /// Sends letters again, as new messages with every delivery before them. Says how many were there: all of it happens, or nothing.
    pub async fn release(&mut self, ids: &[i64], now: i64) -> Result<u64, sqlx::Error> {
        let mut transaction = self.0.begin_with("BEGIN IMMEDIATE").await?;
        let mut released = 0;
        for id in ids {
            let copy = sqlx::query(
                "INSERT INTO messages (body, sent_at, visible_at, cause) SELECT body, sent_at, ?1, cause FROM dead_letters WHERE id = ?2",
            );
            released += copy.bind(now).bind(id).execute(&mut *transaction).await?.rows_affected();
            sqlx::query("DELETE FROM dead_letters WHERE id = ?1").bind(id).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(released)
    }
}
