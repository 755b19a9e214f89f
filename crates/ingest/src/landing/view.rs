//! What devices see of their home: facts of a file, and lists. Each is one visit to a blocking thread, however long the list.

use std::io::{self, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::SystemTime;

use cap_std::fs::{Dir, Metadata as Raw, PermissionsExt};
use unftp_core::storage::{Fileinfo, Metadata, Permissions, Result};

use crate::names::HomePath;

/// What LIST, MLSD, SIZE and MDTM tell of a file. Owners and links are the machine's own affair: a file has two names while
/// its upload is in the outbox, and one after.
#[derive(Debug)]
pub struct Facts(Raw);

impl Facts {
    /// Of a file or directory; a symbolic link within the home is followed.
    pub(super) fn of(home: &Dir, path: &HomePath) -> io::Result<Self> {
        home.metadata(path.relative()).map(Self)
    }
}

impl Metadata for Facts {
    fn len(&self) -> u64 {
        self.0.len()
    }

    fn is_dir(&self) -> bool {
        self.0.is_dir()
    }

    fn is_file(&self) -> bool {
        self.0.is_file()
    }

    fn is_symlink(&self) -> bool {
        self.0.is_symlink()
    }

    fn modified(&self) -> Result<SystemTime> {
        Ok(self.0.modified()?.into_std())
    }

    fn gid(&self) -> u32 {
        0
    }

    fn uid(&self) -> u32 {
        0
    }

    fn permissions(&self) -> Permissions {
        Permissions(self.0.permissions().mode())
    }
}

/// The entries of a directory in the order of their names, or the one file that the path names.
pub(super) fn list(home: &Dir, path: &HomePath) -> io::Result<Vec<Fileinfo<PathBuf, Facts>>> {
    let facts = Facts::of(home, path)?;
    if !facts.0.is_dir() {
        return Ok(vec![Fileinfo { path: path.name().into(), metadata: facts }]);
    }
    let mut entries: Vec<Fileinfo<PathBuf, Facts>> = Vec::new();
    for entry in home.read_dir(path.relative())? {
        let entry = entry?;
        match entry.metadata() {
            Ok(facts) => entries.push(Fileinfo { path: entry.file_name().into(), metadata: Facts(facts) }),
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
