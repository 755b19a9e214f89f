//! One upload's bytes on their way in, hashed as they come unless they are many.

mod direct;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use cap_std::fs::Dir;
use sha2::{Digest, Sha256};
use ulid::Ulid;

use self::direct::Direct;
pub(crate) use self::direct::aligned_room;
use super::{Spool, create};

/// So much is read at once where a file is copied or hashed.
const COPY_BYTES: usize = 256 * 1024;

/// An upload with more bytes is not hashed here. That would take as long as all the rest, and its 226 would wait for it; whoever takes it
/// from the outbox reads it anyway.
const HASHED_BYTES_MAX: u64 = if cfg!(test) { 512 * 1024 } else { 8 * 1024 * 1024 };

/// What comes behind these bytes goes to the disk past the page cache, where it can. Through the cache 500 MB took two to four times as
/// much of the processor and as long, since most was still to be written when the sync came. Most uploads are shorter, and stay in the
/// cache for the watcher.
pub(crate) const DIRECT_FROM: u64 = if cfg!(test) { 512 * 1024 } else { 4 * 1024 * 1024 };

/// So much that went through the page cache is put on the disk while more comes. Otherwise the 226, and those of others behind it, would
/// wait until all of it is there.
const FLUSHED_BESIDE: u64 = 32 * 1024 * 1024;

/// A file in `spool/`. However the upload ends, its name there is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Incoming {
    name: Name,
    file: File,
    /// Until it is too long for one.
    digest: Option<Sha256>,
    bytes: u64,
    continues: Option<u64>,
    direct: Direct,
    /// Of these bytes, how many nobody has begun to put on the disk.
    unflushed: u64,
    flushing: Option<JoinHandle<io::Result<()>>>,
}

/// An upload whose bytes are on the disk.
#[derive(Debug)]
pub(crate) struct Sealed {
    name: Name,
    /// How long the file is.
    pub(crate) bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal; `None` when they are more than [`HASHED_BYTES_MAX`].
    pub(crate) sha256: Option<String>,
    /// The length of the file that it goes on with; `None` for one that makes a file, or appends at whatever end there is.
    pub(crate) continues: Option<u64>,
}

impl Incoming {
    /// An empty file named after the upload.
    pub(crate) fn create(spool: &Arc<Spool>, upload: Ulid) -> io::Result<Self> {
        let file = create(&spool.under_way, &upload.to_string())?;
        let name = Name { spool: Arc::clone(spool), upload };
        let (digest, direct) = (Some(Sha256::new()), Direct::default());
        Ok(Self { name, file, digest, bytes: 0, continues: None, direct, unflushed: 0, flushing: None })
    }

    /// Takes the next bytes.
    pub(crate) fn write(&mut self, mut pieces: &mut [IoSlice<'_>]) -> io::Result<()> {
        let at = self.bytes;
        for piece in &*pieces {
            self.bytes = self.bytes.saturating_add(length(piece));
            match &mut self.digest {
                Some(digest) if self.bytes <= HASHED_BYTES_MAX => digest.update(&**piece),
                digest => *digest = None,
            }
        }
        if at >= DIRECT_FROM {
            let written = self.direct.write(&self.file, at, pieces)?;
            IoSlice::advance_slices(&mut pieces, written);
        }
        for piece in pieces {
            self.file.write_all(piece)?;
            self.unflushed = self.unflushed.saturating_add(length(piece));
        }
        if self.unflushed >= FLUSHED_BESIDE { self.flush_beside() } else { Ok(()) }
    }

    /// Begins to put on the disk what is written, once that is done for what was written before.
    fn flush_beside(&mut self) -> io::Result<()> {
        self.flushed()?;
        let file = self.file.try_clone()?;
        self.flushing = Some(thread::Builder::new().spawn(move || file.sync_data())?);
        self.unflushed = 0;
        Ok(())
    }

    /// The end of what was begun. An error of the disk is told only once for an open file: whoever syncs next would not hear of it.
    fn flushed(&mut self) -> io::Result<()> {
        let Some(flushing) = self.flushing.take() else { return Ok(()) };
        flushing.join().unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))
    }

    /// Takes the first bytes of another file, for an upload that goes on where an earlier one stopped (RFC 3659 section 5).
    pub(crate) fn write_from(&mut self, source: File, bytes: u64) -> io::Result<()> {
        let mut source = source.take(bytes);
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            match source.read(&mut buffer)? {
                0 if source.limit() > 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                0 => return Ok(()),
                read => self.write(&mut [IoSlice::new(buffer.get(..read).unwrap_or_default())])?,
            }
        }
    }

    /// Says that these bytes go on behind a file of this length.
    pub(crate) fn continue_from(&mut self, bytes: u64) {
        self.continues = Some(bytes);
    }

    /// Puts the bytes on the disk. The length is part of what `fdatasync` writes; the times need not be.
    pub(crate) fn seal(mut self) -> io::Result<Sealed> {
        self.flushed()?;
        self.file.sync_data()?;
        let sha256 = self.digest.map(|digest| hex(&digest.finalize()));
        Ok(Sealed { name: self.name, bytes: self.bytes, sha256, continues: self.continues })
    }
}

impl Sealed {
    /// The directory and the name under which the bytes lie.
    pub(crate) fn place(&self) -> (&Dir, String) {
        (&self.name.spool.under_way, self.name.upload.to_string())
    }
}

/// The length and the SHA-256 of a whole file, as [`Sealed`] has them.
pub(crate) fn digest(mut file: &File) -> io::Result<(u64, Option<String>)> {
    let length = file.metadata()?.len();
    if length > HASHED_BYTES_MAX {
        return Ok((length, None));
    }
    let mut digest = Sha256::new();
    let mut buffer = vec![0; COPY_BYTES];
    let mut bytes: u64 = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, Some(hex(&digest.finalize()))));
        }
        digest.update(buffer.get(..read).unwrap_or_default());
        bytes = bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
}

/// How many bytes these are, as files count them.
pub(crate) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// An upload's name in `spool/`.
#[derive(Debug)]
struct Name {
    spool: Arc<Spool>,
    upload: Ulid,
}

impl Drop for Name {
    fn drop(&mut self) {
        // Gone already when the file was renamed into a home; what cannot be removed now is removed at the next start.
        let _ = self.spool.under_way.remove_file(self.upload.to_string());
    }
}
