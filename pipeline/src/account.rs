//! `inlet account`: the accounts that devices log in with.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use bytesize::ByteSize;
use clap::Subcommand;
use ingest::{Accounts, Address, Certificate, Mode, NewAccount};
use rand::seq::IndexedRandom as _;

use crate::config::Config;
use crate::data::Data;

/// What can be done with accounts. A running Inlet sees every change at the next login.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add an account that logs in with a password, the first line of standard input, or with a certificate, or with either
    Add {
        /// What the device logs in as: letters, digits, `.`, `_`, `-`; at most 64
        name: String,
        /// The device that its uploads belong to, unless the file names one; the account's name when left out
        #[arg(long, value_name = "ID")]
        device: Option<String>,
        /// The IANA time zone of its files' times, unless their format or the times themselves name one
        #[arg(long, value_name = "ZONE")]
        zone: Option<String>,
        /// How its data connections may be made, parted by a comma; in both modes when left out
        #[arg(long, value_name = "MODES", value_delimiter = ',')]
        modes: Option<Vec<Mode>>,
        /// The address that PASV names to it, `auto`, an IPv4 address or a DNS name, when it is not that of the configuration
        #[arg(long, value_name = "ADDRESS")]
        passive_address: Option<Address>,
        /// What the files of its home may come to, as `500 MiB`, when it is not what the configuration says
        #[arg(long, value_name = "SIZE")]
        quota: Option<ByteSize>,
        /// The certificate (PEM) that logs it in without a password, as ingest.tls.client_certificate asks for
        #[arg(long, value_name = "FILE")]
        certificate: Option<PathBuf>,
        /// A certificate (PEM) whose subject logs it in without a password; needs ingest.tls.client_ca
        #[arg(long, value_name = "FILE", conflicts_with = "certificate")]
        certificate_subject: Option<PathBuf>,
        /// Read the password from standard input, the only way to give it
        #[arg(long, required_unless_present_any = ["certificate", "certificate_subject"])]
        password_stdin: bool,
    },
    /// Give an account another password, the first line of standard input; its files and settings stay
    Password {
        /// The account's name
        name: String,
    },
    /// List the accounts
    List,
    /// Remove an account; its files stay
    Remove {
        /// The account's name
        name: String,
    },
}

/// Where accounts are kept, below the data directory.
pub const FILE: &str = "accounts.toml";
/// Where the password of the account `demo` is kept, below the data directory.
pub const DEMO_FILE: &str = "demo-password";
/// The account that the first start makes.
pub const DEMO: &str = "demo";
/// 24 characters of 5 bits.
const DEMO_PASSWORD_LENGTH: usize = 24;

/// Runs one command on the accounts file.
pub async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    // An account may be added before the first start.
    let data = match command {
        Command::Add { .. } => Data::open(&config.data)?,
        Command::Password { .. } | Command::List | Command::Remove { .. } => Data::existing(&config.data)?,
    };
    let accounts = Accounts::open(&data.join(FILE))?;
    match command {
        Command::Add { name, device, zone, modes, passive_address, quota, certificate, certificate_subject, password_stdin } => {
            let password = password_stdin.then(|| password_from(std::io::stdin().lock())).transpose()?;
            let certificate = certificate.map(|file| shown(&file)).transpose()?.map(|shown| shown.fingerprint);
            let certificate_subject = certificate_subject.map(|file| shown(&file)).transpose()?.map(|shown| shown.subject);
            let new = NewAccount { device, zone, modes, passive_address, quota, certificate, certificate_subject, password };
            tokio::task::spawn_blocking(move || accounts.add(&name, new)).await??;
        }
        Command::Password { name } => {
            let password = password_from(std::io::stdin().lock())?;
            tokio::task::spawn_blocking(move || accounts.set_password(&name, &password)).await??;
        }
        Command::List => {
            let mut out = std::io::stdout().lock();
            for account in accounts.list()? {
                let zone = account.zone.as_deref().unwrap_or("-");
                write!(out, "{}\tdevice {}\tzone {zone}", account.name, account.device)?;
                if let [mode] = account.modes[..] {
                    write!(out, "\t{} mode only", mode.as_str())?;
                }
                if let Some(address) = &account.passive_address {
                    write!(out, "\tpassive address {address}")?;
                }
                if let Some(quota) = account.quota {
                    write!(out, "\tquota {quota}")?;
                }
                if let Some(fingerprint) = &account.certificate {
                    write!(out, "\tcertificate {fingerprint}")?;
                }
                if let Some(subject) = &account.certificate_subject {
                    write!(out, "\tcertificate of {subject}")?;
                }
                writeln!(out)?;
            }
        }
        Command::Remove { name } => accounts.remove(&name)?,
    }
    Ok(())
}

/// Makes the account `demo` with a random password when there is no accounts file yet. Returns the password while the account
/// is there and its password is on file.
pub async fn first_start(data: &Data) -> anyhow::Result<Option<String>> {
    let accounts = Accounts::open(&data.join(FILE))?;
    let file = data.join(DEMO_FILE);
    if data.join(FILE).exists() {
        let has_demo = accounts.list()?.iter().any(|account| account.name == DEMO);
        return Ok(std::fs::read_to_string(&file).ok().filter(|_| has_demo).map(|password| password.trim_end().to_owned()));
    }
    let password = random_password();
    // The file first: killed between the two, the next start makes both anew.
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut written = options.open(&file).with_context(|| format!("make {}", file.display()))?;
    writeln!(written, "{password}").and_then(|()| written.sync_all()).with_context(|| format!("write {}", file.display()))?;
    let new = NewAccount { password: Some(password.clone()), ..NewAccount::default() };
    tokio::task::spawn_blocking(move || accounts.add(DEMO, new)).await??;
    Ok(Some(password))
}

fn shown(file: &Path) -> anyhow::Result<Certificate> {
    Certificate::of_file(file).with_context(|| format!("{}", file.display()))
}

/// Letters and digits that a person can tell apart (Crockford's base 32).
fn random_password() -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    (0..DEMO_PASSWORD_LENGTH).map(|_| char::from(*ALPHABET.choose(&mut rand::rng()).unwrap_or(&b'0'))).collect()
}

/// The first line of an input.
pub fn password_from(input: impl std::io::BufRead) -> anyhow::Result<String> {
    let line = input.lines().next().transpose().context("read the password from standard input")?;
    match line {
        Some(password) if !password.is_empty() => Ok(password),
        _ => bail!("no password on standard input; try: echo PASSWORD | inlet ..."),
    }
}
