//! A created object → its bytes, unwrapped and parsed, or the reason why that cannot be.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::append::{self, Missing, Past, Pasts};
use crate::block::Typings;
use crate::error::{Error, Fate};
use crate::event::Created;
use crate::facts::Upload;
use crate::format::{File, Formats};
use crate::lake::{Address, Head, Lake, LakeError};
use crate::ledger::Id;
use crate::limits::Limits;
use crate::packed::{Headers, Parcel};
use crate::pieces::{End, PIECE_BYTES, Reader, Stop};
use crate::retry::{Backoff, retry};
use crate::rows::{Parsed, Part, Refusal};
use crate::unwrapped::Unwrapped;
use crate::{batch, container, members, offload, uploads};

/// Files up to here are read in less time than it takes to wake another thread for it.
const SHORT_BYTES: usize = 64 << 10;

/// An upload, and what reading it gave.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) upload: Arc<Upload>,
    pub(crate) source: Id,
    pub(crate) content: Id,
    pub(crate) read: Result<Read<Parcel>, Refusal>,
    /// Whether the end of it waits for the next segment of its file.
    pub(crate) held: bool,
}

/// A file that could be read.
#[derive(Debug)]
pub(crate) struct Read<P = Part> {
    pub(crate) parsed: Parsed<P>,
    /// The unwrapped file, or the members of an archive one behind the other; kept only while rows of them were refused.
    pub(crate) unwrapped: Unwrapped,
}

impl<P> Default for Read<P> {
    fn default() -> Self {
        Self { parsed: Parsed::default(), unwrapped: Unwrapped::default() }
    }
}

/// What a piece of a file gave.
struct Piece {
    read: Result<Read<Parcel>, Refusal>,
    /// Of all that its rows follow from.
    sha256: String,
    held: bool,
}

/// Reads uploads, a bounded number at a time.
pub(crate) struct Loader {
    pub(crate) lake: Arc<dyn Lake>,
    pub(crate) file_bytes_max: u64,
    /// What a file's bytes mean. For all but short files it is called off the reactor.
    pub(crate) parse: Arc<Parse>,
    /// Reads the files that come in pieces; without it each piece is read as a file.
    pub(crate) pasts: Option<Arc<Pasts>>,
    /// Reads files that are too long for memory; without it all are read whole.
    pub(crate) pieces: Option<Pieces>,
    /// One permit for each file that may be parsed at the same time.
    pub(crate) threads: Semaphore,
    /// One permit: files that are read in pieces come one after the other.
    pub(crate) long: Semaphore,
    pub(crate) backoff: Backoff,
    pub(crate) headers: Arc<Headers>,
}

/// What reading in pieces needs.
#[derive(Clone, Debug)]
pub(crate) struct Pieces {
    pub(crate) formats: Arc<Formats>,
    /// Where rows are kept that are not written yet.
    pub(crate) scratch: PathBuf,
}

/// What fetching an object gave.
enum Fetched {
    Bytes(Bytes),
    /// It is for reading in pieces.
    Long,
    Refused(Refusal),
}

pub(crate) type Parse = dyn Fn(&Upload, &[u8]) -> Result<Read, Refusal> + Send + Sync;

/// Parsing by format definitions, after unwrapping.
pub(crate) fn by_formats(formats: Arc<Formats>, limits: Limits) -> Arc<Parse> {
    Arc::new(move |upload, bytes| {
        let (path, device, zone) = (&upload.path, &upload.device, upload.zone.as_deref());
        let arrived = Some(upload.landed_at);
        members::read(&formats, &File { path, device, zone, arrived, bytes }, &limits)
    })
}

impl Loader {
    /// Fetches and reads one object. What is wrong with the file is in the answer; an error says that it could not be got at.
    ///
    /// What landed before `since` is refused. A segment before which something is missing in the lake is an error at first,
    /// [`Error::Early`], and refused once it has been `waited` for long enough.
    pub(crate) async fn load(&self, created: &Created, since: Option<Timestamp>, waited: bool) -> Result<Loaded, Error> {
        let (head, mut fetched) = self.fetch(&created.at).await?;
        let upload = match Upload::read(created, &head) {
            Ok(upload) => upload,
            Err(bad) => {
                if !matches!(fetched, Fetched::Refused(_)) {
                    fetched = Fetched::Refused(Refusal { reason: bad.to_string() });
                }
                Upload::bare(created, &head)
            }
        };
        if let Some(refusal) = past(&upload, since) {
            fetched = Fetched::Refused(refusal);
        }
        self.loaded(upload, &created.at, &head, fetched, waited).await
    }

    /// Reads an upload again from bytes that were kept of it: those in quarantine, or the raw object as it still is. What landed
    /// before `since` is refused.
    pub(crate) async fn load_kept(&self, upload: &Upload, at: &Address, since: Option<Timestamp>) -> Result<Loaded, Error> {
        let is_raw = *at == upload.source.at();
        let no_longer = || Refusal { reason: format!("its bytes are no longer in the lake at {}", at.key) };
        let (head, mut fetched) = match self.fetch(at).await {
            Ok(fetched) => fetched,
            Err(Error::Lake { source: LakeError::NotFound(_), .. }) => (Head::default(), Fetched::Refused(no_longer())),
            Err(error) => return Err(error),
        };
        if is_raw && head.version != upload.source.version && !matches!(fetched, Fetched::Refused(_)) {
            fetched = Fetched::Refused(Refusal { reason: format!("the object at {} is another one by now", at.key) });
        }
        if let Some(refusal) = past(upload, since) {
            fetched = Fetched::Refused(refusal);
        }
        self.loaded(upload.clone(), at, &head, fetched, true).await
    }

    async fn loaded(
        &self,
        mut upload: Upload,
        at: &Address,
        head: &Head,
        fetched: Fetched,
        waited: bool,
    ) -> Result<Loaded, Error> {
        let source = Id::of_source(&upload.source.at(), &upload.source.version);
        let bytes = match fetched {
            Fetched::Bytes(bytes) => Ok(bytes),
            Fetched::Refused(refusal) => Err(refusal),
            Fetched::Long => match self.read_long(&upload, at, head).await? {
                Ok((read, sha256)) => {
                    let sha256 = upload.sha256.get_or_insert(sha256);
                    let content = Id::of_content(&upload.device, &upload.path, upload.offset, sha256);
                    return Ok(Loaded { upload: Arc::new(upload), source, content, read, held: false });
                }
                Err(reason) => self.fetch_whole(at, head, &reason).await?,
            },
        };
        let sha256 = upload.sha256.get_or_insert_with(|| bytes.as_deref().map(hexadecimal_sha256).unwrap_or_default());
        let mut content = Id::of_content(&upload.device, &upload.path, upload.offset, sha256);
        let mut held = false;
        let read = match (bytes, &self.pasts) {
            (Ok(bytes), Some(pasts)) if append::is_piece(&upload) => match self.past(pasts, &upload, waited).await? {
                Ok(past) => {
                    let piece = self.read_piece(pasts, &upload, past, bytes).await?;
                    content = Id::of_content(&upload.device, &upload.path, upload.offset, &piece.sha256);
                    held = piece.held;
                    piece.read
                }
                Err(refusal) => Err(refusal),
            },
            (Ok(bytes), _) => self.read(&upload, bytes).await?,
            (Err(refusal), _) => Err(refusal),
        };
        Ok(Loaded { upload: Arc::new(upload), source, content, read, held })
    }

    /// Reads a long file in pieces, twice when the first pass shows that it must. Returns what it gave and its SHA-256, or why it can
    /// only be read whole.
    async fn read_long(
        &self,
        upload: &Upload,
        at: &Address,
        head: &Head,
    ) -> Result<Result<(Result<Read<Parcel>, Refusal>, String), String>, Error> {
        let Some(Pieces { formats, scratch }) = self.pieces.clone() else { return Ok(Err("files are read whole".to_owned())) };
        if append::is_piece(upload) {
            return Ok(Err("it is part of a file that is appended to".to_owned()));
        }
        // One at a time: each holds a piece, and what became of it.
        let _turn = self.long.acquire().await;
        let mut typings = Typings::default();
        loop {
            let reader = Reader::new(formats.clone(), self.headers.clone(), upload.clone(), typings, &scratch);
            let mut reader = reader.map_err(|source| Error::Spool { source: source.into() })?;
            let mut read = 0;
            while read < head.bytes {
                let bytes = self.piece(at, read).await?;
                read = read.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                let last = read >= head.bytes;
                let _permit = self.threads.acquire().await;
                let push = move || (reader.push(&bytes, last), reader);
                let pushed = offload::run("parse a piece of an upload", push).await?;
                reader = pushed.1;
                match pushed.0 {
                    Ok(()) => {}
                    Err(Stop::Whole(reason)) => return Ok(Err(reason)),
                    Err(Stop::Spool(source)) => return Err(Error::Spool { source }),
                }
            }
            match reader.finish() {
                End::Again(decided) => typings = decided,
                End::Read { read, sha256 } => {
                    // The pieces are of one object only if it is still the same.
                    let now = retry(self.backoff, || async { self.lake.head(at).await.map_err(Error::lake("look at upload")) });
                    return if now.await?.version == head.version { Ok(Ok((read, sha256))) } else { Err(replaced(at)) };
                }
            }
        }
    }

    /// The piece of an object from there on.
    async fn piece(&self, at: &Address, from: u64) -> Result<Bytes, Error> {
        let get = || async {
            let range = from..from.saturating_add(PIECE_BYTES);
            self.lake.get_range(at, range).await.map_err(Error::lake("read a piece of an upload"))
        };
        let bytes = retry(self.backoff, get).await?;
        if bytes.is_empty() { Err(replaced(at)) } else { Ok(bytes) }
    }

    /// A long object that cannot be read in pieces, when memory allows.
    async fn fetch_whole(&self, at: &Address, head: &Head, reason: &str) -> Result<Result<Bytes, Refusal>, Error> {
        let bytes_max = self.file_bytes_max;
        if head.bytes > bytes_max {
            let reason = format!(
                "{} bytes, {bytes_max} allowed (etl.limits.file_bytes) of a file that is read whole: {reason}",
                head.bytes
            );
            return Ok(Err(Refusal { reason }));
        }
        let get = || async { self.lake.get(at, bytes_max).await.map_err(Error::lake("read upload")) };
        retry(self.backoff, get).await.map(|(_, bytes)| Ok(bytes))
    }

    /// What the upload's file held before it, or why that cannot be known.
    async fn past(&self, pasts: &Pasts, upload: &Upload, waited: bool) -> Result<Result<Option<Arc<Past>>, Refusal>, Error> {
        let mut backoff = self.backoff;
        loop {
            let error = match pasts.before(upload).await {
                Ok(past) => return Ok(Ok(past)),
                Err(Missing::Unreadable(reason)) => return Ok(Err(Refusal { reason })),
                Err(Missing::Piece(folder)) if waited => {
                    let reason = format!("a segment of a file of which an earlier upload is not in the lake: {folder}");
                    return Ok(Err(Refusal { reason }));
                }
                Err(Missing::Piece(folder)) => return Err(Error::Early { folder }),
                Err(Missing::Lake(error)) => error,
            };
            let pause = Some(error.fate()).filter(|fate| *fate == Fate::Retry).and_then(|_| backoff.pause());
            let Some(pause) = pause else { return Err(error) };
            tokio::time::sleep(pause).await;
        }
    }

    async fn read_piece(
        &self,
        pasts: &Arc<Pasts>,
        upload: &Upload,
        past: Option<Arc<Past>>,
        bytes: Bytes,
    ) -> Result<Piece, Error> {
        // The semaphore is never closed.
        let permit = self.threads.acquire().await;
        let (reads, of, headers) = (Arc::clone(pasts), upload.clone(), self.headers.clone());
        let read = tokio::task::spawn_blocking(move || {
            let piece = reads.read(&of, &bytes, past.as_deref());
            let read = piece.read.and_then(|read| packed(read, &headers));
            Piece { read, sha256: hexadecimal_sha256(&piece.text), held: piece.held }
        });
        let read = read.await.map_err(|source| Error::Task { doing: "parse an upload", source })?;
        drop(permit);
        pasts.lay(upload).await;
        Ok(read)
    }

    async fn fetch(&self, at: &Address) -> Result<(Head, Fetched), Error> {
        let bytes_max = if self.pieces.is_some() { PIECE_BYTES.min(self.file_bytes_max) } else { self.file_bytes_max };
        let got = retry(self.backoff, || async { self.lake.get(at, bytes_max).await.map_err(Error::lake("read upload")) });
        match got.await {
            Ok((head, bytes)) => Ok((head, Fetched::Bytes(bytes))),
            Err(Error::Lake { source: source @ LakeError::TooLong { .. }, .. }) => {
                let head = retry(self.backoff, || async { self.lake.head(at).await.map_err(Error::lake("look at upload")) });
                let refused = || Fetched::Refused(Refusal { reason: source.to_string() });
                Ok((head.await?, if self.pieces.is_some() { Fetched::Long } else { refused() }))
            }
            Err(error) => Err(error),
        }
    }

    async fn read(&self, upload: &Upload, bytes: Bytes) -> Result<Result<Read<Parcel>, Refusal>, Error> {
        // What is wrapped may be long once it is not.
        if bytes.len() <= SHORT_BYTES && !container::is_wrapped(&bytes) {
            return Ok((self.parse)(upload, &bytes).and_then(|read| packed(read, &self.headers)));
        }
        // The semaphore is never closed.
        let _permit = self.threads.acquire().await;
        let (parse, upload, headers) = (self.parse.clone(), upload.clone(), self.headers.clone());
        offload::run("parse an upload", move || parse(&upload, &bytes).and_then(|read| packed(read, &headers))).await
    }
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader").field("lake", &self.lake).finish_non_exhaustive()
    }
}

impl Loaded {
    /// How many rows it has for tables.
    pub(crate) fn rows(&self) -> usize {
        self.read.iter().flat_map(|read| &read.parsed.parts).map(Parcel::rows).sum()
    }

    /// Whether it says that a file gets no more bytes, and nothing in that file was waiting for that.
    pub(crate) fn is_idle_close(&self) -> bool {
        let idle = |read: &Read<Parcel>| self.rows() == 0 && read.parsed.refused.is_empty();
        append::is_close(&self.upload) && self.read.as_ref().is_ok_and(idle)
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn bytes(&self) -> u64 {
        let of = |read: &Read<Parcel>| read.parsed.parts.iter().map(Parcel::bytes).sum::<usize>() + read.unwrapped.len();
        u64::try_from(self.read.as_ref().map_or(0, of)).unwrap_or(u64::MAX)
    }
}

fn packed(read: Read, headers: &Headers) -> Result<Read<Parcel>, Refusal> {
    let Read { mut parsed, unwrapped } = read;
    let mut parts = Vec::with_capacity(parsed.parts.len());
    for part in std::mem::take(&mut parsed.parts) {
        parts.extend(checked(part, &parsed.format)?.map(|part| headers.pack(part).into()));
    }
    Ok(Read { parsed: parsed.with(parts), unwrapped })
}

/// Parts without rows say nothing; parts that cannot stand in a table must not get near the rows of others.
pub(crate) fn checked(part: Part, format: &str) -> Result<Option<Part>, Refusal> {
    if part.ts.is_empty() {
        return Ok(None);
    }
    if part.table == uploads::TABLE {
        return Err(Refusal { reason: format!("the table name {} is taken by the record of uploads", uploads::TABLE) });
    }
    match batch::flaw(&part) {
        None => Ok(Some(part)),
        Some(flaw) => Err(Refusal { reason: format!("format {format} gave rows that no table takes: {flaw}") }),
    }
}

/// What pieces are of that are not of one object.
fn replaced(at: &Address) -> Error {
    let source = "it was replaced while it was read".into();
    Error::Lake {
        doing: "read an upload in pieces",
        source: LakeError::Unavailable { operation: "get", at: at.key.clone(), source },
    }
}

/// Why an upload is too old to be loaded: whether its rows are in a table nobody remembers, and to add them could be to add them
/// twice.
fn past(upload: &Upload, since: Option<Timestamp>) -> Option<Refusal> {
    let reason = || format!("landed at {}, longer ago than processed uploads are remembered", upload.landed_at);
    (upload.landed_at < since?).then(|| Refusal { reason: reason() })
}

fn hexadecimal_sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
