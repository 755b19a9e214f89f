//! The outbox directory: `<ulid>.data` holds an upload's bytes, `<ulid>.json` says what they are. An entry exists when its
//! `.json` does; whoever writes puts that there last, and whoever removes takes it away first: the watcher when the upload is
//! delivered, and ingest when it takes one back that was not delivered in time.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use ulid::Ulid;

use crate::entry::{BadEntry, ENTRY_BYTES_MAX, Entry};
use crate::error::Error;

/// Bytes without an entry are removed after this long. What is being written, or being forgotten, is without one for moments.
const ORPHAN_AGE: SignedDuration = SignedDuration::from_hours(1);
/// So much is read at once to be hashed.
const HASHED_BYTES: usize = 256 * 1024;

/// The directory. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    directory: Arc<Path>,
}

/// What was in the outbox at about one time.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// The uploads that have an entry, oldest first.
    pub(crate) entries: BTreeSet<Ulid>,
    /// The uploads that have bytes and no entry.
    pub(crate) orphans: BTreeSet<Ulid>,
}

impl Outbox {
    /// Opens the directory, and makes it when it is missing.
    pub(crate) fn open(directory: PathBuf) -> Result<Self, Error> {
        match fs::create_dir_all(&directory) {
            Ok(()) => Ok(Self { directory: directory.into() }),
            Err(source) => Err(Error::Outbox { directory, source }),
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file that holds the upload's bytes.
    pub(crate) fn data(&self, upload: Ulid) -> PathBuf {
        self.directory.join(format!("{upload}.data"))
    }

    fn record(&self, upload: Ulid) -> PathBuf {
        self.directory.join(format!("{upload}.json"))
    }

    /// Whether the entry is there still. One that cannot be looked at is taken to be there.
    pub(crate) async fn holds(&self, upload: Ulid) -> bool {
        !self.gone(vec![upload]).await.contains(&upload)
    }

    /// Those of some uploads whose entries are there no more.
    pub(crate) async fn gone(&self, mut uploads: Vec<Ulid>) -> Vec<Ulid> {
        let outbox = self.clone();
        let look = blocking(move || {
            uploads.retain(|upload| matches!(outbox.record(*upload).try_exists(), Ok(false)));
            Ok(uploads)
        });
        look.await.unwrap_or_default()
    }

    /// Reads the whole directory. Files of other names are nobody's business here.
    pub(crate) async fn list(&self) -> io::Result<Listing> {
        let outbox = self.clone();
        blocking(move || {
            let mut listing = Listing::default();
            for file in fs::read_dir(&outbox.directory)? {
                let name = file?.file_name();
                if let Some(upload) = upload_of(&name, "json") {
                    listing.entries.insert(upload);
                } else if let Some(upload) = upload_of(&name, "data") {
                    listing.orphans.insert(upload);
                }
            }
            listing.orphans.retain(|upload| !listing.entries.contains(upload));
            Ok(listing)
        })
        .await
    }

    /// Reads an entry; none when it is gone.
    pub(crate) async fn read(&self, upload: Ulid) -> Result<Option<Entry>, BadEntry> {
        let outbox = self.clone();
        blocking(move || Ok(outbox.read_now(upload))).await?
    }

    /// The entries, and what is wrong with each, when none of them can be read; `None` while there is one that can.
    pub(crate) async fn unreadable(&self) -> io::Result<Option<Vec<(Ulid, BadEntry)>>> {
        let outbox = self.clone();
        blocking(move || {
            let mut unreadable = Vec::new();
            for file in fs::read_dir(&outbox.directory)? {
                let Some(upload) = upload_of(&file?.file_name(), "json") else { continue };
                match outbox.read_now(upload) {
                    Ok(Some(_)) => return Ok(None),
                    Ok(None) => {}
                    Err(bad) => unreadable.push((upload, bad)),
                }
            }
            Ok(Some(unreadable))
        })
        .await
    }

    fn read_now(&self, upload: Ulid) -> Result<Option<Entry>, BadEntry> {
        let mut record = match File::open(self.record(upload)) {
            Ok(file) => file.take(u64::try_from(ENTRY_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1)),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut json = Vec::new();
        record.read_to_end(&mut json)?;
        let entry = Entry::parse(upload, &json)?;
        let found = match fs::metadata(self.data(upload)) {
            // Taken back by ingest between the two looks, its record first.
            Err(error) if error.kind() == ErrorKind::NotFound && !self.record(upload).try_exists()? => return Ok(None),
            found => found?.len(),
        };
        if found != entry.bytes {
            return Err(BadEntry::Length { expected: entry.bytes, found });
        }
        Ok(Some(entry))
    }

    /// The SHA-256 of an upload's bytes, in hexadecimal.
    pub(crate) async fn sha256(&self, upload: Ulid) -> io::Result<String> {
        let data = self.data(upload);
        blocking(move || hexadecimal_sha256(File::open(data)?)).await
    }

    /// Removes an entry and its bytes. A crash between the two leaves an orphan, never an entry without its bytes.
    pub(crate) async fn forget(&self, upload: Ulid) -> io::Result<()> {
        let files = [self.record(upload), self.data(upload)];
        blocking(move || files.iter().try_for_each(|file| remove(file))).await
    }

    /// Removes the bytes of those uploads that have had no entry for long. Returns how many.
    pub(crate) async fn sweep(&self, orphans: BTreeSet<Ulid>, now: Timestamp) -> io::Result<u64> {
        let outbox = self.clone();
        blocking(move || {
            let mut swept = 0;
            for upload in orphans {
                let data = outbox.data(upload);
                // The listing may be older than the entry; and the age is that of the link, not of the bytes, which may have
                // lain in the device's home for days before a rename published them.
                if !outbox.record(upload).try_exists()? && changed(&data)?.is_some_and(|then| now - ORPHAN_AGE > then) {
                    remove(&data)?;
                    swept += 1;
                }
            }
            Ok(swept)
        })
        .await
    }
}

fn hexadecimal_sha256(file: File) -> io::Result<String> {
    let mut reader = BufReader::with_capacity(HASHED_BYTES, file);
    let mut digest = Sha256::new();
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        digest.update(bytes);
        let read = bytes.len();
        reader.consume(read);
    }
}

/// The upload whose file this is, if it is named `<ulid>.<extension>`.
pub(crate) fn upload_of(name: &OsStr, extension: &str) -> Option<Ulid> {
    let name = name.to_str()?;
    let upload = name.strip_suffix(extension)?.strip_suffix('.')?.parse::<Ulid>().ok()?;
    // Ulids parse in lower case too, but then the file would not be found under its name again.
    (format!("{upload}.{extension}") == name).then_some(upload)
}

/// When the file's inode last changed; linking changes it.
fn changed(file: &Path) -> io::Result<Option<Timestamp>> {
    match fs::metadata(file) {
        Ok(found) => Ok(Timestamp::from_second(found.ctime()).ok()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Runs what blocks off the reactor.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests;
