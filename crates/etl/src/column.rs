//! Cells to a column of one type.
//!
//! A column's type is the format's to say. What a format leaves open the file decides, by one of two rules, each a pure function
//! of the file under one header:
//!
//! - **By quotes**, in a file as a Campbell logger writes it (strings quoted, numbers not): a column of quoted cells is text,
//!   one of unquoted cells is double. `NAN` and `INF` belong to either. With both, the more frequent decides (on a tie, double),
//!   and rows with the other are refused. An unquoted cell that is no number is refused in any case.
//! - **By values**, in any other: a column with a code in it (`007`, or an integer that no double holds) is text; else it is
//!   double when at least half of its cells are numbers, and rows with anything else are refused; else it is text.
//!
//! A column with nothing but `NAN` is double; one with nothing at all has no type yet.

mod cells;

use std::borrow::Cow;

use arrow::array::ArrayRef;
pub(crate) use cells::Cells;

use crate::number::{self, Decimal};
use crate::rows::Kind;
use crate::time::TimeFormat;
use crate::tokenise::Cell;
use crate::zone::{Local, Place};

/// How a column's type comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typing {
    /// The format says it.
    Declared(Kind),
    /// Quoted cells are text.
    ByQuotes,
    /// Cells that look like numbers are numbers.
    ByValues,
}

/// What the cells of a column are read by.
#[derive(Debug)]
pub(crate) struct Rules<'f> {
    /// What decimal points look like.
    pub(crate) decimal: Decimal,
    /// What numbers are divided by, when the format declares their type and that they are written without their decimal sign.
    pub(crate) divisor: Option<f64>,
    /// How times in cells are written.
    pub(crate) time: &'f TimeFormat,
    /// Where they are, as the row or the header says.
    pub(crate) place: &'f Place,
    /// Cells that stand for no value, beside empty ones.
    pub(crate) nulls: &'f [String],
}

impl Rules<'static> {
    /// Decimal points, ISO 8601, and nothing else declared.
    pub(crate) const PLAIN: Self =
        Self { decimal: Decimal::Point, divisor: None, time: &TimeFormat::Iso, place: &Place::Undeclared, nulls: &[] };
}

/// Why a cell has no place in its column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CellFault {
    #[error("{0} is not a number")]
    NotNumber(String),
    #[error("{0} is not a whole number")]
    NotLong(String),
    #[error("{0} is neither true nor false")]
    NotBoolean(String),
    #[error("{0} is not a time")]
    NotTime(String),
    #[error("{0}: {1}")]
    Zone(String, crate::zone::ZoneFault),
    #[error("{0} is quoted in a column of numbers")]
    Quoted(String),
    #[error("{0} is not quoted in a column of text")]
    Unquoted(String),
    #[error("holds control characters")]
    Control,
    #[error("more than 2 GiB of text in one column")]
    Full,
}

/// What a cell is, in a column whose type the file decides.
#[derive(Clone, Copy, PartialEq)]
enum Class {
    /// `NAN` or `INF`: a number in a column of numbers, text in one of text.
    Marker(f64),
    Number(f64),
    /// Looks like a number, but would not survive as one.
    Code,
    Word,
    /// Neither quoted nor a number, in a file that quotes its strings.
    Stray,
}

/// A column being filled.
#[derive(Debug)]
pub(crate) struct Filling {
    typing: Typing,
    cells: Cells,
    /// What an earlier pass over the same rows decided.
    decided: Option<Kind>,
    /// Both numbers and words have come: the rows must be read again under a decision.
    contested: bool,
    tally: Tally,
}

/// What the cells of a column were, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    numbers: usize,
    words: usize,
    codes: usize,
    /// Words that would be numbers in a notation that nobody has declared.
    otherwise: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.numbers += other.numbers;
        self.words += other.words;
        self.codes += other.codes;
        self.otherwise += other.otherwise;
    }

    /// The type of a column in which both numbers and words have come.
    pub(crate) fn kind(self, typing: Typing) -> Kind {
        let is_text = match typing {
            Typing::ByValues => self.codes > 0 || self.words > self.numbers,
            _ => self.words > self.numbers,
        };
        if is_text { Kind::Text } else { Kind::Double }
    }

    /// Whether the words in a column whose values decide are numbers in a notation that the format does not declare, and not few: they
    /// would else be text.
    pub(crate) fn is_otherwise(self) -> bool {
        self.otherwise > 0 && self.otherwise == self.words && self.otherwise * 2 > self.numbers
    }
}

impl Filling {
    /// An empty column for about `rows` rows; `decided` when an earlier pass had to decide its type.
    pub(crate) fn new(typing: Typing, decided: Option<Kind>, rows: usize) -> Self {
        let cells = match (typing, decided) {
            (_, Some(kind)) | (Typing::Declared(kind), None) => Cells::of(kind, rows, 0),
            _ => Cells::Undecided(0),
        };
        Self { typing, cells, decided, contested: false, tally: Tally::default() }
    }

    /// Appends so many cells without a value.
    pub(crate) fn push_nulls(&mut self, count: usize) {
        (0..count).for_each(|_| self.cells.push_null());
    }

    /// Appends a cell; `rows` is about how many rows there will be.
    #[inline]
    pub(crate) fn push(
        &mut self,
        cell: &Cell<'_>,
        rules: &Rules<'_>,
        local: &mut Local<'_>,
        rows: usize,
    ) -> Result<(), CellFault> {
        if cell.text.is_empty() || rules.nulls.iter().any(|null| null == cell.text) {
            self.cells.push_null();
            return Ok(());
        }
        match self.typing {
            Typing::Declared(kind) => self.push_declared(kind, cell, rules, local),
            Typing::ByQuotes => {
                let class = by_quotes(cell, rules.decimal);
                self.push_class(class, cell, rows)
            }
            Typing::ByValues => {
                let class = by_values(cell, rules.decimal);
                self.tally.otherwise += usize::from(class == Class::Word && number::is_otherwise(cell.text, rules.decimal));
                self.push_class(class, cell, rows)
            }
        }
    }

    fn push_declared(&mut self, kind: Kind, cell: &Cell<'_>, rules: &Rules<'_>, local: &mut Local<'_>) -> Result<(), CellFault> {
        let fault = |of: fn(String) -> CellFault| of(excerpt(cell.text));
        match (&mut self.cells, kind) {
            (Cells::Text(text), _) => text.push(&printable(cell)?),
            (Cells::Double(values), _) => {
                let value = number::double(cell.text, rules.decimal).ok_or_else(|| fault(CellFault::NotNumber))?;
                values.push_number(rules.divisor.map_or(value, |divisor| value / divisor));
                Ok(())
            }
            // A logger marks what it could not measure in a column of any type.
            (cells, Kind::Long | Kind::Timestamp) if cell.text.eq_ignore_ascii_case("nan") => {
                cells.push_null();
                Ok(())
            }
            (Cells::Long(values), _) => {
                values.push(number::long(cell.text).ok_or_else(|| fault(CellFault::NotLong))?);
                Ok(())
            }
            (Cells::Boolean(values), _) => {
                values.push(boolean(cell.text).ok_or_else(|| fault(CellFault::NotBoolean))?);
                Ok(())
            }
            (Cells::Timestamp(values), _) => {
                let stamp = rules.time.read(cell.text).ok_or_else(|| fault(CellFault::NotTime))?;
                values.push(rules.place.utc(stamp, local).map_err(|fault| CellFault::Zone(excerpt(cell.text), fault))?);
                Ok(())
            }
            (Cells::Undecided(nulls), _) => {
                *nulls += 1;
                Ok(())
            }
        }
    }

    fn push_class(&mut self, class: Class, cell: &Cell<'_>, rows: usize) -> Result<(), CellFault> {
        match class {
            Class::Number(_) => self.tally.numbers += 1,
            Class::Code => self.tally.codes += 1,
            Class::Word => self.tally.words += 1,
            Class::Stray => return Err(CellFault::NotNumber(excerpt(cell.text))),
            Class::Marker(_) => {}
        }
        if let Cells::Undecided(nulls) = self.cells {
            match class {
                Class::Marker(_) | Class::Number(_) => self.cells = Cells::of(Kind::Double, rows, nulls),
                _ => self.cells = Cells::of(Kind::Text, rows, nulls),
            }
        }
        match (&mut self.cells, class) {
            (Cells::Double(values), Class::Number(value) | Class::Marker(value)) => values.push_number(value),
            (Cells::Text(text), Class::Marker(_) | Class::Code | Class::Word) => return text.push(&printable(cell)?),
            // Codes alone make a column text, and numbers among them are text too.
            (Cells::Text(text), Class::Number(_))
                if self.typing == Typing::ByValues && (self.decided.is_some() || self.tally.words == 0) =>
            {
                return text.push(&printable(cell)?);
            }
            (cells, _) => {
                let is_text = matches!(cells, Cells::Text(_));
                cells.push_null();
                return self.contest(cell, is_text);
            }
        }
        Ok(())
    }

    /// A cell of the other type has come: the rows will be read again, or, when they are, this row is the one to refuse.
    fn contest(&mut self, cell: &Cell<'_>, is_text: bool) -> Result<(), CellFault> {
        if self.decided.is_none() {
            self.contested = true;
            return Ok(());
        }
        let of = match (is_text, cell.quoted() && self.typing == Typing::ByQuotes) {
            (true, _) => CellFault::Unquoted,
            (false, true) => CellFault::Quoted,
            (false, false) => CellFault::NotNumber,
        };
        Err(of(excerpt(cell.text)))
    }

    /// Appends a row without a value.
    pub(crate) fn push_null(&mut self) {
        self.cells.push_null();
    }

    /// Takes back all after the first `rows` cells.
    pub(crate) fn truncate(&mut self, rows: usize) {
        self.cells.truncate(rows);
    }

    /// The type that the column must be read again as, when what came contradicts itself.
    pub(crate) fn contested(&self) -> Option<Kind> {
        self.contested.then(|| self.tally.kind(self.typing))
    }

    /// What its cells were.
    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    /// How its type comes about.
    pub(crate) fn typing(&self) -> Typing {
        self.typing
    }

    /// What it has been read as so far.
    pub(crate) fn kind(&self) -> Kind {
        self.cells.kind()
    }

    /// The column's values, and their type.
    pub(crate) fn finish(self) -> Result<(Kind, ArrayRef), arrow::error::ArrowError> {
        let (kind, values) = self.cells.finish()?;
        Ok((if self.typing == Typing::Declared(Kind::Extra) { Kind::Extra } else { kind }, values))
    }
}

fn by_quotes(cell: &Cell<'_>, decimal: Decimal) -> Class {
    if cell.quoted() {
        return match marker(cell.text) {
            Some(value) => Class::Marker(value),
            None => Class::Word,
        };
    }
    match number::double(cell.text, decimal) {
        Some(value) if value.is_finite() => Class::Number(value),
        Some(value) => Class::Marker(value),
        None => Class::Stray,
    }
}

fn by_values(cell: &Cell<'_>, decimal: Decimal) -> Class {
    match number::double(cell.text, decimal) {
        None => Class::Word,
        Some(_) if number::is_code(cell.text) => Class::Code,
        Some(value) if value.is_finite() => Class::Number(value),
        Some(value) => Class::Marker(value),
    }
}

/// The value of `NAN`, `INF` and `-INF`, in any case; nothing that has a digit.
fn marker(text: &str) -> Option<f64> {
    const BYTES_MAX: usize = "-infinity".len();
    let value = (text.len() <= BYTES_MAX).then(|| number::double(text, Decimal::Point))??;
    (!value.is_finite()).then_some(value)
}

fn boolean(text: &str) -> Option<bool> {
    if text == "1" || text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text == "0" || text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn printable<'t>(cell: &Cell<'t>) -> Result<Cow<'t, str>, CellFault> {
    let allowed = |character: char| !character.is_control() || matches!(character, '\t' | '\n' | '\r');
    if cell.text.chars().all(allowed) { Ok(cell.value()) } else { Err(CellFault::Control) }
}

/// A cell's text for a reason: quoted, and not for ever.
pub(crate) fn excerpt(text: &str) -> String {
    const CHARACTERS_MAX: usize = 40;
    match text.char_indices().nth(CHARACTERS_MAX) {
        None => format!("{text:?}"),
        Some((at, _)) => format!("{:?}…", text.get(..at).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
