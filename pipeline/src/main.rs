//! The `inlet` binary.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use inlet::cli::Cli;

/// Files are many and small, and so are the pieces that they are read into.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = Cli::parse().run().await else { return ExitCode::SUCCESS };
    // Whoever reads standard output has seen enough of it, as `head` has.
    if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(io::stderr(), "inlet: {error:#}");
    ExitCode::FAILURE
}
