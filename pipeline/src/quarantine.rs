//! `inlet quarantine`: files and rows that could not be used.

use std::io::Write as _;

use anyhow::bail;
use clap::{ArgGroup, Subcommand};
use etl::Upload;
use etl::job::{ENTRIES_MAX, Task};
use etl::quarantine::{Entry, Row};

use crate::backends;
use crate::config::Config;
use crate::data::Data;
use crate::jobs::{self, Telling};

/// What can be asked of the quarantine.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List what is in quarantine, and why
    List {
        /// Print JSON: the upload's facts, format, tables, reason, rows refused, where the bytes are, what a release gave, and the
        /// problem of an entry that cannot be read
        #[arg(long)]
        json: bool,
    },
    /// Show one upload: the reason, its facts, and the refused lines with their bytes
    Show {
        /// The upload, or where its entry is
        id: String,
        /// How many refused lines
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: usize,
        /// Print JSON: the entry, and under `refused` the refused lines with their bytes in base64
        #[arg(long)]
        json: bool,
    },
    /// Read again what is in quarantine, with the formats of today; a row enters its table once, however often it is released
    #[command(group = ArgGroup::new("which").required(true))]
    Release {
        /// The uploads, or where their entries are
        #[arg(group = "which")]
        ids: Vec<String>,
        /// All that was not released yet
        #[arg(long, group = "which")]
        all: bool,
        /// Only what this format claimed, or claims now
        #[arg(long, value_name = "F")]
        format: Option<String>,
        /// How what came of it is told
        #[command(flatten)]
        telling: Telling,
    },
}

/// Answers one question about the quarantine.
pub async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let data = Data::existing(&config.data)?;
    let lake = backends::lakes(config, &data).await?.whole;
    let bucket = &config.lake.bucket;
    let entries = etl::quarantine::list(&*lake, bucket).await?;
    match command {
        Command::List { json: true } => Ok(writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&entries)?)?),
        Command::List { json: false } => list(&entries),
        Command::Show { id, limit, json } => {
            let entry = find(&entries, &id)?;
            let rows = etl::quarantine::rows(&*lake, bucket, entry, limit).await?;
            if json { show_json(entry, &rows) } else { show(entry, &rows) }
        }
        Command::Release { ids, all, format, telling } => {
            let chosen = if all { releasable(&entries)? } else { released_once(&entries, &ids)? };
            let chosen: Vec<String> = chosen.into_iter().map(|entry| entry.at.clone()).collect();
            if chosen.is_empty() {
                return Ok(writeln!(std::io::stdout(), "nothing to release")?);
            }
            let tasks = chosen.chunks(ENTRIES_MAX);
            let tasks = tasks.map(|entries| Task::Release { entries: entries.to_vec(), format: format.clone() });
            jobs::run(config, tasks.collect(), &telling).await.map(drop)
        }
    }
}

fn list(entries: &[Entry]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for entry in entries {
        let what = match entry {
            Entry { problem: Some(_), .. } => "unreadable".to_owned(),
            Entry { whole: true, .. } => "whole file".to_owned(),
            Entry { rows_refused, .. } => format!("{rows_refused} rows"),
        };
        let why = entry.problem.as_ref().unwrap_or(&entry.reason);
        let released = entry.released.as_ref().map(|released| format!(" (released {}: {} rows)", released.at, released.rows));
        let (id, device, path) =
            entry.upload.as_ref().map_or(("-", "-", "-"), |upload| (&upload.id, &upload.device, &upload.path));
        let released = released.unwrap_or_default();
        writeln!(out, "{id}\t{device}\t{path}\t{what}{released}\t{why}\t{}", entry.at)?;
    }
    Ok(())
}

/// The entry that an id means.
fn find<'a>(entries: &'a [Entry], id: &str) -> anyhow::Result<&'a Entry> {
    let means = |entry: &&Entry| {
        let names_upload = entry.upload.as_ref().is_some_and(|upload| upload.id == id);
        let at = entry.at.trim_end_matches('/');
        names_upload || at == id.trim_end_matches('/') || (entry.upload.is_none() && at.rsplit('/').next() == Some(id))
    };
    match entries.iter().flat_map(|entry| std::iter::once(entry).chain(&entry.before)).find(means) {
        Some(entry) => Ok(entry),
        None => bail!("nothing in quarantine is called `{id}`; `inlet quarantine list` says what is there"),
    }
}

/// All that was not released yet, but for what cannot be read, which is said of it.
fn releasable(entries: &[Entry]) -> anyhow::Result<Vec<&Entry>> {
    let mut chosen = Vec::with_capacity(entries.len());
    for entry in entries.iter().filter(|entry| entry.released.is_none()) {
        match &entry.problem {
            Some(problem) => writeln!(std::io::stdout(), "{} is left out: {problem}", entry.at)?,
            None => chosen.push(entry),
        }
    }
    Ok(chosen)
}

/// The entries that ids mean, without those that were released already, which is said of them.
fn released_once<'a>(entries: &'a [Entry], ids: &[String]) -> anyhow::Result<Vec<&'a Entry>> {
    let mut chosen: Vec<&Entry> = Vec::new();
    for id in ids {
        let entry = find(entries, id)?;
        if let Some(problem) = &entry.problem {
            bail!("{} cannot be released: {problem}", entry.at);
        }
        match &entry.released {
            Some(released) => {
                writeln!(std::io::stdout(), "{id} was released at {}: {} rows of it are in tables", released.at, released.rows)?;
            }
            None if !chosen.contains(&entry) => chosen.push(entry),
            None => {}
        }
    }
    Ok(chosen)
}

fn show_json(entry: &Entry, rows: &[Row]) -> anyhow::Result<()> {
    let mut shown = serde_json::to_value(entry)?;
    if let Some(object) = shown.as_object_mut() {
        object.insert("refused".to_owned(), serde_json::to_value(rows)?);
    }
    Ok(writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&shown)?)?)
}

fn show(entry: &Entry, rows: &[Row]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut fact = |name: &str, value: Option<&str>| match value {
        Some(value) => writeln!(out, "{name:<10} {value}"),
        None => Ok(()),
    };
    fact("problem", entry.problem.as_deref())?;
    fact("reason", Some(&entry.reason))?;
    fact("at", Some(&entry.at))?;
    fact("format", entry.format.as_deref())?;
    fact("tables", Some(&entry.tables.join(", ")).filter(|tables| !tables.is_empty()).map(String::as_str))?;
    let kept = if entry.whole { "the whole file" } else { "the refused lines; the file itself is the raw object" };
    fact("kept", entry.problem.is_none().then_some(kept))?;
    if let Some(Upload { id, account, device, path, verb, mode, client, session, bytes, sha256, .. }) = &entry.upload {
        fact("upload", Some(id))?;
        fact("account", account.as_deref())?;
        fact("device", Some(device))?;
        fact("path", Some(path))?;
        fact("verb", verb.as_deref())?;
        fact("mode", mode.as_deref())?;
        fact("client", client.as_deref())?;
        fact("session", session.as_deref())?;
        fact("bytes", Some(&bytes.to_string()))?;
        fact("sha256", sha256.as_deref())?;
    }
    if let Some(upload) = &entry.upload {
        fact("landed", Some(&upload.landed_at.to_string()))?;
        fact("raw", Some(&format!("{}/{}", upload.source.bucket, upload.source.key)))?;
    }
    if let Some(released) = &entry.released {
        let again = released.again.as_ref().map(|again| format!("; refused again: {again}")).unwrap_or_default();
        fact("released", Some(&format!("{}: {} rows in {}{again}", released.at, released.rows, released.tables.join(", "))))?;
    }
    for released in entry.before.iter().filter_map(|entry| entry.released.as_ref()) {
        fact("released", Some(&format!("{}: {} rows in {}", released.at, released.rows, released.tables.join(", "))))?;
    }
    for row in rows {
        let member = row.member.as_ref().map(|member| format!(" of {member}")).unwrap_or_default();
        // Bytes that are no text are shown as they are kept, in base64.
        let bytes = row.text.as_ref().map_or_else(|| format!("base64 {}", row.bytes), |text| format!("{text:?}"));
        writeln!(out, "line {}{member}: {}\n    {bytes}", row.row, row.reason)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
