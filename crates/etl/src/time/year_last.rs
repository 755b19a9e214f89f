//! Dates with their year last, `9/1/2016` or `9/1/16`: which of the other two numbers is the day, only the dates of a file together show.

use super::calendar::{Clock, Date};
use super::{Stamp, clock, digits, number, offset_or_end, stamp};

/// Which number comes first in `9/1/2016`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DateOrder {
    /// The 9th of January.
    DayMonth,
    /// The 1st of September.
    MonthDay,
}

/// A date with its year last, whose order of day and month is not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct YearLast {
    first: i64,
    second: i64,
    year: i64,
    /// Of the year only two digits are written, so that it could as well be the first number.
    is_short: bool,
    clock: Clock,
    offset: Option<i64>,
}

impl YearLast {
    /// Reads `9/1/2016 15:30`, `9/1/16 15:30` or `9/1/2016 3:30 PM`, with one or two digits, `/`, `.` or `-` between; clock, seconds,
    /// fraction and offset are optional.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (first, rest) = number(text.as_bytes(), 2)?;
        let [separator @ (b'/' | b'.' | b'-'), rest @ ..] = rest else { return None };
        let (second, rest) = number(rest, 2)?;
        let rest = rest.strip_prefix(std::slice::from_ref(separator))?;
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (year, rest) = rest.split_at_checked(length)?;
        let (year, is_short) = match (length, digits(year)?) {
            (2, year) => (if year < 69 { 2000 + year } else { 1900 + year }, true),
            (4, year) => (year, false),
            _ => return None,
        };
        let (clock, rest) = match rest {
            [] => (Clock::default(), rest),
            [b' ' | b'T', rest @ ..] => half(clock(rest)?)?,
            _ => return None,
        };
        Some(Self { first, second, year, is_short, clock, offset: offset_or_end(rest)? })
    }

    /// The only order in which this is a date, when there is only one.
    pub(crate) fn order(&self) -> Option<DateOrder> {
        match (self.stamp(DateOrder::DayMonth), self.stamp(DateOrder::MonthDay)) {
            (Some(_), None) => Some(DateOrder::DayMonth),
            (None, Some(_)) => Some(DateOrder::MonthDay),
            _ => None,
        }
    }

    pub(super) fn stamp(&self, order: DateOrder) -> Option<Stamp> {
        let (day, month) = match order {
            DateOrder::DayMonth => (self.first, self.second),
            DateOrder::MonthDay => (self.second, self.first),
        };
        stamp(Date { year: self.year, month, day }, self.clock, self.offset)
    }
}

/// Reads AM or PM behind a clock, if one of them is there.
fn half((clock, rest): (Clock, &[u8])) -> Option<(Clock, &[u8])> {
    let (half, after) = match rest.strip_prefix(b" ").unwrap_or(rest) {
        [half @ (b'a' | b'A' | b'p' | b'P'), b'm' | b'M', after @ ..] => (half.to_ascii_lowercase(), after),
        _ => return Some((clock, rest)),
    };
    let hour = (1..=12).contains(&clock.hour).then_some(clock.hour % 12 + if half == b'p' { 12 } else { 0 })?;
    Some((Clock { hour, ..clock }, after))
}

/// What the dates of a file show of their order, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    found: Option<DateOrder>,
    any: bool,
    before: Option<YearLast>,
    /// Neighbours have shown that a last number of two digits is the year, or that it is none.
    last_stays: bool,
    last_moves: bool,
    any_short: bool,
}

impl Orders {
    /// Takes the next date; false when it has another order than one before.
    pub(crate) fn see(&mut self, date: &YearLast) -> bool {
        self.any = true;
        if date.is_short {
            self.any_short = true;
            if let Some(before) = self.before.replace(*date) {
                let (first, second, year) = (before.first != date.first, before.second != date.second, before.year != date.year);
                self.last_stays |= first && !year;
                // A year on the same day is no step that a device makes; the next day is one.
                self.last_moves |= year && !first && !second;
            }
        }
        let order = date.order();
        let agrees = order.is_none() || self.found.is_none() || order == self.found;
        self.found = self.found.or(order);
        agrees
    }

    /// The order of all; `None` when there are no such dates. An error says that nothing shows it.
    ///
    /// A year of two digits may be the first number as well, `16/09/01`. When the second number is a day no other can be one; when the
    /// first is, some step from one day to the next must show that the last number is none.
    pub(crate) fn settled(&self) -> Result<Option<DateOrder>, NotShown> {
        let year_may_be_first = self.any_short && self.found == Some(DateOrder::DayMonth) && !self.last_stays;
        let unknown = self.any && (self.found.is_none() || self.last_moves || year_may_be_first);
        if unknown { Err(NotShown) } else { Ok(self.found) }
    }
}

/// No date of a file is one in a single order only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotShown;
