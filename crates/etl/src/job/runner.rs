//! One job from its message to its report.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::report::{self, Report};
use super::{Job, Task};
use crate::BatchConfig;
use crate::delivery::Ticket;
use crate::error::Error;
use crate::ledger::Ledgers;
use crate::load::Loader;
use crate::metrics;
use crate::queue::Queue;
use crate::retry::{Backoff, retry};
use crate::settle::Settler;

/// Does jobs, one at a time.
#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) loader: Arc<Loader>,
    pub(crate) ledgers: Arc<Ledgers>,
    pub(crate) settler: Arc<Settler>,
    /// How much is committed at once.
    pub(crate) batch: BatchConfig,
    pub(crate) backoff: Backoff,
    /// One permit: what a job holds in memory comes on top of what the queue's uploads take.
    pub(crate) one: Semaphore,
    pub(crate) now: fn() -> Timestamp,
}

impl Runner {
    /// Does a job, tells what came of it, and deletes its message. When that fails, or when `shutdown` comes first, the message stays
    /// in the queue and the job is done again.
    pub(crate) async fn run(&self, job: Job, ticket: Ticket, shutdown: &CancellationToken) {
        let receipt = ticket.receipt.clone();
        let done = tokio::select! {
            biased;
            () = shutdown.cancelled() => {
                if let Err(failure) = self.queue.extend(vec![receipt], std::time::Duration::ZERO).await {
                    warn!(job = job.job, error = Error::from(failure).chain(), "stopped before this job was done");
                }
                return;
            }
            done = self.done(&job) => done,
        };
        if let Err(failure) = done {
            metrics::message_left();
            error!(job = job.job, error = failure.chain(), "job not done; its message stays in the queue");
            return;
        }
        let delete = || async { Ok(self.queue.delete(vec![receipt.clone()]).await?) };
        if let Err(failure) = retry(self.backoff, delete).await {
            warn!(job = job.job, error = failure.chain(), "the message of a job was not deleted; it is done again");
        }
    }

    async fn done(&self, job: &Job) -> Result<(), Error> {
        // The semaphore is never closed.
        let _permit = self.one.acquire().await;
        info!(job = job.job, task = ?job.task, "begin job");
        let mut report = Report::of(job, (self.now)());
        let ended = match &job.task {
            Task::Release { entries, format } => self.release(job, entries, format.as_deref(), &mut report).await,
            Task::Replay { device, from, to, table } => self.replay(job, device, *from..*to, table.as_deref(), &mut report).await,
            Task::Rebuild { table, into } => self.rebuild(job, table, into, &mut report).await,
        };
        match &ended {
            Ok(()) => report.done = true,
            Err(failure) => report.problem = Some(failure.chain()),
        }
        self.tell(job, &mut report).await?;
        ended?;
        let rows: u64 = report.rows_added.values().sum();
        info!(job = job.job, uploads = report.uploads, rows, refused = report.rows_refused, "job done");
        Ok(())
    }

    /// Writes the report as it is now.
    pub(super) async fn tell(&self, job: &Job, report: &mut Report) -> Result<(), Error> {
        report.at = (self.now)();
        let (lake, report) = (self.settler.lake.as_ref(), &*report);
        retry(self.backoff, || report::write(lake, &self.settler.bucket, job, report)).await
    }
}
