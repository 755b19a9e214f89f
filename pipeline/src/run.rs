//! Runs the services: all in one process, or one alone.
//!
//! On SIGTERM or SIGINT they stop in the order in which data flows, each after it has handed on what it holds: no new logins and
//! transfers finish, what is in the outbox goes to lake and queue, the open batch is committed.

use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use etl::Formats;
use iceberg::Catalog;
use ingest::{Accounts, Require, Spool};
use jiff::Timestamp;
use metrics::gauge;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::account;
use crate::backends::{self, Lakes, Queues};
use crate::config::{CatalogKind, Config, LakeKind, QueueKind};
use crate::data::{Data, Lock};
use crate::descriptors;
use crate::embedded::SqliteQueue;
use crate::formats;
use crate::http::Front;
use crate::services::Services;

/// A process that a signal has ended has this exit status and the signal's number, as shells say it.
const SIGNALLED: i32 = 128;

/// The role of working on the embedded queue.
pub const ETL: &str = "etl";
/// Where the ETL keeps rows of long files until they are written, in the data directory.
const SCRATCH: &str = "scratch";
/// How often the embedded queue is counted for its metrics.
const MEASURE_EVERY: Duration = Duration::from_secs(15);

/// Everything in one process, with uploads accepted.
#[derive(Debug)]
pub struct Up {
    /// Where FTP is spoken.
    pub ftp: SocketAddr,
    /// The password of the account `demo`, which the first start makes.
    pub demo_password: Option<String>,
    /// Where the tables are.
    pub catalog: Arc<dyn Catalog>,
    services: Services,
    front: Front,
    queue: Option<SqliteQueue>,
    _locks: [Lock; 3],
}

/// `inlet up`: everything in one process until a signal says stop.
pub async fn up(config: &Config) -> anyhow::Result<()> {
    let up = Up::start(config).await?;
    // Listened for before anybody is told that we are ready.
    let stop = stop_signal()?;
    up.announce(config)?;
    up.run(stop).await
}

impl Up {
    /// Starts every service.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        let formats = formats::load(&config.etl)?;
        let data = Data::open(&config.data)?;
        let locks = alone(&data)?;
        let demo_password = account::first_start(&data).await?;
        let front = Front::start(config).await?;
        let lakes = backends::lakes(config, &data).await?;
        let queues = backends::queues(config, &data).await?;

        let catalog = backends::catalog(config, &data, Arc::clone(&lakes.whole)).await?;
        front.beside(backends::check_redrive_policy(config.queue.clone()));
        if let Some(queue) = &queues.embedded {
            tell_depth(queue).await?;
            front.beside(measure_depth(queue.clone()));
        }

        let mut services = Services::default();
        let ftp = start_ingest(config, &data, &mut services).await?;
        start_watch(config, &data, lakes.raw, queues.publish, &mut services);
        let outbox = data.join("outbox");
        services.stop_when(move || is_empty(outbox.clone()));
        start_etl(config, &data, lakes.whole, queues.receive, Arc::clone(&catalog), formats, &mut services);
        // A queue that others feed too may never be empty.
        if let Some(queue) = queues.embedded.clone() {
            services.stop_when(move || has_nothing_to_deliver(queue.clone()));
        }
        front.ready();
        Ok(Self { ftp, demo_password, catalog, services, front, queue: queues.embedded, _locks: locks })
    }

    /// Prints the addresses, the password and a line to paste for each mode; the line that starts with `ready` comes last.
    pub fn announce(&self, config: &Config) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        let (ftp, http) = (self.ftp, self.front.local_addr);
        writeln!(out, "data     {}", config.data.display())?;
        writeln!(out, "ftp      {ftp}, passive ports {}", config.ingest.passive.ports)?;
        let tls = &config.ingest.tls;
        if let Some(implicit) = tls.listen_implicit {
            writeln!(out, "ftps     {implicit}, where TLS comes first")?;
        }
        writeln!(out, "http     http://{http}/ready, /live, /metrics")?;
        if let Some(password) = &self.demo_password {
            writeln!(out, "account  demo, password {password} (kept in {})", config.data.join(account::DEMO_FILE).display())?;
            let within = if tls.require == Require::None { "" } else { "--ssl-reqd " };
            writeln!(out, "passive  curl {within}-T FILE ftp://demo:{password}@{ftp}/")?;
            writeln!(out, "active   curl {within}-T FILE -P - ftp://demo:{password}@{ftp}/")?;
        }
        writeln!(out, "ready ftp={ftp} http={http}")?;
        out.flush().context("print")
    }

    /// Runs until `stop` is done or a service ends by itself, then stops the services in order.
    pub async fn run(self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let ended = self.services.run(stop, || self.front.not_ready()).await;
        self.front.finish().await;
        if ended.is_ok() {
            end(self.queue.as_ref()).await;
        }
        ended
    }
}

/// `inlet ingest`: FTP to the outbox.
pub async fn ingest(config: &Config) -> anyhow::Result<()> {
    let data = Data::open(&config.data)?;
    let _lock = data.lock("ingest")?;
    let front = Front::start(config).await?;
    let mut services = Services::default();
    let ftp = start_ingest(config, &data, &mut services).await?;
    serve(services, front, &format!("ftp={ftp}")).await
}

/// `inlet watch`: outbox to lake and queue.
pub async fn watch(config: &Config) -> anyhow::Result<()> {
    shared_backends(config, "watch")?;
    let data = Data::open(&config.data)?;
    let _lock = data.lock("watch")?;
    let front = Front::start(config).await?;
    let Lakes { raw, .. } = backends::lakes(config, &data).await?;
    let Queues { publish, .. } = backends::queues(config, &data).await?;
    let mut services = Services::default();
    start_watch(config, &data, raw, publish, &mut services);
    serve(services, front, "watch").await
}

/// `inlet etl`: queue to tables. Any number of them may run side by side.
pub async fn etl(config: &Config) -> anyhow::Result<()> {
    shared_backends(config, "etl")?;
    let formats = formats::load(&config.etl)?;
    let data = Data::open(&config.data)?;
    let front = Front::start(config).await?;
    let Lakes { whole, .. } = backends::lakes(config, &data).await?;
    let Queues { receive, .. } = backends::queues(config, &data).await?;
    let catalog = backends::catalog(config, &data, Arc::clone(&whole)).await?;
    front.beside(backends::check_redrive_policy(config.queue.clone()));
    let mut services = Services::default();
    start_etl(config, &data, whole, receive, catalog, formats, &mut services);
    serve(services, front, "etl").await
}

/// `inlet watch --until-empty`: what the outbox holds to lake and queue, the embedded ones too while no other process has them.
pub async fn watch_until_empty(config: &Config) -> anyhow::Result<()> {
    let data = Data::open(&config.data)?;
    let _locks: Vec<Lock> = if embedded(config) { alone(&data)?.into() } else { vec![data.lock("watch")?] };
    let Lakes { raw, .. } = backends::lakes(config, &data).await?;
    let Queues { publish, .. } = backends::queues(config, &data).await?;
    let (stopped, stopping) = stop_token()?;
    let parts = watch_parts(config, &data, raw, publish);
    let unreadable = watcher::run_until_empty(config.watcher.clone(), parts, stopped).await;
    stopping.abort();
    match unreadable? {
        0 => Ok(()),
        entries => {
            bail!("{entries} entries of {} cannot be read and stay there; the log says why", data.join("outbox").display())
        }
    }
}

/// `inlet etl --until-empty`: what the queue has to deliver to tables, the embedded one's too while no other process has it.
pub async fn etl_until_empty(config: &Config) -> anyhow::Result<()> {
    let formats = formats::load(&config.etl)?;
    let data = Data::open(&config.data)?;
    let _locks = if embedded(config) { Some(alone(&data)?) } else { None };
    let Lakes { whole, .. } = backends::lakes(config, &data).await?;
    let Queues { receive, embedded, .. } = backends::queues(config, &data).await?;
    let catalog = backends::catalog(config, &data, Arc::clone(&whole)).await?;
    if let Some(queue) = &embedded {
        tell_depth(queue).await?;
    }
    let (stopped, stopping) = stop_token()?;
    let parts = etl_parts(config, &data, whole, receive, catalog, formats);
    let ended = etl::run_until_empty(config.etl.clone(), parts, stopped.clone()).await;
    stopping.abort();
    ended?;
    let Some(queue) = embedded else { return Ok(()) };
    end(Some(&queue)).await;
    let depth = queue.depth().await.context("ask the embedded queue")?;
    match depth.visible + depth.hidden {
        left if left == 0 || stopped.is_cancelled() => Ok(()),
        left => bail!("{left} events could not be worked off and stay in the queue; the log says why"),
    }
}

/// The roles of the one process that embedded backends serve.
fn alone(data: &Data) -> anyhow::Result<[Lock; 3]> {
    Ok([data.lock("ingest")?, data.lock("watch")?, data.lock(ETL)?])
}

fn embedded(config: &Config) -> bool {
    config.lake.kind == LakeKind::Local || config.queue.kind == QueueKind::Sqlite
}

/// The embedded lake and queue belong to one process.
fn shared_backends(config: &Config, command: &str) -> anyhow::Result<()> {
    if config.lake.kind == LakeKind::Local {
        bail!("lake.kind: `local` serves one process, `inlet up`; `inlet {command}` alone needs `s3`");
    }
    if config.queue.kind == QueueKind::Sqlite {
        bail!("queue.kind: `sqlite` serves one process, `inlet up`; `inlet {command}` alone needs `sqs`");
    }
    Ok(())
}

async fn start_ingest(config: &Config, data: &Data, services: &mut Services) -> anyhow::Result<SocketAddr> {
    let files_max = descriptors::raise_limit(config.ingest.limits.sessions);
    let spool = Spool::open(data.path()).with_context(|| format!("open the spool in {}", data.path().display()))?;
    let accounts = Accounts::open(&data.join(account::FILE))?;
    let parts = ingest::Parts { accounts: Arc::new(accounts), spool: Arc::new(spool), files_max };
    let server = ingest::Server::bind(config.ingest.clone(), parts).await?;
    let local_addr = server.local_addr();
    services.start("ingest", |shutdown| async move {
        server.run(shutdown).await;
        Ok(())
    });
    Ok(local_addr)
}

fn start_watch(
    config: &Config,
    data: &Data,
    lake: Arc<dyn watcher::Lake>,
    publish: Arc<dyn watcher::Publish>,
    services: &mut Services,
) {
    let (config, parts) = (config.watcher.clone(), watch_parts(config, data, lake, publish));
    services.start("watch", |shutdown| async move { Ok(watcher::run(config, parts, shutdown).await?) });
}

/// What the watcher works with.
fn watch_parts(config: &Config, data: &Data, lake: Arc<dyn watcher::Lake>, publish: Arc<dyn watcher::Publish>) -> watcher::Parts {
    // S3 names no other region when a bucket is in this one, so events of the embedded lake do the same.
    let region = config.lake.region.clone().unwrap_or_else(|| "us-east-1".to_owned());
    watcher::Parts { outbox: data.join("outbox"), lake, publish, region }
}

fn start_etl(
    config: &Config,
    data: &Data,
    lake: Arc<dyn etl::Lake>,
    queue: Arc<dyn etl::Queue>,
    catalog: Arc<dyn Catalog>,
    formats: Formats,
    services: &mut Services,
) {
    let parts = etl_parts(config, data, lake, queue, catalog, formats);
    let config = config.etl.clone();
    services.start("etl", |shutdown| async move { Ok(etl::run(config, parts, shutdown).await?) });
}

/// What the ETL works with.
pub(crate) fn etl_parts(
    config: &Config,
    data: &Data,
    lake: Arc<dyn etl::Lake>,
    queue: Arc<dyn etl::Queue>,
    catalog: Arc<dyn Catalog>,
    formats: Formats,
) -> etl::Parts {
    let (bucket, scratch) = (config.lake.bucket.clone(), data.join(SCRATCH));
    let upkeep = match config.catalog.kind {
        CatalogKind::Sql => etl::Upkeep::Whole,
        CatalogKind::Rest => etl::Upkeep::Snapshots,
        CatalogKind::S3tables => etl::Upkeep::Service,
    };
    etl::Parts { lake, bucket, queue, catalog, upkeep, formats, scratch, now: Timestamp::now }
}

/// Says how much waits in the queue, and what has failed for good.
pub async fn tell_depth(queue: &SqliteQueue) -> anyhow::Result<()> {
    let depth = queue.depth().await.context("ask the embedded queue")?;
    info!(messages = depth.visible, "opened the embedded queue");
    if depth.dead > 0 {
        let dead = depth.dead;
        warn!(dead, "the embedded queue holds dead letters: events that failed too often, whose uploads are in no table");
    }
    Ok(())
}

/// Says that what was received was not what ended this process.
pub async fn end(queue: Option<&SqliteQueue>) {
    let Some(queue) = queue else { return };
    if let Err(error) = queue.end().await {
        warn!(error = &error as &dyn std::error::Error, "the embedded queue was not told of the end");
    }
}

/// Keeps the metrics of the embedded queue's depth up to date.
async fn measure_depth(queue: SqliteQueue) {
    let mut ticks = tokio::time::interval(MEASURE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // What cannot be asked says so by itself.
        if let Ok(depth) = queue.depth().await {
            gauge!("inlet_queue_messages", "state" => "visible").set(float(depth.visible));
            gauge!("inlet_queue_messages", "state" => "hidden").set(float(depth.hidden));
            gauge!("inlet_queue_dead_letters").set(float(depth.dead));
            gauge!("inlet_queue_oldest_age_seconds").set(depth.oldest.unwrap_or_default());
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a metric is a double")]
fn float(count: u64) -> f64 {
    count as f64
}

/// Whether the outbox holds no upload. One that cannot be listed is not waited for.
async fn is_empty(outbox: PathBuf) -> bool {
    let holds = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.is_ok_and(|entry| Path::new(&entry.file_name()).extension().is_some_and(|extension| extension == "json"))
    };
    let look = move || std::fs::read_dir(outbox).map_or(true, |mut entries| !entries.any(holds));
    tokio::task::spawn_blocking(look).await.unwrap_or(true)
}

/// Whether the queue has no message for a receiver. One that cannot be asked is not waited for.
async fn has_nothing_to_deliver(queue: SqliteQueue) -> bool {
    queue.depth().await.map_or(true, |depth| depth.visible == 0)
}

async fn serve(services: Services, front: Front, what: &str) -> anyhow::Result<()> {
    let stop = stop_signal()?;
    front.ready();
    let mut out = std::io::stdout();
    writeln!(out, "ready {what} http={}", front.local_addr)?;
    out.flush()?;
    let ended = services.run(stop, || front.not_ready()).await;
    front.finish().await;
    ended
}

/// A token that SIGTERM or SIGINT cancels, and the task that waits for them.
fn stop_token() -> anyhow::Result<(CancellationToken, JoinHandle<()>)> {
    let stop = stop_signal()?;
    let stopped = CancellationToken::new();
    let token = stopped.clone();
    let stopping = tokio::spawn(async move {
        stop.await;
        stopped.cancel();
    });
    Ok((token, stopping))
}

/// Done when SIGTERM or SIGINT comes. Another one after that ends the process at once.
pub fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for SIGINT")?;
    let mut next = async move || {
        tokio::select! {
            _ = terminate.recv() => (SignalKind::terminate(), "SIGTERM"),
            _ = interrupt.recv() => (SignalKind::interrupt(), "SIGINT"),
        }
    };
    Ok(async move {
        let (_, signal) = next().await;
        info!(signal, "stopping");
        tokio::spawn(async move {
            let (kind, signal) = next().await;
            // Nothing has to be put in order for this: whatever was acknowledged is on the disk or in the lake already.
            warn!(signal, "stopping at once");
            std::process::exit(SIGNALLED + kind.as_raw_value());
        });
    })
}
