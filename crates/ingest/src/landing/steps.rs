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
//! in the outbox. There are four syncs; that of the outbox is shared by all uploads that come to it at the same time, and on a journalling
//! file system the last two wait for one commit.
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
use super::metrics;
use super::upload::Upload;
use crate::chain::{self, Link};
use crate::closing;
use crate::names::HomePath;
use crate::outbox::{Draft, Entry};
use crate::spool::{Claim, Held, Incoming, Sealed, Spool, sync};

/// Where an upload goes by these steps.
#[derive(Debug)]
pub(super) enum Goal {
    /// Into the outbox and the home.
    Outbox,
    /// Into the home alone: it has a temporary name.
    Home,
    /// Into the home alone: it has been delivered from the outbox already.
    Delivered(Box<Offered>),
}

/// An upload as it was put into the outbox, before it is in its home.
#[derive(Debug)]
pub(super) struct Offered {
    entry: Entry,
    link: Link,
}

impl Goal {
    fn publishes(&self) -> bool {
        matches!(self, Self::Outbox)
    }
}

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
pub(super) fn land(upload: &Upload, sealed: &Sealed, claim: Claim, goal: &Goal) -> Result<u64, Failure> {
    let Upload { arrival, spool, home, .. } = upload;
    if upload.grows(sealed) {
        let held = spool.lock(&arrival.account.name, &arrival.path);
        let (folder, _) = place(home, &arrival.path)?;
        match (growable(spool, &folder, arrival.path.name())?, sealed.continues) {
            (Some(file), _) => {
                append(spool, arrival, sealed, file, goal)?;
                claim.keep(0);
            }
            (None, None) => replace(upload, sealed, claim, goal, Some(held))?,
            (None, Some(offset)) => return Err(Failure::Offset { offset, bytes: 0 }),
        }
    } else {
        replace(upload, sealed, claim, goal, None)?;
    }
    Ok(sealed.bytes)
}

/// Puts an upload into the outbox and leaves the home as it is, for `lake.rs`. A crash may leave the entry or none, since nothing was
/// said of it to the device: so no name is synced.
pub(super) fn offer(upload: &Upload, sealed: &Sealed) -> Result<Offered, Failure> {
    let Upload { arrival, spool, home, .. } = upload;
    let held = spool.lock(&arrival.account.name, &arrival.path);
    let (folder, _) = place(home, &arrival.path)?;
    let (under_way, name) = sealed.place();
    let bytes = under_way.open(&name).map_err(Failure::Disk)?.into_std();
    let there = if upload.grows(sealed) { folder.open(arrival.path.name()).ok().map(cap_std::fs::File::into_std) } else { None };
    let offered = match there {
        Some(file) => segment(spool, arrival, sealed, &file, &bytes)?,
        None => whole(spool, arrival, sealed, &bytes)?,
    };
    let mut draft = Draft::write(spool, &offered.entry).map_err(Failure::Disk)?;
    draft.link(under_way, &name).map_err(Failure::Disk)?;
    draft.publish().map_err(Failure::Disk)?;
    metrics::published();
    drop(held);
    Ok(offered)
}

/// The entry of a file that comes as a whole, and the first link of its chain.
fn whole(spool: &Spool, arrival: &Arrival, sealed: &Sealed, bytes: &File) -> Result<Offered, Failure> {
    let open = spool.is_open(arrival.verb, bytes, sealed.bytes).map_err(Failure::Disk)?;
    let entry = arrival.entry(Place { open, ..Place::default() }, sealed.bytes, sealed.sha256.clone());
    Ok(Offered { link: Link::of(&entry, sealed.bytes), entry })
}

/// The entry of a segment that a file grows by, and the next link of its chain.
fn segment(spool: &Spool, arrival: &Arrival, sealed: &Sealed, file: &File, bytes: &File) -> Result<Offered, Failure> {
    let offset = file.metadata().map_err(Failure::Disk)?.len();
    if let Some(at) = sealed.continues.filter(|at| *at != offset) {
        // Another session has changed the file since this upload began.
        return Err(Failure::Offset { offset: at, bytes: offset });
    }
    let before = chain::last(file).map_err(Failure::Disk)?.filter(|_| offset > 0);
    let previous = before.map(|link| link.as_previous());
    // A segment that brings nothing leaves the end as it is.
    let ends = if sealed.bytes == 0 { file } else { bytes };
    let open = spool.is_open_behind(file, ends).map_err(Failure::Disk)?;
    let entry = arrival.entry(Place { offset, previous, open }, sealed.bytes, sealed.sha256.clone());
    Ok(Offered { link: Link::of(&entry, offset.saturating_add(sealed.bytes)), entry })
}

fn replace(upload: &Upload, sealed: &Sealed, claim: Claim, goal: &Goal, held: Option<Held<'_>>) -> Result<(), Failure> {
    let Upload { arrival, spool, home, .. } = upload;
    let (under_way, name) = sealed.place();
    let file = under_way.open(&name).map_err(Failure::Disk)?.into_std();
    let (mut draft, mut made) = (None, None);
    match goal {
        Goal::Home => {}
        Goal::Delivered(offered) => {
            chain::begin(&file, offered.link.clone()).map_err(Failure::Disk)?;
            made = Some(offered.link.clone());
        }
        Goal::Outbox => {
            let Offered { entry, link } = whole(spool, arrival, sealed, &file)?;
            let written = Draft::write(spool, &entry).map_err(Failure::Disk)?;
            chain::begin(&file, link.clone()).map_err(Failure::Disk)?;
            written.link(under_way, &name).map_err(Failure::Disk)?;
            (draft, made) = (Some(written), Some(link));
        }
    }
    spool.at("drafted");
    // Others wait for the two renames only, not for the disk.
    let held = held.unwrap_or_else(|| spool.lock(&arrival.account.name, &arrival.path));
    let (folder, replaced) = place(home, &arrival.path)?;
    if let Some(link) = made {
        let account = &arrival.account.name;
        closing::before_replacement(spool, account, home, &arrival.path, &file).map_err(Failure::Disk)?;
        if let Some(mut draft) = draft {
            draft.publish().map_err(Failure::Disk)?;
        }
        spool.waiting.add(account, &arrival.path, &link);
    }
    spool.at("published");
    under_way.rename(&name, &folder, arrival.path.name()).map_err(Failure::Place)?;
    claim.keep(replaced);
    drop(held);
    spool.at("renamed");
    settle(spool, goal, &[&folder])
}

/// The chain of a file that this upload makes.
pub(super) fn begin_chain(file: &File, entry: &Entry) -> io::Result<Link> {
    let link = Link::of(entry, entry.bytes);
    chain::begin(file, link.clone())?;
    Ok(link)
}

/// The names are durable, and it can be said that the upload has landed.
pub(super) fn settle(spool: &Spool, goal: &Goal, changed: &[&Dir]) -> Result<(), Failure> {
    if goal.publishes() {
        spool.sync_outbox().map_err(Failure::Disk)?;
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

fn append(spool: &Spool, arrival: &Arrival, sealed: &Sealed, mut file: File, goal: &Goal) -> Result<(), Failure> {
    let offset = file.seek(SeekFrom::End(0)).map_err(Failure::Disk)?;
    let (under_way, name) = sealed.place();
    let bytes = under_way.open(&name).map_err(Failure::Disk)?.into_std();
    let made;
    let Offered { entry, link } = match goal {
        // Whatever the file has become meanwhile comes after what was delivered.
        Goal::Delivered(offered) if offered.entry.offset != offset => return Ok(()),
        Goal::Delivered(offered) => offered.as_ref(),
        Goal::Outbox | Goal::Home => {
            made = segment(spool, arrival, sealed, &file, &bytes)?;
            &made
        }
    };
    let mut draft = Draft::write(spool, entry).map_err(Failure::Disk)?;
    let grow = |file: &mut File, draft: &mut Draft<'_>| -> io::Result<()> {
        if goal.publishes() {
            draft.link(under_way, &name)?;
        }
        sync(under_way)?;
        spool.at("drafted");
        io::copy(&mut &bytes, file)?;
        if matches!(goal, Goal::Home) {
            file.sync_data()?;
            spool.at("appended");
            draft.withdraw()?;
        } else {
            chain::extend(file, offset, link.clone())?;
            file.sync_all()?;
            spool.at("appended");
            if goal.publishes() {
                draft.publish()?
            } else {
                draft.withdraw()?
            }
            spool.waiting.add(&arrival.account.name, &arrival.path, link);
        }
        spool.at("published");
        sync(under_way)
    };
    if let Err(error) = grow(&mut file, &mut draft) {
        // Taken back while the record is still there, as the next start would do.
        file.set_len(offset).and_then(|()| file.sync_data()).map_err(Failure::Disk)?;
        return Err(Failure::Disk(error));
    }
    settle(spool, goal, &[])
}
