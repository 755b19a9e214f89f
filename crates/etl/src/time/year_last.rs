//! Dates with their year last, `9/1/2016` or `9/1/16`: which of the other two numbers is the day, only the dates of a file together show.
//! With two digits the year may as well be the first number, `16/09/01`; that, too, only the dates together show.

use super::calendar::{Clock, Date};
use super::{Stamp, clock, digits, number, offset_or_end, stamp};

/// Which number comes first in `9/1/2016`, or in `09/01/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DateOrder {
    /// The 9th of January.
    DayMonth,
    /// The 1st of September.
    MonthDay,
    /// In `09/01/16` the 16th of January 2009. Of years with four digits this is ISO 8601, and no question.
    YearFirst,
}

/// A date whose order is not known yet, and whose year seems to be the last number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct YearLast {
    first: i64,
    second: i64,
    last: i64,
    /// Of the year only two digits are written.
    is_short: bool,
    /// And of the first number too, so that it could as well be the year.
    may_lead: bool,
    clock: Clock,
    offset: Option<i64>,
}

impl YearLast {
    /// Reads `9/1/2016 15:30`, `9/1/16 15:30` or `9/1/2016 3:30 PM`, with one or two digits, `/`, `.` or `-` between; clock, seconds,
    /// fraction and offset are optional.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (first, rest) = number(text.as_bytes(), 2)?;
        let first_digits = text.len() - rest.len();
        let [separator @ (b'/' | b'.' | b'-'), rest @ ..] = rest else { return None };
        let (second, rest) = number(rest, 2)?;
        let rest = rest.strip_prefix(std::slice::from_ref(separator))?;
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (last, rest) = rest.split_at_checked(length)?;
        let last = digits(last)?;
        let is_short = match length {
            2 => true,
            4 => false,
            _ => return None,
        };
        let (clock, rest) = match rest {
            [] => (Clock::default(), rest),
            [b' ' | b'T', rest @ ..] => half(clock(rest)?)?,
            _ => return None,
        };
        let may_lead = is_short && first_digits == 2;
        Some(Self { first, second, last, is_short, may_lead, clock, offset: offset_or_end(rest)? })
    }

    /// The only order with the year last in which this is a date, when there is only one.
    pub(crate) fn order(&self) -> Option<DateOrder> {
        match (self.stamp(DateOrder::DayMonth), self.stamp(DateOrder::MonthDay)) {
            (Some(_), None) => Some(DateOrder::DayMonth),
            (None, Some(_)) => Some(DateOrder::MonthDay),
            _ => None,
        }
    }

    /// The year, if the last number is it.
    pub(crate) fn last_year(&self) -> i64 {
        if self.is_short { full(self.last) } else { self.last }
    }

    pub(super) fn stamp(&self, order: DateOrder) -> Option<Stamp> {
        let (year, month, day) = match order {
            DateOrder::DayMonth => (self.last_year(), self.second, self.first),
            DateOrder::MonthDay => (self.last_year(), self.first, self.second),
            DateOrder::YearFirst => (self.may_lead.then(|| full(self.first))?, self.second, self.last),
        };
        stamp(Date { year, month, day }, self.clock, self.offset)
    }
}

/// The year of which two digits are written (POSIX, `strptime`, `%y`).
fn full(year: i64) -> i64 {
    if year < 69 { 2000 + year } else { 1900 + year }
}

/// Reads AM or PM behind a clock, if one of them is there.
fn half((clock, rest): (Clock, &[u8])) -> Option<(Clock, &[u8])> {
    let (half, after) = match rest.trim_ascii_start() {
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
    /// Neighbours are of the same day, as those of a device are that measures more often than once a day.
    same_day: bool,
    any_short: bool,
    /// Some date is none with its year first; some date is one with its year first only.
    never_leads: bool,
    must_lead: bool,
}

impl Orders {
    /// Takes the next date; false when it has another order than one before.
    pub(crate) fn see(&mut self, date: &YearLast) -> bool {
        self.any = true;
        let order = date.order();
        let leads = date.stamp(DateOrder::YearFirst).is_some();
        self.never_leads |= !leads;
        self.must_lead |= leads && order.is_none() && date.stamp(DateOrder::DayMonth).is_none();
        if date.is_short {
            self.any_short = true;
            if let Some(before) = self.before.replace(*date) {
                let (first, second, last) = (before.first != date.first, before.second != date.second, before.last != date.last);
                self.last_stays |= first && !last;
                // A year on the same day is no step that a device makes; the next day is one.
                self.last_moves |= last && !first && !second;
                self.same_day |= !first && !second && !last && before.clock != date.clock;
            }
        }
        let agrees = order.is_none() || self.found.is_none() || order == self.found;
        self.found = self.found.or(order);
        agrees
    }

    /// The order of all; `None` when there are no such dates. An error says that nothing shows it.
    ///
    /// A year of two digits may be the first number as well, `16/09/01`. When the second number is a day no other can be one; when the
    /// first is, some step from one day to the next must show that the last number is none. Where it shows that the last number is the
    /// day, the first is the year, if no month can stand there; rows of one day tell a device's days from somebody's yearly table.
    pub(crate) fn settled(&self) -> Result<Option<DateOrder>, NotShown> {
        let day_or_year_first = self.found == Some(DateOrder::DayMonth);
        let is_first = self.must_lead || (day_or_year_first && self.last_moves && self.same_day);
        if is_first && !self.never_leads && !self.last_stays {
            return Ok(Some(DateOrder::YearFirst));
        }
        let year_may_be_first = self.any_short && day_or_year_first && !self.last_stays;
        let unknown = self.any && (self.found.is_none() || self.last_moves || year_may_be_first);
        if unknown { Err(NotShown { year_may_be_first: !self.never_leads }) } else { Ok(self.found) }
    }
}

/// No date of a file is one in a single order only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotShown {
    /// All of them are dates with their year first as well.
    pub(crate) year_may_be_first: bool,
}
