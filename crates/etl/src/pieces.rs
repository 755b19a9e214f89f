//! Files too long for memory, read piece by piece at line ends, as if they were read whole.
//!
//! Each piece is read behind the lines before it that are no rows (headers, wherever they stand), as what is appended to a file is, and
//! its rows go to a spool. What only the whole file can say, which type a column has and which encoding the lines are in, the pieces
//! say together ([`Typings`]): where one of them was read otherwise than all decide, all are read once more. What cannot be known
//! before the last row, or has no line ends to be cut at, is no file for this, and is read whole or refused.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::append::{Behind, LineEnds, own};
use crate::block::{Typings, Verdict, notation_undeclared};
use crate::container;
use crate::facts::Upload;
use crate::format::{File, Formats};
use crate::load::{Read, checked};
use crate::packed::{Headers, Parcel};
use crate::rows::{Parsed, Refusal, Refused};
use crate::spool::Spool;
use crate::text::Unit;
use crate::unwrapped::Unwrapped;

/// How long a piece is. A file that is no longer than this is read whole. Tests are not built to be fast.
pub(crate) const PIECE_BYTES: u64 = if cfg!(test) { 1 << 20 } else { 16 << 20 };
/// How much of headers, comments and the like is carried from piece to piece, and how much of refused rows is kept in memory.
const HEAD_BYTES_MAX: usize = 1 << 20;
const REFUSED_BYTES_MAX: usize = 16 << 20;

/// A file that is being read.
#[derive(Debug)]
pub(crate) struct Reader {
    formats: Arc<Formats>,
    headers: Arc<Headers>,
    upload: Upload,
    typings: Typings,
    spool: Spool,
    sha256: Sha256,
    /// The lines before this piece that are no rows.
    head: Vec<u8>,
    /// What follows the last line end.
    rest: Vec<u8>,
    /// How many lines, and bytes, are behind; the rest is not among them.
    lines: u64,
    bytes: usize,
    parsed: Parsed<Parcel>,
    excerpts: BTreeMap<usize, Vec<u8>>,
    refused_bytes: usize,
}

/// Why there is no reading on.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The file can only be read as a whole, for this reason.
    Whole(String),
    /// The spool could not be written.
    Spool(arrow::error::ArrowError),
}

/// What has come of all pieces.
#[derive(Debug)]
pub(crate) enum End {
    Read {
        read: Result<Read<Parcel>, Refusal>,
        sha256: String,
    },
    /// They must be read again, as this says.
    Again(Typings),
}

impl Reader {
    /// Begins a file. `typings` are what an earlier pass over it has decided.
    pub(crate) fn new(
        formats: Arc<Formats>,
        headers: Arc<Headers>,
        upload: Upload,
        typings: Typings,
        scratch: &Path,
    ) -> std::io::Result<Self> {
        Ok(Self {
            formats,
            headers,
            upload,
            typings,
            spool: Spool::create(scratch)?,
            sha256: Sha256::new(),
            head: Vec::new(),
            rest: Vec::new(),
            lines: 0,
            bytes: 0,
            parsed: Parsed::default(),
            excerpts: BTreeMap::new(),
            refused_bytes: 0,
        })
    }

    /// Reads what comes next of the file; `last` when nothing comes after.
    pub(crate) fn push(&mut self, bytes: &[u8], last: bool) -> Result<(), Stop> {
        self.sha256.update(bytes);
        let first = self.bytes == 0 && self.rest.is_empty();
        let mut text = std::mem::take(&mut self.head);
        let head = text.len();
        text.append(&mut self.rest);
        text.extend_from_slice(bytes);
        if first {
            self.begin(&text)?;
        }
        let ends = LineEnds::of(Unit::Byte);
        // A carriage return that ends a piece may be half a line end.
        let whole = text.strip_suffix(b"\r").unwrap_or(&text);
        let cut = if last { text.len() } else { ends.last(whole).max(head) };
        self.rest = text.split_off(cut);
        if u64::try_from(self.rest.len()).is_ok_and(|rest| rest > PIECE_BYTES) {
            return Err(Stop::Whole(format!("it has a line of more than {PIECE_BYTES} bytes")));
        }
        let before = self.upload.clone();
        let parsed = self.formats.parse_piece(&file(&before, &text), &self.typings);
        if let Some(obstacle) = self.typings.obstacle() {
            return Err(Stop::Whole(obstacle));
        }
        let parsed = parsed.map_err(|refusal| Stop::Whole(refusal.reason))?;
        let (parsed, kept) = own(parsed, &text, &Behind { head, cut_line: false }, ends);
        self.take(parsed, &text, head)?;
        self.lines += u64::try_from(ends.lines(text.get(head..).unwrap_or_default()).count()).unwrap_or(u64::MAX);
        self.bytes += text.len() - head;
        text.truncate(head);
        self.head = text;
        // A device that repeats its header does not make it longer.
        if !self.head.ends_with(&kept) {
            self.head.extend_from_slice(&kept);
        }
        if self.head.len() > HEAD_BYTES_MAX {
            return Err(Stop::Whole(format!("more than {HEAD_BYTES_MAX} bytes of its lines are no rows")));
        }
        Ok(())
    }

    /// Whether the file is one to be read in pieces, by its first.
    fn begin(&mut self, text: &[u8]) -> Result<(), Stop> {
        if container::is_wrapped(text) {
            return Err(Stop::Whole("it is compressed".to_owned()));
        }
        match self.formats.form(&file(&self.upload, text)) {
            Ok(Some(form)) if form.in_pieces && form.unit == Unit::Byte => {
                self.parsed.format = form.name;
                Ok(())
            }
            Ok(Some(form)) => Err(Stop::Whole(format!("files in format {} are read as a whole", form.name))),
            Ok(None) => Err(Stop::Whole("it begins with nothing".to_owned())),
            Err(refusal) => Err(Stop::Whole(refusal.reason)),
        }
    }

    /// Takes what a piece gave: its rows to the spool, what was refused with its bytes.
    fn take(&mut self, parsed: Parsed, text: &[u8], head: usize) -> Result<(), Stop> {
        // A piece of blank lines is in no format.
        if !parsed.format.is_empty() && parsed.format != self.parsed.format {
            return Err(Stop::Whole(format!("it begins as {} and goes on as {}", self.parsed.format, parsed.format)));
        }
        let behind = i64::try_from(self.lines).unwrap_or(i64::MAX);
        for part in parsed.parts {
            let mut part = match checked(part, &parsed.format) {
                Ok(Some(part)) => part,
                Ok(None) => continue,
                Err(refusal) => return Err(Stop::Whole(refusal.reason)),
            };
            part.row = part.row.unary(|row| row.saturating_add(behind));
            let columns = self.headers.of(&part);
            self.parsed.parts.push(Parcel::Spooled(self.spool.write(&part, columns).map_err(Stop::Spool)?));
        }
        for refused in parsed.refused {
            let bytes = text.get(refused.bytes.clone()).unwrap_or_default();
            let start = refused.bytes.start.saturating_sub(head) + self.bytes;
            self.refused_bytes += bytes.len() + refused.reason.len() + size_of::<Refused>();
            self.excerpts.insert(start, bytes.to_vec());
            let range = start..start + bytes.len();
            self.parsed.refused.push(Refused { row: refused.row.saturating_add(self.lines), bytes: range, ..refused });
        }
        if self.refused_bytes > REFUSED_BYTES_MAX {
            let first = self.parsed.refused.first().map(|refused| format!("line {}: {}", refused.row, refused.reason));
            let rows = self.parsed.refused.len();
            return Err(Stop::Whole(format!("{rows} rows and more are refused, the first at {}", first.unwrap_or_default())));
        }
        self.parsed.skipped += parsed.skipped;
        self.parsed.by_arrival |= parsed.by_arrival;
        self.parsed.zone = self.parsed.zone.take().or(parsed.zone);
        Ok(())
    }

    /// What the file gave, once its last piece is read.
    pub(crate) fn finish(self) -> End {
        let sha256 = self.sha256.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let read = match self.typings.verdict() {
            Verdict::Again(typings) => return End::Again(typings),
            Verdict::Otherwise(column) => Err(Refusal { reason: notation_undeclared(&column) }),
            Verdict::Agreed => Ok(Read { parsed: self.parsed, unwrapped: Unwrapped::Excerpts(self.excerpts) }),
        };
        End::Read { read, sha256 }
    }
}

fn file<'a>(upload: &'a Upload, bytes: &'a [u8]) -> File<'a> {
    File { path: &upload.path, device: &upload.device, zone: upload.zone.as_deref(), arrived: Some(upload.landed_at), bytes }
}

#[cfg(test)]
mod tests;
