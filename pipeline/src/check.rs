//! `inlet check`: what the configuration comes to, once nothing is wrong with it.

mod client;
mod network;

use std::io::Write as _;
use std::path::Path;

pub use self::network::{Trial, run as network};
use crate::config::Config;
use crate::formats;

/// Looks at what only a run would stumble over, the format definitions among it, and says that all is well.
pub fn run(config: &Config, file: Option<&Path>) -> anyhow::Result<()> {
    formats::load(&config.etl)?;
    let of = file.map_or_else(|| "the embedded defaults".to_owned(), |file| file.display().to_string());
    writeln!(std::io::stdout(), "nothing is wrong with {of}")?;
    Ok(())
}
