//! Text with a delimiter between its cells, or with cells at fixed places, as a definition describes it.
//!
//! A file is a preamble, which may say something of all rows, and one table or several, each with a header and rows. What begins
//! like no table, and is neither the preamble nor a fact, is refused line by line.

mod facts;
mod form;
mod header;
mod keys;
mod kinds;
mod layout;
mod long;
mod naming;

use std::borrow::Cow;

use facts::{FactRules, Facts};
use form::Form;
use header::HeaderReader;
pub(super) use keys::DelimitedKeys;
use keys::Holds;
use naming::Naming;

use super::claim::Telling;
use super::definition::Problems;
use super::{DATE_ORDER, Reading, Yield};
use crate::block::{self, DateOrderFault, Field, Layout, Outcome, Take};
use crate::number::Decimal;
use crate::rows::{Refusal, Refused};
use crate::text::{Line, Lines, Text};
use crate::tokenise::{Place, Separator, Syntax};
use crate::zone::Local;

/// Reads delimited text.
#[derive(Debug)]
pub(super) struct Delimited {
    keys: DelimitedKeys,
    syntax: Syntax,
    decimal: Decimal,
    naming: Naming,
    facts: FactRules,
    forms: Vec<Form>,
}

impl Delimited {
    pub(super) fn new(keys: DelimitedKeys, problems: &mut Problems<'_>) -> Option<Self> {
        let syntax = syntax(&keys, problems);
        let decimal = decimal(&keys, problems);
        let naming = Naming::new(&keys, problems);
        let forms = Form::all(&keys, problems);
        let facts = FactRules::new(&keys.facts, problems);
        if keys.kind.is_some_and(|cell| cell == 0 || keys.delimiter.len() != 1) {
            problems.add("delimited.kind", "is the position of a cell, from 1, in text with a delimiter");
        }
        Some(Self { syntax: syntax?, decimal: decimal?, naming: naming?, facts: facts?, forms: forms?, keys })
    }

    /// Whether each row is a line, and needs no other to be read.
    pub(super) fn is_by_line(&self) -> bool {
        // How many columns there are behind those that have names, the first row says.
        !self.syntax.multiline && self.keys.long.is_none() && self.keys.rest.is_none()
    }

    /// Whether files say their columns' names themselves.
    pub(super) fn has_names(&self) -> bool {
        !self.keys.labels.is_empty() || self.forms.iter().any(|form| form.header.iter().any(|row| row.what == Holds::Names))
    }

    /// Whether a fact may be called so, which [`FactRules`] find above the rows.
    pub(super) fn has_fact(&self, fact: &str) -> bool {
        self.facts.names(fact)
    }

    /// Whether a table has a name of its own.
    pub(super) fn names_tables(&self) -> bool {
        self.keys.kind.is_some() || !self.keys.tables.is_empty() || self.has_fact("table")
    }

    /// The names in a file's first header, or why there are none.
    pub(super) fn names(&self, text: &Text<'_>, telling: Telling) -> Result<Vec<String>, String> {
        // A look for how tables begin is much cheaper than to go through all lines for nothing.
        if self.begins().next().is_some() && !self.begins().any(|begins| text.has(&[begins])) {
            return Err(telling.say(|| self.no_table(text)));
        }
        let mut lines = text.lines();
        let (mut facts, mut refused) = (Facts::new(&self.facts), Vec::new());
        let syntax = self.syntax_of(text);
        let begun = self.next_table(&mut lines, &mut facts, None, &mut refused);
        let Some((form, above)) = begun else { return Err(telling.say(|| self.no_table(text))) };
        let reader = HeaderReader { delimited: self, form, syntax: &syntax };
        match reader.read(&mut lines, &above, &mut facts)? {
            Some(header) => Ok(header.names),
            None => Err("it ends within its header".to_owned()),
        }
    }

    /// All rows of a file.
    pub(super) fn read(&self, reading: &Reading<'_>, local: &mut Local<'_>) -> Result<Yield, Refusal> {
        let mut read = match self.keys.kind {
            Some(cell) => self.read_kinds(cell, reading, local)?,
            None => self.read_tables(reading, local)?,
        };
        read.refused.extend(reading.text.tail().map(|bytes| {
            let last = reading.text.lines().last().map_or(0, |line| line.number);
            block::tail(last, bytes)
        }));
        Ok(read)
    }

    fn read_tables(&self, reading: &Reading<'_>, local: &mut Local<'_>) -> Result<Yield, Refusal> {
        let syntax = self.syntax_of(reading.text);
        let mut lines = reading.text.lines();
        let mut facts = Facts::new(&self.facts);
        let mut read = Yield::default();
        // What the header above has taught of how the next one begins.
        let mut again: Option<String> = None;
        let mut first = true;
        while let Some((form, above)) = self.next_table(&mut lines, &mut facts, again.as_ref(), &mut read.refused) {
            let reader = HeaderReader { delimited: self, form, syntax: &syntax };
            let header = reader.read(&mut lines, &above, &mut facts);
            facts.renew();
            let width = header.as_ref().ok().and_then(Option::as_ref).map_or(0, |header| header.names.len());
            let layout = header.and_then(|header| {
                // What ends within its header has no rows.
                let Some(mut header) = header else { return Ok(None) };
                again = header.begins.take().filter(|_| form.begins.is_empty());
                if form.skip {
                    return Ok(None);
                }
                self.layout(form, header, &facts, &form.name, &syntax, reading).map(Some)
            });
            let layout = layout.and_then(|layout| layout.map(|layout| with_date_order(layout, &lines, reading)).transpose());
            let take = |line: &Line<'_>| {
                let begins_again = || again.as_ref().is_some_and(|begins| line.text.starts_with(begins));
                let ends = self.begins_table(line) || begins_again() || self.says_otherwise(line, width, &syntax);
                Take::until(ends || (self.keys.blank_line_ends && line.is_blank()))
            };
            let outcome = match layout {
                Ok(None) => pass(&mut lines, take),
                Ok(Some(layout)) => {
                    form.timing.keys.year_min.into_iter().for_each(|year| local.not_before(year));
                    match &self.keys.long {
                        None => block::read(&mut lines, &layout, local, take)?,
                        Some(long) => self.read_long(long, &mut lines, layout, local, take, reading)?,
                    }
                }
                Err(reason) if first => return Err(Refusal { reason }),
                Err(reason) => Outcome { parts: Vec::new(), refused: block::refuse(&mut lines, &reason, take) },
            };
            read.parts.extend(outcome.parts);
            read.refused.extend(outcome.refused);
            first = false;
        }
        if first && self.begins().next().is_some() {
            return Err(Refusal { reason: self.no_table(reading.text) });
        }
        Ok(read)
    }

    /// Goes to the first line of the next table's header, and gives the lines directly above it. Lines on the way that are no facts
    /// are refused, except above the first table.
    fn next_table<'t>(
        &self,
        lines: &mut Lines<'t>,
        facts: &mut Facts<'_>,
        again: Option<&String>,
        refused: &mut Vec<Refused>,
    ) -> Option<(&Form, Vec<Line<'t>>)> {
        let first = lines.number() == 0;
        if first {
            skip_separator_line(lines);
        }
        if self.begins().next().is_none() {
            // With nothing that says how a table begins there is one, where the preamble ends, and those whose header is like its own.
            if !first && again.is_none() {
                return None;
            }
            for _ in 0..if first { self.keys.preamble } else { 0 } {
                facts.take(lines.next()?.text);
            }
            lines.clone().next()?;
            return self.forms.first().map(|form| (form, Vec::new()));
        }
        let mut above: Vec<Line<'t>> = Vec::new();
        loop {
            let line = lines.clone().next()?;
            if let Some(form) = self.form_of(&line) {
                let surplus = above.len().saturating_sub(self.keys.above.len());
                return Some((form, above.split_off(surplus)));
            }
            lines.next();
            if line.is_blank() || self.is_comment(&line) {
                continue;
            }
            let is_fact = facts.take(line.text);
            let in_preamble = first && (self.keys.preamble == 0 || line.number <= u64::from(self.keys.preamble));
            if !(in_preamble || is_fact) {
                let reason = "no table of the format begins so, and it is behind the last row of one".to_owned();
                refused.push(Refused { member: None, row: line.number, bytes: line.raw.clone(), reason });
            }
            if !self.keys.above.is_empty() {
                above.push(line);
            }
        }
    }

    fn no_table(&self, text: &Text<'_>) -> String {
        let begins: Vec<String> = self.begins().map(|begins| format!("`{begins}`")).collect();
        if begins.is_empty() {
            "it ends above its header".to_owned()
        } else {
            let unreadable = text.lines().find_map(|line| Some(format!("; line {}: {}", line.number, line.fault?)));
            format!("no line begins with {}{}", begins.join(" or "), unreadable.unwrap_or_default())
        }
    }

    fn begins(&self) -> impl Iterator<Item = &String> {
        self.forms.iter().flat_map(|form| &form.begins)
    }

    /// The kind of table that begins with a line.
    fn form_of(&self, line: &Line<'_>) -> Option<&Form> {
        let text = line.text.trim_start_matches('\u{feff}');
        self.forms.iter().find(|form| form.begins.iter().any(|begins| text.starts_with(begins.as_str())))
    }

    fn begins_table(&self, line: &Line<'_>) -> bool {
        self.form_of(line).is_some()
    }

    /// Whether a line between rows of so many cells is none of them, but says of what the next table is: the rows below it are not to
    /// be taken for those of the table above, even if their header is not found.
    fn says_otherwise(&self, line: &Line<'_>, width: usize, syntax: &Syntax) -> bool {
        let is_row = || match syntax.separator {
            Separator::Byte(delimiter) => {
                let delimiters = memchr::memchr_iter(delimiter, line.text.as_bytes()).count();
                delimiters + usize::from(!syntax.trailing_delimiter) == width
            }
            _ => false,
        };
        self.begins().next().is_some() && !self.facts.is_empty() && !is_row() && self.facts.find_in(line.text)
    }

    fn is_comment(&self, line: &Line<'_>) -> bool {
        self.keys.comment.as_ref().is_some_and(|comment| line.text.starts_with(comment.as_str()))
    }

    /// How cells are separated in a file: as the format says, or as the file itself does in a first line `sep=;`.
    fn syntax_of(&self, text: &Text<'_>) -> Cow<'_, Syntax> {
        match separator_line(text) {
            Some(own) if matches!(self.syntax.separator, Separator::Byte(_)) => {
                Cow::Owned(Syntax { separator: Separator::Byte(own), ..self.syntax.clone() })
            }
            _ => Cow::Borrowed(&self.syntax),
        }
    }
}

/// The delimiter that a spreadsheet is told in the first line: `sep=;`.
pub(super) fn separator_line(text: &Text<'_>) -> Option<u8> {
    separator_in(text.first_line()?)
}

/// The same, of a line that is the first.
pub(crate) fn separator_in(first: &str) -> Option<u8> {
    match first.trim_end().trim_matches('"').as_bytes() {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter] if delimiter.is_ascii() => Some(*delimiter),
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'='] if first.ends_with('\t') => Some(b'\t'),
        _ => None,
    }
}

/// Goes behind such a line, if there is one; `lines` are at the beginning of the text.
pub(super) fn skip_separator_line(lines: &mut Lines<'_>) {
    if separator_line(lines.text()).is_some() {
        let _ = lines.find(|line| !line.is_blank());
    }
}

/// Finds out the order of day and month where the format leaves it to the file.
fn with_date_order<'f>(layout: Layout<'f>, lines: &Lines<'_>, reading: &Reading<'_>) -> Result<Layout<'f>, String> {
    let time = layout.fields.iter().position(|field| matches!(field, Field::Time(0)));
    let Some(time) = time.filter(|_| layout.time.is_order_open()) else { return Ok(layout) };
    let order = block::date_order(lines.clone(), layout.syntax, time, |_| Take::Row);
    if order != Ok(None) {
        reading.needs_all_rows(DATE_ORDER);
    }
    let order = match order {
        Ok(order) => order,
        // Among rows that another notation of the format reads, such times cost their own rows.
        Err(DateOrderFault::NotShown { .. }) if layout.reads_any(lines.clone(), time) => None,
        Err(fault) => return Err(fault.reason("to timestamp", &reading.format.name)),
    };
    Ok(Layout { time: layout.time.clone().ordered(order), ..layout })
}

/// Goes behind rows that nobody wants, or that there are none of.
fn pass<'t>(lines: &mut Lines<'t>, take: impl Fn(&Line<'t>) -> Take) -> Outcome {
    while lines.clone().next().is_some_and(|line| take(&line) != Take::End) {
        lines.next();
    }
    Outcome::default()
}

/// How numbers are written.
fn decimal(keys: &DelimitedKeys, problems: &mut Problems<'_>) -> Option<Decimal> {
    match (keys.decimal, keys.thousands) {
        (None, None) => Some(Decimal::Open),
        (Some('.'), None) => Some(Decimal::Point),
        (Some(','), None) => Some(Decimal::Comma),
        (None | Some('.'), Some(between @ (',' | ' ' | '\''))) | (Some(','), Some(between @ ('.' | ' ' | '\''))) => {
            let sign = if keys.decimal == Some(',') { b',' } else { b'.' };
            u8::try_from(between).ok().map(|between| Decimal::Grouped { sign, between })
        }
        (None | Some('.' | ','), Some(between)) => {
            problems
                .add("delimited.thousands", format!("is \",\", \".\", \" \" or \"'\" and not the decimal sign: not {between:?}"));
            None
        }
        (Some(other), _) => {
            problems.add("delimited.decimal", format!("is \".\" or \",\", not {other:?}"));
            None
        }
    }
}

fn syntax(keys: &DelimitedKeys, problems: &mut Problems<'_>) -> Option<Syntax> {
    let one = |text: &str| match text.as_bytes() {
        [byte] if byte.is_ascii() => Some(*byte),
        _ => None,
    };
    let separator = match keys.delimiter.as_str() {
        "blanks" => Some(Separator::Blanks),
        "places" => places(keys, problems).map(Separator::Places),
        written => {
            let allowed = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"\"\n\r .-+".contains(byte);
            let delimiter = one(written).filter(allowed);
            if delimiter.is_none() {
                problems.add("delimited.delimiter", format!("{written:?} cannot separate cells"));
            }
            delimiter.map(Separator::Byte)
        }
    };
    let quote = if keys.quote.is_empty() || keys.delimiter == "places" { Some(None) } else { one(&keys.quote).map(Some) };
    if quote.is_none() {
        problems.add("delimited.quote", format!("{:?} cannot quote cells: it is one ASCII character, or empty", keys.quote));
    }
    if keys.delimiter != "places" && keys.columns.iter().any(|column| column.at.is_some()) {
        problems.add("delimited.columns.at", "is for delimiter = \"places\"");
    }
    Some(Syntax { separator: separator?, quote: quote?, trailing_delimiter: keys.trailing_delimiter, multiline: keys.multiline })
}

/// The places of all columns, which must be in their order and apart.
fn places(keys: &DelimitedKeys, problems: &mut Problems<'_>) -> Option<Vec<Place>> {
    const KEY: &str = "delimited.columns.at";
    let mut places: Vec<Place> = Vec::with_capacity(keys.columns.len());
    for column in &keys.columns {
        let written = column.at.as_deref().unwrap_or_default();
        let place = Place::read(written).filter(|place| places.last().is_none_or(|last| place.is_after(*last)));
        let problem = || format!("{:?} is at {written:?}, which is no place behind the last, as 16-23, 30 or 106-", column.name);
        places.push(problems.note(KEY, place.ok_or_else(problem))?);
    }
    Some(places)
}

#[cfg(test)]
mod tests;
