//! The `inlet` binary.

use clap::Parser as _;
use inlet::cli::Cli;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    Cli::parse().run().await
}
