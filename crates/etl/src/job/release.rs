//! A release: what is in quarantine is read again with the formats of today.
//!
//! Of a file of which nothing is in a table the object is the source, as it was when it came; of a file that is partly in tables each
//! line is a source of its own. So the ledger sees to it that a row enters once, however often it is released.

use tracing::info;

use super::report::Report;
use super::runner::Runner;
use super::{Job, VERSION};
use crate::error::Error;
use crate::event;
use crate::facts::Upload;
use crate::lake::LakeError;
use crate::ledger::new_name;
use crate::lines::{self, Lines};
use crate::load::{Loaded, Read};
use crate::offload;
use crate::packed::Parcel;
use crate::quarantine::{self, Case, Entry, Released};
use crate::settle::{Item, Verdict};
use crate::uploads::Outcome;

/// The longest message that is read again.
const MESSAGE_BYTES_MAX: u64 = 1 << 20;

impl Runner {
    pub(super) async fn release(
        &self,
        job: &Job,
        entries: &[String],
        format: Option<&str>,
        report: &mut Report,
    ) -> Result<(), Error> {
        for dir in entries {
            let Some(entry) = quarantine::entry(self.settler.lake.as_ref(), &self.settler.bucket, dir).await? else {
                report.problem = Some(format!("nothing is in quarantine at {dir}"));
                continue;
            };
            if let Some(problem) = entry.problem {
                report.problem = Some(format!("what is in quarantine at {dir} cannot be read: {problem}"));
                continue;
            }
            match (&entry.released, &entry.upload) {
                // Told as it was: the job may have died after it had marked the entry.
                (Some(released), _) => {
                    report.uploads += 1;
                    report.rows_known += released.rows;
                }
                (None, Some(upload)) => self.release_upload(job, &entry, upload, format, report).await?,
                (None, None) => self.release_message(job, &entry, format, report).await?,
            }
            self.tell(job, report).await?;
        }
        Ok(())
    }

    async fn release_upload(
        &self,
        job: &Job,
        entry: &Entry,
        upload: &Upload,
        format: Option<&str>,
        report: &mut Report,
    ) -> Result<(), Error> {
        let mut loaded = self.load_kept(entry, upload).await?;
        let claimed = loaded.read.as_ref().map(|read| read.parsed.format.as_str()).unwrap_or_default();
        if format.is_some_and(|format| claimed != format && entry.format.as_deref() != Some(format)) {
            return Ok(());
        }
        let item = match (&entry.lines, &mut loaded.read) {
            (Some(wanted), Ok(read)) => {
                let (whole, wanted, tables) = (std::mem::take(read), wanted.clone(), entry.loaded.clone());
                let pick = move || keep_only(whole, wanted, &tables);
                *read = offload::run("pick the lines that were refused", pick).await??;
                Item::of_lines(0, loaded, entry.loaded.clone())
            }
            _ => Item::new(0, loaded),
        };
        let verdict = self.committed(vec![item]).await?.pop();
        let Some(verdict) = verdict else { return Ok(()) };
        report.count(&verdict);
        self.close(job, entry, verdict).await
    }

    /// An upload of which nothing, or some lines, are in tables, from the bytes that are kept of it.
    async fn load_kept(&self, entry: &Entry, upload: &Upload) -> Result<Loaded, Error> {
        let at = quarantine::bytes_at(&self.settler.bucket, entry).unwrap_or_else(|| upload.source.at());
        self.loader.load_kept(upload, &at, self.ledgers.remembered_since((self.now)())).await
    }

    /// Commits uploads to their tables, and says what became of each.
    pub(super) async fn committed(&self, mut items: Vec<Item>) -> Result<Vec<Verdict>, Error> {
        let undone = self.settler.commit(new_name((self.now)()), &mut items).await;
        if undone.is_empty() {
            Ok(items.into_iter().map(|item| item.verdict((self.now)())).collect())
        } else {
            Err(Error::Undone { uploads: undone.len() })
        }
    }

    /// Settles an entry whose upload was read again. When nothing of it could be used it stays, with the reason of today. Else it is
    /// marked as released, and what was refused again is an entry of its own.
    pub(super) async fn close(&self, job: &Job, entry: &Entry, verdict: Verdict) -> Result<(), Error> {
        let (lake, bucket) = (self.settler.lake.as_ref(), &self.settler.bucket);
        let Verdict { record, case, .. } = verdict;
        let case = case.map(|case| Case {
            bytes_at: quarantine::bytes_at(bucket, entry).filter(|_| entry.whole).unwrap_or(case.bytes_at),
            // A file that cannot be read at all any more: the same lines are meant as before.
            lines: case.lines.or_else(|| entry.lines.clone()),
            loaded: if case.loaded.is_empty() { entry.loaded.clone() } else { case.loaded },
            ..case
        });
        let again = match case {
            Some(case) if record.outcome == Outcome::Quarantined => {
                info!(upload = record.upload.id, reason = case.reason, "not released");
                return quarantine::keep(lake, bucket, &entry.at, &case).await;
            }
            Some(case) => {
                let dir = quarantine::next_dir(&entry.at);
                quarantine::keep(lake, bucket, &dir, &case).await?;
                Some(dir)
            }
            None => None,
        };
        let released = Released {
            version: VERSION,
            job: job.job.clone(),
            at: (self.now)(),
            format: record.format,
            rows: record.rows,
            tables: record.tables,
            again,
        };
        info!(upload = record.upload.id, rows = released.rows, "released");
        // Marked only after the commit and after what was refused again is kept: a crash before costs doing it again.
        quarantine::mark(lake, bucket, entry, &released).await
    }

    /// A message that was no event when it came.
    async fn release_message(&self, job: &Job, entry: &Entry, format: Option<&str>, report: &mut Report) -> Result<(), Error> {
        if format.is_some() {
            return Ok(());
        }
        let (lake, bucket) = (self.settler.lake.as_ref(), &self.settler.bucket);
        let Some(at) = quarantine::bytes_at(bucket, entry) else { return Ok(()) };
        let (_, body) = lake.get(&at, MESSAGE_BYTES_MAX).await.map_err(Error::lake("read a message in quarantine"))?;
        let body = String::from_utf8_lossy(&body);
        let created = match event::read(&body) {
            Ok(created) => created,
            Err(undecodable) => {
                report.quarantined += 1;
                return quarantine::keep_message(lake, bucket, &body, undecodable.to_string()).await;
            }
        };
        let since = self.ledgers.remembered_since((self.now)());
        let mut items = Vec::new();
        for (created, number) in created.into_iter().zip(0..) {
            match self.loader.load(&created, since, true).await {
                Ok(loaded) => items.push(Item::new(number, loaded)),
                Err(Error::Lake { source: LakeError::NotFound(_), .. }) => {
                    report.problem = Some(format!("no object at {}", created.at.key));
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        let (mut rows, mut tables) = (0, Vec::new());
        for verdict in self.settled(job, items, report).await? {
            rows += verdict.record.rows;
            tables.extend(verdict.record.tables);
        }
        let at = (self.now)();
        let released = Released { version: VERSION, job: job.job.clone(), at, format: None, rows, tables, again: None };
        quarantine::mark(lake, bucket, entry, &released).await
    }
}

/// What of a file is on the lines that are meant; for tables that others are in, each line as a part of its own.
fn keep_only(mut read: Read<Parcel>, wanted: Vec<Lines>, loaded: &[String]) -> Result<Read<Parcel>, Error> {
    let wanted = lines::merged(wanted);
    let mut parts: Vec<Parcel> = Vec::new();
    for part in std::mem::take(&mut read.parsed.parts) {
        let failed = |source| Error::Rows { table: part.table().to_owned(), source };
        let part = part.open().map_err(failed)?.unpack();
        let meant = lines::only(&part, &wanted).map_err(failed)?;
        match meant.ts.len() {
            0 => {}
            _ if loaded.contains(&meant.table) => {
                parts.extend(lines::apart(&meant).map_err(failed)?.into_iter().map(Parcel::from));
            }
            _ => parts.push(meant.into()),
        }
    }
    read.parsed.parts = parts;
    read.parsed.refused.retain(|row| lines::has(&wanted, row.member.as_deref(), row.row));
    Ok(read)
}
