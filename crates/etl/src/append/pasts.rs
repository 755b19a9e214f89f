//! The pasts of segments: from memory when the segment before was read here, else from the raw objects before, back to the last
//! checkpoint, or to the first of them.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard};

use super::checkpoint::Checkpoints;
use super::{Past, Piece, read};
use crate::budget::Budget;
use crate::error::Error;
use crate::event::Created;
use crate::facts::Upload;
use crate::format::Formats;
use crate::lake::{Address, Head, Lake, LakeError};
use crate::limits::Limits;

/// How much of pasts is kept in memory. What falls out is read again from the lake.
const CACHED_BYTES_MAX: usize = 32 << 20;
/// A file in more pieces than this is none that a device writes.
const PIECES_MAX: usize = 100_000;
/// The watcher carries several uploads at once, so one may be seen moments before the one before it.
const LOOKS: u32 = 4;
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// So many walks at once. Each makes one small request after the other, and after a restart every file that is appended to needs one.
const WALKS: usize = 32;
/// What a walk remembers of so many pieces is little. Those that go back further come one after the other.
const SHORT_WALK: usize = 1000;

/// Reads pieces of files.
#[derive(Debug)]
pub(crate) struct Pasts {
    lake: Arc<dyn Lake>,
    formats: Arc<Formats>,
    limits: Limits,
    checkpoints: Checkpoints,
    cache: Mutex<Cache>,
    /// Each file has one of these, always the same: of two pieces the second finds in memory what the first has walked for.
    walking: [AsyncMutex<()>; WALKS],
    /// Held by the one long walk.
    long: AsyncMutex<()>,
    /// Room for the raw objects that walks read, about as much as one of them may take.
    room: Arc<Budget>,
    /// One of them is unwrapped and parsed at a time.
    reading: AsyncMutex<()>,
}

/// Pasts by the folder of the raw object that they end with; the oldest go first.
#[derive(Debug, Default)]
struct Cache {
    pasts: HashMap<String, Arc<Past>>,
    order: VecDeque<String>,
    bytes: usize,
}

/// Why a past cannot be had.
#[derive(Debug)]
pub(crate) enum Missing {
    /// The piece before is not in the lake, or not yet.
    Piece(String),
    /// It can be had, and is of no use.
    Unreadable(String),
    /// The lake did not say.
    Lake(Error),
}

impl Pasts {
    /// Checkpoints are in `bucket`, wherever the raw objects are.
    pub(crate) fn new(lake: Arc<dyn Lake>, bucket: String, formats: Arc<Formats>, limits: Limits) -> Self {
        let checkpoints = Checkpoints::new(lake.clone(), bucket, &formats, &limits);
        Self {
            walking: Default::default(),
            long: AsyncMutex::default(),
            room: Budget::new(limits.file_bytes.as_u64()),
            reading: AsyncMutex::default(),
            cache: Mutex::default(),
            lake,
            formats,
            limits,
            checkpoints,
        }
    }

    /// What the file held before this upload; `None` for a first piece and for one whose past is not known.
    pub(crate) async fn before(&self, upload: &Upload) -> Result<Option<Arc<Past>>, Missing> {
        let Some(folder) = &upload.previous else { return Ok(None) };
        if let Some(past) = self.cached(folder) {
            return Ok(Some(past));
        }
        let _walking = self.alone(upload).await;
        self.walk(&upload.source.bucket, folder).await.map(Some)
    }

    /// Reads a piece behind its past, and keeps what follows for the next one. To be called off the reactor.
    pub(crate) fn read(&self, upload: &Upload, bytes: &[u8], past: Option<&Past>) -> Piece {
        let piece = read(&self.formats, &self.limits, upload, bytes, past);
        self.cache().put(folder_of(&upload.source.key), Arc::new(piece.after.clone()));
        piece
    }

    /// Leaves a checkpoint behind a piece that was just read, if that is one of those that get one. One for eight pieces, so that it is
    /// waited for: nothing piles up, and whatever becomes of it, the piece is read.
    pub(crate) async fn lay(&self, upload: &Upload) {
        if let Some(past) = self.cached(&folder_of(&upload.source.key)) {
            self.checkpoints.lay(upload, &past).await;
        }
    }

    /// Waits for other walks through the same file, and for those through the few that share its lock.
    async fn alone(&self, upload: &Upload) -> Option<AsyncMutexGuard<'_, ()>> {
        let file = BuildHasherDefault::<DefaultHasher>::default().hash_one((&upload.account, &upload.path));
        let lock = self.walking.get(usize::try_from(file).ok()? % WALKS)?;
        Some(lock.lock().await)
    }

    /// Goes back to the first piece, or to one whose past is known, and reads from there on.
    async fn walk(&self, bucket: &str, folder: &str) -> Result<Arc<Past>, Missing> {
        let (mut uploads, mut _long) = (Vec::new(), None);
        let mut next = Some(folder.to_owned());
        let (mut past, mut untold) = (None, None);
        while let Some(folder) = next.take() {
            past = match self.cached(&folder) {
                Some(past) => Some(past),
                None => self.laid(bucket, &folder).await.unwrap_or_else(|error| {
                    untold = Some(error);
                    None
                }),
            };
            if past.is_some() {
                break;
            }
            if uploads.len() == SHORT_WALK {
                _long = Some(self.long.lock().await);
            }
            if uploads.len() == PIECES_MAX {
                return Err(Missing::Unreadable(format!("the file has come in more than {PIECES_MAX} pieces")));
            }
            let upload = self.look(bucket, &folder).await.map_err(|missing| match (missing, untold.take()) {
                // With the checkpoint that the lake did not tell of nobody might miss this piece.
                (Missing::Piece(_), Some(error)) => Missing::Lake(Error::lake("read a checkpoint")(error)),
                (missing, _) => missing,
            })?;
            next.clone_from(&upload.previous);
            uploads.push(upload);
        }
        while let Some(upload) = uploads.pop() {
            let upload = Arc::new(upload);
            let after = self.after(&upload, past).await?;
            self.cache().put(folder_of(&upload.source.key), Arc::clone(&after));
            // On the way and not at its end, so that a walk that is broken off goes on from here.
            self.checkpoints.lay(&upload, &after).await;
            past = Some(after);
        }
        past.ok_or_else(|| Missing::Piece(folder.to_owned()))
    }

    /// Reads one piece, for what it leaves to the next one.
    async fn after(&self, upload: &Arc<Upload>, past: Option<Arc<Past>>) -> Result<Arc<Past>, Missing> {
        let _room = self.room.hold(upload.bytes).await;
        let bytes = match self.lake.get(&upload.source.at(), self.limits.file_bytes.as_u64()).await {
            Ok((_, bytes)) => bytes,
            Err(error @ LakeError::TooLong { .. }) => {
                return Err(Missing::Unreadable(format!("a piece before is too long: {error}")));
            }
            Err(error) => return Err(Missing::Lake(Error::lake("read the segment before")(error))),
        };
        let _reading = self.reading.lock().await;
        let (formats, limits, upload) = (Arc::clone(&self.formats), self.limits.clone(), Arc::clone(upload));
        let piece = move || read(&formats, &limits, &upload, &bytes, past.as_deref()).after;
        let after = tokio::task::spawn_blocking(piece).await;
        Ok(Arc::new(after.map_err(|source| Missing::Lake(Error::Task { doing: "read a segment", source }))?))
    }

    /// The past that ends with the object in a folder, from its checkpoint.
    async fn laid(&self, bucket: &str, folder: &str) -> Result<Option<Arc<Past>>, LakeError> {
        let past = self.checkpoints.find(bucket, folder).await?.map(Arc::new);
        past.iter().for_each(|past| self.cache().put(folder.to_owned(), Arc::clone(past)));
        Ok(past)
    }

    /// The facts of the one object in a folder.
    async fn look(&self, bucket: &str, folder: &str) -> Result<Upload, Missing> {
        let failed = |error| Missing::Lake(Error::lake("look for the segment before")(error));
        let under = Address { bucket: bucket.to_owned(), key: folder.to_owned() };
        for look in 1.. {
            let keys = self.lake.list(&under, None, 1).await.map_err(failed)?;
            if let Some(key) = keys.into_iter().next() {
                let at = Address { bucket: bucket.to_owned(), key };
                let head = self.lake.head(&at).await.map_err(failed)?;
                return self.upload(at, &head);
            }
            if look == LOOKS {
                break;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Err(Missing::Piece(folder.to_owned()))
    }

    fn upload(&self, at: Address, head: &Head) -> Result<Upload, Missing> {
        // An object of ours names its own moment.
        let created = Created { at, bytes: Some(head.bytes), created_at: Timestamp::UNIX_EPOCH };
        Upload::read(&created, head).map_err(|bad| Missing::Unreadable(format!("the segment before: {bad}")))
    }

    fn cached(&self, folder: &str) -> Option<Arc<Past>> {
        self.cache().pasts.get(folder).cloned()
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    fn put(&mut self, folder: String, past: Arc<Past>) {
        if self.pasts.contains_key(&folder) {
            return;
        }
        self.bytes += past.bytes() + 2 * folder.len();
        self.order.push_back(folder.clone());
        self.pasts.insert(folder, past);
        while self.bytes > CACHED_BYTES_MAX {
            let Some(oldest) = self.order.pop_front() else { return };
            let bytes = self.pasts.remove(&oldest).map_or(0, |past| past.bytes());
            self.bytes = self.bytes.saturating_sub(bytes + 2 * oldest.len());
        }
    }
}

/// The folder of a raw object, which holds nothing else.
pub(super) fn folder_of(key: &str) -> String {
    key.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"))
}

#[cfg(test)]
mod tests;
