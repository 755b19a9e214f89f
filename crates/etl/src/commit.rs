//! Shares of many uploads → one commit of one table, so that each share is in the table exactly once.
//!
//! The order is: look what the ledger knows, write Parquet, write the ledger, move the table's head together with the append.
//! Every file and object has a name of its own, so all that comes before the commit may be done twice or left behind. The commit
//! itself goes through a [`Guarded`] catalog. Whatever it answers but success, the table is loaded afresh and its ledger looked at
//! again: all sources are in it (then the commit landed, and its answer was lost), or none is (then the same Parquet is committed on
//! top of the new head), or somebody else brought some of them (then these are dropped and the rest is written anew).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use arrow::error::ArrowError;
use iceberg::arrow::schema_to_arrow_schema;
use iceberg::spec::{DataFile, NestedFieldRef, Schema};
use iceberg::table::Table;
use iceberg::transaction::{ApplyTransactionAction, Transaction};
use jiff::Timestamp;
use tracing::{info, warn};
use ulid::Ulid;
use uuid::Uuid;

use crate::batch::{Arranged, Rows};
use crate::error::{Error, Fate};
use crate::lake::Lake;
use crate::ledger::{HEAD, Id, Ledger, Ledgers, new_name};
use crate::packed::{Opened, Packed, Parcel};
use crate::retry::Backoff;
use crate::table::{SINCE, Tables, since};
use crate::{batch, clock, extra, metrics, offload, parquet, uploads};

mod fit;
mod guard;
mod history;
mod manifests;
mod pushes;
mod share;

use fit::fit_all;
use guard::Guarded;
pub(crate) use history::History;
pub use history::Upkeep;
use pushes::Pushes;
pub(crate) use share::{Outcome, Share};

/// Values of rows from the disk that are in memory at once.
const CELLS_MAX: usize = 8 << 20;
/// Metadata files that are read or removed at once: on local disks each is a thread, which keeps megabytes.
const FILES_AT_ONCE: usize = 4;
/// The snapshot property that names the batch.
const BATCH: &str = "inlet.batch";

/// Commits to the tables of a namespace.
#[derive(Debug)]
pub(crate) struct Committer {
    pub(crate) tables: Tables,
    /// Where the tables' files are.
    pub(crate) lake: Arc<dyn Lake>,
    pub(crate) ledgers: Arc<Ledgers>,
    /// How long rows are remembered that no push of their path has any more.
    pub(crate) remembered: Duration,
    /// How many columns of its files a table has room for; the rest are in its map `extra`.
    pub(crate) columns_max: usize,
    pub(crate) history: History,
    pub(crate) backoff: Backoff,
    pub(crate) now: fn() -> Timestamp,
}

/// How far one commit has got, over all attempts.
#[derive(Debug)]
struct Progress {
    /// What became of each share; `None` while that is open.
    outcomes: Vec<Option<Outcome>>,
    /// How many rows the last attempt had for pushes.
    added: BTreeMap<usize, u64>,
    written: Option<Written>,
    attempt: u32,
}

/// Data files that hold the rows of these shares.
#[derive(Debug)]
struct Written {
    shares: Vec<usize>,
    files: Vec<DataFile>,
    /// The head that the last commit of these files was built on.
    base: Option<String>,
    /// The table that they were written for, and its columns then: the files name columns by their ids.
    table: Uuid,
    schema: Arc<Schema>,
}

impl Written {
    /// Whether the files mean in this table what they meant when they were written. A table that somebody else made at the same
    /// moment has the same name, and its columns other ids.
    fn suits(&self, table: &Table) -> bool {
        let (metadata, fields) = (table.metadata(), self.schema.as_struct().fields());
        let is_there = |field: &NestedFieldRef| {
            let now = metadata.current_schema().field_by_id(field.id);
            now.is_some_and(|now| now.name == field.name && now.field_type == field.field_type)
        };
        metadata.uuid() == self.table && fields.iter().all(is_there)
    }
}

impl Progress {
    fn new(shares: &[Share]) -> Self {
        Self { outcomes: shares.iter().map(|_| None).collect(), added: BTreeMap::new(), written: None, attempt: 0 }
    }

    /// How many rows of a share the last attempt had.
    fn rows(&self, at: usize, share: &Share) -> u64 {
        self.added.get(&at).copied().unwrap_or_else(|| share.rows())
    }

    fn open(&self) -> Vec<usize> {
        self.outcomes.iter().enumerate().filter(|(_, outcome)| outcome.is_none()).map(|(at, _)| at).collect()
    }

    fn reopen_refused(&mut self) {
        for outcome in &mut self.outcomes {
            if matches!(outcome, Some(Outcome::Refused(_))) {
                *outcome = None;
            }
        }
    }

    /// The outcomes, now that what was open has landed.
    fn landed(self, shares: &[Share]) -> Vec<Outcome> {
        let landed = |(at, share)| Outcome::Landed(self.rows(at, share));
        let outcomes = self.outcomes.iter().zip(shares.iter().enumerate());
        outcomes.map(|(outcome, share)| outcome.clone().unwrap_or_else(|| landed(share))).collect()
    }

    /// Whether the last commit that was tried had this share in it.
    fn tried(&self, share: usize) -> bool {
        self.written.as_ref().is_some_and(|written| written.shares.contains(&share))
    }

    /// Whether all of these shares are in the table. A commit brings all of its shares or none.
    fn have_landed(&self, shares: &[usize]) -> bool {
        shares.iter().all(|at| matches!(self.outcomes.get(*at), Some(Some(Outcome::Landed(_)))))
    }

    fn set(&mut self, share: usize, outcome: Outcome) {
        if let Some(slot) = self.outcomes.get_mut(share) {
            *slot = Some(outcome);
        }
    }
}

impl Committer {
    /// Brings each share into the table once, making or widening it as needed, and says what became of each.
    ///
    /// Tries again while that may help. An error leaves open which shares have landed: doing it all again with the same sources,
    /// here or elsewhere, is safe. One call per table at a time, to be fast; correct it is with any number, in any number of
    /// processes.
    pub(crate) async fn commit(&self, name: &str, batch: Ulid, shares: &Arc<[Share]>) -> Result<Vec<Outcome>, Error> {
        let mut backoff = self.backoff;
        let mut progress = Progress::new(shares);
        loop {
            let error = match self.attempt(name, batch, shares, &mut progress).await {
                Ok(()) => return Ok(progress.landed(shares)),
                Err(error) => error,
            };
            let pause = match error.fate() {
                Fate::Retry => backoff.pause(),
                Fate::Abandon => None,
            };
            let Some(pause) = pause else { return Err(error) };
            metrics::commit_repeated();
            warn!(table = name, %batch, attempt = progress.attempt, error = error.chain(), ?pause, "commit again");
            clock::sleep(pause).await;
            progress.attempt += 1;
        }
    }

    /// The columns of the record of uploads are ours, and all of them have room.
    fn columns_max(&self, table: &str) -> usize {
        if table == uploads::TABLE { usize::MAX } else { self.columns_max }
    }

    /// One pass over a table as it is now. When it returns, what is still open has landed.
    async fn attempt(&self, name: &str, batch: Ulid, shares: &Arc<[Share]>, progress: &mut Progress) -> Result<(), Error> {
        // What fits is to be seen on the table as it is now: somebody else may have changed it since the last attempt.
        progress.reopen_refused();
        let table = match self.tables.load(name).await? {
            Some(table) => table,
            None => {
                let columns = fit_all(None, self.columns_max(name), shares, progress);
                if progress.open().is_empty() {
                    return Ok(());
                }
                progress.reopen_refused();
                self.tables.create(name, &columns).await?
            }
        };
        let ledger = self.ledgers.load(&table).await?;
        drop_known(&ledger, shares, progress);
        self.recall(&ledger, shares, progress).await?;
        let schema = table.metadata().current_schema();
        let missing = fit_all(Some(schema), self.columns_max(name), shares, progress);
        drop_repeats(shares, progress);
        let pushes = Arc::new(self.pushes(&ledger, shares, progress).await?);
        let open = progress.open();
        if open.is_empty() {
            return Ok(());
        }
        let table = if missing.is_empty() { table } else { self.tables.widen(&table, &missing).await? };

        let files = self.written(&table, &ledger, batch, shares, &pushes, progress).await?;
        let mut ids = self.store(&ledger, &pushes, batch, progress.attempt).await?;
        ids.extend(open.iter().filter_map(|at| shares.get(*at)).flat_map(Share::ids));
        let now = (self.now)();
        let next = self.ledgers.extend(&ledger, batch, progress.attempt, ids, now).await?;
        let started = clock::now();
        self.append(&table, &ledger, &next, batch, files.clone()).await?;

        let rows: u64 = files.iter().map(DataFile::record_count).sum();
        let bytes: u64 = files.iter().map(DataFile::file_size_in_bytes).sum();
        metrics::committed(rows, bytes, clock::now() - started);
        info!(table = name, %batch, uploads = open.len(), rows, bytes, files = files.len(), "committed batch");
        self.ledgers.drop_states(pushes.replaced()).await;
        if self.ledgers.is_sweep_due(&ledger, &next, now) {
            match self.ledgers.sweep(&next, now).await {
                Ok(removed) => info!(table = name, removed, "swept ledger"),
                Err(error) => warn!(table = name, error = error.chain(), "ledger not swept"),
            }
        }
        self.ledgers.remember(next);
        Ok(())
    }

    /// The data files with the rows of the open shares: those of the last attempt, unless some of its shares were dropped since.
    async fn written(
        &self,
        table: &Table,
        ledger: &Ledger,
        batch: Ulid,
        shares: &Arc<[Share]>,
        pushes: &Arc<Pushes>,
        progress: &mut Progress,
    ) -> Result<Vec<DataFile>, Error> {
        let open = progress.open();
        let base = ledger.head().map(str::to_owned);
        if let Some(written) = progress.written.take() {
            // What is new of a push may be otherwise on top of another head.
            let is_same =
                written.base == base || !open.iter().any(|at| shares.get(*at).is_some_and(|share| share.push.is_some()));
            if written.shares == open && is_same && written.suits(table) {
                let files = written.files.clone();
                progress.written = Some(Written { base, ..written });
                return Ok(files);
            }
            // Only when the head has moved can no commit under way still bring these files in; and it may have been theirs that moved it.
            let is_over = written.base != base && written.table == table.metadata().uuid();
            if is_over && !progress.have_landed(&written.shares) {
                parquet::discard(table, &written.files).await;
            }
        }
        let name = format!("{batch}-{}", progress.attempt);
        let (to, shares, pushes, these, now) = (table.clone(), shares.clone(), pushes.clone(), open.clone(), (self.now)());
        // Sorting, encoding and compressing would hold up the reactor; only the waiting for storage goes back to it.
        let write = async move {
            let these = these.iter().filter_map(|at| Some((*at, shares.get(*at)?)));
            let parts: Vec<_> =
                these.flat_map(|(at, share)| pushes.parts(at, share).iter().map(|part| (share.upload.as_str(), part))).collect();
            // Pushes without a new row: the commit says only that they were seen.
            if parts.is_empty() {
                return Ok(Vec::new());
            }
            write(&to, &parts, now, &name).await
        };
        let files = offload::drive("write data files", write).await??;
        let (schema, table) = (table.metadata().current_schema().clone(), table.metadata().uuid());
        progress.written = Some(Written { shares: open, files: files.clone(), base, table, schema });
        Ok(files)
    }

    /// Appends the files and moves the head from `base` to `next`, both or neither, and only when nobody moved it before.
    async fn append(&self, table: &Table, base: &Ledger, next: &Ledger, batch: Ulid, files: Vec<DataFile>) -> Result<(), Error> {
        let failed = Error::table("commit", table.identifier().name());
        let guarded = Guarded::new(self.tables.catalog.as_ref(), table, base.head());
        let merged = manifests::merged(table, self.lake.clone(), new_name((self.now)())).await;
        let transaction = Transaction::new(merged.as_ref().unwrap_or(table));
        let append = transaction
            .fast_append()
            // Whether these files are in the table already is what the ledger answers, without reading all manifests.
            .with_check_duplicate(false)
            .add_data_files(files)
            .set_snapshot_properties(HashMap::from([(BATCH.to_owned(), batch.to_string())]));
        let transaction = append.apply(transaction).map_err(&failed)?;
        let mut properties =
            transaction.update_table_properties().set(HEAD.to_owned(), next.head().unwrap_or_default().to_owned());
        if let Some(since) = self.unsaid_since(table) {
            properties = properties.set(SINCE.to_owned(), since.as_millisecond().to_string());
        }
        let transaction = properties.apply(transaction).map_err(&failed)?;
        let committed = transaction.commit(&guarded).await.map_err(&failed)?;
        self.history.shorten(self.tables.catalog.as_ref(), table, &committed).await;
        Ok(())
    }

    /// When the first rows came into a table that does not say it yet.
    fn unsaid_since(&self, table: &Table) -> Option<Timestamp> {
        let metadata = table.metadata();
        if metadata.properties().contains_key(SINCE) {
            return None;
        }
        if metadata.current_snapshot().is_none() { Some((self.now)()) } else { since(metadata) }
    }
}

/// Writes all parts, in as many goes as memory asks for.
async fn write(to: &Table, parts: &[(&str, &Parcel)], now: Timestamp, name: &str) -> Result<Vec<DataFile>, Error> {
    let mut files = Vec::new();
    for (go, parts) in goes(parts).enumerate() {
        let failed = |source| Error::Rows { table: to.identifier().name().to_owned(), source };
        let mut opened: Vec<(&str, Opened<'_>)> = Vec::with_capacity(parts.len());
        for (upload, part) in parts {
            let of_table = within(to.metadata().current_schema(), part).map_err(failed)?;
            opened.extend(of_table.into_iter().map(|part| (*upload, part)));
        }
        let rows = opened.iter().map(|(upload, Opened { of, rows })| Rows { upload, of, rows: rows.clone() });
        let arranged = arrange(to, rows.collect(), now)?;
        // Names are unique for each go too.
        let name = if go == 0 { name.to_owned() } else { format!("{name}-{go}") };
        let written = parquet::write(to, &arranged, &name).await;
        files.extend(written.map_err(Error::table("write data files of", to.identifier().name()))?);
    }
    Ok(files)
}

/// The rows of a part with all columns that the table has not in the map.
fn within<'p>(schema: &Schema, part: &'p Parcel) -> Result<Vec<Opened<'p>>, ArrowError> {
    let has = |name: &str| schema.field_by_name(name).is_some();
    if !extra::is_beyond(part.columns().iter(), has) {
        return Ok(vec![part.open()?]);
    }
    let parts = extra::within(&part.open()?.unpack(), has)?;
    Ok(parts.into_iter().map(|part| Packed::from(part).into()).collect())
}

/// Parts that are in memory at the same time: those that are anyway, and so many others.
fn goes<'a, 'p>(mut parts: &'a [(&'p str, &'p Parcel)]) -> impl Iterator<Item = &'a [(&'p str, &'p Parcel)]> {
    std::iter::from_fn(move || {
        let mut cells = 0;
        let fits = parts.iter().take_while(|(_, part)| {
            let more = if matches!(part, Parcel::Spooled(_)) { part.rows() * part.columns().len().max(1) } else { 0 };
            let first = cells == 0;
            cells += more;
            first || cells <= CELLS_MAX
        });
        let (go, rest) = parts.split_at_checked(fits.count())?;
        parts = rest;
        (!go.is_empty()).then_some(go)
    })
}

fn arrange<'p>(table: &Table, parts: Vec<Rows<'p>>, now: Timestamp) -> Result<Arranged<'p>, Error> {
    let name = table.identifier().name();
    let schema = schema_to_arrow_schema(table.metadata().current_schema()).map_err(Error::table("read the schema of", name))?;
    let by = parquet::partition(table).map_err(Error::table("read the partitions of", name))?;
    batch::arrange(&Arc::new(schema), by, parts, now).map_err(|source| Error::Rows { table: name.to_owned(), source })
}

fn drop_known(ledger: &Ledger, shares: &[Share], progress: &mut Progress) {
    for (at, share) in open(shares, progress) {
        if ledger.knows(&share.source) {
            // A commit of ours whose answer was lost is ours all the same.
            let rows = progress.rows(at, share);
            progress.set(at, if progress.tried(at) { Outcome::Landed(rows) } else { Outcome::Known(rows) });
        } else if share.content.is_some_and(|content| ledger.knows(&content)) {
            progress.set(at, Outcome::Duplicate);
        }
    }
}

/// Of shares with the same source or content within the batch the first one stays.
fn drop_repeats(shares: &[Share], progress: &mut Progress) {
    let mut seen: HashMap<Id, ()> = HashMap::new();
    for (at, share) in open(shares, progress) {
        if seen.contains_key(&share.source) {
            progress.set(at, Outcome::Known(share.rows()));
        } else if share.content.is_some_and(|content| seen.contains_key(&content)) {
            progress.set(at, Outcome::Duplicate);
        } else {
            seen.extend(share.ids().map(|id| (id, ())));
        }
    }
}

fn open<'a>(shares: &'a [Share], progress: &Progress) -> Vec<(usize, &'a Share)> {
    progress.open().into_iter().filter_map(|at| Some((at, shares.get(at)?))).collect()
}

#[cfg(test)]
mod tests;
