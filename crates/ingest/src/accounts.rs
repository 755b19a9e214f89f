//! Who may log in, and which device an account stands for.
//!
//! The file is read again when it has changed. Passwords are checked against argon2id hashes, two at a time and off the
//! reactor; what was right within the last minute is remembered, since devices log in for every file they bring.

mod cache;
mod file;
mod login;
mod password;

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use bytesize::ByteSize;
use tokio::sync::Semaphore;
use tracing::error;

use self::cache::Cache;
use self::file::Listed;
pub(crate) use self::login::LoggedIn;
use self::password::Hash;
use crate::certificate::{Certificate, Fingerprint};
use crate::edge::Address;
use crate::session::Mode;
use crate::stamp::{Stamp, stamp};

/// So many passwords are checked at once: each takes 19 MiB and tens of milliseconds of a core.
const CHECKS_MAX: usize = 2;

/// An account that has logged in, or is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// What the device logs in with: `[A-Za-z0-9._-]{1,64}`, not starting with a dot.
    pub name: String,
    /// Names the device in the lake and in the tables, by the same rules.
    pub device: String,
    /// The IANA time zone of the device's clock, if it has been declared.
    pub zone: Option<String>,
    /// How its data connections may be made.
    pub modes: Vec<Mode>,
    /// The address that PASV names to it, if it is another than all are told.
    pub passive_address: Option<Address>,
    /// What the files of its home may come to, if it is not what holds for all.
    pub quota: Option<ByteSize>,
    /// The certificate that logs it in without a password.
    pub certificate: Option<Fingerprint>,
    /// The subject whose certificates log it in without a password, if they come from an authority of the server's.
    pub certificate_subject: Option<String>,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl unftp_core::auth::UserDetail for Account {}

/// An account to be added.
#[derive(Clone, Default)]
pub struct NewAccount {
    /// The device, if it is named otherwise than the account.
    pub device: Option<String>,
    /// An IANA time zone.
    pub zone: Option<String>,
    /// How its data connections may be made, if not in either mode.
    pub modes: Option<Vec<Mode>>,
    /// The address that PASV names to it, if it is another than all are told: `auto`, or a fixed one.
    pub passive_address: Option<Address>,
    /// What the files of its home may come to, if it is not what holds for all.
    pub quota: Option<ByteSize>,
    /// The certificate that logs it in without a password.
    pub certificate: Option<Fingerprint>,
    /// The subject whose certificates log it in without a password, in the form of RFC 4514.
    pub certificate_subject: Option<String>,
    /// In clear; only its hash is kept. An account without one logs in with a certificate.
    pub password: Option<String>,
}

impl fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, zone, modes, passive_address, quota, certificate, certificate_subject, password: _ } = self;
        let mut shown = f.debug_struct("NewAccount");
        shown
            .field("device", device)
            .field("zone", zone)
            .field("modes", modes)
            .field("passive_address", passive_address)
            .field("quota", quota)
            .field("certificate", certificate)
            .field("certificate_subject", certificate_subject);
        shown.finish_non_exhaustive()
    }
}

/// Why accounts cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// The file cannot be read or written.
    #[error("use the accounts in {}", path.display())]
    File {
        /// The file, or the lock beside it.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is there, and is not a list of accounts.
    #[error("{}:{line}: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1; 0 where the problem is not in one place.
        line: usize,
        /// The key or the value that is wrong, and how. Never a password or its hash.
        problem: String,
    },
    /// What was given for a new account is not allowed.
    #[error("{0}")]
    Refused(String),
    /// An account of this name is there already.
    #[error("account {0:?} exists already")]
    Exists(String),
    /// There is no account of this name.
    #[error("there is no account {0:?}")]
    Missing(String),
    /// The system gave no random salt or no memory for the hash.
    #[error("hash the password: {0}")]
    Hash(String),
}

/// The accounts in one file.
pub struct Accounts {
    path: PathBuf,
    current: RwLock<Current>,
    cache: Mutex<Cache>,
    checks: Arc<Semaphore>,
}

/// The file as it was when it was read last.
struct Current {
    stamp: Option<Stamp>,
    listed: Arc<HashMap<String, Listed>>,
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Accounts {
    /// Reads the file; one that is not there holds no accounts.
    pub fn open(path: &Path) -> Result<Self, AccountsError> {
        let stamp = stamp(path);
        let listed = Arc::new(by_name(file::read(path)?));
        Ok(Self {
            path: path.to_owned(),
            current: RwLock::new(Current { stamp, listed }),
            cache: Mutex::default(),
            checks: Arc::new(Semaphore::new(CHECKS_MAX)),
        })
    }

    /// Adds an account. Blocks for as long as hashing takes and while another process changes the file.
    pub fn add(&self, name: &str, new: NewAccount) -> Result<(), AccountsError> {
        let listed = Listed {
            name: name.to_owned(),
            device: new.device.unwrap_or_else(|| name.to_owned()),
            zone: new.zone,
            modes: new.modes,
            passive_address: new.passive_address,
            quota: new.quota,
            certificate: new.certificate,
            certificate_subject: new.certificate_subject,
            password: new.password.as_deref().map(Hash::of).transpose()?,
        };
        listed.check().map_err(AccountsError::Refused)?;
        file::change(&self.path, |accounts| {
            if accounts.iter().any(|there| there.name == name) {
                return Err(AccountsError::Exists(name.to_owned()));
            }
            accounts.push(listed);
            Ok(())
        })
    }

    /// Gives an account this password instead of the one that it has. One that logs in with a certificate alone stays as it is. Blocks as
    /// [`Accounts::add`] does. A session that is logged in goes on.
    pub fn set_password(&self, name: &str, password: &str) -> Result<(), AccountsError> {
        let hash = Hash::of(password)?;
        file::change(&self.path, |accounts| {
            let missing = || AccountsError::Missing(name.to_owned());
            let account = accounts.iter_mut().find(|there| there.name == name).ok_or_else(missing)?;
            let without = || AccountsError::Refused(format!("account {name:?} has no password: it logs in with a certificate"));
            *account.password.as_mut().ok_or_else(without)? = hash;
            Ok(())
        })
    }

    /// All accounts, in the order of the file.
    pub fn list(&self) -> Result<Vec<Account>, AccountsError> {
        Ok(file::read(&self.path)?.iter().map(Listed::account).collect())
    }

    /// Removes an account. Its home and what it has uploaded stay. A session that is logged in goes on.
    pub fn remove(&self, name: &str) -> Result<(), AccountsError> {
        file::change(&self.path, |accounts| {
            let before = accounts.len();
            accounts.retain(|there| there.name != name);
            if accounts.len() == before { Err(AccountsError::Missing(name.to_owned())) } else { Ok(()) }
        })
    }

    /// The account, if the password is right. An unknown name takes as long as a wrong password.
    pub async fn verify(&self, name: &str, password: &str) -> Option<Account> {
        self.verify_unless(|| false, name, password).await
    }

    /// As `verify`. When the password's turn has come to be looked at, `refused` is asked whether it still may: so of many
    /// tried at once no more are looked at than of many tried one after the other.
    pub(crate) async fn verify_unless(&self, refused: impl Fn() -> bool + Send, name: &str, password: &str) -> Option<Account> {
        let found = self.find(name).await;
        let hash = found.as_ref().and_then(|listed| listed.password.clone()).unwrap_or_else(Hash::of_nobody);
        let key = self.cached().key(name, password, &hash);
        if self.cached().holds(&key, Instant::now()) {
            return found.map(|listed| listed.account());
        }
        let turn = Arc::clone(&self.checks).acquire_owned().await.ok()?;
        // The same login may have been checked while this one waited for its turn.
        if !self.cached().holds(&key, Instant::now()) {
            if refused() {
                return None;
            }
            let password = password.to_owned();
            let check = move || {
                // The turn ends with the check, even if nobody waits for it any more.
                let _turn = turn;
                hash.matches(&password)
            };
            if !tokio::task::spawn_blocking(check).await.unwrap_or_default() {
                return None;
            }
            self.cached().keep(key, Instant::now());
        }
        found.map(|listed| listed.account())
    }

    /// The account of this name, if the certificate is one that it holds. A subject counts only when an authority vouches for it:
    /// anybody can make a certificate that says anything.
    pub(crate) async fn certified(&self, name: &str, shown: &Certificate, by_authority: bool) -> Option<Account> {
        let account = self.named(name).await?;
        let pinned = account.certificate == Some(shown.fingerprint);
        let known = by_authority && account.certificate_subject.as_ref() == Some(&shown.subject);
        (pinned || known).then_some(account)
    }

    /// The account of this name, as the file has it now.
    pub(crate) async fn named(&self, name: &str) -> Option<Account> {
        self.find(name).await.map(|listed| listed.account())
    }

    async fn find(&self, name: &str) -> Option<Listed> {
        // One look at the file's facts a login; reading it again is for a thread that may wait.
        let stamp = stamp(&self.path);
        if self.current.read().unwrap_or_else(PoisonError::into_inner).stamp != stamp {
            let path = self.path.clone();
            let read = tokio::task::spawn_blocking(move || file::read(&path)).await;
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            current.stamp = stamp;
            match read {
                Ok(Ok(listed)) => current.listed = Arc::new(by_name(listed)),
                // Devices go on with the accounts that were good, until somebody mends the file. Said once a change.
                Ok(Err(bad)) => error!(error = &bad as &dyn Error, "the accounts were changed and cannot be read"),
                Err(panicked) => error!(error = &panicked as &dyn Error, "the accounts were changed and cannot be read"),
            }
        }
        let listed = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).listed);
        listed.get(name).cloned()
    }

    fn cached(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn by_name(listed: Vec<Listed>) -> HashMap<String, Listed> {
    listed.into_iter().map(|listed| (listed.name.clone(), listed)).collect()
}

/// Whether something may name an account or a device.
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=64).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests;
