//! Events in, rows of Iceberg tables out.
//!
//! receive → fetch → unwrap → parse → gather → commit each table → quarantine what could not be used → record the uploads → delete the
//! messages. What makes this exactly once is in `commit.rs` and `ledger.rs`; everything else may happen twice.
#![cfg_attr(
    test,
    allow(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss,
        clippy::cast_lossless,
        reason = "the numbers of tests are small"
    )
)]

use std::fmt;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;

use iceberg::Catalog;
use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::warn;

mod append;
mod batch;
mod binary;
mod block;
mod budget;
pub mod catalog;
mod chance;
mod clock;
mod column;
mod commit;
mod config;
mod container;
mod delivery;
mod error;
mod event;
mod extra;
mod facts;
mod format;
pub mod inspect;
mod intake;
pub mod job;
mod json;
mod lake;
mod ledger;
mod limits;
mod lines;
mod load;
mod members;
mod metrics;
mod name;
mod number;
mod offload;
mod packed;
mod parquet;
mod pieces;
pub mod quarantine;
mod queue;
mod retry;
mod rows;
mod settle;
mod sheet;
mod snapshot;
mod sniff;
mod spool;
mod storage;
mod swar;
mod table;
#[cfg(test)]
mod testing;
mod text;
mod time;
mod tokenise;
mod unwrapped;
mod uploads;
mod worker;
mod zone;

pub use commit::Upkeep;
pub use config::{BatchConfig, Config, LedgerConfig, QueueConfig, TableConfig};
pub use container::{Member, unwrap};
pub use error::Error;
pub use facts::{Source as RawObject, Upload};
#[cfg(any(fuzzing, test))]
pub use format::fuzz;
pub use format::{File, FormatError, Formats, Source};
pub use intake::DELIVERIES_MIN;
pub use lake::{Address, Head, Lake, LakeError, S3Lake, Write};
pub use limits::Limits;
pub use lines::Lines;
pub use members::preview;
pub use queue::{Message, Queue, QueueError, SqsQueue};
pub use rows::{Column, Kind, Parsed, Part, Refusal, Refused};
pub use sniff::{Proposal, propose};
pub use storage::LakeStorage;
pub use table::Partition;
pub use uploads::TABLE as UPLOADS;

use append::Pasts;
use budget::Budget;
use commit::{Committer, History};
use delivery::InFlight;
use intake::{Intake, Until};
use job::Runner;
use ledger::Ledgers;
use load::{Loader, Parse, Pieces};
use retry::Backoff;
use settle::Settler;
use table::Tables;
use worker::Worker;

/// How often a call that may succeed later is tried. With pauses of half a minute that is half an hour; a message is then left to the
/// queue.
const COMMIT_TRIES_MAX: u32 = 60;
/// The same for reading one upload and for quarantine, where others go on meanwhile.
const TRIES_MAX: u32 = 8;

/// What the ETL works with.
pub struct Parts {
    /// The lake with the raw objects, the ledger, the quarantine and the warehouse.
    pub lake: Arc<dyn Lake>,
    /// The lake's bucket for the ledger, the quarantine and checkpoints of files in pieces. Never a table bucket, which removes what no
    /// snapshot refers to.
    pub bucket: String,
    /// The queue of upload events.
    pub queue: Arc<dyn Queue>,
    /// The catalog of the tables, see [`catalog`].
    pub catalog: Arc<dyn Catalog>,
    /// Who keeps that catalog's tables tidy.
    pub upkeep: Upkeep,
    /// The format definitions in force.
    pub formats: Formats,
    /// A directory on this machine for rows of long files until they are written, made when it is needed.
    pub scratch: PathBuf,
    /// The time now: [`Timestamp::now`] but in tests and replays.
    pub now: fn() -> Timestamp,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("lake", &self.lake)
            .field("queue", &self.queue)
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

/// Loads uploads until `shutdown`; then what is open is committed, for at most [`Config::drain`], and the rest is given back to the
/// queue. Any number of these may run at once on the same queue and tables, in one process or in many.
///
/// No outage ends it. An error says that a part of it died by a fault of ours; nothing is lost by that either.
pub async fn run(config: Config, parts: Parts, shutdown: CancellationToken) -> Result<(), Error> {
    let seams = Seams::new(&config, parts);
    run_with(config, seams, Until::Shutdown, shutdown).await
}

/// Loads what the queue has to deliver, and ends when that is nothing any more, or on `shutdown` as [`run`] does. What others hold, and
/// what failed and will be delivered again later, is not waited for.
pub async fn run_until_empty(config: Config, parts: Parts, shutdown: CancellationToken) -> Result<(), Error> {
    let seams = Seams::new(&config, parts);
    run_with(config, seams, Until::Empty, shutdown).await
}

/// What [`run`] works with, parsing left open for tests.
struct Seams {
    lake: Arc<dyn Lake>,
    bucket: String,
    queue: Arc<dyn Queue>,
    catalog: Arc<dyn Catalog>,
    upkeep: Upkeep,
    parse: Arc<Parse>,
    pasts: Option<Arc<Pasts>>,
    pieces: Option<Pieces>,
    now: fn() -> Timestamp,
}

impl Seams {
    fn new(config: &Config, parts: Parts) -> Self {
        let Parts { lake, bucket, queue, catalog, upkeep, formats, scratch, now } = parts;
        let formats = Arc::new(formats);
        let pasts = Some(Arc::new(Pasts::new(lake.clone(), bucket.clone(), formats.clone(), config.limits.clone())));
        let pieces = Some(Pieces { formats: formats.clone(), scratch });
        let parse = load::by_formats(formats, config.limits.clone());
        Self { lake, bucket, queue, catalog, upkeep, parse, pasts, pieces, now }
    }
}

async fn run_with(config: Config, seams: Seams, until: Until, shutdown: CancellationToken) -> Result<(), Error> {
    let Seams { lake, bucket, queue, catalog, upkeep, parse, pasts, pieces, now } = seams;
    let backoff = Backoff::new(config.retry_max, TRIES_MAX);
    let threads = config.threads.unwrap_or_else(|| available_parallelism().map_or(1, NonZero::get));
    let in_flight = InFlight::new(queue.clone(), config.queue.visibility);
    let ledgers = Arc::new(Ledgers::new(lake.clone(), bucket.clone(), config.ledger.window));
    let loader = Arc::new(Loader {
        lake: lake.clone(),
        file_bytes_max: config.limits.file_bytes.as_u64(),
        parse,
        pasts,
        pieces,
        threads: Semaphore::new(threads),
        long: Semaphore::new(1),
        backoff,
        headers: Arc::default(),
    });
    let committer = Committer {
        tables: Tables::new(catalog, &config.namespace).partitioned_by(config.table.partition),
        lake: lake.clone(),
        ledgers: ledgers.clone(),
        remembered: config.ledger.snapshots,
        columns_max: config.limits.columns,
        history: History { keep: config.table.history, upkeep },
        backoff: Backoff::new(config.retry_max, COMMIT_TRIES_MAX),
        now,
    };
    let settler = Arc::new(Settler { lake, committer, bucket: bucket.clone(), backoff, now });
    let jobs = Runner {
        queue: queue.clone(),
        loader: loader.clone(),
        ledgers: ledgers.clone(),
        settler: settler.clone(),
        batch: config.batch,
        backoff,
        one: Semaphore::new(1),
        now,
    };
    let intake = Intake {
        queue: queue.clone(),
        visibility: config.queue.visibility,
        in_flight: in_flight.clone(),
        loader,
        ledgers,
        jobs,
        bucket,
        budget: Budget::new(config.batch.max_bytes.as_u64().saturating_mul(2)),
        concurrency: config.concurrency,
        backoff,
        until,
        now,
    };
    let worker = Worker { queue, settler, batch: config.batch };
    let (to, from) = mpsc::channel(config.concurrency);
    let mut tasks = JoinSet::new();
    tasks.spawn(Arc::new(intake).run(to, shutdown.clone()));
    tasks.spawn(Arc::new(worker).run(from));
    let drained = async {
        while let Some(task) = tasks.join_next().await {
            task.map_err(|source| Error::Task { doing: "load uploads", source })?;
        }
        Ok(())
    };
    let deadline = async {
        shutdown.cancelled().await;
        clock::sleep(config.drain).await;
    };
    let ended = tokio::select! {
        // Here and elsewhere in this order, so that a simulation runs again as it ran.
        biased;
        ended = drained => ended,
        () = deadline => {
            warn!(drain = ?config.drain, "stopped before everything was committed");
            Ok(())
        }
        () = in_flight.extend() => Ok(()),
    };
    let left = in_flight.receipts();
    tasks.shutdown().await;
    in_flight.give_back(left).await;
    ended
}
