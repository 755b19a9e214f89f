//! Jobs for the ETL: sent to the queue, and waited for.
//!
//! One program writes to the embedded lake and tables, and with S3 and SQS it is the ETL's business as well. So `release`, `replay` and
//! `rebuild` only send a message; whoever works on the queue does it. When that is nobody, because no `inlet up` runs on this data
//! directory, this process works on the queue itself until the job is done.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use etl::job::{Job, Report, Task};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backends::{self, Lakes, Queues};
use crate::config::{Config, LakeKind};
use crate::data::Data;
use crate::formats;
use crate::run;

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How what came of a job is told.
#[derive(Clone, Debug, Args)]
pub struct Telling {
    /// How long to wait for the end; the job goes on without
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    wait: Duration,
    /// Print JSON: for each job its uploads, rows added, rows that were there before, rows refused
    #[arg(long)]
    json: bool,
}

/// Sends jobs, waits for them, and prints and gives what came of each by now, if the ETL has begun with it.
pub async fn run(config: &Config, tasks: Vec<Task>, telling: &Telling) -> anyhow::Result<Vec<Option<Report>>> {
    let data = Data::existing(&config.data)?;
    let lakes = backends::lakes(config, &data).await?;
    let queues = backends::queues(config, &data).await?;
    let jobs: Vec<Job> = tasks.into_iter().map(|task| Job::new(task, Timestamp::now())).collect();
    let bodies = jobs.iter().map(Job::body).collect::<Result<Vec<_>, _>>().context("write the jobs")?;
    let refused = queues.publish.publish(&bodies).await.context("send the jobs to the queue")?;
    if !refused.is_empty() {
        bail!("the queue did not take {} of {} jobs", refused.len(), jobs.len());
    }
    let lake = Arc::clone(&lakes.whole);
    let reports = async { waited_for(lake.as_ref(), &config.lake.bucket, &jobs, telling.wait).await };
    let reports = match (config.lake.kind, data.lock(run::ETL)) {
        (LakeKind::Local, Ok(_lock)) => work_until(config, &data, lakes, queues, reports).await?,
        _ => reports.await?,
    };
    tell(&jobs, &reports, telling)?;
    Ok(reports)
}

/// Works on the embedded queue while nobody else does.
async fn work_until<T>(
    config: &Config,
    data: &Data,
    lakes: Lakes,
    queues: Queues,
    end: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    if let Some(queue) = &queues.embedded {
        run::tell_depth(queue).await?;
    }
    let catalog = backends::catalog(config, data, Arc::clone(&lakes.whole)).await?;
    let formats = formats::load(&config.etl)?;
    let parts = run::etl_parts(config, data, lakes.whole, queues.receive, catalog, formats);
    let shutdown = CancellationToken::new();
    let work = etl::run(config.etl.clone(), parts, shutdown.clone());
    let end = async {
        let ended = end.await;
        shutdown.cancel();
        ended
    };
    let (worked, ended) = tokio::join!(work, end);
    worked.context("etl")?;
    run::end(queues.embedded.as_ref()).await;
    ended
}

/// The reports as they are once all jobs are done, or when the time is over.
async fn waited_for(lake: &dyn etl::Lake, bucket: &str, jobs: &[Job], wait: Duration) -> anyhow::Result<Vec<Option<Report>>> {
    let deadline = Instant::now() + wait;
    loop {
        let mut reports = Vec::with_capacity(jobs.len());
        for job in jobs {
            reports.push(etl::job::read_report(lake, bucket, job).await?);
        }
        let all_done = reports.iter().all(|report| report.as_ref().is_some_and(|report| report.done));
        if all_done || Instant::now() >= deadline {
            return Ok(reports);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = text.parse::<SignedDuration>().map_err(|error| error.to_string())?;
    duration.try_into().map_err(|_| "is negative".to_owned())
}

fn tell(jobs: &[Job], reports: &[Option<Report>], telling: &Telling) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if telling.json {
        writeln!(out, "{}", serde_json::to_string_pretty(reports)?)?;
    } else {
        for (job, report) in jobs.iter().zip(reports) {
            writeln!(out, "{}", line(job, report.as_ref()))?;
        }
    }
    let problems: Vec<&str> = reports.iter().flatten().filter_map(|report| report.problem.as_deref()).collect();
    if !problems.is_empty() {
        bail!("{}", problems.join("; "));
    }
    Ok(())
}

/// What came of a job, in words.
fn line(job: &Job, report: Option<&Report>) -> String {
    let Some(report) = report else {
        return format!("job {} waits in the queue for the ETL", job.job);
    };
    let added: u64 = report.rows_added.values().sum();
    let tables: Vec<_> = report.rows_added.iter().map(|(table, rows)| format!("{table} {rows}")).collect();
    let tables = if tables.is_empty() { String::new() } else { format!(" ({})", tables.join(", ")) };
    let unread = if report.unread == 0 { String::new() } else { format!(", {} uploads unread", report.unread) };
    format!(
        "job {} {}: {} uploads read, {added} rows added{tables}, {} rows were there before, {} rows refused, {} uploads still \
         in quarantine, {} duplicates{unread}",
        job.job,
        if report.done { "is done" } else { "goes on" },
        report.uploads,
        report.rows_known,
        report.rows_refused,
        report.quarantined,
        report.duplicates,
    )
}

#[cfg(test)]
mod tests;
