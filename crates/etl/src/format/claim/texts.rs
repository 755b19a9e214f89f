//! One file as text, in each of the encodings that formats ask for, each decoded once.

use std::collections::HashMap;

use encoding_rs::Encoding;

use crate::limits::Limits;
use crate::rows::Refusal;
use crate::text::Text;

/// What a file shows of its format stands in so many bytes and lines at its top.
const HEAD_BYTES: usize = 1 << 20;
const HEAD_LINES: usize = 256;

/// Texts by the encodings that their formats list.
type Decoded<'b> = HashMap<Vec<&'static Encoding>, Result<Text<'b>, Refusal>>;

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
        Self { bytes, limits, is_ascii: bytes.is_ascii(), head: head(bytes), heads: HashMap::new(), wholes: HashMap::new() }
    }

    /// The top of the file: all lines that a format can ask for, but for those that only the whole has.
    pub(super) fn head(&mut self, encodings: &[&'static Encoding]) -> Result<&Text<'b>, &Refusal> {
        let is_wide = encodings.iter().any(|encoding| !encoding.is_ascii_compatible());
        match self.head.filter(|_| !is_wide) {
            None => self.whole(encodings),
            Some(head) => {
                let key = self.key(encodings);
                let text = || Text::decode(head, encodings, self.limits);
                self.heads.entry(key).or_insert_with(text).as_ref()
            }
        }
    }

    /// The whole file.
    pub(super) fn whole(&mut self, encodings: &[&'static Encoding]) -> Result<&Text<'b>, &Refusal> {
        let key = self.key(encodings);
        let text = || Text::decode(self.bytes, encodings, self.limits);
        self.wholes.entry(key).or_insert_with(text).as_ref()
    }

    /// Equal for encodings by which the file is the same text: ASCII is in nearly all of them.
    fn key(&self, encodings: &[&'static Encoding]) -> Vec<&'static Encoding> {
        let alike = self.is_ascii && encodings.iter().all(|encoding| encoding.is_ascii_compatible());
        if alike { Vec::new() } else { encodings.to_vec() }
    }

    /// Whether there is nothing in it.
    pub(super) fn is_blank(&mut self, encodings: &[&'static Encoding]) -> bool {
        self.head(encodings).is_ok_and(Text::is_blank) && self.whole(encodings).is_ok_and(Text::is_blank)
    }

    /// The whole file, for good.
    pub(super) fn into_whole(mut self, encodings: &[&'static Encoding]) -> Result<Text<'b>, Refusal> {
        let known = self.wholes.remove(&self.key(encodings));
        known.unwrap_or_else(|| Text::decode(self.bytes, encodings, self.limits))
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
