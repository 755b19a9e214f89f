//! The order of day, month and year in the times of a file that alone shows it.

use super::Take;
use crate::text::{Line, Lines};
use crate::time::{DateOrder, NotShown, Orders, YearLast};
use crate::tokenise::{Syntax, tokenise};

/// The order of day and month in times with the year last, from any of them that is a date in one order only; `None` when there are
/// no such times. An error says that nothing shows the order, that both occur, or that years so far apart stand in one file that one
/// of its two ways to write a date must be wrong.
pub(crate) fn date_order<'t>(
    lines: Lines<'t>,
    syntax: &Syntax,
    time: usize,
    take: impl Fn(&Line<'t>) -> Take,
) -> Result<Option<DateOrder>, DateOrderFault> {
    let mut cells = Vec::new();
    let mut orders = Orders::default();
    let (mut first, mut last) = (Years::default(), Years::default());
    for line in lines {
        match take(&line) {
            Take::Row => {}
            Take::Pass => continue,
            Take::End => break,
        }
        let Some(cell) = tokenise(line.text, syntax, &mut cells).ok().and_then(|()| cells.get(time)) else { continue };
        let Some(date) = YearLast::read(cell.text) else {
            leading_year(cell.text).into_iter().for_each(|year| first.see(year));
            continue;
        };
        last.see(date.last_year());
        if !orders.see(&date) {
            return Err(DateOrderFault::Both(line.number));
        }
    }
    let order = orders.settled().map_err(|NotShown { year_may_be_first }| DateOrderFault::NotShown { year_may_be_first })?;
    match (first.0, last.0) {
        (Some(first), Some(last)) if order != Some(DateOrder::YearFirst) && (first.1 + 1 < last.0 || last.1 + 1 < first.0) => {
            Err(DateOrderFault::Apart { first: first.0, last: last.0 })
        }
        _ => Ok(order),
    }
}

/// The first and the last year of some dates.
#[derive(Default)]
struct Years(Option<(i64, i64)>);

impl Years {
    fn see(&mut self, year: i64) {
        let (first, last) = self.0.unwrap_or((year, year));
        self.0 = Some((first.min(year), last.max(year)));
    }
}

/// The year of `2024/9/1` or `2024-09-01`.
fn leading_year(text: &str) -> Option<i64> {
    let (year, rest) = text.split_at_checked(4)?;
    rest.starts_with(['/', '-']).then(|| year.parse().ok())?
}

/// Why the order of day and month is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DateOrderFault {
    #[error("dates have the day first and the month first: line {0}")]
    Both(u64),
    #[error("nothing in the file says whether its dates have {} first", if *.year_may_be_first { "the day, the month or the year" } else { "the day or the month" })]
    NotShown { year_may_be_first: bool },
    /// As a spreadsheet leaves them that takes `09/12/24` for a day of 2009, and `09/13/24` for none.
    #[error(
        "dates have the year first, from {first}, and last, from {last}: the file was saved by a program that took some for others"
    )]
    Apart { first: i64, last: i64 },
}

impl DateOrderFault {
    /// What is wrong, with the line that a format may say the order by, at this place in its definition, where that would help.
    pub(crate) fn reason(self, place: &str, format: &str) -> String {
        let line = match self {
            Self::Both(_) | Self::Apart { .. } => return self.to_string(),
            Self::NotShown { year_may_be_first: false } => r#"date_order = "day-month" or "month-day""#,
            Self::NotShown { year_may_be_first: true } => r#"date_order = "day-month", "month-day" or "year-first""#,
        };
        format!("{self}: add {line} {place} in format {format:?}, or in one of its own for this device")
    }
}
