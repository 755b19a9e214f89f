//! One file as text, in each of the encodings that formats ask for, each decoded once.

use std::collections::HashMap;

use encoding_rs::Encoding;

use crate::limits::Limits;
use crate::rows::Refusal;
use crate::text::Text;

/// What a file shows of its format stands in so many bytes and lines at its top.
const HEAD_BYTES: usize = 1 << 20;
const HEAD_LINES: usize = 256;

/// What text some bytes are.
#[derive(Default)]
struct Decoded<'b> {
    /// In all encodings the same, as nearly always.
    same: Option<Result<Text<'b>, Refusal>>,
    /// By the encodings that formats list.
    by_encodings: HashMap<Vec<&'static Encoding>, Result<Text<'b>, Refusal>>,
}

/// A file's text, and that of its top.
pub(super) struct Texts<'b, 'l> {
    bytes: &'b [u8],
    limits: &'l Limits,
    is_ascii: bool,
    /// The top; `None` when the whole file is no longer.
    head: Option<&'b [u8]>,
    heads: Decoded<'b>,
    wholes: Decoded<'b>,
}

impl<'b, 'l> Texts<'b, 'l> {
    pub(super) fn new(bytes: &'b [u8], limits: &'l Limits) -> Self {
        Self {
            bytes,
            limits,
            is_ascii: bytes.is_ascii(),
            head: head(bytes),
            heads: Decoded::default(),
            wholes: Decoded::default(),
        }
    }

    /// The top of the file: all lines that a format can ask for, but for those that only the whole has.
    pub(super) fn head(&mut self, encodings: &[&'static Encoding]) -> Result<&Text<'b>, &Refusal> {
        let is_wide = encodings.iter().any(|encoding| !encoding.is_ascii_compatible());
        match self.head.filter(|_| !is_wide) {
            None => self.whole(encodings),
            Some(head) => {
                let is_same = self.is_same(encodings);
                self.heads.get(is_same, encodings, || Text::decode(head, encodings, self.limits))
            }
        }
    }

    /// The whole file.
    pub(super) fn whole(&mut self, encodings: &[&'static Encoding]) -> Result<&Text<'b>, &Refusal> {
        let is_same = self.is_same(encodings);
        self.wholes.get(is_same, encodings, || Text::decode(self.bytes, encodings, self.limits))
    }

    /// Whether it is the same text in these encodings as in all that hold ASCII.
    fn is_same(&self, encodings: &[&'static Encoding]) -> bool {
        self.is_ascii && encodings.iter().all(|encoding| encoding.is_ascii_compatible())
    }

    /// Whether there is nothing in it.
    pub(super) fn is_blank(&mut self, encodings: &[&'static Encoding]) -> bool {
        self.head(encodings).is_ok_and(Text::is_blank) && self.whole(encodings).is_ok_and(Text::is_blank)
    }

    /// The whole file, for good.
    pub(super) fn into_whole(mut self, encodings: &[&'static Encoding]) -> Result<Text<'b>, Refusal> {
        let known = if self.is_same(encodings) { self.wholes.same } else { self.wholes.by_encodings.remove(encodings) };
        known.unwrap_or_else(|| Text::decode(self.bytes, encodings, self.limits))
    }
}

impl<'b> Decoded<'b> {
    fn get(
        &mut self,
        is_same: bool,
        encodings: &[&'static Encoding],
        decode: impl FnOnce() -> Result<Text<'b>, Refusal>,
    ) -> Result<&Text<'b>, &Refusal> {
        let text = if is_same {
            self.same.get_or_insert_with(decode)
        } else {
            self.by_encodings.entry(encodings.to_vec()).or_insert_with(decode)
        };
        text.as_ref()
    }
}

/// The top of a file in an encoding whose line ends are single bytes, up to the end of a line.
fn head(bytes: &[u8]) -> Option<&[u8]> {
    let is_wide = Encoding::for_bom(bytes).is_some_and(|(encoding, _)| !encoding.is_ascii_compatible());
    if is_wide || bytes.len() <= HEAD_BYTES {
        return None;
    }
    let mut ends = memchr::memchr_iter(b'\n', bytes).skip(HEAD_LINES - 1);
    let end = ends.find(|end| *end >= HEAD_BYTES)?;
    bytes.get(..=end).filter(|head| head.len() < bytes.len())
}
