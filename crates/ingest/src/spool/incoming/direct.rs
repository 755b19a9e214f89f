//! Bytes that go to the disk past the page cache (`O_DIRECT`, open(2)): without the copy into it, and with less left to do for the sync
//! at the end. Only whole blocks can go this way, out of memory that is aligned as they are, and not every file system takes them.

use std::fs::File;
use std::io::{self, IoSlice, Write};

use bytes::{Buf, BytesMut};
use rustix::fs::{OFlags, fcntl_setfl};

/// A multiple of the block sizes that most disks have; to others the way is closed.
const BLOCK_BYTES: usize = 4096;

/// Room for so many bytes, where [`Direct`] can write them from.
pub(crate) fn aligned_room(bytes: usize) -> BytesMut {
    let mut room = BytesMut::with_capacity(bytes.saturating_add(BLOCK_BYTES));
    let before = room.as_ptr().align_offset(BLOCK_BYTES);
    room.resize(before, 0);
    room.advance(before);
    room
}

/// How a file is written to at the moment.
#[derive(Debug, Default)]
pub(super) enum Direct {
    #[default]
    Off,
    On,
    /// The file system does not take it, or took less than it was given. Whoever writes the rest hears the cause, or hears it from the
    /// sync.
    Refused,
}

impl Direct {
    /// Writes those of the pieces that can go this way at the file's position `at`, and says how many bytes they were. The rest is to
    /// be written as usual.
    pub(super) fn write(&mut self, mut file: &File, at: u64, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let blocks = self.turn_on(file, whole_blocks(at, pieces));
        let written = if blocks.is_empty() { 0 } else { file.write_vectored(blocks).unwrap_or_default() };
        if written < length(pieces) && matches!(self, Self::On) {
            fcntl_setfl(file, OFlags::empty())?;
            *self = if written < length(blocks) { Self::Refused } else { Self::Off };
        }
        Ok(written)
    }

    /// What of the blocks can be written: nothing where the file system does not take them.
    fn turn_on<'a, 'b>(&mut self, file: &File, blocks: &'a [IoSlice<'b>]) -> &'a [IoSlice<'b>] {
        if matches!(self, Self::Off) && !blocks.is_empty() {
            *self = if fcntl_setfl(file, OFlags::DIRECT).is_ok() { Self::On } else { Self::Refused };
        }
        if matches!(self, Self::On) { blocks } else { &[] }
    }
}

/// The pieces up to the first one that is not made of whole blocks.
fn whole_blocks<'a, 'b>(at: u64, pieces: &'a [IoSlice<'b>]) -> &'a [IoSlice<'b>] {
    let is_whole = |piece: &IoSlice<'_>| piece.len().is_multiple_of(BLOCK_BYTES) && piece.as_ptr().align_offset(BLOCK_BYTES) == 0;
    let whole = pieces.iter().take_while(|piece| is_whole(piece)).count();
    if at.is_multiple_of(BLOCK_BYTES as u64) { pieces.get(..whole).unwrap_or_default() } else { &[] }
}

fn length(pieces: &[IoSlice<'_>]) -> usize {
    pieces.iter().map(|piece| piece.len()).sum()
}

#[cfg(test)]
mod tests;
