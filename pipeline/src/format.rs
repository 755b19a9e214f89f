//! `inlet format` and `inlet sniff`: what formats there are, what one makes of a file, and what one for a new kind of file could be.

mod rows;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, Subcommand};
use etl::{File, Formats, Parsed};
use jiff::Timestamp;

use crate::config::Config;
use crate::formats;

/// What can be asked of formats.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the formats in force: name, parser, table, and where the definition stands
    List,
    /// Show the rows that a format gives of files, typed as in the table, and what is refused
    Test {
        /// A format's name, or a definition (*.toml) that is not in force yet
        format: String,
        /// Files as devices write them; gzip and zip are taken off
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// How many rows of each table are shown
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: usize,
        /// As whose upload the files are read
        #[command(flatten)]
        upload: Upload,
    },
}

/// As whose upload a file is read.
#[derive(Debug, Args)]
pub struct Upload {
    /// The account's device
    #[arg(long, default_value = "device", value_name = "ID")]
    device: String,
    /// The zone that the account declares for times without one
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// The path as the device names it; the file's own name in the home directory unless given
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
}

/// Proposes a definition.
#[derive(Debug, Args)]
pub struct Sniff {
    /// A file as a device writes it
    file: PathBuf,
    #[command(flatten)]
    upload: Upload,
}

impl Upload {
    fn path(&self, file: &Path) -> String {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        self.path.clone().unwrap_or_else(|| format!("/{name}"))
    }

    fn file<'a>(&'a self, path: &'a str, bytes: &'a [u8]) -> File<'a> {
        File { path, device: &self.device, zone: self.zone.as_deref(), arrived: Some(Timestamp::now()), bytes }
    }
}

/// Answers one question about the formats.
pub fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List => list(config),
        Command::Test { format, files, limit, upload } => {
            let formats = by_name(config, &format)?;
            let refused = files.iter().map(|file| test(config, &formats, file, &upload, limit)).sum::<anyhow::Result<u64>>()?;
            if refused == 0 { Ok(()) } else { bail!("{refused} refused") }
        }
    }
}

fn list(config: &Config) -> anyhow::Result<()> {
    formats::load(&config.etl)?;
    let mut out = std::io::stdout().lock();
    for (file, text) in formats::definitions(&config.etl)? {
        let definition: toml::Table = toml::from_str(&text)?;
        let word = |key: &str| definition.get(key).and_then(toml::Value::as_str).unwrap_or_default();
        // A definition has one more section than these, named for its parser.
        let parser = definition.iter().find(|(key, value)| value.is_table() && !matches!(key.as_str(), "match" | "device"));
        let parser = parser.map_or("", |(key, _)| key);
        writeln!(out, "{}\t{parser}\t{}\t{file}", word("format"), word("table"))?;
    }
    Ok(())
}

/// The one format that is meant, which reads every file without being asked whether it claims it.
fn by_name(config: &Config, format: &str) -> anyhow::Result<Formats> {
    if Path::new(format).extension().is_some_and(|extension| extension == "toml") {
        let (name, formats) = formats::load_one(&config.etl, Path::new(format))?;
        return formats.only(&name).ok_or_else(|| anyhow!("{format} defines no format"));
    }
    let known = || {
        let names = formats::definitions(&config.etl)?.iter().filter_map(|(_, text)| formats::name_of(text)).collect::<Vec<_>>();
        anyhow::Ok(names.join(", "))
    };
    match formats::load(&config.etl)?.only(format) {
        Some(formats) => Ok(formats),
        None => bail!("no format `{format}`; there are: {}", known()?),
    }
}

/// Shows what comes of a file, and counts what is refused of it.
fn test(config: &Config, formats: &Formats, file: &Path, upload: &Upload, limit: usize) -> anyhow::Result<u64> {
    let bytes = std::fs::read(file).with_context(|| format!("read {}", file.display()))?;
    let path = upload.path(file);
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", file.display())?;
    let parsed = match etl::preview(formats, &upload.file(&path, &bytes), &config.etl.limits) {
        Ok(parsed) => parsed,
        Err(refusal) => {
            writeln!(out, "refused as a whole: {refusal}")?;
            return Ok(1);
        }
    };
    rows::write(&mut out, &parsed, limit)?;
    for refused in &parsed.refused {
        let of = refused.member.as_ref().map(|member| format!(" of {member}")).unwrap_or_default();
        writeln!(out, "refused line {}{of}: {}", refused.row, refused.reason)?;
    }
    let Parsed { parts, refused, zone, .. } = parsed;
    let read = zone.map(|zone| format!(", times read in {zone}")).unwrap_or_default();
    let rows: usize = parts.iter().map(rows::count).sum();
    writeln!(out, "{rows} rows, {} refused{read}", refused.len())?;
    Ok(u64::try_from(refused.len()).unwrap_or(u64::MAX))
}

/// `inlet sniff`: a definition for the file's kind, or the name of the format that claims it already.
pub fn sniff(config: &Config, Sniff { file, upload }: &Sniff) -> anyhow::Result<()> {
    let packed = std::fs::read(file).with_context(|| format!("read {}", file.display()))?;
    let formats = formats::load(&config.etl)?;
    let member = etl::unwrap(&packed, &config.etl.limits)?.into_iter().next().context("there is nothing in the archive")?;
    let path = match &member.name {
        Some(name) => format!("{}/{name}", upload.path(file)),
        None => upload.path(file).trim_end_matches(".gz").to_owned(),
    };
    let bytes = member.bytes?;
    let plain = upload.file(&path, &bytes);
    let mut out = std::io::stdout().lock();
    match formats.claiming(&plain) {
        Ok(Some(name)) => match unread(&formats, &plain) {
            None => {
                let file = file.display();
                writeln!(out, "# Format {name:?} claims this file already; `inlet format test {name} {file}` shows its rows.")?;
                return Ok(());
            }
            Some(reason) => writeln!(out, "# Format {name:?} claims this file, and reads no row of it: {reason}.")?,
        },
        Ok(None) => bail!("there is nothing in {}", file.display()),
        Err(_) => {}
    }
    let proposal = etl::propose(&plain, &config.etl.limits)?;
    write!(out, "{}", proposal.definition)?;
    Ok(())
}

/// Why the format that claims a file reads none of its rows; `None` when it reads some.
fn unread(formats: &etl::Formats, file: &etl::File<'_>) -> Option<String> {
    match formats.parse(file) {
        Ok(parsed) if parsed.parts.iter().any(|part| rows::count(part) > 0) => None,
        Ok(parsed) => parsed.refused.into_iter().next().map(|refused| format!("line {}: {}", refused.row, refused.reason)),
        Err(refusal) => Some(refusal.reason),
    }
}
