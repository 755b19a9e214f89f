//! Group commit: one task owns the connection that writes, and does all that has come in meanwhile in one transaction.
//!
//! Nothing is answered before that transaction is on the disk. When it fails, nothing of it has happened, and every caller in it
//! hears so; what failed is logged here, once.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, SqliteConnection};
use tokio::sync::{Notify, mpsc, oneshot};
use tracing::error;

use super::now;
use super::table::{self, Received};

/// Callers that may wait for the writer before further ones wait to be let in.
const JOBS_MAX: usize = 1024;
/// What goes into one transaction at most, so that nobody waits long for the others.
const JOBS_PER_TRANSACTION: usize = 256;

/// The transaction that the call was part of did not come about, or the queue is closed. The same call may succeed later.
#[derive(Debug, thiserror::Error)]
#[error("the queue's transaction was rolled back")]
pub(super) struct NotCommitted;

/// A handle on the task. The task ends, and closes the database, when the last handle is gone.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
}

type Reply<T> = oneshot::Sender<T>;

#[derive(Debug)]
enum Job {
    Send { bodies: Vec<String>, reply: Reply<()> },
    Receive { messages_max: u32, visibility: Duration, reply: Reply<Received> },
    Delete { receipts: Vec<String>, reply: Reply<Vec<String>> },
    Extend { receipts: Vec<String>, visibility: Duration, reply: Reply<Vec<String>> },
    Explain { receipt: String, cause: String, reply: Reply<()> },
}

/// Tells a caller what came of its job. Dropped, it tells that nothing did.
type Answer = Box<dyn FnOnce() + Send>;

impl Writer {
    pub(super) fn start(connection: SqliteConnection, deliveries_max: u32, due: Arc<Notify>) -> Self {
        let (jobs, queue) = mpsc::channel(JOBS_MAX);
        tokio::spawn(run(connection, deliveries_max, due, queue));
        Self { jobs }
    }

    pub(super) async fn send(&self, bodies: Vec<String>) -> Result<(), NotCommitted> {
        self.ask(|reply| Job::Send { bodies, reply }).await
    }

    pub(super) async fn receive(&self, messages_max: u32, visibility: Duration) -> Result<Received, NotCommitted> {
        self.ask(|reply| Job::Receive { messages_max, visibility, reply }).await
    }

    pub(super) async fn delete(&self, receipts: Vec<String>) -> Result<Vec<String>, NotCommitted> {
        self.ask(|reply| Job::Delete { receipts, reply }).await
    }

    pub(super) async fn extend(&self, receipts: Vec<String>, visibility: Duration) -> Result<Vec<String>, NotCommitted> {
        self.ask(|reply| Job::Extend { receipts, visibility, reply }).await
    }

    pub(super) async fn explain(&self, receipt: String, cause: String) -> Result<(), NotCommitted> {
        self.ask(|reply| Job::Explain { receipt, cause, reply }).await
    }

    async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, NotCommitted> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(job(reply)).await.map_err(|_| NotCommitted)?;
        answer.await.map_err(|_| NotCommitted)
    }
}

async fn run(mut connection: SqliteConnection, deliveries_max: u32, due: Arc<Notify>, mut queue: mpsc::Receiver<Job>) {
    let mut jobs = Vec::with_capacity(JOBS_PER_TRANSACTION);
    // As the connection was opened.
    let mut durable = true;
    while queue.recv_many(&mut jobs, JOBS_PER_TRANSACTION).await > 0 {
        let wakes = jobs.iter().any(|job| matches!(job, Job::Send { .. } | Job::Extend { .. }));
        match transact(&mut connection, &mut durable, deliveries_max, jobs.drain(..)).await {
            Ok(answers) => answers.into_iter().for_each(|answer| answer()),
            Err(error) => error!(error = &error as &dyn std::error::Error, "queue transaction failed"),
        }
        if wakes {
            due.notify_waiters();
        }
    }
    if let Err(error) = connection.close().await {
        error!(error = &error as &dyn std::error::Error, "queue did not close cleanly");
    }
}

async fn transact(
    connection: &mut SqliteConnection,
    durable: &mut bool,
    deliveries_max: u32,
    jobs: impl Iterator<Item = Job> + Send,
) -> Result<Vec<Answer>, sqlx::Error> {
    let jobs: Vec<Job> = jobs.collect();
    // That a message is hidden need not outlive the process, whose start makes it deliverable again: this alone is worth no fsync. The
    // next transaction that is makes it durable as well.
    let to_be_durable = jobs.iter().any(|job| matches!(job, Job::Send { .. } | Job::Delete { .. }));
    if *durable != to_be_durable {
        let pragma = if to_be_durable { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" };
        sqlx::query(pragma).execute(&mut *connection).await?;
        *durable = to_be_durable;
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut answers = Vec::new();
    for job in jobs {
        answers.push(job.apply(&mut transaction, deliveries_max).await?);
    }
    // Answered only after the commit: what a caller was told has happened survives a crash.
    transaction.commit().await?;
    Ok(answers)
}

impl Job {
    async fn apply(self, connection: &mut SqliteConnection, deliveries_max: u32) -> Result<Answer, sqlx::Error> {
        Ok(match self {
            Self::Send { bodies, reply } => {
                table::send(connection, &bodies, now()).await?;
                answer(reply, ())
            }
            Self::Receive { messages_max, visibility, reply } => {
                answer(reply, table::receive(connection, messages_max, visibility, deliveries_max, now()).await?)
            }
            Self::Delete { receipts, reply } => answer(reply, table::delete(connection, receipts).await?),
            Self::Explain { receipt, cause, reply } => {
                table::explain(connection, &receipt, &cause).await?;
                answer(reply, ())
            }
            Self::Extend { receipts, visibility, reply } => {
                answer(reply, table::extend(connection, receipts, visibility, now()).await?)
            }
        })
    }
}

/// A caller that has gone away is no failure: it may call again.
fn answer<T: Send + 'static>(reply: Reply<T>, value: T) -> Answer {
    Box::new(move || drop(reply.send(value)))
}
