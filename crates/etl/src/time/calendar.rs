//! The proleptic Gregorian calendar, as arithmetic.

/// A day, not checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
}

/// A time of day, not checked yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Clock {
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    pub(super) micros: i64,
}

/// Microseconds from 1970-01-01 00:00 to a date and time of day, both checked. 24:00:00 is the next day's midnight (ISO 8601).
pub(super) fn microseconds(date: Date, clock: Clock) -> Option<i64> {
    let Clock { hour, minute, second, micros } = clock;
    let midnight = hour == 24 && minute == 0 && second == 0 && micros == 0;
    let valid = (hour < 24 || midnight) && minute < 60 && second < 60;
    let seconds = days(date)? * 86_400 + hour * 3600 + minute * 60 + second;
    valid.then_some(seconds * 1_000_000 + micros)
}

/// Days from 1970-01-01 to a date, if it exists.
fn days(Date { year, month, day }: Date) -> Option<i64> {
    (day >= 1 && day <= month_length(year, month)?).then(|| first_of_month(year, month) + day - 1)
}

/// The month and day on which the `day_of_year`th day falls, 1-based.
pub(super) fn nth_day(year: i64, day_of_year: i64) -> Option<Date> {
    let mut day = day_of_year;
    for month in 1..=12 {
        let length = month_length(year, month)?;
        if day <= length {
            return (day >= 1).then_some(Date { year, month, day });
        }
        day -= length;
    }
    None
}

fn month_length(year: i64, month: i64) -> Option<i64> {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => Some(29),
        2 => Some(28),
        _ => None,
    }
}

/// Days from 1970-01-01 to the first of a month, counted in years that begin in March, so that leap days come last.
fn first_of_month(year: i64, month: i64) -> i64 {
    const TO_1970: i64 = 719_468;
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (month * 153 + 2) / 5 - TO_1970
}
