//! `inlet quarantine`: files and rows that could not be used.

use std::io::Write as _;

use clap::Subcommand;

use crate::backends;
use crate::config::Config;
use crate::data::Data;

/// What can be asked of the quarantine.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List what is in quarantine, and why
    List {
        /// Print JSON: the upload's facts, format, tables, reason, rows refused, and where the bytes are
        #[arg(long)]
        json: bool,
    },
}

/// Answers one question about the quarantine.
pub async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let Command::List { json } = command;
    let data = Data::existing(&config.data)?;
    let lake = backends::lakes(config, &data).await?.whole;
    let entries = etl::quarantine::list(&*lake, &config.lake.bucket).await?;
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&entries)?)?;
        return Ok(());
    }
    for entry in entries {
        let what = if entry.whole { "whole file".to_owned() } else { format!("{} rows", entry.rows_refused) };
        let (device, path) = entry.upload.as_ref().map_or(("-", "-"), |upload| (&upload.device, &upload.path));
        writeln!(out, "{device}\t{path}\t{what}\t{}\t{}", entry.reason, entry.at)?;
    }
    Ok(())
}
