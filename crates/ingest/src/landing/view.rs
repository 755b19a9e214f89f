//! What devices see of their home: facts of a file, and lists. Each is one visit to a blocking thread, however long the list.

use std::io::{self, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::SystemTime;

use cap_std::fs::{Dir, Metadata as Raw, PermissionsExt};
use unftp_core::storage::{ErrorKind, Fileinfo, Metadata, Permissions, Result};
use unftp_sbe_fs::Meta;

use crate::names::HomePath;

/// What LIST, MLSD, SIZE and MDTM tell of a file. Owners and links are the machine's own affair: a file has two names while
/// its upload is in the outbox, and one after.
#[derive(Debug)]
pub struct Facts {
    bytes: u64,
    is_dir: bool,
    is_symlink: bool,
    modified: Option<SystemTime>,
    mode: u32,
}

impl Facts {
    /// As libunftp's own storage tells them of one name. Links are not followed: what they lead to has facts of its own.
    pub(super) fn served(meta: Meta) -> Self {
        Self {
            bytes: meta.len(),
            is_dir: meta.is_dir(),
            is_symlink: meta.is_symlink(),
            modified: meta.modified().ok(),
            mode: meta.permissions().0,
        }
    }

    /// As the kernel tells them.
    fn of(raw: &Raw) -> Self {
        Self {
            bytes: raw.len(),
            is_dir: raw.is_dir(),
            is_symlink: raw.is_symlink(),
            modified: raw.modified().ok().map(cap_std::time::SystemTime::into_std),
            mode: raw.permissions().mode(),
        }
    }
}

impl Metadata for Facts {
    fn len(&self) -> u64 {
        self.bytes
    }

    fn is_dir(&self) -> bool {
        self.is_dir
    }

    fn is_file(&self) -> bool {
        !self.is_dir && !self.is_symlink
    }

    fn is_symlink(&self) -> bool {
        self.is_symlink
    }

    fn modified(&self) -> Result<SystemTime> {
        self.modified.ok_or_else(|| ErrorKind::LocalError.into())
    }

    fn gid(&self) -> u32 {
        0
    }

    fn uid(&self) -> u32 {
        0
    }

    fn permissions(&self) -> Permissions {
        Permissions(self.mode)
    }
}

/// The facts of one name. Links are not followed: what they lead to has facts of its own.
pub(super) fn facts(home: &Dir, path: &HomePath) -> io::Result<Facts> {
    home.symlink_metadata(path.relative()).map(|raw| Facts::of(&raw))
}

/// The entries of a directory in the order of their names, or the one file that the path names.
pub(super) fn list(home: &Dir, path: &HomePath) -> io::Result<Vec<Fileinfo<PathBuf, Facts>>> {
    let facts = Facts::of(&home.metadata(path.relative())?);
    if !facts.is_dir {
        return Ok(vec![Fileinfo { path: path.name().into(), metadata: facts }]);
    }
    let mut entries: Vec<Fileinfo<PathBuf, Facts>> = Vec::new();
    for entry in home.read_dir(path.relative())? {
        let entry = entry?;
        match entry.metadata() {
            Ok(raw) => entries.push(Fileinfo { path: entry.file_name().into(), metadata: Facts::of(&raw) }),
            // Renamed or removed since the directory was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    entries.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    Ok(entries)
}

/// A file for reading from an offset on.
pub(super) fn open(home: &Dir, path: &HomePath, offset: u64) -> io::Result<std::fs::File> {
    let mut file = home.open(path.relative())?.into_std();
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    file.seek(SeekFrom::Start(offset))?;
    Ok(file)
}
