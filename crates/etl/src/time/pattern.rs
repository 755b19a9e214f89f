//! Times as a format declares them, in the notation of `strftime`:
//!
//! `%Y` year, `%y` its last two digits (69 to 99 are 1969 to 1999), `%m` month, `%b` its English name cut to three letters,
//! `%d` day, `%j` day of the year, `%H` hour, `%I` hour up to 12 with `%p` AM or PM, `%M` minute, `%S` second, `%.f` the
//! fraction of the second with its sign, when there is one, `%z` offset from UTC, `%s` seconds since 1970 UTC, `%%` a percent
//! sign. `%{HHMM}` is hour and minute as one number without leading zeros, as 5 for 00:05 and 2400 for the next midnight. A space
//! stands for one or more; leading zeros may be missing, except where numbers touch.

use super::calendar::{Clock, Date, nth_day};
use super::{DateOrder, Stamp, fraction, number, offset, stamp};

/// The months as they are written in words, in any case.
pub(crate) const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// A declared notation, checked to give a whole time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    items: Vec<Item>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Literal(u8),
    Space,
    Number { field: Field, width: usize, exact: bool },
    MonthName,
    Fraction,
    Half,
    Offset,
    Epoch,
    HourMinute,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Year,
    ShortYear,
    Month,
    Day,
    DayOfYear,
    Hour,
    Hour12,
    Minute,
    Second,
}

/// Why a notation cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PatternError {
    #[error("unknown part %{0}")]
    Unknown(char),
    #[error("ends with a single %")]
    Percent,
    #[error("characters outside ASCII cannot be in it: {0:?}")]
    Ascii(char),
    #[error("gives no date: it needs %Y or %y, with %m or %b and %d, or with %j; or %s")]
    Date,
    #[error("%I needs %p, and %p needs %I")]
    Half,
}

impl Pattern {
    /// Reads a notation.
    pub(crate) fn new(notation: &str) -> Result<Self, PatternError> {
        let mut items = Vec::new();
        let mut characters = notation.chars();
        while let Some(character) = characters.next() {
            items.push(match character {
                '%' => Item::of(characters.next().ok_or(PatternError::Percent)?, &mut characters)?,
                ' ' => Item::Space,
                other => Item::Literal(u8::try_from(other).ok().filter(u8::is_ascii).ok_or(PatternError::Ascii(other))?),
            });
        }
        let followed: Vec<bool> = items.iter().skip(1).map(|item| matches!(item, Item::Number { .. })).collect();
        for (item, followed) in items.iter_mut().zip(followed) {
            if let Item::Number { exact, .. } = item {
                *exact |= followed;
            }
        }
        let pattern = Self { items };
        pattern.check()?;
        Ok(pattern)
    }

    fn check(&self) -> Result<(), PatternError> {
        let has = |field| self.items.iter().any(|item| matches!(item, Item::Number { field: of, .. } if *of == field));
        let year = has(Field::Year) || has(Field::ShortYear);
        let day = has(Field::DayOfYear) || ((has(Field::Month) || self.items.contains(&Item::MonthName)) && has(Field::Day));
        let dated = (year && day) || self.items.contains(&Item::Epoch);
        if !dated {
            return Err(PatternError::Date);
        }
        if has(Field::Hour12) != self.items.contains(&Item::Half) {
            return Err(PatternError::Half);
        }
        Ok(())
    }

    /// Which of day and month it has first, when it has both as numbers and the year behind them: an order that a reader of the
    /// text cannot see.
    pub(super) fn date_order(&self) -> Option<DateOrder> {
        let at = |field| self.items.iter().position(|item| matches!(item, Item::Number { field: of, .. } if *of == field));
        let year = at(Field::Year).or_else(|| at(Field::ShortYear))?;
        let (day, month) = (at(Field::Day)?, at(Field::Month)?);
        (year > day && year > month).then_some(if day < month { DateOrder::DayMonth } else { DateOrder::MonthDay })
    }

    /// Reads a time, if the whole text is one.
    pub(super) fn read(&self, text: &str) -> Option<Stamp> {
        let mut parts = Parts::default();
        let mut rest = text.as_bytes();
        for item in &self.items {
            rest = parts.read(*item, rest)?;
        }
        if !rest.is_empty() {
            return None;
        }
        parts.stamp()
    }
}

impl Item {
    fn of(letter: char, after: &mut std::str::Chars<'_>) -> Result<Self, PatternError> {
        let field = |field, width| Ok(Self::Number { field, width, exact: field == Field::Year });
        match letter {
            'Y' => field(Field::Year, 4),
            'y' => field(Field::ShortYear, 2),
            'm' => field(Field::Month, 2),
            'd' => field(Field::Day, 2),
            'j' => field(Field::DayOfYear, 3),
            'H' => field(Field::Hour, 2),
            'I' => field(Field::Hour12, 2),
            'M' => field(Field::Minute, 2),
            'S' => field(Field::Second, 2),
            'b' => Ok(Self::MonthName),
            'p' => Ok(Self::Half),
            'z' => Ok(Self::Offset),
            's' => Ok(Self::Epoch),
            '%' => Ok(Self::Literal(b'%')),
            '.' if after.next() == Some('f') => Ok(Self::Fraction),
            '{' if after.as_str().starts_with("HHMM}") => {
                *after = after.as_str().get("HHMM}".len()..).unwrap_or_default().chars();
                Ok(Self::HourMinute)
            }
            other => Err(PatternError::Unknown(other)),
        }
    }
}

/// What has been read of a time.
#[derive(Debug, Default)]
struct Parts {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    clock: Clock,
    afternoon: Option<bool>,
    offset: Option<i64>,
    epoch: Option<i64>,
    /// Whether the seconds since 1970 had a minus before them; -0.5 is 0 and a half without it.
    before_epoch: bool,
}

impl Parts {
    fn read<'t>(&mut self, item: Item, text: &'t [u8]) -> Option<&'t [u8]> {
        match item {
            Item::Literal(byte) => text.strip_prefix(&[byte]),
            Item::Space => text.strip_prefix(b" ").map(|rest| rest.trim_ascii_start()),
            Item::Number { field, width, exact } => {
                let (value, rest) = number(text, width)?;
                if exact && text.len() - rest.len() != width {
                    return None;
                }
                self.set(field, value)?;
                Some(rest)
            }
            Item::MonthName => {
                let (name, rest) = text.split_at_checked(3)?;
                let month = MONTHS.iter().position(|month| month.as_bytes().eq_ignore_ascii_case(name))?;
                self.month = Some(i64::try_from(month).ok()? + 1);
                Some(rest)
            }
            Item::Fraction => {
                let (micros, rest) = fraction(text)?;
                self.clock.micros = micros;
                Some(rest)
            }
            Item::Half => {
                let (half, rest) = text.split_at_checked(2)?;
                self.afternoon = Some(half.eq_ignore_ascii_case(b"pm"));
                (half.eq_ignore_ascii_case(b"am") || half.eq_ignore_ascii_case(b"pm")).then_some(rest)
            }
            Item::Offset => {
                let length =
                    text.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b':' | b'Z' | b'z')).count();
                let (zone, rest) = text.split_at_checked(length)?;
                self.offset = Some(offset(zone)?);
                Some(rest)
            }
            Item::Epoch => {
                const DIGITS_MAX: usize = 12;
                let (negative, unsigned) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
                let (seconds, rest) = number(unsigned, DIGITS_MAX)?;
                self.epoch = Some(seconds);
                self.before_epoch = negative;
                Some(rest)
            }
            Item::HourMinute => {
                const DIGITS_MAX: usize = 4;
                let (together, rest) = number(text, DIGITS_MAX)?;
                (self.clock.hour, self.clock.minute) = (together / 100, together % 100);
                Some(rest)
            }
        }
    }

    fn set(&mut self, field: Field, value: i64) -> Option<()> {
        match field {
            Field::Year => self.year = Some(value),
            Field::ShortYear => self.year = Some(if value < 69 { 2000 + value } else { 1900 + value }),
            Field::Month => self.month = Some(value),
            Field::Day => self.day = Some(value),
            Field::DayOfYear => self.day_of_year = Some(value),
            Field::Hour => self.clock.hour = value,
            Field::Hour12 => self.clock.hour = (1..=12).contains(&value).then_some(value % 12)?,
            Field::Minute => self.clock.minute = value,
            Field::Second => self.clock.second = value,
        }
        Some(())
    }

    fn stamp(self) -> Option<Stamp> {
        if let Some(seconds) = self.epoch {
            let wall = seconds * 1_000_000 + self.clock.micros;
            return Some(Stamp { wall: if self.before_epoch { -wall } else { wall }, offset: Some(0) });
        }
        let year = self.year?;
        let date = match self.day_of_year {
            Some(day) => nth_day(year, day)?,
            None => Date { year, month: self.month?, day: self.day? },
        };
        let half = if self.afternoon == Some(true) { 12 } else { 0 };
        stamp(date, Clock { hour: self.clock.hour + half, ..self.clock }, self.offset)
    }
}
