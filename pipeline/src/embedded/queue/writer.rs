//! Group commit: one task owns the connection that writes, and writes all that has come in meanwhile in one transaction.
//!
//! Nothing of it is answered before that transaction is on the disk. When it fails, nothing of it has happened, and every caller in it
//! hears so; what failed is logged here, once. The same task receives, after that transaction.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{Connection, SqliteConnection};
use tokio::sync::{Notify, mpsc, oneshot};
use tracing::error;

use super::deliveries::{Deliveries, Received};
use super::table::{self, Depth};

/// Callers that may wait for the writer before further ones wait to be let in.
const JOBS_MAX: usize = 1024;
/// What goes into one transaction at most, so that nobody waits long for the others.
const JOBS_PER_TRANSACTION: usize = 256;

/// What the call needed of the database did not come about, or the queue is closed. The same call may succeed later.
#[derive(Debug, thiserror::Error)]
#[error("the queue's file could not be read or written")]
pub(super) struct Failed;

/// A handle on the task. The task ends, and closes the database, when the last handle is gone.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
}

type Reply<T> = oneshot::Sender<T>;

#[derive(Debug)]
enum Job {
    Write(Write),
    Ask(Ask),
}

/// What is part of the transaction.
#[derive(Debug)]
enum Write {
    Send { bodies: Vec<String>, reply: Reply<()> },
    Delete { receipts: Vec<String>, reply: Reply<Vec<String>> },
    Explain { receipt: String, cause: String, reply: Reply<()> },
}

/// What is answered from what this process has received, after the transaction.
#[derive(Debug)]
enum Ask {
    Receive { messages_max: u32, visibility: Duration, reply: Reply<Received> },
    Extend { receipts: Vec<String>, visibility: Duration, reply: Reply<Vec<String>> },
    Depth { reply: Reply<Depth> },
    End { reply: Reply<()> },
}

/// Tells a caller what came of its call, once the transaction is on the disk. Dropped, it tells that nothing did.
type Answer = Box<dyn FnOnce(&mut Deliveries) + Send>;

impl Writer {
    pub(super) fn start(connection: SqliteConnection, deliveries_max: u32, due: Arc<Notify>) -> Self {
        let (jobs, queue) = mpsc::channel(JOBS_MAX);
        tokio::spawn(run(connection, deliveries_max, due, queue));
        Self { jobs }
    }

    pub(super) async fn send(&self, bodies: Vec<String>) -> Result<(), Failed> {
        self.ask(|reply| Job::Write(Write::Send { bodies, reply })).await
    }

    pub(super) async fn receive(&self, messages_max: u32, visibility: Duration) -> Result<Received, Failed> {
        self.ask(|reply| Job::Ask(Ask::Receive { messages_max, visibility, reply })).await
    }

    pub(super) async fn delete(&self, receipts: Vec<String>) -> Result<Vec<String>, Failed> {
        self.ask(|reply| Job::Write(Write::Delete { receipts, reply })).await
    }

    pub(super) async fn extend(&self, receipts: Vec<String>, visibility: Duration) -> Result<Vec<String>, Failed> {
        self.ask(|reply| Job::Ask(Ask::Extend { receipts, visibility, reply })).await
    }

    pub(super) async fn explain(&self, receipt: String, cause: String) -> Result<(), Failed> {
        self.ask(|reply| Job::Write(Write::Explain { receipt, cause, reply })).await
    }

    pub(super) async fn depth(&self) -> Result<Depth, Failed> {
        self.ask(|reply| Job::Ask(Ask::Depth { reply })).await
    }

    pub(super) async fn end(&self) -> Result<(), Failed> {
        self.ask(|reply| Job::Ask(Ask::End { reply })).await
    }

    async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, Failed> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(job(reply)).await.map_err(|_| Failed)?;
        answer.await.map_err(|_| Failed)
    }
}

async fn run(mut connection: SqliteConnection, deliveries_max: u32, due: Arc<Notify>, mut queue: mpsc::Receiver<Job>) {
    let mut deliveries = Deliveries::new(deliveries_max);
    let mut jobs = Vec::with_capacity(JOBS_PER_TRANSACTION);
    while queue.recv_many(&mut jobs, JOBS_PER_TRANSACTION).await > 0 {
        let wakes = jobs.iter().any(|job| matches!(job, Job::Write(Write::Send { .. }) | Job::Ask(Ask::Extend { .. })));
        let (mut writes, mut asks) = (Vec::new(), Vec::new());
        for job in jobs.drain(..) {
            match job {
                Job::Write(write) => writes.push(write),
                Job::Ask(ask) => asks.push(ask),
            }
        }
        if let Err(error) = transact(&mut connection, &mut deliveries, writes).await {
            error!(error = &error as &dyn std::error::Error, "queue transaction failed");
        }
        for ask in asks {
            if let Err(error) = ask.run(&mut connection, &mut deliveries).await {
                error!(error = &error as &dyn std::error::Error, "the queue was not read");
            }
        }
        if wakes {
            due.notify_waiters();
        }
    }
    if let Err(error) = connection.close().await {
        error!(error = &error as &dyn std::error::Error, "queue did not close cleanly");
    }
}

async fn transact(connection: &mut SqliteConnection, deliveries: &mut Deliveries, writes: Vec<Write>) -> Result<(), sqlx::Error> {
    if writes.is_empty() {
        return Ok(());
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut answers = Vec::new();
    for write in writes {
        answers.push(write.run(&mut transaction, deliveries).await?);
    }
    // Answered only after the commit: what a caller was told has happened survives a crash.
    transaction.commit().await?;
    answers.into_iter().for_each(|answer| answer(deliveries));
    Ok(())
}

impl Write {
    async fn run(self, connection: &mut SqliteConnection, deliveries: &Deliveries) -> Result<Answer, sqlx::Error> {
        Ok(match self {
            Self::Send { bodies, reply } => {
                table::send(connection, &bodies).await?;
                Box::new(move |_| answer(reply, ()))
            }
            Self::Delete { receipts, reply } => {
                let ids: Vec<i64> = receipts.iter().filter_map(|receipt| deliveries.current(receipt)).collect();
                table::delete(connection, &ids).await?;
                let is_left = |receipt: &String| deliveries.current(receipt).is_none() && !deliveries.is_spent(receipt);
                let left = receipts.into_iter().filter(is_left).collect();
                Box::new(move |deliveries| {
                    deliveries.remove(ids);
                    answer(reply, left);
                })
            }
            Self::Explain { receipt, cause, reply } => {
                // An older delivery has no say any more.
                if let Some((id, times)) = deliveries.counted(&receipt) {
                    table::explain(connection, id, times, &cause).await?;
                }
                Box::new(move |_| answer(reply, ()))
            }
        })
    }
}

impl Ask {
    async fn run(self, connection: &mut SqliteConnection, deliveries: &mut Deliveries) -> Result<(), sqlx::Error> {
        match self {
            Self::Receive { messages_max, visibility, reply } => {
                answer(reply, deliveries.receive(connection, messages_max, visibility, Instant::now()).await?);
            }
            Self::Extend { mut receipts, visibility, reply } => {
                receipts.retain(|receipt| !deliveries.extend(receipt, visibility, Instant::now()));
                answer(reply, receipts);
            }
            Self::Depth { reply } => {
                let hidden = u64::try_from(deliveries.hidden(Instant::now())).unwrap_or(u64::MAX);
                answer(reply, table::depth(connection, hidden).await?);
            }
            Self::End { reply } => {
                if deliveries.has_begun() {
                    table::end(connection).await?;
                }
                answer(reply, ());
            }
        }
        Ok(())
    }
}

/// A caller that has gone away is no failure: it may call again.
fn answer<T>(reply: Reply<T>, value: T) {
    drop(reply.send(value));
}
