//! A replay and a rebuild: raw objects are read again, in the order in which they landed.

use std::ops::Range;

use futures::stream::{self, StreamExt};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use tracing::warn;

use super::Job;
use super::report::Report;
use super::runner::Runner;
use crate::error::Error;
use crate::event::Created;
use crate::facts::Upload;
use crate::lake::Address;
use crate::ledger::new_name;
use crate::load::Loaded;
use crate::quarantine::{self, Entry};
use crate::rows::Refusal;
use crate::settle::{Item, Verdict};
use crate::table::since;
use crate::unwrapped::Unwrapped;

/// Where the watcher puts raw objects: `raw/dt=<date of landing>/device=<device>/<upload>/<file name>`.
const RAW: &str = "raw/";
const KEYS_AT_ONCE: usize = 1000;
const LOADS_AT_ONCE: usize = 4;
/// How many uploads are committed at once, however small they are.
const UPLOADS_MAX: usize = 500;

/// What of an upload is wanted.
#[derive(Clone, Copy, Debug)]
struct Wanted<'a> {
    landed: Option<(Timestamp, Timestamp)>,
    /// The only table, and the name that it is to have.
    table: Option<(&'a str, &'a str)>,
    /// When the first rows came into that table; `None` when that is not known.
    since: Option<Timestamp>,
}

impl Runner {
    /// Reads a device's raw objects again and adds what is missing in their tables, or in one of them.
    pub(super) async fn replay(
        &self,
        job: &Job,
        device: &str,
        landed: Range<Timestamp>,
        table: Option<&str>,
        report: &mut Report,
    ) -> Result<(), Error> {
        let wanted = Wanted { landed: Some((landed.start, landed.end)), table: table.map(|table| (table, table)), since: None };
        let mut day = landed.start.to_zoned(TimeZone::UTC).date();
        let last = landed.end.to_zoned(TimeZone::UTC).date();
        while day <= last {
            self.read_again(job, &format!("{RAW}dt={day}/device={device}/"), wanted, report).await?;
            let Ok(next) = day.checked_add(1.day()) else { break };
            day = next;
        }
        Ok(())
    }

    /// Makes a table anew, under another name, from all raw objects there are.
    pub(super) async fn rebuild(&self, job: &Job, table: &str, into: &str, report: &mut Report) -> Result<(), Error> {
        let since = self.first_commit(into).await?;
        self.read_again(job, RAW, Wanted { landed: None, table: Some((table, into)), since }, report).await
    }

    /// When the first rows came into a table: now, if there are none yet; `None` when the table does not say.
    async fn first_commit(&self, table: &str) -> Result<Option<Timestamp>, Error> {
        let Some(table) = self.settler.committer.tables.load(table).await? else { return Ok(Some((self.now)())) };
        if table.metadata().current_snapshot().is_none() {
            return Ok(Some((self.now)()));
        }
        Ok(since(table.metadata()))
    }

    async fn read_again(&self, job: &Job, under: &str, wanted: Wanted<'_>, report: &mut Report) -> Result<(), Error> {
        let under = self.at(under.to_owned());
        let mut after: Option<String> = None;
        let mut batch: Vec<Loaded> = Vec::new();
        loop {
            let list = self.settler.lake.list(&under, after.as_deref(), KEYS_AT_ONCE).await;
            let keys = list.map_err(Error::lake("list raw objects"))?;
            let Some(last) = keys.last() else { break };
            after = Some(last.clone());
            let created = keys.into_iter().map(|key| Created { created_at: day_of(&key), at: self.at(key), bytes: None });
            let loads = stream::iter(created).map(|created| async move {
                let remembered = self.ledgers.remembered_since((self.now)());
                // The ledger of a table that is younger than the window has forgotten nothing, so that no upload gets in twice,
                // however long ago it landed.
                let since = remembered.filter(|remembered| wanted.since.is_none_or(|first| first < *remembered));
                self.loader.load(&created, since, true).await
            });
            // In order: of two uploads with the same content the first one counts, as it did when they came.
            let mut loads = std::pin::pin!(loads.buffered(LOADS_AT_ONCE));
            while let Some(loaded) = loads.next().await {
                let loaded = loaded?;
                match &loaded.read {
                    Err(refusal) if wanted.table.is_some() && wanted.is_of_time(&loaded) => {
                        self.count_refused(&loaded.upload, refusal, report).await?;
                    }
                    _ if loaded.is_idle_close() => {}
                    _ => batch.extend(wanted.of(loaded)),
                }
                if self.is_full(&batch) {
                    self.commit_again(job, std::mem::take(&mut batch), wanted, report).await?;
                }
            }
        }
        self.commit_again(job, batch, wanted, report).await
    }

    /// Counts an upload of which nothing can be read, and of which nobody knows whether it has rows for the one table that is wanted.
    async fn count_refused(&self, upload: &Upload, refusal: &Refusal, report: &mut Report) -> Result<(), Error> {
        let entry = quarantine::entry(self.settler.lake.as_ref(), &self.settler.bucket, &quarantine::dir(upload)).await?;
        // Such an upload has rows in no table, and the quarantine says why.
        let is_in_none = |entry: &Entry| entry.released.is_none() && entry.lines.is_none() && entry.problem.is_none();
        if entry.is_some_and(|entry| is_in_none(&entry)) {
            report.quarantined += 1;
        } else {
            report.count_unread(&upload.id, &refusal.reason);
        }
        Ok(())
    }

    fn is_full(&self, batch: &[Loaded]) -> bool {
        batch.len() >= UPLOADS_MAX
            || batch.iter().map(Loaded::rows).sum::<usize>() >= self.batch.max_rows
            || batch.iter().map(Loaded::bytes).sum::<u64>() >= self.batch.max_bytes.as_u64()
    }

    async fn commit_again(&self, job: &Job, batch: Vec<Loaded>, wanted: Wanted<'_>, report: &mut Report) -> Result<(), Error> {
        if batch.is_empty() {
            return Ok(());
        }
        let items = batch.into_iter().zip(0..).map(|(loaded, number)| Item::new(number, loaded)).collect();
        if wanted.table.is_some() {
            // Of one table alone: what else is in the file is none of this job's business.
            let verdicts = self.committed(items).await?;
            verdicts.iter().for_each(|verdict| report.count(verdict));
        } else {
            self.settled(job, items, report).await?;
        }
        self.tell(job, report).await
    }

    /// Brings uploads to their tables, to quarantine and to the record, as if they had just come.
    pub(super) async fn settled(&self, job: &Job, items: Vec<Item>, report: &mut Report) -> Result<Vec<Verdict>, Error> {
        let mut verdicts = self.committed(items).await?;
        for verdict in &mut verdicts {
            report.count(verdict);
            self.quarantine_again(job, verdict).await?;
        }
        let records: Vec<_> = verdicts.iter().map(|verdict| (0, verdict.record.clone())).collect();
        if self.settler.record(new_name((self.now)()), &records).await.is_ok() {
            Ok(verdicts)
        } else {
            Err(Error::Undone { uploads: records.len() })
        }
    }

    /// What is in quarantine of an upload stays there, unless all of the upload has come into its tables only now.
    async fn quarantine_again(&self, job: &Job, verdict: &mut Verdict) -> Result<(), Error> {
        let all_new = verdict.record.rows > 0 && verdict.record.rows == verdict.added.values().sum::<u64>();
        if verdict.case.is_none() && !all_new {
            return Ok(());
        }
        let (lake, bucket) = (self.settler.lake.as_ref(), &self.settler.bucket);
        let mut dir = quarantine::dir(&verdict.record.upload);
        let mut open: Option<Entry> = None;
        while let Some(entry) = quarantine::entry(lake, bucket, &dir).await? {
            let again = entry.released.as_ref().and_then(|released| released.again.clone());
            let is_open = entry.released.is_none();
            open = Some(entry);
            match again {
                Some(again) => dir = again,
                None if is_open => break,
                None => return Ok(()),
            }
        }
        match (open, verdict.case.take()) {
            (Some(Entry { at, problem: Some(problem), .. }), _) => {
                warn!(at, problem, "what is in quarantine cannot be read; it stays as it is");
                Ok(())
            }
            (Some(entry), case) if all_new => {
                let (record, added) = (verdict.record.clone(), verdict.added.clone());
                self.close(job, &entry, Verdict { record, case, added }).await
            }
            (None, Some(case)) => quarantine::keep(lake, bucket, &dir, &case).await,
            _ => Ok(()),
        }
    }

    fn at(&self, key: String) -> Address {
        Address { bucket: self.settler.bucket.clone(), key }
    }
}

impl Wanted<'_> {
    /// Whether an upload landed when it was to.
    fn is_of_time(&self, loaded: &Loaded) -> bool {
        self.landed.is_none_or(|(from, to)| (from..to).contains(&loaded.upload.landed_at))
    }

    /// What is wanted of an upload; `None` when nothing is.
    fn of(&self, mut loaded: Loaded) -> Option<Loaded> {
        if !self.is_of_time(&loaded) {
            return None;
        }
        let Some((table, into)) = self.table else { return Some(loaded) };
        let read = loaded.read.as_mut().ok()?;
        read.parsed.refused.clear();
        read.unwrapped = Unwrapped::default();
        read.parsed.parts.retain(|part| part.table() == table);
        read.parsed.parts.iter_mut().for_each(|part| into.clone_into(part.table_mut()));
        if read.parsed.snapshots.remove(table) {
            read.parsed.snapshots.insert(into.to_owned());
        }
        (!read.parsed.parts.is_empty()).then_some(loaded)
    }
}

/// The day that a raw key names; what landed when is among the object's facts.
fn day_of(key: &str) -> Timestamp {
    let date = key.split('/').find_map(|part| part.strip_prefix("dt=")).and_then(|date| date.parse::<jiff::civil::Date>().ok());
    date.and_then(|date| date.to_zoned(TimeZone::UTC).ok()).map(|day| day.timestamp()).unwrap_or_default()
}
