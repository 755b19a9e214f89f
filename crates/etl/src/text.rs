//! Bytes to text, line by line, with every line's place in the undecoded bytes kept for what has to be refused.
//!
//! Which encoding a file is in: a byte order mark says it; else the format lists the encodings its devices write. UTF-8 is
//! taken when it is listed and some line beyond ASCII is valid in it, for other encodings hardly ever pass for UTF-8; else the
//! first listed that decodes every line. Text that is plainly UTF-8 under a format that does not list UTF-8 is refused rather
//! than read as mojibake. Lines that do not decode are refused one by one.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use encoding_rs::{Encoding, UTF_8};

use crate::limits::Limits;
use crate::rows::Refusal;

mod lines;
mod split;

pub(crate) use lines::{Line, Lines};
use split::RawLine;
pub(crate) use split::{Unit, split};

/// A decoded file.
#[derive(Debug)]
pub(crate) struct Text<'b> {
    text: Cow<'b, str>,
    /// Where each line stands, decoded and raw; `None` when the text is the raw bytes themselves.
    map: Option<Vec<Mapped>>,
    /// Where the first line begins: behind a byte order mark.
    start: usize,
    /// Whether any NUL is in the text; if not, lines need not be searched for one.
    nul: bool,
    /// A run of 0xFF or NUL at the end, as erased flash leaves it, with the unfinished line that it follows.
    tail: Option<Range<usize>>,
    unit: Unit,
    /// What it was decoded from; `None` for ASCII, which is the same in most.
    encoding: Option<&'static Encoding>,
    line_length: usize,
    /// Where the first line is that is not blank, once somebody has asked.
    first_line: OnceLock<Option<Range<usize>>>,
}

#[derive(Debug)]
struct Mapped {
    decoded: Range<usize>,
    raw: Range<usize>,
    fault: Option<Fault>,
}

/// Why a line cannot be read as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not in the file's encoding.
    Encoding(&'static str),
    /// It holds NUL bytes: the device lost power as it wrote, and what is left around them may be cut.
    Nul,
    /// It is longer than [`Limits::line_bytes`].
    Long(usize),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Encoding(name) => write!(f, "not valid {name}"),
            Self::Nul => f.write_str("holds NUL bytes"),
            Self::Long(bytes) => write!(f, "longer than {bytes} bytes"),
        }
    }
}

impl<'b> Text<'b> {
    /// Decodes a file. `encodings` are those that its format lists, in order; never empty.
    pub(crate) fn decode(bytes: &'b [u8], encodings: &[&'static Encoding], limits: &Limits) -> Result<Self, Refusal> {
        let marked = Encoding::for_bom(bytes);
        let (start, marked) = marked.map_or((0, None), |(encoding, length)| (length, Some(encoding)));
        let listed = encodings.first().copied().unwrap_or(UTF_8);
        let unit = Unit::of(marked.unwrap_or(listed));
        let (body, tail) = without_tail(bytes, start, unit);
        let decoder = Decoder { body, start, unit, line_length: limits.line_length() };
        let encoding = match marked {
            Some(encoding) => encoding,
            None => decoder.choose(encodings, listed)?,
        };
        let mut text = decoder.decode_as(encoding);
        text.encoding = (unit != Unit::Byte || !body.is_ascii()).then_some(encoding);
        text.tail = tail;
        Ok(text)
    }

    /// What its line ends are made of.
    pub(crate) fn unit(&self) -> Unit {
        self.unit
    }

    /// The encoding that the file is in, when that makes a difference.
    pub(crate) fn encoding(&self) -> Option<&'static Encoding> {
        self.encoding
    }

    /// The lines from the first on.
    pub(crate) fn lines(&self) -> Lines<'_> {
        Lines::new(self)
    }

    /// The first line that is not blank; empty when there is a fault in it.
    pub(crate) fn first_line(&self) -> Option<&str> {
        let find = || self.lines().find(|line| !line.is_blank()).map(|line| line.place());
        self.first_line.get_or_init(find).clone().and_then(|place| self.text.get(place))
    }

    /// The whole text, when it is the raw bytes themselves, so that a place in it is one in the file.
    pub(crate) fn as_it_is(&self) -> Option<&str> {
        self.map.is_none().then_some(self.text.as_ref())
    }

    /// Whether these words are all somewhere in it.
    pub(crate) fn has(&self, words: &[&str]) -> bool {
        words.iter().all(|word| memchr::memmem::find(self.text.as_bytes(), word.as_bytes()).is_some())
    }

    /// Whether the last line that is not blank is this one.
    pub(crate) fn ends_with(&self, line: &str) -> bool {
        let before = self.text.trim_end().strip_suffix(line);
        before.is_some_and(|before| before.is_empty() || before.ends_with(['\n', '\r', '\u{feff}']))
    }

    /// Where the first line begins in [`Text::as_it_is`].
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// The junk at the end, in raw bytes.
    pub(crate) fn tail(&self) -> Option<Range<usize>> {
        self.tail.clone()
    }

    /// Whether there is nothing but white space in the file.
    pub(crate) fn is_blank(&self) -> bool {
        self.tail.is_none() && self.text.get(self.start..).is_none_or(|text| text.trim().is_empty()) && self.is_readable()
    }

    fn is_readable(&self) -> bool {
        self.map.as_ref().is_none_or(|map| map.iter().all(|line| line.fault.is_none()))
    }
}

struct Decoder<'b> {
    body: &'b [u8],
    start: usize,
    unit: Unit,
    line_length: usize,
}

impl<'b> Decoder<'b> {
    fn lines(&self) -> impl Iterator<Item = (&'b [u8], RawLine)> {
        let body = self.body;
        split(body, self.start, self.unit).map(move |line| (body.get(line.range.clone()).unwrap_or_default(), line))
    }

    /// The encoding of a file without a byte order mark; see the module's rule.
    fn choose(&self, encodings: &[&'static Encoding], listed: &'static Encoding) -> Result<&'static Encoding, Refusal> {
        if self.unit != Unit::Byte || !listed.is_ascii_compatible() || self.body.is_ascii() {
            return Ok(listed);
        }
        let beyond_ascii = || self.lines().filter(|(line, _)| !line.is_ascii());
        if encodings.contains(&UTF_8) {
            if encodings.len() == 1 || beyond_ascii().any(|(line, _)| std::str::from_utf8(line).is_ok()) {
                return Ok(UTF_8);
            }
        } else if beyond_ascii().all(|(line, raw)| !raw.ended || std::str::from_utf8(line).is_ok())
            && beyond_ascii().any(|(_, raw)| raw.ended)
        {
            let reason = format!("the format declares {}, but the text is UTF-8: add \"utf-8\" to its encodings", listed.name());
            return Err(Refusal { reason });
        }
        let decodes = |encoding: &&'static Encoding| {
            beyond_ascii().all(|(line, _)| encoding.decode_without_bom_handling_and_without_replacement(line).is_some())
        };
        Ok(encodings.iter().copied().filter(|encoding| *encoding != UTF_8).find(decodes).unwrap_or(listed))
    }

    fn decode_as(&self, encoding: &'static Encoding) -> Text<'b> {
        let as_it_is = self.unit == Unit::Byte && (encoding == UTF_8 || (encoding.is_ascii_compatible() && self.body.is_ascii()));
        if as_it_is && let Ok(text) = std::str::from_utf8(self.body) {
            let nul = memchr::memchr(0, self.body).is_some();
            return self.text(Cow::Borrowed(text), None, self.start, nul);
        }
        let mut text = String::with_capacity(self.body.len());
        let mut map = Vec::new();
        let mut nul = false;
        for (line, raw) in self.lines() {
            let decoded_start = text.len();
            let fault = if line.len() > self.line_length {
                Some(Fault::Long(self.line_length))
            } else if let Some(decoded) = encoding.decode_without_bom_handling_and_without_replacement(line) {
                nul |= memchr::memchr(0, decoded.as_bytes()).is_some();
                text.push_str(&decoded);
                None
            } else if memchr::memchr(0, line).is_some() && self.unit == Unit::Byte {
                Some(Fault::Nul)
            } else {
                Some(Fault::Encoding(encoding.name()))
            };
            map.push(Mapped { decoded: decoded_start..text.len(), raw: raw.range, fault });
            text.push('\n');
        }
        self.text(Cow::Owned(text), Some(map), 0, nul)
    }

    fn text(&self, text: Cow<'b, str>, map: Option<Vec<Mapped>>, start: usize, nul: bool) -> Text<'b> {
        Text {
            text,
            map,
            start,
            nul,
            tail: None,
            unit: self.unit,
            encoding: None,
            line_length: self.line_length,
            first_line: OnceLock::new(),
        }
    }
}

/// The file without a run of 0xFF or NUL at its end, and that run. A line that it breaks off goes with it.
fn without_tail(bytes: &[u8], start: usize, unit: Unit) -> (&[u8], Option<Range<usize>>) {
    let width = unit.bytes();
    let junk = |end: usize| {
        let unit = end.checked_sub(width).filter(|at| *at >= start).and_then(|at| bytes.get(at..end));
        unit.is_some_and(|unit| unit.iter().all(|byte| *byte == 0) || unit.iter().all(|byte| *byte == 0xff))
    };
    let mut end = bytes.len();
    while junk(end) {
        end -= width;
    }
    if end == bytes.len() {
        return (bytes, None);
    }
    let body = bytes.get(..end).unwrap_or_default();
    let cut = split(body, start, unit).last().filter(|line| !line.ended).map_or(end, |line| line.range.start);
    (bytes.get(..cut).unwrap_or_default(), Some(cut..bytes.len()))
}

#[cfg(test)]
mod tests;
