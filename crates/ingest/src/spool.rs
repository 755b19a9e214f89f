//! The directories of ingest: `homes/` (what devices see), `spool/` (uploads under way), `outbox/` (uploads that landed).
//!
//! All three lie on one file system, since an upload moves between them by rename and hard link.

mod incoming;
mod recovery;
mod together;
mod usage;

use std::fs::{self, DirBuilder};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use tracing::warn;
use unftp_sbe_fs::Filesystem;

pub(crate) use self::incoming::{DIRECT_FROM, Incoming, Sealed, aligned_room, digest, length};
use self::together::Together;
pub(crate) use self::usage::{Claim, Usage};
use crate::chain;
use crate::closing::Waiting;
use crate::names::HomePath;
use crate::session::Verb;

/// Devices' files are for this service and its group, for nobody else on the machine.
const FOLDER_MODE: u32 = 0o750;
const FILE_MODE: u32 = 0o640;

/// So many paths can change at once; two that share a lock wait for each other.
const LOCKS: u64 = 256;

/// The directories of ingest beneath one data directory, shared by all sessions.
#[derive(Debug)]
pub struct Spool {
    homes: Dir,
    homes_path: PathBuf,
    pub(crate) under_way: Dir,
    pub(crate) outbox: Dir,
    outbox_path: PathBuf,
    outbox_names: Together,
    pub(crate) usage: Usage,
    /// Files whose last line has no end.
    pub(crate) waiting: Waiting,
    /// Whether files remember what they were made of.
    remembers: bool,
    /// Whether the last line of a file that was stored waits for its end.
    waits_stored: AtomicBool,
    locks: Vec<Mutex<()>>,
    #[cfg(test)]
    pub(crate) checkpoint: tests::Checkpoint,
}

/// The right to change what is under one or two paths, until it is dropped.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    _guards: [Option<MutexGuard<'a, ()>>; 2],
}

impl Spool {
    /// Makes the directories where they are missing, and clears away what a crash left half-done: uploads that were cut off
    /// are removed, an append that was not acknowledged is taken back, bytes in the outbox without a record are removed.
    ///
    /// To be called once, before the first session, by the one process that takes uploads into this data directory.
    pub fn open(root: &Path) -> io::Result<Self> {
        let folder = |name: &str| -> io::Result<Dir> {
            let path = root.join(name);
            DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&path)?;
            Dir::open_ambient_dir(&path, ambient_authority())
        };
        let under_way = folder("spool")?;
        let trial = ulid::Ulid::generate().to_string();
        let remembers = chain::is_kept(&create(&under_way, &trial)?)?;
        under_way.remove_file(&trial)?;
        if !remembers {
            warn!(
                "the data directory's file system has no extended attributes: appended segments are read without what was before them"
            );
        }
        let outbox = folder("outbox")?;
        let spool = Self {
            homes: folder("homes")?,
            homes_path: root.join("homes"),
            under_way,
            remembers,
            waits_stored: AtomicBool::new(true),
            outbox_names: Together::new(outbox.open(".")?.into_std()),
            outbox,
            outbox_path: root.join("outbox"),
            usage: Usage::default(),
            waiting: Waiting::default(),
            locks: (0..LOCKS).map(|_| Mutex::default()).collect(),
            #[cfg(test)]
            checkpoint: tests::Checkpoint::default(),
        };
        fs::File::open(root)?.sync_all()?;
        recovery::clear(&spool)?;
        Ok(spool)
    }

    /// The home of an account, made when it is missing. The name has passed the rules for account names.
    pub(crate) fn home(&self, account: &str) -> io::Result<Dir> {
        match self.homes.open_dir(account) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
        match make_folder(&self.homes, account) {
            // Two sessions of one account may come first at once.
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => self.homes.open_dir(account),
        }
    }

    /// The same home as libunftp's own storage serves it.
    pub(crate) fn served(&self, account: &str) -> io::Result<Filesystem> {
        Filesystem::new(self.homes_path.join(account))
    }

    /// Where the outbox is.
    pub(crate) fn outbox_path(&self) -> &Path {
        &self.outbox_path
    }

    /// Makes the names in the outbox durable, with those of all others who do so at the same time. Blocks: for blocking threads only.
    pub(crate) fn sync_outbox(&self) -> io::Result<()> {
        self.outbox_names.sync()
    }

    /// From now on a file that is stored is whole, whatever it ends with.
    pub(crate) fn take_stored_as_whole(&self) {
        self.waits_stored.store(false, Ordering::Relaxed);
    }

    /// Whether a file that comes as a whole ends within a line, and will be closed when nothing goes on with it. One that comes by APPE is
    /// as likely to go on as one that was there.
    pub(crate) fn is_open(&self, verb: Verb, file: &fs::File, bytes: u64) -> io::Result<bool> {
        let waits = verb == Verb::Appe || self.waits_stored.load(Ordering::Relaxed);
        if bytes == 0 || !waits { Ok(false) } else { self.is_open_behind(file, file) }
    }

    /// The same for a file that is appended to, at whose end that other one will stand.
    pub(crate) fn is_open_behind(&self, file: &fs::File, end: &fs::File) -> io::Result<bool> {
        Ok(self.remembers && !chain::is_packed(file)? && chain::ends_within_line(end)?)
    }

    /// The accounts that have a home.
    pub(crate) fn accounts(&self) -> io::Result<Vec<String>> {
        let mut accounts = Vec::new();
        for entry in self.homes.entries()? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                accounts.extend(entry.file_name().into_string());
            }
        }
        Ok(accounts)
    }

    /// Held while the file under a path is exchanged, appended to or removed. Blocks: for blocking threads only.
    pub(crate) fn lock(&self, account: &str, path: &HomePath) -> Held<'_> {
        Held { _guards: [self.take(self.stripe(account, path)), None] }
    }

    /// As `lock`, for two paths at once, in an order that cannot deadlock.
    pub(crate) fn lock_both(&self, account: &str, one: &HomePath, other: &HomePath) -> Held<'_> {
        let (one, other) = (self.stripe(account, one), self.stripe(account, other));
        let first = self.take(one.min(other));
        Held { _guards: [first, if one == other { None } else { self.take(one.max(other)) }] }
    }

    fn stripe(&self, account: &str, path: &HomePath) -> usize {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one((account, path));
        usize::try_from(hash % LOCKS).unwrap_or_default()
    }

    fn take(&self, stripe: usize) -> Option<MutexGuard<'_, ()>> {
        // A poisoned lock guards no data of its own: the file system is whole at every step.
        self.locks.get(stripe).map(|lock| lock.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A point between two steps, where tests look at what a crash would leave.
    #[cfg(not(test))]
    pub(crate) fn at(&self, _point: &'static str) {}
}

/// Makes a directory that is there after a crash too.
pub(crate) fn make_folder(parent: &Dir, name: &str) -> io::Result<()> {
    let mut builder = cap_std::fs::DirBuilder::new();
    cap_std::fs::DirBuilderExt::mode(&mut builder, FOLDER_MODE);
    parent.create_dir_with(name, &builder)?;
    sync(parent)
}

/// Makes the names in a directory durable. A handle may be no more than a path (`O_PATH`), so it is opened for reading first.
pub(crate) fn sync(folder: &Dir) -> io::Result<()> {
    folder.open(".")?.sync_all()
}

/// A file of ours that must not be there yet.
pub(crate) fn create(folder: &Dir, name: &str) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(FILE_MODE);
    Ok(folder.open_with(name, &options)?.into_std())
}

#[cfg(test)]
pub(crate) mod tests;
