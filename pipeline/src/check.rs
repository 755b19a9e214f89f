//! `inlet check`: what the configuration comes to, once nothing is wrong with it.

mod client;
mod network;

use std::io::Write as _;
use std::path::Path;

pub use self::network::{Trial, run as network};

/// Says that all is well: a configuration that was loaded has nothing wrong with it.
pub fn run(file: Option<&Path>) -> anyhow::Result<()> {
    let of = file.map_or_else(|| "the embedded defaults".to_owned(), |file| file.display().to_string());
    writeln!(std::io::stdout(), "nothing is wrong with {of}")?;
    Ok(())
}
