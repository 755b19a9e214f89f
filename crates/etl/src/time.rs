//! Text to points in time.
//!
//! A format says how its devices write time: ISO 8601, or a pattern. Digits beyond microseconds are cut.

mod calendar;
mod epoch;
mod pattern;
mod year_last;

use calendar::{Clock, Date, microseconds};
pub(crate) use epoch::{EpochUnit, decimal_micros};
pub(crate) use pattern::{MONTHS, Pattern};
pub(crate) use year_last::{DateOrder, NotShown, Orders, YearLast};

/// A time as the text gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// What the wall clock showed, as microseconds since it showed 1970-01-01 00:00.
    pub(crate) wall: i64,
    /// Seconds east of Greenwich, when the text says so.
    pub(crate) offset: Option<i64>,
}

/// How a file writes its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TimeFormat {
    /// ISO 8601: `2026-11-21T21:08:01.25Z`, a space for the `T`, seconds, fraction and offset optional, or a date alone. Before an
    /// offset or in place of it may stand `UTC` or `GMT`.
    Iso,
    /// As the format declares.
    Pattern(Pattern),
    /// A decimal number of these since 1970 UTC.
    Epoch(EpochUnit),
    /// ISO 8601, or with the year last as spreadsheets leave it. The order of day and month is `None` until known, and such
    /// times are refused.
    IsoOrYearLast(Option<DateOrder>),
    /// In any of these, the first that fits. None of them may differ from another by the order of day and month alone.
    Any(Vec<TimeFormat>),
}

impl TimeFormat {
    /// Reads a time; `None` when the text is not one in this format.
    pub(crate) fn read(&self, text: &str) -> Option<Stamp> {
        match self {
            Self::Iso => iso(text),
            Self::Pattern(pattern) => pattern.read(text),
            Self::Epoch(unit) => Some(Stamp { wall: decimal_micros(text, *unit)?, offset: Some(0) }),
            Self::IsoOrYearLast(order) => iso(text).or_else(|| YearLast::read(text)?.stamp((*order)?)),
            Self::Any(formats) => formats.iter().find_map(|format| format.read(text)),
        }
    }

    /// The order of day and month that it declares for dates which do not show it.
    pub(crate) fn date_order(&self) -> Option<DateOrder> {
        match self {
            Self::Iso | Self::Epoch(_) => None,
            Self::Pattern(pattern) => pattern.date_order(),
            Self::IsoOrYearLast(order) => *order,
            Self::Any(formats) => formats.iter().find_map(Self::date_order),
        }
    }

    /// Whether the order of day and month is for the file to show.
    pub(crate) fn is_order_open(&self) -> bool {
        match self {
            Self::IsoOrYearLast(order) => order.is_none(),
            Self::Any(formats) => formats.iter().any(Self::is_order_open),
            Self::Iso | Self::Epoch(_) | Self::Pattern(_) => false,
        }
    }

    /// The same with the order that the file has shown.
    pub(crate) fn ordered(self, shown: Option<DateOrder>) -> Self {
        match self {
            Self::IsoOrYearLast(None) => Self::IsoOrYearLast(shown),
            Self::Any(formats) => Self::Any(formats.into_iter().map(|format| format.ordered(shown)).collect()),
            other => other,
        }
    }
}

/// Reads ISO 8601 as loggers write it.
fn iso(text: &str) -> Option<Stamp> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, rest @ ..] = text.as_bytes() else { return None };
    let date = Date { year: digits(&[*y1, *y2, *y3, *y4])?, month: digits(&[*m1, *m2])?, day: digits(&[*d1, *d2])? };
    match rest {
        [] => stamp(date, Clock::default(), None),
        [b' ' | b'T' | b't', rest @ ..] => {
            let (clock, rest) = clock(rest)?;
            stamp(date, clock, offset_or_end(rest)?)
        }
        _ => None,
    }
}

fn stamp(date: Date, clock: Clock, offset: Option<i64>) -> Option<Stamp> {
    Some(Stamp { wall: microseconds(date, clock)?, offset })
}

/// Reads `15:30`, `15:30:05` or `15:30:05.25`; the hour may have one digit.
fn clock(text: &[u8]) -> Option<(Clock, &[u8])> {
    let (hour, rest) = number(text, 2)?;
    let [b':', m1, m2, rest @ ..] = rest else { return None };
    let minute = digits(&[*m1, *m2])?;
    let [b':', s1, s2, rest @ ..] = rest else { return Some((Clock { hour, minute, ..Clock::default() }, rest)) };
    let second = digits(&[*s1, *s2])?;
    let (micros, rest) = fraction(rest)?;
    Some((Clock { hour, minute, second, micros }, rest))
}

/// Reads the digits behind a decimal sign as microseconds; no sign, no fraction.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let [b'.' | b',', rest @ ..] = text else { return Some((0, text)) };
    let mut micros = 0;
    let mut weight = 100_000;
    let mut rest = rest;
    let mut any = false;
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        micros += i64::from(digit - b'0') * weight;
        weight /= 10;
        rest = after;
        any = true;
    }
    any.then_some((micros, rest))
}

/// Reads what may follow a time: nothing, or an offset, `UTC`, `GMT` or both as in `UTC-0700`, with at most one space before it.
fn offset_or_end(text: &[u8]) -> Option<Option<i64>> {
    let text = match text {
        [] => return Some(None),
        [b' ', rest @ ..] => rest,
        _ => text,
    };
    let seconds = match text.strip_prefix(b"UTC").or_else(|| text.strip_prefix(b"GMT")) {
        Some([]) => Some(0),
        Some(signed @ [b'+' | b'-', ..]) => offset(signed),
        Some(_) => None,
        None => offset(text),
    };
    seconds.map(Some)
}

/// Reads `Z`, `+01:00`, `+0100` or `+01` as seconds east of Greenwich.
pub(crate) fn offset(text: &[u8]) -> Option<i64> {
    const HOURS_MAX: i64 = 18;
    let (sign, hours, minutes) = match text {
        [b'Z' | b'z'] => return Some(0),
        [sign, h1, h2] => (sign, digits(&[*h1, *h2])?, 0),
        [sign, h1, h2, b':', m1, m2] | [sign, h1, h2, m1, m2] => (sign, digits(&[*h1, *h2])?, digits(&[*m1, *m2])?),
        _ => return None,
    };
    let seconds = (hours <= HOURS_MAX && minutes < 60).then_some(hours * 3600 + minutes * 60)?;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

/// The value of digits, all of them; `None` when there are more than any number has.
fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0_i64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// Reads a number of one to `digits_max` digits.
fn number(text: &[u8], digits_max: usize) -> Option<(i64, &[u8])> {
    let length = text.iter().take(digits_max).take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(length).filter(|_| length > 0)?;
    Some((digits(number)?, rest))
}

#[cfg(test)]
mod tests;
