//! The documents of a text: one on each line (NDJSON, JSON Lines), or one behind the other over any number of lines.

use std::cell::Cell;
use std::ops::Range;

use serde::Deserialize;

use super::{Node, read};
use crate::text::{Line, Lines, Text};

/// How many lines are looked at for one that is a document.
const PEEKED_LINES: usize = 10;

/// How documents lie in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Style {
    /// One on each line: a bad one costs its line.
    Lines,
    /// One behind the other: behind a bad one nobody knows where the next begins, and the rest of the text goes with it.
    Whole,
}

impl Style {
    /// What a text looks like: lines, when its first one closes what it opens and it or the second is a document by itself.
    pub(crate) fn of(text: &Text<'_>) -> Self {
        let mut lines = text.lines().filter(|line| !line.is_blank());
        let Some(first) = lines.next() else { return Self::Whole };
        let trimmed = first.text.trim_ascii().as_bytes();
        let closes = matches!(trimmed, [b'{', .., b'}'] | [b'[', .., b']']);
        let second = lines.next();
        let alone = |line: &Line<'_>| document(line.text).is_ok();
        if closes && (second.is_none() || alone(&first) || second.is_some_and(|line| alone(&line))) {
            Self::Lines
        } else {
            Self::Whole
        }
    }
}

/// Whether the text begins as JSON does, or with a line that cannot be read.
pub(crate) fn begins(text: &Text<'_>) -> bool {
    text.first_line().is_some_and(|line| line.is_empty() || line.trim_ascii().starts_with(['{', '[']))
}

/// The first document that can be read, if the text begins as JSON does.
pub(crate) fn first<'t>(text: &'t Text<'_>) -> Option<Node<'t>> {
    if !begins(text) {
        return None;
    }
    let mut lines = text.lines().filter(|line| !line.is_blank()).take(PEEKED_LINES);
    match Style::of(text) {
        Style::Lines => lines.find_map(|line| document(line.text).ok()),
        Style::Whole => text.as_it_is().and_then(|whole| read(whole, text.start()).ok()),
    }
}

/// One document, and where it stands.
#[derive(Debug)]
pub(crate) struct Document<'t> {
    /// The line on which it begins.
    pub(crate) line: u64,
    /// Its bytes before any decoding.
    pub(crate) raw: Range<usize>,
    /// What it is, or why it is none.
    pub(crate) root: Result<Node<'t>, String>,
    text: &'t str,
    /// What has to be added to a place in `text` to have one in the bytes; `None` when the two differ.
    base: Option<usize>,
    /// A place in `text` and its line, from which later ones are counted.
    counted: Cell<(usize, u64)>,
}

impl<'t> Document<'t> {
    /// The text of a value within it, as it is written.
    pub(crate) fn written(&self, node: &Node<'_>) -> &'t str {
        self.text.get(node.at.clone()).unwrap_or_default()
    }

    /// Where a value's bytes are; `None` when only those of the document are known, because the text is not UTF-8.
    pub(crate) fn bytes(&self, node: &Node<'_>) -> Option<Range<usize>> {
        self.base.map(|base| base + node.at.start..base + node.at.end)
    }

    /// The line on which a value begins. Cheap when asked in the order of the text.
    pub(crate) fn line(&self, node: &Node<'_>) -> u64 {
        self.line_at(node.at.start)
    }

    fn line_at(&self, at: usize) -> u64 {
        let (from, line) = match self.counted.get() {
            (from, line) if from <= at => (from, line),
            _ => (self.raw.start.saturating_sub(self.base.unwrap_or_default()), self.line),
        };
        let passed = self.text.get(from..at).unwrap_or_default();
        let line = line + line_ends(passed);
        self.counted.set((at, line));
        line
    }
}

/// How many lines end in a text: at CR LF, LF or CR.
fn line_ends(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let ends = bytes.iter().enumerate().filter(|(at, byte)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    u64::try_from(ends.count()).unwrap_or(u64::MAX)
}

/// Goes through the documents of a text.
#[derive(Debug)]
pub(crate) struct Documents<'t> {
    rest: Rest<'t>,
}

#[derive(Debug)]
enum Rest<'t> {
    Lines(Lines<'t>),
    Whole { text: &'t str, at: usize, line: u64 },
}

impl<'t> Documents<'t> {
    /// All of them from the first on. An error says that the text cannot be read in this style, because it is not UTF-8.
    pub(crate) fn new(text: &'t Text<'t>, style: Style) -> Result<Self, String> {
        let rest = match style {
            Style::Lines => Rest::Lines(text.lines()),
            Style::Whole => match text.as_it_is() {
                Some(whole) => Rest::Whole { text: whole, at: text.start(), line: 1 },
                None => {
                    let bad = text.lines().find_map(|line| Some((line.number, line.fault?)));
                    return Err(bad.map_or("JSON is UTF-8 (RFC 8259), and this is not".to_owned(), |(line, fault)| {
                        format!("line {line}: {fault}")
                    }));
                }
            },
        };
        Ok(Self { rest })
    }
}

impl<'t> Iterator for Documents<'t> {
    type Item = Document<'t>;

    fn next(&mut self) -> Option<Document<'t>> {
        match &mut self.rest {
            Rest::Lines(lines) => lines.find(|line| !line.is_blank()).map(on_line),
            Rest::Whole { text, at, line } => {
                let rest = text.get(*at..).unwrap_or_default();
                let space = rest.len() - rest.trim_ascii_start().len();
                let start = *at + space;
                *line += line_ends(rest.get(..space).unwrap_or_default());
                if start >= text.len() {
                    return None;
                }
                let begun = Document {
                    line: *line,
                    raw: start..text.len(),
                    root: Err(String::new()),
                    text,
                    base: Some(0),
                    counted: Cell::new((start, *line)),
                };
                match read(text, start) {
                    Ok(node) => {
                        *at = node.at.end;
                        *line += line_ends(text.get(node.at.clone()).unwrap_or_default());
                        Some(Document { raw: node.at.clone(), root: Ok(node), ..begun })
                    }
                    Err(fault) => {
                        *at = text.len();
                        let reason = format!("line {}: {}", begun.line_at(fault.at), fault.problem);
                        Some(Document { root: Err(reason), ..begun })
                    }
                }
            }
        }
    }
}

fn on_line(line: Line<'_>) -> Document<'_> {
    let root = match line.fault {
        Some(fault) => Err(fault.to_string()),
        None => document(line.text),
    };
    let base = (line.raw.len() == line.text.len()).then_some(line.raw.start);
    Document { line: line.number, raw: line.raw, root, text: line.text, base, counted: Cell::new((0, line.number)) }
}

/// The one document of a line.
fn document(line: &str) -> Result<Node<'_>, String> {
    let node = read(line, 0).map_err(|fault| format!("character {}: {}", fault.at + 1, fault.problem))?;
    match line.get(node.at.end..).unwrap_or_default().trim_ascii() {
        "" => Ok(node),
        more => Err(format!("{} behind its end", crate::column::excerpt(more))),
    }
}
