//! The order in which an upload lands, so that a crash between any two steps costs nothing that was acknowledged.
//!
//! **A whole file** (STOR, STOU, and APPE to a name that is not there):
//!
//! 1. the bytes lie in `spool/<ulid>`, synced;
//! 2. they are linked as `outbox/<ulid>.data`, the record is written to `spool/<ulid>.json` and synced;
//! 3. the record moves to `outbox/<ulid>.json`: *the upload has landed*;
//! 4. the bytes move from `spool/` to their name in the home: what was there is whole until here, and what comes is whole;
//! 5. the outbox is synced, then the directory in the home; 226.
//!
//! A crash before 3 leaves files that the next start removes. A crash between 3 and 5 leaves an upload that was not
//! acknowledged in the outbox: the device sends it again, and the same bytes twice count once. The record goes first
//! because the other way round a device could find its file in the home after a crash, take it for acknowledged, and never
//! send again what is in no outbox. For the same reason a step 4 that fails is answered with an error, and the upload stays
//! in the outbox. There are four syncs; on a journalling file system the last two wait for one commit.
//!
//! **An append** grows the home's file in place, which a rename cannot make atomic; the record in `spool/` is its undo log:
//!
//! 1. the segment lies in `spool/<ulid>`, synced; a file that shares its bytes with the outbox is replaced by a copy;
//! 2. as above, and the name of the record is synced too: it says how long the file was;
//! 3. the segment is added to the file, synced;
//! 4. the record moves to the outbox: *the segment has landed, and the append can no longer be undone*;
//! 5. the outbox and the spool are synced; 226.
//!
//! A start that finds the record still in `spool/` cuts the file back ([`Spool::open`]).
//!
//! The record names the upload before it, as the file's chain knows it ([`chain`]); the chain gets its new link before step 4, and the
//! link counts only while the file is as long as it says. REST to a file's very end and STOR is an append too.
//!
//! **A file whose last line has no end** and that is replaced or removed is closed before ([`closing`]).
//!
//! **A rename from a temporary name to a final one** is step 2 to 5 of a whole file, with the bytes where they are. Under a
//! temporary name an upload only does what concerns the home.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::sync::Arc;

use cap_std::fs::{Dir, Metadata, MetadataExt, OpenOptions};
use ulid::Ulid;

use super::arrival::{Arrival, Place};
use super::error::Failure;
use super::upload::Upload;
use super::{Landing, metrics};
use crate::accounts::Account;
use crate::chain::{self, Link};
use crate::closing;
use crate::names::HomePath;
use crate::outbox::{Draft, Entry};
use crate::session::Verb;
use crate::spool::{self, Claim, Held, Incoming, Sealed, Spool, sync};

/// The directory in which a file is to be made, if a file of this name can be made there, and how long the one is that is there.
pub(super) fn place(home: &Dir, path: &HomePath) -> Result<(Dir, u64), Failure> {
    let folder = home.open_dir(path.folder()).map_err(Failure::Place)?;
    match folder.symlink_metadata(path.name()) {
        Ok(there) if there.is_dir() => Err(Failure::Place(io::ErrorKind::IsADirectory.into())),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::Place(error)),
        there => Ok((folder, there.map_or(0, |there| bytes_of(&there)))),
    }
}

/// How long the file of this name is; nothing where there is none.
pub(super) fn file_bytes(folder: &Dir, name: &str) -> u64 {
    folder.symlink_metadata(name).map_or(0, |there| bytes_of(&there))
}

fn bytes_of(there: &Metadata) -> u64 {
    if there.is_file() { there.len() } else { 0 }
}

/// Lands an upload whose bytes are on the disk, and says how many they are.
pub(super) fn land(upload: &Upload, sealed: &Sealed, claim: Claim) -> Result<u64, Failure> {
    let Upload { arrival, spool, home, .. } = upload;
    if arrival.verb == Verb::Appe || sealed.continues.is_some() {
        let held = spool.lock(&arrival.account.name, &arrival.path);
        let (folder, _) = place(home, &arrival.path)?;
        match (growable(spool, &folder, arrival.path.name())?, sealed.continues) {
            (Some(file), continues) => {
                append(spool, arrival, sealed, file, continues)?;
                claim.keep(0);
            }
            (None, None) => replace(upload, sealed, claim, Some(held))?,
            (None, Some(offset)) => return Err(Failure::Offset { offset, bytes: 0 }),
        }
    } else {
        replace(upload, sealed, claim, None)?;
    }
    Ok(sealed.bytes)
}

fn replace(upload: &Upload, sealed: &Sealed, claim: Claim, held: Option<Held<'_>>) -> Result<(), Failure> {
    let Upload { arrival, spool, home, .. } = upload;
    let (under_way, name) = sealed.place();
    let mut draft = None;
    if !arrival.temporary {
        let file = under_way.open(&name).map_err(Failure::Disk)?.into_std();
        let place = Place { open: spool.is_open(&file, sealed.bytes).map_err(Failure::Disk)?, ..Place::default() };
        let entry = arrival.entry(place, sealed.bytes, sealed.sha256.clone());
        let written = Draft::write(spool, &entry).map_err(Failure::Disk)?;
        let link = begin_chain(&file, &entry).map_err(Failure::Disk)?;
        written.link(under_way, &name).map_err(Failure::Disk)?;
        draft = Some((written, file, link));
    }
    spool.at("drafted");
    // Others wait for the two renames only, not for the disk.
    let held = held.unwrap_or_else(|| spool.lock(&arrival.account.name, &arrival.path));
    let (folder, replaced) = place(home, &arrival.path)?;
    if let Some((mut draft, file, link)) = draft {
        let account = &arrival.account.name;
        closing::before_replacement(spool, account, home, &arrival.path, &file).map_err(Failure::Disk)?;
        draft.publish().map_err(Failure::Disk)?;
        spool.waiting.add(account, &arrival.path, &link);
    }
    spool.at("published");
    under_way.rename(&name, &folder, arrival.path.name()).map_err(Failure::Place)?;
    claim.keep(replaced);
    drop(held);
    spool.at("renamed");
    settle(spool, arrival, &[&folder])
}

/// The chain of a file that this upload makes.
fn begin_chain(file: &File, entry: &Entry) -> io::Result<Link> {
    let link = Link::of(entry, entry.bytes);
    chain::begin(file, link.clone())?;
    Ok(link)
}

/// The names are durable, and it can be said that the upload has landed.
fn settle(spool: &Spool, arrival: &Arrival, changed: &[&Dir]) -> Result<(), Failure> {
    if !arrival.temporary {
        sync(&spool.outbox).map_err(Failure::Disk)?;
        metrics::published();
    }
    changed.iter().try_for_each(|folder| sync(folder)).map_err(Failure::Disk)?;
    spool.at("settled");
    Ok(())
}

/// The file to append to, open for writing, and no longer the one whose bytes the outbox holds.
fn growable(spool: &Arc<Spool>, folder: &Dir, name: &str) -> Result<Option<File>, Failure> {
    let open = || match folder.open_with(name, OpenOptions::new().read(true).write(true)) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::Place(error)),
    };
    let Some(file) = open()? else { return Ok(None) };
    let facts = file.metadata().map_err(Failure::Disk)?;
    if facts.nlink() == 1 {
        return Ok(Some(file.into_std()));
    }
    let mut copy = Incoming::create(spool, Ulid::generate()).map_err(Failure::Disk)?;
    let file = file.into_std();
    copy.write_from(file.try_clone().map_err(Failure::Disk)?, facts.len()).map_err(Failure::Disk)?;
    let copy = copy.seal().map_err(Failure::Disk)?;
    let (under_way, copied) = copy.place();
    let target = under_way.open(&copied).map_err(Failure::Disk)?.into_std();
    chain::copy(&file, &target).and_then(|()| target.sync_all()).map_err(Failure::Disk)?;
    under_way.rename(copied, folder, name).map_err(Failure::Place)?;
    sync(folder).map_err(Failure::Disk)?;
    spool.at("copied");
    open().map(|file| file.map(cap_std::fs::File::into_std))
}

fn append(spool: &Spool, arrival: &Arrival, sealed: &Sealed, mut file: File, continues: Option<u64>) -> Result<(), Failure> {
    let offset = file.seek(SeekFrom::End(0)).map_err(Failure::Disk)?;
    if let Some(at) = continues.filter(|at| *at != offset) {
        // Another session has changed the file since this upload began.
        return Err(Failure::Offset { offset: at, bytes: offset });
    }
    let before = chain::last(&file).map_err(Failure::Disk)?.filter(|_| offset > 0);
    let previous = before.map(|link| link.as_previous());
    let (under_way, name) = sealed.place();
    let end = offset.saturating_add(sealed.bytes);
    let segment = under_way.open(&name).map_err(Failure::Disk)?.into_std();
    // A segment that brings nothing leaves the end as it is.
    let ends = if sealed.bytes == 0 { &file } else { &segment };
    let open = spool.is_open_behind(&file, ends).map_err(Failure::Disk)?;
    let entry = arrival.entry(Place { offset, previous, open }, sealed.bytes, sealed.sha256.clone());
    let mut draft = Draft::write(spool, &entry).map_err(Failure::Disk)?;
    let grow = |file: &mut File, draft: &mut Draft<'_>| -> io::Result<()> {
        if !arrival.temporary {
            draft.link(under_way, &name)?;
        }
        sync(under_way)?;
        spool.at("drafted");
        io::copy(&mut &segment, file)?;
        if arrival.temporary {
            file.sync_data()?;
            spool.at("appended");
            draft.withdraw()?;
        } else {
            let link = Link::of(&entry, end);
            chain::extend(file, offset, link.clone())?;
            file.sync_all()?;
            spool.at("appended");
            draft.publish()?;
            spool.waiting.add(&arrival.account.name, &arrival.path, &link);
        }
        spool.at("published");
        sync(under_way)
    };
    if let Err(error) = grow(&mut file, &mut draft) {
        // Taken back while the record is still there, as the next start would do.
        file.set_len(offset).and_then(|()| file.sync_data()).map_err(Failure::Disk)?;
        return Err(Failure::Disk(error));
    }
    settle(spool, arrival, &[])
}

/// A rename that a device asks for.
#[derive(Debug)]
pub(super) struct Rename {
    /// What lands if the old name is temporary and the new one is not.
    arrival: Arrival,
    spool: Arc<Spool>,
    from: HomePath,
    from_temporary: bool,
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
        }
    }

    /// Renames, and lands what got its final name by that.
    pub(super) fn run(&self, home: &Dir) -> Result<(), Failure> {
        let Self { arrival, spool, from, .. } = self;
        let _held = spool.lock_both(&arrival.account.name, from, &arrival.path);
        let old = home.open_dir(from.folder()).map_err(Failure::Sought)?;
        let new = home.open_dir(arrival.path.folder()).map_err(Failure::Sought)?;
        let account = &arrival.account.name;
        let is_file = old.symlink_metadata(from.name()).map_err(Failure::Sought)?.is_file();
        if !is_file {
            return self.move_only(&old, &new);
        }
        let file = old.open(from.name()).map_err(Failure::Sought)?.into_std();
        if !self.from_temporary || arrival.temporary {
            closing::before_replacement(spool, account, home, &arrival.path, &file).map_err(Failure::Disk)?;
            self.move_only(&old, &new)?;
            if let Some(link) = chain::last(&file).map_err(Failure::Disk)? {
                spool.waiting.add(account, &arrival.path, &link);
            }
            return Ok(());
        }
        place(home, &arrival.path)?;
        let (bytes, sha256) = spool::digest(&file).map_err(Failure::Disk)?;
        let place = Place { open: spool.is_open(&file, bytes).map_err(Failure::Disk)?, ..Place::default() };
        let entry = arrival.entry(place, bytes, sha256);
        let mut draft = Draft::write(spool, &entry).map_err(Failure::Disk)?;
        let link = begin_chain(&file, &entry).map_err(Failure::Disk)?;
        draft.link(&old, from.name()).map_err(Failure::Disk)?;
        spool.at("drafted");
        closing::before_replacement(spool, account, home, &arrival.path, &file).map_err(Failure::Disk)?;
        draft.publish().map_err(Failure::Disk)?;
        spool.waiting.add(account, &arrival.path, &link);
        spool.at("published");
        self.exchange(&old, &new)?;
        settle(spool, arrival, &[&new, &old])?;
        arrival.tell(bytes);
        Ok(())
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
