//! The file of accounts: TOML that people may edit and `inlet account` rewrites.

use std::collections::HashSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use serde::{Deserialize, Serialize, Serializer};

use super::password::Hash;
use super::{Account, AccountsError, is_name};
use crate::certificate::Fingerprint;
use crate::edge::Address;
use crate::session::Mode;

/// Only the service itself reads hashes.
const FILE_MODE: u32 = 0o600;

const HEADER: &str = "# The accounts that may upload. `inlet account` rewrites this file; it keeps no comments.\n\n";

/// One account as the file has it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) device: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) modes: Option<Vec<Mode>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) passive_address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exactly")]
    pub(super) quota: Option<ByteSize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) certificate: Option<Fingerprint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) certificate_subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password: Option<Hash>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[serde(default, rename = "account")]
    accounts: Vec<Listed>,
}

impl Listed {
    /// Says what is wrong with it, without its password.
    pub(super) fn check(&self) -> Result<(), String> {
        const RULE: &str = "1 to 64 of A-Z a-z 0-9 . _ - and not a dot first";
        let Self { name, device, .. } = self;
        if !is_name(name) {
            return Err(format!("account: name {name:?} is not {RULE}"));
        }
        if !is_name(device) {
            return Err(format!("account {name:?}: device {device:?} is not {RULE}"));
        }
        if let Some(zone) = &self.zone
            && jiff::tz::TimeZone::get(zone).is_err()
        {
            return Err(format!("account {name:?}: zone {zone:?} is not an IANA time zone, such as \"Europe/Berlin\""));
        }
        if self.modes.as_ref().is_some_and(Vec::is_empty) {
            return Err(format!("account {name:?}: modes is empty; leave it out to allow both"));
        }
        if self.certificate_subject.as_deref() == Some("") {
            // Nobody is named by it, and so everybody without a name would be.
            return Err(format!("account {name:?}: certificate_subject is empty"));
        }
        if self.password.is_none() && self.certificate.is_none() && self.certificate_subject.is_none() {
            return Err(format!("account {name:?}: neither password nor certificate; nobody could log in"));
        }
        if self.password.as_ref().is_some_and(|password| !password.is_argon2id()) {
            return Err(format!("account {name:?}: password is not an argon2id hash; `inlet account add` writes them"));
        }
        Ok(())
    }

    pub(super) fn account(&self) -> Account {
        Account {
            name: self.name.clone(),
            device: self.device.clone(),
            zone: self.zone.clone(),
            modes: self.modes.clone().unwrap_or_else(|| Mode::ALL.to_vec()),
            passive_address: self.passive_address.clone(),
            quota: self.quota,
            certificate: self.certificate,
            certificate_subject: self.certificate_subject.clone(),
        }
    }
}

/// In the largest unit in which it is a whole number: the size that is read again is the size that was given.
fn exactly<S: Serializer>(size: &Option<ByteSize>, serializer: S) -> Result<S::Ok, S::Error> {
    let bytes = size.unwrap_or_default().as_u64();
    let units = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let whole = units.into_iter().find(|(_, unit)| bytes > 0 && bytes.is_multiple_of(*unit));
    let (unit, length) = whole.unwrap_or(("B", 1));
    serializer.collect_str(&format_args!("{} {unit}", bytes / length))
}

/// All accounts, each one in order.
pub(super) fn read(path: &Path) -> Result<Vec<Listed>, AccountsError> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(|source| AccountsError::File { path: path.to_owned(), source })?,
    };
    let content = |line, problem| AccountsError::Content { path: path.to_owned(), line, problem };
    // The parser's own display would show the line, which may hold a password.
    let line_of = |offset: usize| text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
    let Content { accounts } = toml::from_str(&text)
        .map_err(|error| content(error.span().map_or(0, |span| line_of(span.start)), error.message().to_owned()))?;
    let mut names = HashSet::new();
    for account in &accounts {
        account.check().map_err(|problem| content(0, problem))?;
        if !names.insert(&account.name) {
            return Err(content(0, format!("account {:?} is there twice", account.name)));
        }
    }
    Ok(accounts)
}

/// Reads, changes and replaces the file while no other process does. A reader sees the old accounts or the new ones.
pub(super) fn change(
    path: &Path,
    change: impl FnOnce(&mut Vec<Listed>) -> Result<(), AccountsError>,
) -> Result<(), AccountsError> {
    let beside = |suffix: &str| -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    };
    let (locked, fresh) = (beside(".lock"), beside(".new"));
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| AccountsError::File { path, source }
    };
    // The lock has a file of its own: the file of accounts is another one after each change.
    let lock = write_options().truncate(false).open(&locked).map_err(at(&locked))?;
    lock.lock().map_err(at(&locked))?;
    let mut accounts = read(path)?;
    change(&mut accounts)?;
    let text = toml::to_string(&Content { accounts }).map_err(io::Error::other).map_err(at(path))?;
    let owner = fs::metadata(path).or_else(|_| folder(path).metadata()).map_err(at(path))?;
    belong_to(&lock, &owner).map_err(at(&locked))?;
    write(&fresh, &text, &owner).map_err(at(&fresh))?;
    fs::rename(&fresh, path).and_then(|()| sync_folder(path)).map_err(at(path))
}

fn write(path: &Path, text: &str, owner: &Metadata) -> io::Result<()> {
    let mut file = write_options().truncate(true).open(path)?;
    belong_to(&file, owner)?;
    file.write_all(HEADER.as_bytes())?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// What root makes belongs to the service, which could not read it otherwise.
fn belong_to(file: &File, owner: &Metadata) -> io::Result<()> {
    let made = file.metadata()?;
    if made.uid() == 0 && owner.uid() != 0 { fchown(file, Some(owner.uid()), Some(owner.gid())) } else { Ok(()) }
}

fn write_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(FILE_MODE);
    options
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}
