//! `inlet check`: what the configuration comes to, once nothing is wrong with it.

mod client;
mod network;
mod trust;

use std::io::Write as _;
use std::path::Path;

use crate::config::Config;
use crate::formats;

pub use self::network::{Trial, run as network};

/// Says that all is well: a configuration that was loaded has nothing wrong with it but, perhaps, in the files that it names, of TLS and of
/// formats, which most commands have no business with and need not be allowed to read.
pub fn run(config: &Config, file: Option<&Path>) -> anyhow::Result<()> {
    config.ingest.tls.check_files()?;
    formats::load(&config.etl)?;
    let of = file.map_or_else(|| "the embedded defaults".to_owned(), |file| file.display().to_string());
    writeln!(std::io::stdout(), "nothing is wrong with {of}")?;
    Ok(())
}
