//! Renames, and what a rename from a temporary name to a final one publishes by that.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use bytesize::ByteSize;
use cap_std::fs::Dir;
use ulid::Ulid;

use super::arrival::{Arrival, Place};
use super::error::Failure;
use super::steps::{Goal, begin_chain, file_bytes, place, settle};
use super::{Landing, metrics};
use crate::accounts::Account;
use crate::names::HomePath;
use crate::outbox::{Draft, Entry};
use crate::session::Verb;
use crate::spool::{self, Spool, sync};
use crate::{chain, closing};

/// A rename that a device asks for.
#[derive(Debug)]
pub(super) struct Rename {
    /// What lands if the old name is temporary and the new one is not.
    arrival: Arrival,
    spool: Arc<Spool>,
    from: HomePath,
    from_temporary: bool,
    /// Of a file that is published.
    bytes_max: u64,
}

/// A file that is in the outbox, and still under its temporary name.
#[derive(Debug)]
pub(super) struct Offered {
    entry: Entry,
    inode: u64,
}

impl Rename {
    /// Of a file or a directory, within the home of an account.
    pub(super) fn new(landing: &Landing, account: &Account, from: HomePath, to: HomePath) -> Self {
        let mode = landing.session.upload().map(|(mode, _)| mode);
        Self {
            arrival: Arrival::now(landing, account, to, mode, Verb::Rnto),
            spool: Arc::clone(&landing.spool),
            from_temporary: landing.temporary.holds(&from),
            from,
            bytes_max: landing.upload_bytes_max,
        }
    }

    /// Names the upload, if this is one.
    pub(super) fn upload(&self) -> Ulid {
        self.arrival.upload
    }

    /// Renames, and lands what got its final name by that.
    pub(super) fn run(&self, home: &Dir) -> Result<(), Failure> {
        let Self { arrival, spool, from, .. } = self;
        let _held = spool.lock_both(&arrival.account.name, from, &arrival.path);
        let (old, new) = self.folders(home)?;
        let Some(file) = self.published(home, &old, &new)? else { return Ok(()) };
        let (mut draft, entry) = self.draft(home, &old, &file)?;
        let link = begin_chain(&file, &entry).map_err(Failure::Disk)?;
        closing::before_replacement(spool, &arrival.account.name, home, &arrival.path, &file).map_err(Failure::Disk)?;
        draft.publish().map_err(Failure::Disk)?;
        spool.waiting.add(&arrival.account.name, &arrival.path, &link);
        spool.at("published");
        self.exchange(&old, &new)?;
        settle(spool, &Goal::Outbox, &[&new, &old])?;
        arrival.tell(entry.bytes);
        Ok(())
    }

    /// Puts what is to get its final name into the outbox, and leaves the home as it is; whatever else it is, renames it.
    pub(super) fn offer(&self, home: &Dir) -> Result<Option<Offered>, Failure> {
        let Self { arrival, spool, from, .. } = self;
        let _held = spool.lock_both(&arrival.account.name, from, &arrival.path);
        let (old, new) = self.folders(home)?;
        let Some(file) = self.published(home, &old, &new)? else { return Ok(None) };
        let inode = file.metadata().map_err(Failure::Disk)?.ino();
        let (mut draft, entry) = self.draft(home, &old, &file)?;
        draft.publish().map_err(Failure::Disk)?;
        metrics::published();
        Ok(Some(Offered { entry, inode }))
    }

    /// Gives its final name to what was offered. Where the device has put something else under the old name meanwhile, that stays.
    pub(super) fn finish(&self, home: &Dir, offered: &Offered) -> Result<(), Failure> {
        let Self { arrival, spool, from, .. } = self;
        let _held = spool.lock_both(&arrival.account.name, from, &arrival.path);
        let (old, new) = self.folders(home)?;
        let file = old.open(from.name()).map(cap_std::fs::File::into_std);
        if let Ok(file) = file
            && file.metadata().map_err(Failure::Disk)?.ino() == offered.inode
        {
            let link = begin_chain(&file, &offered.entry).map_err(Failure::Disk)?;
            closing::before_replacement(spool, &arrival.account.name, home, &arrival.path, &file).map_err(Failure::Disk)?;
            self.move_only(&old, &new)?;
            spool.waiting.add(&arrival.account.name, &arrival.path, &link);
        }
        arrival.tell(offered.entry.bytes);
        Ok(())
    }

    /// The directories of the old name and of the new one.
    fn folders(&self, home: &Dir) -> Result<(Dir, Dir), Failure> {
        let open = |path: &HomePath| home.open_dir(path.folder()).map_err(Failure::Sought);
        Ok((open(&self.from)?, open(&self.arrival.path)?))
    }

    /// The file, if the rename publishes it; else it is renamed, and that is all.
    fn published(&self, home: &Dir, old: &Dir, new: &Dir) -> Result<Option<File>, Failure> {
        let Self { arrival, spool, from, .. } = self;
        if !old.symlink_metadata(from.name()).map_err(Failure::Sought)?.is_file() {
            return self.move_only(old, new).map(|()| None);
        }
        let file = old.open(from.name()).map_err(Failure::Sought)?.into_std();
        if self.from_temporary && !arrival.temporary {
            return Ok(Some(file));
        }
        let account = &arrival.account.name;
        closing::before_replacement(spool, account, home, &arrival.path, &file).map_err(Failure::Disk)?;
        self.move_only(old, new)?;
        if let Some(link) = chain::last(&file).map_err(Failure::Disk)? {
            spool.waiting.add(account, &arrival.path, &link);
        }
        Ok(None)
    }

    /// The record, and the entry that it holds, whose bytes are linked into the outbox.
    fn draft(&self, home: &Dir, old: &Dir, file: &File) -> Result<(Draft<'_>, Entry), Failure> {
        let Self { arrival, spool, from, .. } = self;
        place(home, &arrival.path)?;
        // Appends to a temporary name may have come to more than one upload may have.
        if file.metadata().map_err(Failure::Disk)?.len() > self.bytes_max {
            let failure = Failure::Long(ByteSize::b(self.bytes_max));
            arrival.tell_failure(&failure);
            return Err(failure);
        }
        let (bytes, sha256) = spool::digest(file).map_err(Failure::Disk)?;
        let place = Place { open: spool.is_open(arrival.verb, file, bytes).map_err(Failure::Disk)?, ..Place::default() };
        let entry = arrival.entry(place, bytes, sha256);
        let draft = Draft::write(spool, &entry).map_err(Failure::Disk)?;
        draft.link(old, from.name()).map_err(Failure::Disk)?;
        spool.at("drafted");
        Ok((draft, entry))
    }

    /// Renames what is not to be published by that.
    fn move_only(&self, old: &Dir, new: &Dir) -> Result<(), Failure> {
        self.exchange(old, new)?;
        sync(new).and_then(|()| sync(old)).map_err(Failure::Disk)
    }

    fn exchange(&self, old: &Dir, new: &Dir) -> Result<(), Failure> {
        let Self { spool, from, arrival, .. } = self;
        // A path that names the same file twice replaces nothing.
        let replaced = if *from == arrival.path { 0 } else { file_bytes(new, arrival.path.name()) };
        old.rename(from.name(), new, arrival.path.name()).map_err(Failure::Sought)?;
        spool.usage.freed(&arrival.account.name, replaced);
        spool.at("renamed");
        Ok(())
    }
}
