//! Files that come in pieces: what each appended segment gives, as if the file had come whole.
//!
//! The rows of a segment are the lines that *end* in it, each once. What it needs of the pieces before it is their [`Past`]: the lines
//! that are no rows (headers, wherever they stand in the file) and the line that the last one left without an end. The past follows
//! from the raw objects alone, so no order of delivery matters, and nothing is kept but caches, in memory (`append/pasts.rs`) and in the
//! lake (`append/checkpoint.rs`).
//!
//! A last line without its end belongs to the segment that ends it, or to the file's close, an event without bytes that says that the
//! line is whole as it is. A line that a close has loaded may still be continued: what continues it is refused.
//!
//! This works for formats in which a line is a row and rows do not depend on each other. A file in another format is read as a whole
//! when it is stored, and what is appended to it is refused.

mod checkpoint;
mod line_ends;
mod pasts;
mod slice;

pub(crate) use checkpoint::ROOT;
pub(crate) use line_ends::LineEnds;
pub(crate) use pasts::{Missing, Pasts};
pub(crate) use slice::{Behind, own};

use crate::facts::Upload;
use crate::format::{File, Formats};
use crate::limits::Limits;
use crate::load::Read;
use crate::members;
use crate::rows::{Parsed, Refusal, Refused};
use crate::text::Unit;

/// The command of a file's close, as its facts have it.
const CLOSE: &str = "CLOSE";
/// The command that adds to a file.
const APPEND: &str = "APPE";

/// What a file held up to some point, as far as what follows needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Past {
    /// Its lines that are no rows, with their ends, as they came.
    head: Vec<u8>,
    /// What follows its last line end, in no table yet.
    held: Vec<u8>,
    /// How what came last ended.
    end: End,
    /// Whether what is held is in quarantine already, so that a close has nothing to say of it.
    kept: bool,
    /// Why nothing that is appended can be read.
    whole: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    Line,
    /// A carriage return: a line feed that follows belongs to it.
    CarriageReturn,
    /// Within a line that was taken as whole.
    Cut,
}

impl Past {
    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        self.head.len() + self.held.len() + size_of::<Self>()
    }

    /// What reading goes on with: the past, then these bytes.
    fn then(&self, bytes: &[u8]) -> Vec<u8> {
        let skip = usize::from(self.end == End::CarriageReturn && bytes.first() == Some(&b'\n'));
        [&self.head, &self.held, bytes.get(skip..).unwrap_or_default()].concat()
    }
}

/// What a piece of a file gave.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) read: Result<Read, Refusal>,
    /// All that its rows follow from, for their identity: equal segments behind different pasts are different rows.
    pub(crate) text: Vec<u8>,
    /// Whether the end of it waits for more.
    pub(crate) held: bool,
    after: Past,
}

/// Whether an upload has to be read as a piece of a file, and not as a file.
pub(crate) fn is_piece(upload: &Upload) -> bool {
    upload.open || upload.offset > 0 || upload.previous.is_some() || is_close(upload)
}

/// Whether an upload says no more than that a file gets no more bytes.
pub(crate) fn is_close(upload: &Upload) -> bool {
    upload.verb.as_deref() == Some(CLOSE)
}

/// Reads a piece behind its past; `None` for the first of a file, and for one whose past nobody knows.
pub(crate) fn read(formats: &Formats, limits: &Limits, upload: &Upload, bytes: &[u8], past: Option<&Past>) -> Piece {
    // Formats know files by the names they have out of gzip.
    let path = upload.path.strip_suffix(".gz").or_else(|| upload.path.strip_suffix(".GZ")).unwrap_or(&upload.path);
    let file =
        |bytes| File { path, device: &upload.device, zone: upload.zone.as_deref(), arrived: Some(upload.landed_at), bytes };
    let first = past.is_none();
    let past =
        past.cloned().unwrap_or_else(|| Past { end: if upload.offset > 0 { End::Cut } else { End::Line }, ..Past::default() });
    let plain = match unpacked(bytes, first && upload.offset == 0, limits) {
        Ok(Some(plain)) => plain,
        Ok(None) => return whole(formats, limits, &file(bytes), "an archive"),
        Err(refusal) => return Piece { read: Err(refusal), text: past.then(bytes), held: false, after: past },
    };
    if is_close(upload) && (past.kept || past.held.trim_ascii().is_empty()) {
        return Piece { read: Ok(nothing()), text: past.then(&plain), held: false, after: past };
    }
    if let Some(reason) = &past.whole {
        return Piece { read: Err(refusal(reason)), text: past.then(&plain), held: false, after: past };
    }
    let text = past.then(&plain);
    let form = match formats.form(&file(&text)) {
        Ok(Some(form)) if form.by_line => form,
        Ok(Some(form)) if first && upload.offset == 0 => return whole(formats, limits, &file(bytes), &form.name),
        Ok(Some(form)) => {
            let read = if is_close(upload) { Ok(nothing()) } else { Err(refusal(&not_in_parts(&form.name))) };
            return Piece { read, text, held: false, after: past };
        }
        Ok(None) => {
            let after = Past { head: text.clone(), held: Vec::new(), ..past };
            return Piece { read: Ok(nothing()), text, held: false, after };
        }
        Err(refusal) => return undecided(upload, text, past, refusal),
    };
    let ends = LineEnds::of(form.unit);
    let mut cut = if upload.open { ends.last(&text).max(past.head.len()) } else { text.len() };
    if text.len() - cut > limits.line_length() {
        cut = text.len();
    }
    let (lines, held) = text.split_at(cut);
    let parsed = match formats.parse(&file(lines)) {
        Ok(parsed) => parsed,
        Err(refusal) => return undecided(upload, text, past, refusal),
    };
    let behind = Behind { head: past.head.len(), cut_line: past.end == End::Cut };
    let (parsed, kept) = own(parsed, lines, &behind, ends);
    let end = match lines {
        [.., b'\r'] => End::CarriageReturn,
        lines if ends.last(lines) == lines.len() => End::Line,
        _ => End::Cut,
    };
    let mut head = past.head;
    // A device that repeats its header with each segment does not make it longer.
    if !head.ends_with(&kept) {
        head.extend_from_slice(&kept);
    }
    let after = Past { head, held: held.to_vec(), end, kept: false, whole: None };
    let held = !held.is_empty();
    let unwrapped = if parsed.refused.is_empty() { Vec::new() } else { lines.to_vec() };
    Piece { read: Ok(Read { parsed, unwrapped: unwrapped.into() }), text, held, after }
}

/// The bytes out of gzip, of which each segment may be a stream of its own; `None` for what only a whole file can be.
fn unpacked(bytes: &[u8], first: bool, limits: &Limits) -> Result<Option<Vec<u8>>, Refusal> {
    let members = match crate::container::unwrap(bytes, limits) {
        Ok(members) => members,
        // As a file of its own it says why.
        Err(_) if first => return Ok(None),
        Err(refusal) => return Err(refusal),
    };
    match <[_; 1]>::try_from(members) {
        Ok([member]) if member.name.is_none() => member.bytes.map(|bytes| Some(bytes.into_owned())),
        _ if first => Ok(None),
        _ => Err(refusal("a segment that is an archive, and archives are read as whole files")),
    }
}

/// A first piece that is read as a file, in a format of which there are no parts.
fn whole(formats: &Formats, limits: &Limits, file: &File<'_>, form: &str) -> Piece {
    let after = Past { whole: Some(not_in_parts(form)), ..Past::default() };
    Piece { read: members::read(formats, file, limits), text: file.bytes.to_vec(), held: false, after }
}

/// What no format can make sense of. Of a file that grows by appends a short text waits while more may come, all of it that is in no
/// table: its header may not be whole. Anything else is refused.
fn undecided(upload: &Upload, text: Vec<u8>, past: Past, refusal: Refusal) -> Piece {
    const WAITING_BYTES_MAX: usize = 16 << 10;
    let own = text.get(past.head.len()..).unwrap_or_default();
    let is_stored = upload.offset == 0 && upload.verb.as_deref() != Some(APPEND);
    if upload.open && !is_stored && own.len() <= WAITING_BYTES_MAX && !own.contains(&0) {
        return Piece { read: Ok(nothing()), held: true, after: Past { held: own.to_vec(), ..past }, text };
    }
    // What waited stands in other uploads than this one, so its bytes are kept with the reason.
    let read = if past.held.is_empty() || past.kept {
        Err(refusal)
    } else {
        let refused = Refused { member: None, row: 1, bytes: past.head.len()..text.len(), reason: refusal.reason };
        Ok(Read { parsed: Parsed { refused: vec![refused], ..Parsed::default() }, unwrapped: text.clone().into() })
    };
    // Its lines are in quarantine, and may be header to what follows; a line without an end may be, too.
    let (head, held) = text.split_at(if upload.open { LineEnds::of(Unit::Byte).last(&text) } else { text.len() });
    let after = Past { head: head.to_vec(), held: held.to_vec(), end: End::Line, kept: true, whole: None };
    Piece { read, text, held: false, after }
}

fn nothing() -> Read {
    Read::default()
}

fn not_in_parts(form: &str) -> String {
    format!(
        "appended to a file in a format that is read as a whole ({form}): such files are stored in one piece, or under a temporary name"
    )
}

fn refusal(reason: &str) -> Refusal {
    Refusal { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests;
