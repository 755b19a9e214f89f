//! `inlet queue`: the events that failed too often, and sending them again.

mod sqs;

use std::io::Write as _;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

use self::sqs::SqsDeadLetters;
use crate::config::{Config, QueueKind};
use crate::data::Data;
use crate::embedded::DeadLetters;

/// What can be asked of the queue.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Events that failed too often: their raw objects are in the lake, their rows in no table
    Dead {
        /// What to do with them
        #[command(subcommand)]
        command: Dead,
    },
}

/// What can be done with dead letters.
#[derive(Debug, Subcommand)]
pub enum Dead {
    /// List them, and why the last delivery of each failed
    List {
        /// Print JSON: id, keys, times, deliveries, cause, and the event itself
        #[arg(long)]
        json: bool,
    },
    /// Send them again, once what they failed for is mended
    Release {
        /// Which of them
        #[command(flatten)]
        which: Which,
    },
}

/// Which dead letters.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// All of them
    #[arg(long)]
    all: bool,
    /// Those of raw objects whose key contains this, as an upload's id or `device=pump-7/`
    #[arg(long, value_name = "TEXT")]
    key: Option<String>,
}

/// An event that failed too often.
#[derive(Clone, Debug, Serialize)]
pub struct Letter {
    /// Names it within its queue, for as long as it is there.
    #[serde(skip)]
    id: String,
    /// The keys of the raw objects that it tells of; none when it is no event.
    keys: Vec<String>,
    /// When it was sent (RFC 3339), where the queue tells.
    sent_at: Option<String>,
    /// When it was given up, where the queue tells.
    died_at: Option<String>,
    /// How often it was delivered.
    deliveries: u32,
    /// Why the last delivery failed, where the queue keeps that.
    cause: Option<String>,
    /// The event.
    body: String,
}

/// The dead letters of the queue that the configuration names.
enum Letters {
    Embedded(DeadLetters),
    Sqs(SqsDeadLetters),
}

/// Answers one question about the queue.
pub async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let Command::Dead { command } = command;
    let mut letters = open(config).await?;
    let mut out = std::io::stdout();
    match command {
        Dead::List { json } => {
            let found = letters.list().await?;
            if json {
                writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?;
                return Ok(());
            }
            for letter in found {
                let died = letter.died_at.as_deref().unwrap_or("-");
                let keys = if letter.keys.is_empty() { "no event of S3".to_owned() } else { letter.keys.join(" ") };
                let cause = letter.cause.as_deref().unwrap_or("cause not known, see the log of `inlet etl`");
                writeln!(out, "{died}\t{} deliveries\t{keys}\t{cause}", letter.deliveries)?;
            }
        }
        Dead::Release { which } => {
            let found = letters.list().await?;
            let chosen: Vec<_> = found.iter().filter(|letter| which.takes(letter)).collect();
            if chosen.is_empty() && !which.all {
                bail!("no dead letter tells of such a key; `inlet queue dead list` lists them");
            }
            let released = letters.release(&chosen).await?;
            writeln!(out, "{released} of {} dead letters sent again", found.len())?;
        }
    }
    Ok(())
}

async fn open(config: &Config) -> anyhow::Result<Letters> {
    match config.queue.kind {
        QueueKind::Sqlite => {
            let file = Data::existing(&config.data)?.join("queue.db");
            let opened = DeadLetters::open(&file).await;
            Ok(Letters::Embedded(opened.with_context(|| format!("open the embedded queue {}", file.display()))?))
        }
        QueueKind::Sqs => Ok(Letters::Sqs(SqsDeadLetters::open(config).await?)),
    }
}

impl Letters {
    async fn list(&mut self) -> anyhow::Result<Vec<Letter>> {
        match self {
            Self::Embedded(dead) => {
                let letters = dead.list().await.context("ask the embedded queue")?;
                Ok(letters.into_iter().map(Letter::from).collect())
            }
            Self::Sqs(dead) => dead.list().await,
        }
    }

    async fn release(&mut self, letters: &[&Letter]) -> anyhow::Result<usize> {
        match self {
            Self::Embedded(dead) => {
                let ids: Vec<i64> = letters.iter().filter_map(|letter| letter.id.parse().ok()).collect();
                let released = dead.release(&ids, Timestamp::now().as_millisecond()).await.context("ask the embedded queue")?;
                Ok(usize::try_from(released).unwrap_or(usize::MAX))
            }
            Self::Sqs(dead) => dead.release(letters).await,
        }
    }
}

impl Which {
    fn takes(&self, letter: &Letter) -> bool {
        self.key.as_ref().is_none_or(|part| letter.keys.iter().any(|key| key.contains(part)))
    }
}

impl From<crate::embedded::DeadLetter> for Letter {
    fn from(dead: crate::embedded::DeadLetter) -> Self {
        Self {
            id: dead.id.to_string(),
            keys: keys(&dead.body),
            sent_at: moment(dead.sent_at),
            died_at: moment(dead.died_at),
            deliveries: dead.deliveries,
            cause: dead.cause,
            body: dead.body,
        }
    }
}

/// RFC 3339, with milliseconds, so that texts sort as times do.
fn moment(milliseconds: i64) -> Option<String> {
    Timestamp::from_millisecond(milliseconds).ok().map(|moment| format!("{moment:.3}"))
}

/// The keys that an event of S3 tells of, decoded as S3 writes them: `+` is a space, then percent.
fn keys(body: &str) -> Vec<String> {
    let event: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let records = event.get("Records").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
    let key = |record: serde_json::Value| {
        let key = record.pointer("/s3/object/key")?.as_str()?.replace('+', " ");
        Some(percent_encoding::percent_decode_str(&key).decode_utf8_lossy().into_owned())
    };
    records.into_iter().filter_map(key).collect()
}

#[cfg(test)]
mod tests;
