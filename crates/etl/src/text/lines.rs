//! The lines of a text, each with its number and its raw place.

use std::ops::Range;

use super::split::line_end;
use super::{Fault, Text};

/// One line, without its end.
#[derive(Clone, Debug)]
pub(crate) struct Line<'t> {
    /// 1-based.
    pub(crate) number: u64,
    /// Empty when there is a fault.
    pub(crate) text: &'t str,
    /// Where it stands in the undecoded bytes.
    pub(crate) raw: Range<usize>,
    /// Why it cannot be used, whatever it holds.
    pub(crate) fault: Option<Fault>,
    /// Where it stands in the decoded text.
    decoded: Range<usize>,
}

impl Line<'_> {
    /// Whether nothing is on it.
    pub(crate) fn is_blank(&self) -> bool {
        self.fault.is_none() && self.text.trim_ascii().is_empty()
    }

    /// Where its text stands in the decoded text.
    pub(super) fn place(&self) -> Range<usize> {
        if self.fault.is_none() { self.decoded.clone() } else { self.decoded.start..self.decoded.start }
    }
}

/// Goes through the lines of a text. A clone goes on from the same place.
#[derive(Clone, Debug)]
pub(crate) struct Lines<'t> {
    text: &'t Text<'t>,
    at: usize,
    number: u64,
    /// How many entries of the map are behind.
    passed: usize,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t Text<'t>) -> Self {
        Self { text, at: text.start, number: 0, passed: 0 }
    }

    /// What they are lines of.
    pub(crate) fn text(&self) -> &'t Text<'t> {
        self.text
    }

    /// The number of the line given last.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// How many bytes of decoded text are left, about.
    pub(crate) fn bytes_left(&self) -> usize {
        self.text.text.len().saturating_sub(self.at)
    }

    /// One line from the start of `first` to the end of `last`, with the line ends between them; a fault when that is too long.
    pub(crate) fn join(&self, first: &Line<'t>, last: &Line<'t>) -> Line<'t> {
        let decoded = first.decoded.start..last.decoded.end;
        let raw = first.raw.start..last.raw.end;
        let long = (raw.len() > self.text.line_length).then_some(Fault::Long(self.text.line_length));
        let fault = first.fault.or(last.fault).or(long);
        let text = if fault.is_none() { self.text.text.get(decoded.clone()).unwrap_or_default() } else { "" };
        Line { number: first.number, text, raw, fault, decoded }
    }

    fn next_mapped(&mut self, map: &'t [super::Mapped]) -> Option<Line<'t>> {
        let mapped = map.get(self.passed)?;
        self.passed += 1;
        self.number += 1;
        self.at = mapped.decoded.end + 1;
        Some(self.line(mapped.decoded.clone(), mapped.raw.clone(), mapped.fault))
    }

    fn next_plain(&mut self) -> Option<Line<'t>> {
        let rest = self.text.text.as_bytes().get(self.at..).filter(|rest| !rest.is_empty())?;
        let (length, end_bytes) = line_end(rest);
        let range = self.at..self.at + length;
        self.at += length + end_bytes;
        self.number += 1;
        let fault = (length > self.text.line_length).then_some(Fault::Long(self.text.line_length));
        Some(self.line(range.clone(), range, fault))
    }

    fn line(&self, decoded: Range<usize>, raw: Range<usize>, fault: Option<Fault>) -> Line<'t> {
        let text = if fault.is_none() { self.text.text.get(decoded.clone()).unwrap_or_default() } else { "" };
        let nul = self.text.nul && memchr::memchr(0, text.as_bytes()).is_some();
        let (text, fault) = if nul { ("", Some(Fault::Nul)) } else { (text, fault) };
        Line { number: self.number, text, raw, fault, decoded }
    }
}

impl<'t> Iterator for Lines<'t> {
    type Item = Line<'t>;

    fn next(&mut self) -> Option<Line<'t>> {
        match &self.text.map {
            Some(map) => self.next_mapped(map),
            None => self.next_plain(),
        }
    }
}
