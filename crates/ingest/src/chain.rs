//! What a file in a home was made of: the upload that brought its last bytes, so that the next segment can name it.
//!
//! It is kept in an extended attribute of the file, so it moves when the file is renamed and goes when the file goes, and costs an
//! upload no sync of its own. A link counts only while the file is as long as the link says: after a crash in the middle of an append
//! the older one counts. Where none counts, or the file system has no such attributes, the file's past is not known.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;

use jiff::Timestamp;
use rustix::fs::{XattrFlags, fgetxattr, fsetxattr};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::outbox::{Entry, Previous};
use crate::session::Verb;

const ATTRIBUTE: &str = "user.inlet.chain";
/// Two links take less than a quarter of it.
const ATTRIBUTE_BYTES_MAX: usize = 4096;

/// The last upload to a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    /// How long the file is with it.
    pub(crate) end: u64,
    pub(crate) upload: Ulid,
    pub(crate) session: Ulid,
    pub(crate) client: SocketAddr,
    pub(crate) device: String,
    pub(crate) zone: Option<String>,
    #[serde(with = "text")]
    pub(crate) landed_at: Timestamp,
    /// Whether it came by APPE, or added to a file that was there: more of it may come.
    pub(crate) appended: bool,
    /// Whether the file's last line has no end, and nothing yet has said that it is whole.
    pub(crate) open: bool,
}

impl Link {
    /// The upload of this entry, after which the file is `end` bytes long.
    pub(crate) fn of(entry: &Entry, end: u64) -> Self {
        Self {
            end,
            upload: entry.upload,
            session: entry.session,
            client: entry.client,
            device: entry.device.clone(),
            zone: entry.zone.clone(),
            landed_at: entry.landed_at,
            appended: entry.previous.is_some() || entry.verb == Verb::Appe,
            open: entry.open,
        }
    }

    /// As the entry of the next segment names it.
    pub(crate) fn as_previous(&self) -> Previous {
        Previous { upload: self.upload, device: self.device.clone(), landed_at: self.landed_at }
    }
}

/// The last upload to this file; `None` when that is not known.
pub(crate) fn last(file: &File) -> io::Result<Option<Link>> {
    at(file, file.metadata()?.len())
}

fn at(file: &File, bytes: u64) -> io::Result<Option<Link>> {
    Ok(links(file)?.into_iter().rev().find(|link| link.end == bytes))
}

/// Begins the chain of a file that an upload made.
pub(crate) fn begin(file: &File, link: Link) -> io::Result<()> {
    write(file, &[link])
}

/// Adds a link to a file that was `before` bytes long. The link that counted then is kept: it counts again when the growth is taken
/// back.
pub(crate) fn extend(file: &File, before: u64, link: Link) -> io::Result<()> {
    let before = at(file, before)?;
    write(file, &before.into_iter().chain([link]).collect::<Vec<_>>())
}

/// Takes a file's links over to its copy.
pub(crate) fn copy(from: &File, to: &File) -> io::Result<()> {
    let links = links(from)?;
    if links.is_empty() { Ok(()) } else { write(to, &links) }
}

/// Whether the file system keeps chains.
pub(crate) fn is_kept(file: &File) -> io::Result<bool> {
    write(file, &[])?;
    let mut value = [0; 16];
    Ok(fgetxattr(file, ATTRIBUTE, &mut value[..]).is_ok())
}

/// Whether a file is packed by its first bytes: it has no lines of its own then.
pub(crate) fn is_packed(file: &File) -> io::Result<bool> {
    const PACKED: [&[u8]; 2] = [&[0x1f, 0x8b], b"PK"];
    let mut first = [0; 2];
    let read = file.read_at(&mut first, 0)?;
    Ok(PACKED.iter().any(|magic| first.get(..read) == Some(magic)))
}

/// Whether a file ends within a line.
pub(crate) fn ends_within_line(file: &File) -> io::Result<bool> {
    let bytes = file.metadata()?.len();
    let mut last = [0; 2];
    let read = file.read_at(&mut last, bytes.saturating_sub(2))?;
    // In UTF-16 the second byte of a line end may be zero.
    Ok(!matches!(last.get(..read), Some([] | [.., b'\n' | b'\r'] | [b'\n' | b'\r', 0])))
}

fn links(file: &File) -> io::Result<Vec<Link>> {
    let mut value = vec![0; ATTRIBUTE_BYTES_MAX];
    match fgetxattr(file, ATTRIBUTE, &mut value[..]) {
        // What is not in our form is not ours, or of another version.
        Ok(read) => Ok(serde_json::from_slice(value.get(..read).unwrap_or_default()).unwrap_or_default()),
        Err(Errno::NODATA | Errno::NOTSUP | Errno::RANGE) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn write(file: &File, links: &[Link]) -> io::Result<()> {
    match fsetxattr(file, ATTRIBUTE, &serde_json::to_vec(links)?, XattrFlags::empty()) {
        // Without attributes a segment stands for itself, which its entry says by naming none before it.
        Ok(()) | Err(Errno::NOTSUP) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A moment as text (RFC 3339).
mod text {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(moment: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(moment)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
