//! zip, after PKWARE's APPNOTE.TXT 6.3.10: stored and deflated members, in the order of the central directory.
//!
//! Read by hand, for the `zip` crate keeps members in a map by their names: of two members of one name, as loggers that append
//! to an archive make them, it shows only one, and the other's rows would be lost without a word.

use std::ops::Range;

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

use super::{Allowance, Fault, ReadFault, refusal};

const LOCAL_HEADER: &[u8] = b"PK\x03\x04";
const DIRECTORY_ENTRY: &[u8] = b"PK\x01\x02";
const DIRECTORY_END: &[u8] = b"PK\x05\x06";
/// The first disk of several.
const SPANNED: &[u8] = b"PK\x07\x08";
const LOCAL_HEADER_BYTES: usize = 30;
const DIRECTORY_ENTRY_BYTES: usize = 46;
const DIRECTORY_END_BYTES: usize = 22;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const ENCRYPTED: u16 = 1;
/// Where a number stands that is in the zip64 fields instead.
const ZIP64: u32 = u32::MAX;
/// The longest label; what is longer is no name of a file.
const LABEL_CHARACTERS_MAX: usize = 256;

pub(super) fn is(bytes: &[u8]) -> bool {
    [LOCAL_HEADER, DIRECTORY_END, SPANNED].iter().any(|magic| bytes.starts_with(magic))
}

/// A member, as the central directory has it.
pub(super) struct Entry<'z> {
    name: &'z [u8],
    flags: u16,
    method: u16,
    crc: u32,
    packed_bytes: u32,
    unpacked_bytes: u32,
    header_at: u32,
}

/// The members of an archive, without its directories.
pub(super) fn entries(archive: &[u8]) -> Result<Vec<Entry<'_>>, Fault> {
    let mut directory = directory(archive)?;
    let mut entries = Vec::new();
    while !directory.is_empty() {
        let damaged = || fault("the zip's directory is damaged");
        if !directory.starts_with(DIRECTORY_ENTRY) {
            return Err(damaged());
        }
        let lengths = [28, 30, 32].map(|at| short(directory, at).map(usize::from));
        let [Some(name), Some(extra), Some(comment)] = lengths else { return Err(damaged()) };
        let (entry, rest) = directory.split_at_checked(DIRECTORY_ENTRY_BYTES + name + extra + comment).ok_or_else(damaged)?;
        directory = rest;
        let entry = Entry::read(entry, name).ok_or_else(damaged)?;
        if !entry.name.ends_with(b"/") {
            entries.push(entry);
        }
    }
    // Members that share bytes would be unpacked as often as they are named, whatever comes out of them.
    let packed: u64 = entries.iter().map(|entry| entry.packed_bytes).filter(|bytes| *bytes != ZIP64).map(u64::from).sum();
    if usize::try_from(packed).is_ok_and(|packed| packed <= archive.len()) {
        Ok(entries)
    } else {
        Err(fault("the zip's members overlap"))
    }
}

/// The central directory. It must fill what lies between the place that its end record names and that record itself, so that an
/// archive that was cut, or that something was put before or behind, does not pass for a whole one.
fn directory(archive: &[u8]) -> Result<&[u8], Fault> {
    const COMMENT_BYTES_MAX: usize = 0xffff;
    let search_from = archive.len().saturating_sub(DIRECTORY_END_BYTES + COMMENT_BYTES_MAX);
    let tail = archive.get(search_from..).unwrap_or_default();
    let is_end = |at: &usize| {
        let record = tail.get(*at..).unwrap_or_default();
        short(record, 20).is_some_and(|comment| record.len() == DIRECTORY_END_BYTES + usize::from(comment))
    };
    let ends = memchr::memmem::rfind_iter(tail, DIRECTORY_END).find(is_end);
    let end = ends.ok_or_else(|| fault("the zip archive is cut short: its directory is missing"))?;
    let record = tail.get(end..).unwrap_or_default();
    let (Some(bytes), Some(start)) = (long(record, 12), long(record, 16)) else { return Err(fault("the zip is damaged")) };
    if start == ZIP64 || bytes == ZIP64 {
        return Err(fault("a zip64 archive, which is not supported"));
    }
    let range = place(start, bytes).filter(|range| range.end == search_from + end);
    let directory = range.and_then(|range| archive.get(range));
    directory.ok_or_else(|| fault("the zip is damaged, or one of several that were put together"))
}

impl<'z> Entry<'z> {
    fn read(entry: &'z [u8], name_bytes: usize) -> Option<Self> {
        Some(Self {
            name: entry.get(DIRECTORY_ENTRY_BYTES..DIRECTORY_ENTRY_BYTES + name_bytes)?,
            flags: short(entry, 8)?,
            method: short(entry, 10)?,
            crc: long(entry, 16)?,
            packed_bytes: long(entry, 20)?,
            unpacked_bytes: long(entry, 24)?,
            header_at: long(entry, 42)?,
        })
    }

    /// Its name, for people and for patterns of paths: never a place on a disk. Where it is not in UTF-8,
    /// what is beyond ASCII cannot be known.
    pub(super) fn label(&self) -> String {
        let printable = |character: char| if character.is_control() { char::REPLACEMENT_CHARACTER } else { character };
        String::from_utf8_lossy(self.name).chars().map(printable).take(LABEL_CHARACTERS_MAX).collect()
    }

    /// Whether its name leads out of the place that an archive is unpacked to: upwards, to a root or to a drive, by separators of
    /// any system. No device packs its files so.
    fn is_astray(&self) -> bool {
        let steps = || self.name.split(|byte| matches!(byte, b'/' | b'\\'));
        let is_rooted = |first: &[u8]| first.is_empty() || first.get(1) == Some(&b':');
        steps().next().is_some_and(is_rooted) || steps().any(|step| step == b"..")
    }

    /// The member's bytes, checked against the length and the checksum that the directory has for them.
    pub(super) fn unpack(&self, archive: &[u8], allowance: &mut Allowance<'_>) -> Result<Vec<u8>, Fault> {
        if self.is_astray() {
            let told =
                "its name leads out of the archive (zip-slip): to load it, send it under a name without \"..\", root or drive";
            return Err(fault(told));
        }
        if self.flags & ENCRYPTED != 0 {
            return Err(fault("encrypted"));
        }
        if [self.packed_bytes, self.unpacked_bytes, self.header_at].contains(&ZIP64) {
            return Err(fault("in zip64 form, which is not supported"));
        }
        let packed = self.packed(archive).ok_or_else(|| fault("the zip's directory names a place where it is not"))?;
        let mut unpacked = Vec::new();
        let read = match self.method {
            STORED => allowance.read(packed, &mut unpacked),
            DEFLATED => allowance.read(DeflateDecoder::new(packed), &mut unpacked),
            other => return Err(fault(format!("packed by method {other}; only stored and deflated can be read"))),
        };
        read.map_err(|problem| match problem {
            ReadFault::Bound(bound) => Fault::Bound(bound),
            ReadFault::Data(error) => fault(format!("damaged after {} bytes unpacked: {error}", unpacked.len())),
        })?;
        let mut crc = Crc::new();
        crc.update(&unpacked);
        if u32::try_from(unpacked.len()) != Ok(self.unpacked_bytes) || crc.sum() != self.crc {
            return Err(fault("damaged: its length or checksum is not what the zip's directory says"));
        }
        Ok(unpacked)
    }

    /// The packed bytes, which follow a header that repeats part of what the directory says.
    fn packed<'a>(&self, archive: &'a [u8]) -> Option<&'a [u8]> {
        let header = archive.get(usize::try_from(self.header_at).ok()?..)?;
        let (name, extra) = (short(header, 26)?, short(header, 28)?);
        let body = header.get(LOCAL_HEADER_BYTES + usize::from(name) + usize::from(extra)..)?;
        body.get(..usize::try_from(self.packed_bytes).ok()?).filter(|_| header.starts_with(LOCAL_HEADER))
    }
}

fn place(start: u32, bytes: u32) -> Option<Range<usize>> {
    let start = usize::try_from(start).ok()?;
    Some(start..start.checked_add(usize::try_from(bytes).ok()?)?)
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn fault(reason: impl Into<String>) -> Fault {
    Fault::Member(refusal(reason))
}
