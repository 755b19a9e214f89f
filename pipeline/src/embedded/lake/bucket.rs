//! One bucket: a directory, through `object_store`'s local file system with fsync.
//!
//! That makes an object's directory entry durable when it publishes the object. Three things are added here: bytes are staged
//! apart, so that what a crash leaves is in one place and can be swept; whoever finds an object there already makes its entry
//! durable as well before saying so, because the one who placed it may not have come so far; and facts, which it cannot hold.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::{self, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use etl::LakeError;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Location;
use object_store::{CopyMode, CopyOptions, Error, ObjectMeta, ObjectStore, ObjectStoreExt};
use watcher::{Object, Stored};

use super::path::{STAGING, of_facts, of_key};
use super::staged::{Place, Staged, blocking};
use super::walk;

/// Staged bytes that nobody has written to for so long were left by a crash.
const ABANDONED: Duration = Duration::from_secs(3600);
/// The longest facts file that is read: S3 allows 2 KB of user metadata.
const FACTS_BYTES_MAX: u64 = 16 << 10;
/// The longest object that is read without a thread of its own.
const SHORT_BYTES: u64 = 64 << 10;

/// An object that was read.
pub(super) struct Found {
    pub(super) length: u64,
    pub(super) etag: String,
    pub(super) facts: BTreeMap<String, String>,
    /// Empty when it is longer than was asked for.
    pub(super) bytes: Bytes,
}

/// A directory that holds objects.
#[derive(Debug)]
pub(super) struct Bucket {
    name: String,
    /// Absolute, as it was given; links on the way are not followed, so that URLs stay as the operator knows them.
    directory: PathBuf,
    store: LocalFileSystem,
}

impl Bucket {
    pub(super) fn open(name: &str, directory: &Path) -> io::Result<Self> {
        let staging = directory.join(STAGING);
        fs::create_dir_all(&staging)?;
        sweep(&staging)?;
        // Nothing is durable in a directory that is not itself.
        for made in [Some(directory), directory.parent().filter(|parent| !parent.as_os_str().is_empty())].into_iter().flatten() {
            File::open(made)?.sync_all()?;
        }
        let store = LocalFileSystem::new_with_prefix(directory).map_err(io::Error::other)?.with_fsync(true);
        Ok(Self { name: name.to_owned(), directory: path::absolute(directory)?, store })
    }

    /// The file at a location.
    pub(super) fn file(&self, location: &Location) -> Result<PathBuf, LakeError> {
        Ok(self.directory.join(location.as_ref()))
    }

    /// The path of a file relative to this bucket, if it is in there.
    pub(super) fn within<'a>(&self, file: &'a Path) -> Option<&'a str> {
        file.strip_prefix(&self.directory).ok()?.to_str()
    }

    /// Writes bytes where nobody looks for objects.
    pub(super) async fn stage(&self, fill: impl FnOnce(&mut File) -> io::Result<()> + Send + 'static) -> io::Result<Staged> {
        let staging = self.directory.join(STAGING);
        blocking(move || Staged::write(&staging, fill)).await
    }

    /// Makes staged bytes an object. Durable when it returns, also when that is with [`Error::AlreadyExists`].
    pub(super) async fn publish(&self, staged: Staged, to: &Location, place: Place) -> Result<(), Error> {
        let staged = staged.sync().await.map_err(generic)?;
        let from = Location::parse(format!("{STAGING}/{}", staged.name()))?;
        match place {
            Place::New => {
                let linked = self.store.copy_opts(&from, to, CopyOptions::new().with_mode(CopyMode::Create)).await;
                if let Err(Error::AlreadyExists { .. }) = linked {
                    self.sync_directory(to).await?;
                }
                linked
            }
            Place::Any => self.store.rename(&from, to).await,
        }
    }

    async fn sync_directory(&self, of: &Location) -> Result<(), Error> {
        let Some(directory) = self.directory.join(of.as_ref()).parent().map(Path::to_owned) else { return Ok(()) };
        blocking(move || File::open(directory)?.sync_all()).await.map_err(generic)
    }

    pub(super) async fn head(&self, location: &Location) -> Result<ObjectMeta, Error> {
        self.store.head(location).await
    }

    /// An object of at most so many bytes, and what is known of it. A short one, as nearly all are, is read here and now: that takes
    /// less time than another thread needs to begin, for what was just written is still in memory.
    pub(super) async fn read(&self, location: &Location, bytes_max: u64) -> io::Result<Found> {
        let path = self.directory.join(location.as_ref());
        let facts = self.directory.join(of_facts(location).map_err(io::Error::other)?.as_ref());
        let file = open(&path)?;
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let (length, etag, facts) = (found.len(), etag_of(&found), facts_of(&facts)?);
        let bytes = match length {
            _ if length > bytes_max => Vec::new(),
            ..=SHORT_BYTES => whole(file, length)?,
            _ => blocking(move || whole(file, length)).await?,
        };
        Ok(Found { length, etag, facts, bytes: bytes.into() })
    }

    pub(super) async fn get_range(&self, location: &Location, range: Range<u64>) -> Result<Bytes, Error> {
        self.store.get_range(location, range).await
    }

    /// The user metadata of the object; none when it was stored without.
    pub(super) async fn facts(&self, location: &Location) -> Result<BTreeMap<String, String>, Error> {
        let path = self.directory.join(of_facts(location)?.as_ref());
        blocking(move || facts_of(&path)).await.map_err(generic)
    }

    async fn put_facts(&self, location: &Location, facts: &BTreeMap<String, String>) -> Result<(), Error> {
        let json = serde_json::to_vec(facts).map_err(generic)?;
        let staged = self.stage(move |file| io::Write::write_all(file, &json)).await.map_err(generic)?;
        self.publish(staged, &of_facts(location)?, Place::Any).await
    }

    /// The first `keys_max` keys that begin with `prefix` and come after `after`, in ascending order of their bytes.
    pub(super) async fn list(&self, prefix: &str, after: Option<&str>, keys_max: usize) -> Result<Vec<String>, Error> {
        // What cannot begin a key leads out of the bucket, perhaps.
        prefix.rsplit_once('/').map(|(folder, _)| Location::parse(folder)).transpose()?;
        let (bucket, prefix) = (self.directory.clone(), prefix.to_owned());
        let after = after.unwrap_or_default().to_owned();
        blocking(move || walk::keys(&bucket, &prefix, &after, keys_max)).await.map_err(generic)
    }

    pub(super) async fn delete(&self, location: &Location) -> Result<(), Error> {
        for location in [location, &of_facts(location)?] {
            match self.store.delete(location).await {
                Ok(()) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn put_new(&self, object: Object<'_>) -> Result<Stored, Box<dyn std::error::Error + Send + Sync>> {
        let location = of_key(object.key)?;
        match self.head(&location).await {
            Ok(found) => {
                self.sync_directory(&location).await?;
                return Ok(stored(&found));
            }
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let from = object.file.to_owned();
        let staged = self.stage(move |file| io::copy(&mut File::open(from)?, file).map(drop)).await?;
        // Facts first: whoever sees the object sees what is known of it.
        self.put_facts(&location, object.facts).await?;
        match self.publish(staged, &location, Place::New).await {
            Ok(()) | Err(Error::AlreadyExists { .. }) => Ok(stored(&self.head(&location).await?)),
            Err(error) => Err(error.into()),
        }
    }
}

/// One bucket of the lake, as the watcher writes to it.
#[derive(Clone, Debug)]
pub struct LocalBucket {
    bucket: Arc<Bucket>,
}

impl LocalBucket {
    pub(super) fn new(bucket: Arc<Bucket>) -> Self {
        Self { bucket }
    }
}

#[async_trait]
impl watcher::Lake for LocalBucket {
    fn bucket(&self) -> &str {
        &self.bucket.name
    }

    async fn put_new(&self, object: Object<'_>) -> Result<Stored, watcher::LakeError> {
        let failed = |source| watcher::LakeError { operation: "put", key: object.key.to_owned(), source };
        self.bucket.put_new(object).await.map_err(failed)
    }
}

fn stored(object: &ObjectMeta) -> Stored {
    Stored { bytes: object.size, etag: etag(object), version: None }
}

/// Made of the file's inode, time of change and length, as HTTP servers do; the same for as long as the file is not replaced.
pub(super) fn etag(object: &ObjectMeta) -> String {
    object.e_tag.as_deref().unwrap_or_default().trim_matches('"').to_owned()
}

/// The same of a file: `object_store` makes it so.
fn etag_of(file: &Metadata) -> String {
    let changed = file.modified().ok().and_then(|changed| changed.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    format!("{:x}-{:x}-{:x}", file.ino(), changed.as_micros(), file.len())
}

/// Opens a file for reading. When it was read last is of no interest, and to write that down takes longer than to read a short one.
fn open(path: &Path) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{Mode, OFlags};
        match rustix::fs::open(path, OFlags::RDONLY | OFlags::NOATIME | OFlags::CLOEXEC, Mode::empty()) {
            // Only its owner may ask for that.
            Err(rustix::io::Errno::PERM) => {}
            opened => return Ok(opened?.into()),
        }
    }
    File::open(path)
}

/// All of a file of that length.
fn whole(file: File, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What is in a facts file; nothing when there is none.
fn facts_of(path: &Path) -> io::Result<BTreeMap<String, String>> {
    let file = match open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
    };
    let mut json = Vec::with_capacity(1 << 10);
    file.take(FACTS_BYTES_MAX).read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

/// Removes what crashes have left. What others are writing at this moment is younger.
fn sweep(staging: &Path) -> io::Result<()> {
    for entry in fs::read_dir(staging)? {
        let entry = entry?;
        let age = entry.metadata().and_then(|found| found.modified()).map(|modified| modified.elapsed().unwrap_or_default());
        if age.is_ok_and(|age| age > ABANDONED) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn generic(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Generic { store: "bucket", source: source.into() }
}
