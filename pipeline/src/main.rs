//! The `inlet` binary.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use inlet::cli::Cli;

/// Files are many and small, and so are the pieces that they are read into.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = Cli::parse().run().await else { return ExitCode::SUCCESS };
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(std::io::stderr(), "inlet: {error:#}");
    ExitCode::FAILURE
}
