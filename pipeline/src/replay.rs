//! `inlet replay` and `inlet rebuild`: raw objects are read again.

use anyhow::bail;
use clap::Args;
use etl::job::Task;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::config::Config;
use crate::jobs::{self, Telling};

/// Which raw objects are read again.
#[derive(Clone, Debug, Args)]
pub struct Replay {
    /// The device whose uploads they are: that of the account, as raw keys have it
    #[arg(long, value_name = "D")]
    device: String,
    /// When the first of them landed: 2026-11-21 or 2026-11-21T08:00:00Z
    #[arg(long, value_name = "T", value_parser = moment)]
    from: Timestamp,
    /// Before when the last of them landed
    #[arg(long, value_name = "T", value_parser = moment)]
    to: Timestamp,
    /// Add to this table alone
    #[arg(long)]
    table: Option<String>,
    #[command(flatten)]
    telling: Telling,
}

/// Which table is made anew.
#[derive(Clone, Debug, Args)]
pub struct Rebuild {
    /// The table, as the formats of today name it
    table: String,
    /// The new table's name; the old one's with `_rebuilt` when left out
    #[arg(long, value_name = "NAME")]
    into: Option<String>,
    #[command(flatten)]
    telling: Telling,
}

/// Sends the raw objects of a device and a time again; what is in the tables already adds nothing.
pub async fn replay(config: &Config, asked: Replay) -> anyhow::Result<()> {
    let Replay { device, from, to, table, telling } = asked;
    if from >= to {
        bail!("--from {from} is not before --to {to}");
    }
    if device.is_empty() || device.contains('/') {
        bail!("--device: `{device}` is no name of a device");
    }
    jobs::run(config, vec![Task::Replay { device, from, to, table }], &telling).await.map(drop)
}

/// Makes a table anew from the raw lake alone.
pub async fn rebuild(config: &Config, asked: Rebuild) -> anyhow::Result<()> {
    let Rebuild { table, into, telling } = asked;
    let into = into.unwrap_or_else(|| format!("{table}_rebuilt"));
    let is_plain = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    for name in [&table, &into] {
        if !is_plain(name) {
            bail!("`{name}` is no name of a table: small letters, digits and underscores");
        }
        if name == etl::UPLOADS {
            bail!("`{name}` is the record of uploads, which is not made from raw objects");
        }
    }
    if table == into {
        bail!("--into: a table is rebuilt under another name than its own");
    }
    let task = Task::Rebuild { table: table.clone(), into };
    let reports = jobs::run(config, vec![task], &telling).await?;
    if reports.iter().flatten().any(|report| report.done && report.uploads == 0) {
        bail!("no upload in the lake is for a table `{table}`: nothing was made; `inlet table list` names the tables");
    }
    Ok(())
}

/// A day begins at midnight in UTC.
fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let day = text.parse::<Date>().and_then(|day| day.to_zoned(TimeZone::UTC));
    day.map(|day| day.timestamp()).map_err(|_| "is neither a day (2026-11-21) nor a moment (2026-11-21T08:00:00Z)".to_owned())
}
