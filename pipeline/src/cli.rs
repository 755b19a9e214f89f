//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::Config;
use crate::{account, check, demo, format, quarantine, queue, replay, run, table, telemetry};

/// Takes metric files from devices that can only speak FTP and turns them into Apache Iceberg tables.
#[derive(Debug, Parser)]
#[command(name = "inlet", version, about, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
struct Common {
    /// A configuration file (TOML) over the embedded defaults
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where this machine's state is kept (key `data`)
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything in one process
    Up {
        /// Also upload a small fleet's files over FTP, and print the first rows of their tables
        #[arg(long)]
        demo: bool,
    },
    /// Run the FTP side alone: uploads to the outbox
    Ingest,
    /// Run the watcher alone: outbox to lake and queue
    Watch {
        /// Carry what the outbox holds, and end
        #[arg(long)]
        until_empty: bool,
    },
    /// Run the ETL alone: queue to tables
    Etl {
        /// Load what the queue has to deliver, and end: for runs by a schedule
        #[arg(long)]
        until_empty: bool,
    },
    /// The accounts that devices log in with
    Account {
        #[command(subcommand)]
        command: account::Command,
    },
    /// Say all that is wrong with the configuration
    Check {
        /// Also say what devices are told, and log in to the Inlet that runs here in each mode, as they do
        #[arg(long)]
        network: bool,
        #[command(flatten)]
        trial: check::Trial,
    },
    /// The tables
    Table {
        #[command(subcommand)]
        command: table::Command,
    },
    /// The formats: how files are told apart and read
    Format {
        #[command(subcommand)]
        command: format::Command,
    },
    /// Propose a format definition for a file, with what it does not say left open
    Sniff(format::Sniff),
    /// Events that failed too often
    Queue {
        #[command(subcommand)]
        command: queue::Command,
    },
    /// Files and rows that could not be used
    Quarantine {
        #[command(subcommand)]
        command: quarantine::Command,
    },
    /// Read a device's raw objects again, and add what is missing in the tables
    Replay(replay::Replay),
    /// Make a table anew, under another name, from the raw lake alone
    Rebuild(replay::Rebuild),
}

impl Cli {
    /// Does what the command line asks.
    pub async fn run(self) -> anyhow::Result<()> {
        let config = self.common.load()?;
        telemetry::start_logs(&config.log)?;
        match self.command {
            Command::Up { demo: false } => run::up(&config).await,
            Command::Up { demo: true } => demo::up(&config).await,
            Command::Ingest => run::ingest(&config).await,
            Command::Watch { until_empty: false } => run::watch(&config).await,
            Command::Watch { until_empty: true } => run::watch_until_empty(&config).await,
            Command::Etl { until_empty: false } => run::etl(&config).await,
            Command::Etl { until_empty: true } => run::etl_until_empty(&config).await,
            Command::Account { command } => account::run(&config, command).await,
            Command::Check { network, trial } => {
                check::run(&config, self.common.config.as_deref())?;
                if network { check::network(&config, trial).await } else { Ok(()) }
            }
            Command::Table { command } => table::run(&config, command).await,
            Command::Format { command } => format::run(&config, command),
            Command::Sniff(sniff) => format::sniff(&config, &sniff),
            Command::Queue { command } => queue::run(&config, command).await,
            Command::Quarantine { command } => quarantine::run(&config, command).await,
            Command::Replay(asked) => replay::replay(&config, asked).await,
            Command::Rebuild(asked) => replay::rebuild(&config, asked).await,
        }
    }
}

impl Common {
    fn load(&self) -> anyhow::Result<Config> {
        Ok(Config::load(self.config.as_deref(), std::env::vars(), self.data.as_deref())?)
    }
}
