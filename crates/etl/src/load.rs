//! A created object → its bytes, unwrapped and parsed, or the reason why that cannot be.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::append::{self, Missing, Past, Pasts};
use crate::error::{Error, Fate};
use crate::event::Created;
use crate::facts::Upload;
use crate::format::{File, Formats};
use crate::lake::{Address, Head, Lake, LakeError};
use crate::ledger::{Id, Ledgers};
use crate::limits::Limits;
use crate::packed::{Headers, Packed};
use crate::retry::{Backoff, retry};
use crate::rows::{Parsed, Part, Refusal};
use crate::{batch, members, offload, uploads};

/// An upload, and what reading it gave.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) upload: Upload,
    pub(crate) source: Id,
    pub(crate) content: Id,
    pub(crate) read: Result<Read<Packed>, Refusal>,
    /// Whether the end of it waits for the next segment of its file.
    pub(crate) held: bool,
}

/// A file that could be read.
#[derive(Debug)]
pub(crate) struct Read<P = Part> {
    pub(crate) parsed: Parsed<P>,
    /// The unwrapped file, or the members of an archive one behind the other; kept only while rows of them were refused.
    pub(crate) unwrapped: Vec<u8>,
}

impl<P> Default for Read<P> {
    fn default() -> Self {
        Self { parsed: Parsed::default(), unwrapped: Vec::new() }
    }
}

/// What a piece of a file gave.
struct Piece {
    read: Result<Read<Packed>, Refusal>,
    /// Of all that its rows follow from.
    sha256: String,
    held: bool,
}

/// Reads uploads, a bounded number at a time.
pub(crate) struct Loader {
    pub(crate) lake: Arc<dyn Lake>,
    pub(crate) file_bytes_max: u64,
    /// What a file's bytes mean. It is called off the reactor.
    pub(crate) parse: Arc<Parse>,
    /// Reads the files that come in pieces; without it each piece is read as a file.
    pub(crate) pasts: Option<Arc<Pasts>>,
    /// One permit for each file that may be parsed at the same time.
    pub(crate) threads: Semaphore,
    pub(crate) backoff: Backoff,
    pub(crate) headers: Arc<Headers>,
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
    /// A segment before which something is missing in the lake is an error at first, [`Error::Early`], and refused once it has been
    /// `waited` for long enough.
    pub(crate) async fn load(&self, created: &Created, ledgers: &Ledgers, now: Timestamp, waited: bool) -> Result<Loaded, Error> {
        let (head, fetched) = self.fetch(&created.at).await?;
        let (upload, mut fetched) = match Upload::read(created, &head) {
            Ok(upload) => (upload, fetched),
            Err(bad) => (Upload::bare(created, &head), fetched.and_then(|_| Err(Refusal { reason: bad.to_string() }))),
        };
        if let Some(reason) = past(&upload, ledgers, now) {
            fetched = Err(reason);
        }
        self.loaded(upload, fetched, waited).await
    }

    /// Reads an upload again from bytes that were kept of it: those in quarantine, or the raw object as it still is.
    pub(crate) async fn load_kept(
        &self,
        upload: &Upload,
        at: &Address,
        ledgers: &Ledgers,
        now: Timestamp,
    ) -> Result<Loaded, Error> {
        let is_raw = *at == upload.source.at();
        let fetched = match self.fetch(at).await {
            Ok((head, _)) if is_raw && head.version != upload.source.version => {
                Err(Refusal { reason: format!("the object at {} is another one by now", at.key) })
            }
            Ok((_, fetched)) => fetched,
            Err(Error::Lake { source: LakeError::NotFound(_), .. }) => {
                Err(Refusal { reason: format!("its bytes are no longer in the lake at {}", at.key) })
            }
            Err(error) => return Err(error),
        };
        self.loaded(upload.clone(), past(upload, ledgers, now).map_or(fetched, Err), true).await
    }

    async fn loaded(&self, mut upload: Upload, fetched: Result<Bytes, Refusal>, waited: bool) -> Result<Loaded, Error> {
        let sha256 = upload.sha256.get_or_insert_with(|| fetched.as_deref().map(hexadecimal_sha256).unwrap_or_default());
        let mut content = Id::of_content(&upload.device, &upload.path, upload.offset, sha256);
        let source = Id::of_source(&upload.source.at(), &upload.source.version);
        let mut held = false;
        let read = match (fetched, &self.pasts) {
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
        Ok(Loaded { upload, source, content, read, held })
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
        let _permit = self.threads.acquire().await;
        let (pasts, upload, headers) = (Arc::clone(pasts), upload.clone(), self.headers.clone());
        let read = tokio::task::spawn_blocking(move || {
            let piece = pasts.read(&upload, &bytes, past.as_deref());
            let read = piece.read.and_then(|read| packed(read, &headers));
            Piece { read, sha256: hexadecimal_sha256(&piece.text), held: piece.held }
        });
        read.await.map_err(|source| Error::Task { doing: "parse an upload", source })
    }

    async fn fetch(&self, at: &Address) -> Result<(Head, Result<Bytes, Refusal>), Error> {
        let got =
            retry(self.backoff, || async { self.lake.get(at, self.file_bytes_max).await.map_err(Error::lake("read upload")) });
        match got.await {
            Ok((head, bytes)) => Ok((head, Ok(bytes))),
            Err(Error::Lake { source: source @ LakeError::TooLong { .. }, .. }) => {
                let head = retry(self.backoff, || async { self.lake.head(at).await.map_err(Error::lake("look at upload")) });
                Ok((head.await?, Err(Refusal { reason: source.to_string() })))
            }
            Err(error) => Err(error),
        }
    }

    async fn read(&self, upload: &Upload, bytes: Bytes) -> Result<Result<Read<Packed>, Refusal>, Error> {
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
        self.read.iter().flat_map(|read| &read.parsed.parts).map(Packed::rows).sum()
    }

    /// Whether it says that a file gets no more bytes, and nothing in that file was waiting for that.
    pub(crate) fn is_idle_close(&self) -> bool {
        let idle = |read: &Read<Packed>| self.rows() == 0 && read.parsed.refused.is_empty();
        append::is_close(&self.upload) && self.read.as_ref().is_ok_and(idle)
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn bytes(&self) -> u64 {
        let of = |read: &Read<Packed>| read.parsed.parts.iter().map(Packed::bytes).sum::<usize>() + read.unwrapped.len();
        u64::try_from(self.read.as_ref().map_or(0, of)).unwrap_or(u64::MAX)
    }
}

/// Parts without rows say nothing; parts that cannot stand in a table must not get near the rows of others.
fn packed(read: Read, headers: &Headers) -> Result<Read<Packed>, Refusal> {
    let Read { mut parsed, unwrapped } = read;
    let mut parts = Vec::with_capacity(parsed.parts.len());
    for part in std::mem::take(&mut parsed.parts).into_iter().filter(|part| !part.ts.is_empty()) {
        if part.table == uploads::TABLE {
            return Err(Refusal { reason: format!("the table name {} is taken by the record of uploads", uploads::TABLE) });
        }
        if let Some(flaw) = batch::flaw(&part) {
            return Err(Refusal { reason: format!("format {} gave rows that no table takes: {flaw}", parsed.format) });
        }
        parts.push(headers.pack(part));
    }
    Ok(Read { parsed: parsed.with(parts), unwrapped })
}

/// Why an upload is too old to be loaded: whether its rows are in a table nobody remembers, and to add them could be to add them
/// twice.
fn past(upload: &Upload, ledgers: &Ledgers, now: Timestamp) -> Option<Refusal> {
    let reason = || format!("landed at {}, longer ago than processed uploads are remembered", upload.landed_at);
    ledgers.is_past(upload.landed_at, now).then(|| Refusal { reason: reason() })
}

fn hexadecimal_sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
