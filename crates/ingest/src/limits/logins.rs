//! Who may try to log in now: rates by address and by account, and the lockout after too many wrong logins.
//!
//! Wrong logins count against the address they come from and against the name they give, whether or not there is such an
//! account, so that nothing can be learnt from who is locked out. What is right at an account from an address is remembered:
//! from there, that account answers for the wrong logins with its own name only, and no lockout of the address or of the account
//! touches it. So one far away does not lock out the device whose name he guesses at, nor one behind a NAT those beside him whose
//! names he does not give. **One behind the same NAT who guesses at a device's very name does lock it out**: his wrong logins cannot
//! be told from its own, and were they not counted, nothing would bound his guesses.
//!
//! The memory is bounded. What falls out of it was not heard of for longer than tens of thousands of others.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::rate::{Book, Rate, Used};
use super::{Limits, counted};

/// How many addresses, accounts, and pairs of both are remembered.
const REMEMBERED_MAX: usize = 1 << 16;

/// Keeps count of logins, for all sessions.
#[derive(Debug)]
pub(crate) struct Logins {
    limits: Limits,
    /// Keys are hashes with a secret of this process, so that no name is kept, long as it may be.
    secret: RandomState,
    memory: Mutex<Memory>,
}

#[derive(Debug)]
struct Memory {
    addresses: Book<Record>,
    accounts: Book<Record>,
    /// Accounts with an address from which they have logged in.
    known: Book<Record>,
}

/// What is remembered of one key.
#[derive(Clone, Copy, Debug)]
struct Record {
    logins: Used,
    failed: Used,
    locked_until: Option<Instant>,
}

/// Why a login is not looked at now, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) reason: Reason,
    pub(crate) wait: Duration,
}

/// Why a login is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The address logs in too often.
    AddressRate,
    /// The account logs in too often.
    AccountRate,
    /// Too many wrong logins came from the address.
    AddressLocked,
    /// Too many wrong logins named the account.
    AccountLocked,
}

impl Reason {
    /// As metrics and logs name it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::AddressRate => "address_rate",
            Self::AccountRate => "account_rate",
            Self::AddressLocked => "address_locked",
            Self::AccountLocked => "account_locked",
        }
    }
}

impl Refused {
    /// What the device is told. Of an account it says nothing that it would not say of one that there is not.
    pub(crate) fn text(&self) -> String {
        let what = match self.reason {
            Reason::AddressRate => "Too many logins from your address",
            Reason::AccountRate => "Too many logins with this name",
            Reason::AddressLocked => "Too many wrong logins from your address",
            Reason::AccountLocked => "Too many wrong logins with this name",
        };
        format!("{what}, try again in {} seconds", self.wait.as_secs().saturating_add(1))
    }
}

/// The keys of one login.
#[derive(Clone, Copy, Debug)]
struct Keys {
    address: u64,
    account: u64,
    pair: u64,
}

impl Logins {
    pub(crate) fn new(limits: &Limits) -> Self {
        let book = || Book::new(REMEMBERED_MAX);
        let memory = Mutex::new(Memory { addresses: book(), accounts: book(), known: book() });
        Self { limits: limits.clone(), secret: RandomState::new(), memory }
    }

    /// Counts a login that is about to be tried, or says why it may not be.
    pub(crate) fn attempt(&self, client: IpAddr, account: &str, now: Instant) -> Result<(), Refused> {
        let Some(keys) = self.keys(client, account) else { return Ok(()) };
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        self.locked(&memory, keys, now)?;
        let Memory { addresses, accounts, .. } = &mut *memory;
        let rates = [
            (Reason::AddressRate, self.limits.logins_per_address, addresses, keys.address),
            (Reason::AccountRate, self.limits.logins_per_account, accounts, keys.account),
        ];
        for (reason, rate, book, key) in rates {
            let (rate, mut record) = (Rate::per_minute(rate), Record::of(book, key, now));
            let wait = rate.wait(record.logins, now);
            if !wait.is_zero() {
                return Err(Refused { reason, wait });
            }
            record.logins = rate.spend(record.logins, now);
            book.put(key, record);
        }
        Ok(())
    }

    /// Whether a login is locked out by now: others may have failed while this one waited for its password to be looked at.
    pub(crate) fn refusal(&self, client: IpAddr, account: &str, now: Instant) -> Option<Refused> {
        let keys = self.keys(client, account)?;
        self.locked(&self.memory.lock().unwrap_or_else(PoisonError::into_inner), keys, now).err()
    }

    /// The password was right.
    pub(crate) fn right(&self, client: IpAddr, account: &str, now: Instant) {
        let Some(keys) = self.keys(client, account) else { return };
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let pair = Record::of(&memory.known, keys.pair, now);
        memory.known.put(keys.pair, pair);
    }

    /// The password was wrong, or there is no such account. Says whether that was once too often, and who is locked out now.
    pub(crate) fn wrong(&self, client: IpAddr, account: &str, now: Instant) -> Option<&'static str> {
        let keys = self.keys(client, account)?;
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let Memory { addresses, accounts, known } = &mut *memory;
        let Limits { failed_logins_per_address, failed_logins_per_account, lockout, .. } = self.limits;
        let count = |book: &mut Book<Record>, key, rate| {
            let (rate, mut record) = (Rate::per_minute(rate), Record::of(book, key, now));
            record.failed = rate.spend(record.failed, now);
            let locks = !rate.wait(record.failed, now).is_zero();
            if locks {
                record.locked_until = Some(now + lockout);
                // It begins anew when it ends.
                record.failed = Used::nothing(now + lockout);
            }
            book.put(key, record);
            locks
        };
        if known.get(keys.pair).is_some() {
            return count(known, keys.pair, failed_logins_per_account).then_some("account");
        }
        let account = count(accounts, keys.account, failed_logins_per_account);
        let address = count(addresses, keys.address, failed_logins_per_address);
        if address { Some("address") } else { account.then_some("account") }
    }

    /// Nothing for clients that are exempt.
    fn keys(&self, client: IpAddr, account: &str) -> Option<Keys> {
        if self.limits.exempts(client) {
            return None;
        }
        let address = counted(client);
        Some(Keys {
            address: self.secret.hash_one(address),
            account: self.secret.hash_one(account),
            pair: self.secret.hash_one((address, account)),
        })
    }

    fn locked(&self, memory: &Memory, keys: Keys, now: Instant) -> Result<(), Refused> {
        let (account, address) = match memory.known.get(keys.pair) {
            Some(pair) => (Some(pair), None),
            None => (memory.accounts.get(keys.account), memory.addresses.get(keys.address)),
        };
        for (reason, record) in [(Reason::AccountLocked, account), (Reason::AddressLocked, address)] {
            let until = record.and_then(|record| record.locked_until);
            let wait = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
            if !wait.is_zero() {
                return Err(Refused { reason, wait });
            }
        }
        Ok(())
    }
}

impl Record {
    fn of(book: &Book<Self>, key: u64, now: Instant) -> Self {
        let unheard_of = Self { logins: Used::nothing(now), failed: Used::nothing(now), locked_until: None };
        book.get(key).unwrap_or(unheard_of)
    }
}

#[cfg(test)]
mod tests;
