//! `inlet table`: which tables there are, and their first rows.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use arrow::util::pretty::pretty_format_batches;
use clap::Subcommand;
use iceberg::Catalog;

use crate::backends;
use crate::config::Config;
use crate::data::Data;

/// What can be asked of tables.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the tables
    List {
        /// Print JSON: name, location, metadata location, rows, data files, snapshot id
        #[arg(long)]
        json: bool,
    },
    /// Print some rows of a table
    Head {
        /// The table's name
        name: String,
        /// How many rows
        #[arg(long, default_value_t = 10, value_name = "N")]
        limit: usize,
    },
}

/// Answers one question about the tables.
pub async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let data = Data::existing(&config.data)?;
    let lake = backends::lakes(config, &data).await?.whole;
    let catalog = backends::catalog(config, &data, lake).await?;
    let namespace = &config.etl.namespace;
    match command {
        Command::List { json } => {
            let tables = etl::inspect::tables(catalog, namespace).await?;
            let mut out = std::io::stdout().lock();
            if json {
                writeln!(out, "{}", serde_json::to_string_pretty(&tables)?)?;
                return Ok(());
            }
            for table in tables {
                writeln!(out, "{}\t{} rows in {} files\t{}", table.name, table.rows, table.data_files, table.location)?;
            }
            Ok(())
        }
        Command::Head { name, limit } => print_head(catalog, namespace, &name, limit).await,
    }
}

/// Prints at most `limit` rows of a table.
pub async fn print_head(catalog: Arc<dyn Catalog>, namespace: &str, name: &str, limit: usize) -> anyhow::Result<()> {
    let Some(rows) = etl::inspect::head(Arc::clone(&catalog), namespace, name, limit).await? else {
        let tables = etl::inspect::tables(catalog, namespace).await?;
        let names: Vec<_> = tables.iter().map(|table| table.name.as_str()).collect();
        bail!("no table `{name}`; there are: {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") });
    };
    let drawn = pretty_format_batches(&rows).context("draw the rows")?;
    writeln!(std::io::stdout(), "{name}\n{drawn}")?;
    Ok(())
}
