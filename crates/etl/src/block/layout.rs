//! What is known of the rows under a header before the first of them is read.

use super::Typings;
use crate::column::{CellFault, Typing};
use crate::extra::Room;
use crate::number::Decimal;
use crate::rows::Column;
use crate::text::Lines;
use crate::time::TimeFormat;
use crate::tokenise::{Cell, Syntax, tokenise};
use crate::zone::{Place, Zone};

/// What a header, and the format, say of the rows below it.
#[derive(Debug)]
pub(crate) struct Layout<'f> {
    pub(crate) table: String,
    /// The device of every row; of those whose device column is empty when there is one.
    pub(crate) device: String,
    /// One for each cell of a row, then one for each fact.
    pub(crate) fields: Vec<Field>,
    /// What stands above the rows and belongs to each of them.
    pub(crate) facts: Vec<String>,
    /// The devices of the columns, where the header names one for each: [`Metric::device`] is a place in this list. Empty when the
    /// whole row is of one device.
    pub(crate) devices: Vec<String>,
    pub(crate) syntax: &'f Syntax,
    /// Lines that begin so are no rows.
    pub(crate) comment: Option<&'f str>,
    pub(crate) time: TimeFormat,
    /// Where times are that carry no offset of their own, when the header says so.
    pub(crate) place: Place,
    /// What the names of zones in the rows stand for, beside those of the time zone database.
    pub(crate) zones: &'f [(String, Zone)],
    pub(crate) decimal: Decimal,
    pub(crate) nulls: &'f [String],
    pub(crate) short_rows: ShortRows,
    /// Whether a definition says what rows are, so that reasons can name the line to add to it.
    pub(crate) definable: bool,
    /// What other pieces of the file have shown, when it is read in pieces.
    pub(crate) typings: Option<&'f Typings>,
}

impl<'f> Layout<'f> {
    /// Rows of a table and a device, with nothing else said of them. Fields that the table has no `room` for are extra.
    pub(crate) fn new(
        table: String,
        device: String,
        fields: Vec<Field>,
        room: Room<'_>,
        syntax: &'f Syntax,
        time: TimeFormat,
    ) -> Self {
        Self {
            table,
            device,
            fields: room.fields(fields),
            facts: Vec::new(),
            devices: Vec::new(),
            syntax,
            comment: None,
            time,
            place: Place::Undeclared,
            zones: &[],
            decimal: Decimal::Point,
            nulls: &[],
            short_rows: ShortRows::None,
            definable: false,
            typings: None,
        }
    }

    /// Whether the format has several notations for times, and one of them reads what stands in this cell of some row.
    pub(crate) fn reads_any(&self, lines: Lines<'_>, time: usize) -> bool {
        let mut cells = Vec::new();
        matches!(self.time, TimeFormat::Any(_))
            && lines.into_iter().any(|line| {
                let read = tokenise(line.text, self.syntax, &mut cells).is_ok();
                read && cells.get(time).is_some_and(|cell| self.time.read(cell.text).is_some())
            })
    }

    /// The line to add to a definition, behind the reason of a cell that may stand for no value.
    pub(crate) fn null_to_add(&self, cell: &Cell<'_>, fault: &CellFault) -> Option<String> {
        const BYTES_MAX: usize = 16;
        let is_marker = cell.text.len() <= BYTES_MAX && !cell.text.bytes().any(|byte| byte.is_ascii_digit());
        (self.definable && is_marker && matches!(fault, CellFault::NotNumber(_)))
            .then(|| format!(": if it stands for no value, add nulls = [{:?}]", cell.text))
    }

    /// Whether a row of so many cells may be without the others, being the first or not.
    pub(crate) fn may_end(&self, cells: usize, is_first: bool) -> bool {
        let may_be_short = match self.short_rows {
            ShortRows::None => false,
            ShortRows::All => true,
            ShortRows::FirstAndWholeDevices => is_first || self.ends_device(cells),
        };
        may_be_short || self.names_end(cells)
    }

    /// Whether the header has no names behind so many cells: spreadsheets fill it, and not always the rows, with empty cells.
    fn names_end(&self, cells: usize) -> bool {
        let behind = self.fields.get(cells..self.width()).unwrap_or_default();
        !behind.is_empty() && behind.iter().all(|field| field.original().is_some_and(str::is_empty))
    }

    /// Whether the devices of so many cells, of which there is one at least, have no others behind them.
    fn ends_device(&self, cells: usize) -> bool {
        let (here, behind) = self.fields.split_at_checked(cells).unwrap_or_default();
        let devices_here: Vec<usize> = here.iter().filter_map(Field::device).collect();
        !devices_here.is_empty() && !behind.iter().filter_map(Field::device).any(|device| devices_here.contains(&device))
    }

    /// How many cells a row has.
    pub(crate) fn width(&self) -> usize {
        self.fields.len().saturating_sub(self.facts.len())
    }
}

/// Which rows may lack their last cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShortRows {
    None,
    All,
    /// The first one, and rows that end behind all cells of a device: those behind it were added later, and such a row says nothing of them.
    FirstAndWholeDevices,
}

/// What one cell of each row is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Field {
    /// The time, or the part of it with this place; parts are joined by a space.
    Time(usize),
    /// The time's offset from UTC in minutes, for times that carry none of their own.
    Offset,
    /// The time's offset from UTC, or the name of its zone.
    Zone,
    /// How long after the row's time it really was, in these seconds.
    Elapsed(f64),
    /// The device.
    Device,
    /// A measurement.
    Metric(Metric),
    /// Nothing that anyone wants.
    Skip,
}

/// A measurement's column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metric {
    pub(crate) column: Column,
    pub(crate) typing: Typing,
    /// Markers of its own for no value, instead of the format's.
    pub(crate) nulls: Vec<String>,
    /// What its numbers are divided by.
    pub(crate) divisor: Option<f64>,
    /// Whose it is, see [`Layout::devices`].
    pub(crate) device: usize,
}

impl Field {
    /// What the header calls a measurement.
    pub(crate) fn original(&self) -> Option<&str> {
        match self {
            Self::Metric(metric) => Some(&metric.column.original),
            _ => None,
        }
    }

    /// Whose measurement it is, as a place in [`Layout::devices`].
    fn device(&self) -> Option<usize> {
        match self {
            Self::Metric(metric) => Some(metric.device),
            _ => None,
        }
    }

    /// A measurement of which nothing is said but this.
    pub(crate) fn metric(column: Column, typing: Typing) -> Self {
        Self::Metric(Metric { column, typing, nulls: Vec::new(), divisor: None, device: 0 })
    }
}
