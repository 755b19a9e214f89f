//! Wall clock time to UTC.

use std::ops::RangeInclusive;

use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, civil::DateTime};

use crate::time::{Stamp, offset};

/// A time zone by the name that a person declared it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Zone {
    name: String,
    zone: TimeZone,
}

impl Zone {
    /// An IANA name (`Europe/Berlin`) or a fixed offset (`+05:30`).
    pub(crate) fn named(name: &str) -> Option<Self> {
        let zone = match offset(name.as_bytes()) {
            Some(seconds) => TimeZone::fixed(Offset::from_seconds(i32::try_from(seconds).ok()?).ok()?),
            None => TimeZone::get(name).ok()?,
        };
        Some(Self { name: name.to_owned(), zone })
    }

    /// The name as declared.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// Why a wall clock time is no point in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ZoneFault {
    #[error("{0} occurs twice in {1}, when its clocks go back")]
    Twice(DateTime, String),
    #[error("{0} does not occur in {1}, when its clocks go forward")]
    Never(DateTime, String),
    #[error("outside the years that a table can hold")]
    Range,
}

/// Turns the wall clock times of one file into UTC. Between two changes of a zone's offset a look-up costs two comparisons.
#[derive(Debug)]
pub(crate) struct Local<'z> {
    zone: &'z Zone,
    /// Wall clock microseconds for which `offset` holds, and no other.
    from: i64,
    until: i64,
    offset: i64,
    used: bool,
    /// Rows from before this moment are not believed.
    earliest: i64,
    /// Nor are those from this moment on.
    end: i64,
    /// When the upload arrived, or why rows cannot have that time.
    arrival: Result<i64, String>,
    arrival_used: bool,
}

impl<'z> Local<'z> {
    /// Knows no offset yet.
    pub(crate) fn new(zone: &'z Zone) -> Self {
        let arrival = Err("no time: only the time of its arrival is known".to_owned());
        let (earliest, end) = (i64::MIN, Timestamp::MAX.as_microsecond());
        Self { zone, from: 0, until: 0, offset: 0, used: false, earliest, end, arrival, arrival_used: false }
    }

    /// Refuses rows from outside some years: clocks that have lost their power begin at 1970, 1980 or the like, and one bit that
    /// flips is centuries.
    pub(crate) fn within(self, years: RangeInclusive<i16>) -> Self {
        let end = years.end().checked_add(1).and_then(start_of).unwrap_or(self.end);
        Self { earliest: start_of(*years.start()).unwrap_or(i64::MIN), end: end.min(self.end), ..self }
    }

    /// Refuses rows from before this year, whatever else was said of the first one: the format knows its devices, or archives.
    pub(crate) fn not_before(&mut self, year: i16) {
        self.earliest = start_of(year).unwrap_or(self.earliest);
    }

    /// Says when the upload arrived, or why rows without a time cannot have that one.
    pub(crate) fn arriving(self, arrival: Result<i64, String>) -> Self {
        Self { arrival, ..self }
    }

    /// The time of arrival, for rows that have none of their own, where the format declares that.
    pub(crate) fn arrival(&mut self) -> Result<i64, String> {
        self.arrival_used = true;
        self.arrival.clone()
    }

    /// Whether a row has been given the time of arrival.
    pub(crate) fn arrival_used(&self) -> bool {
        self.arrival_used && self.arrival.is_ok()
    }

    /// Whether a row may be from this moment, in microseconds since 1970 UTC.
    pub(crate) fn check(&self, row: i64) -> Result<(), String> {
        if (self.earliest..self.end).contains(&row) {
            return Ok(());
        }
        let time = Timestamp::from_microsecond(row).map_or_else(|_| "ages away".to_owned(), |time| time.to_string());
        Err(if row < self.earliest {
            format!("the row's time: {time}, before the first year that is believed (etl.limits.year_min, or the format's)")
        } else {
            format!("the row's time: {time}, after the last year that is believed (etl.limits.year_max)")
        })
    }

    /// Whether a time was read in this zone for want of an offset of its own.
    pub(crate) fn used(&self) -> bool {
        self.used
    }

    /// The name of the zone, as declared.
    pub(crate) fn zone_name(&self) -> &str {
        self.zone.name()
    }

    /// The zone's seconds east of Greenwich in the winter next to a time: the fewest of that day and of half a year later.
    pub(crate) fn winter_offset(&self, stamp: Stamp) -> Option<i64> {
        let day = Timestamp::from_microsecond(stamp.wall).ok()?;
        let later = day.checked_add(jiff::SignedDuration::from_hours(24 * 182)).ok()?;
        [day, later].map(|moment| i64::from(self.zone.zone.to_offset(moment).seconds())).into_iter().min()
    }

    /// Microseconds since the Unix epoch. An offset in the text is taken before the zone's.
    pub(crate) fn utc(&mut self, stamp: Stamp) -> Result<i64, ZoneFault> {
        if let Some(offset) = stamp.offset {
            return Ok(stamp.wall.saturating_sub(offset.saturating_mul(1_000_000)));
        }
        self.used = true;
        if !(self.from..self.until).contains(&stamp.wall) {
            self.look_up(stamp.wall)?;
        }
        Ok(stamp.wall - self.offset)
    }

    fn look_up(&mut self, wall: i64) -> Result<(), ZoneFault> {
        let utc = Timestamp::from_microsecond(wall).map_err(|_| ZoneFault::Range)?;
        let wall_clock = Offset::UTC.to_datetime(utc);
        let name = || self.zone.name.clone();
        let offset = match self.zone.zone.to_ambiguous_timestamp(wall_clock).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Fold { .. } => return Err(ZoneFault::Twice(wall_clock, name())),
            AmbiguousOffset::Gap { .. } => return Err(ZoneFault::Never(wall_clock, name())),
        };
        let at = offset.to_timestamp(wall_clock).map_err(|_| ZoneFault::Range)?;
        let offset = micros(offset);
        self.offset = offset;
        // The change before leaves an hour behind it that occurs twice or never, and so does the one after: the ends of the
        // stretch in between are the later and the earlier of what the clocks showed at those moments.
        let just_after = at.saturating_add(jiff::SignedDuration::from_micros(1)).map_err(|_| ZoneFault::Range)?;
        self.from = match self.zone.zone.preceding(just_after).next() {
            None => i64::MIN,
            Some(change) => {
                let before = self.zone.zone.preceding(change.timestamp()).next();
                let before =
                    before.map_or_else(|| micros(self.zone.zone.to_offset(Timestamp::MIN)), |change| micros(change.offset()));
                change.timestamp().as_microsecond().saturating_add(before.max(offset))
            }
        };
        self.until = match self.zone.zone.following(at).next() {
            None => i64::MAX,
            Some(change) => change.timestamp().as_microsecond().saturating_add(micros(change.offset()).min(offset)),
        };
        Ok(())
    }
}

/// What the file itself says of where its times are, for those that carry no offset of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing: they are in the zone that its format, its account or the configuration declares.
    #[default]
    Undeclared,
    /// So many seconds east of Greenwich.
    Offset(i64),
    /// In a zone of their own.
    Zone(Zone),
}

impl Place {
    /// Reads an offset, or a zone's name.
    pub(crate) fn read(text: &str) -> Option<Self> {
        offset(text.as_bytes()).map(Self::Offset).or_else(|| Zone::named(text).map(Self::Zone))
    }

    /// Microseconds since the Unix epoch, `local` being the zone of times that nothing is said of.
    #[inline]
    pub(crate) fn utc(&self, stamp: Stamp, local: &mut Local<'_>) -> Result<i64, ZoneFault> {
        match self {
            Self::Undeclared => local.utc(stamp),
            Self::Offset(offset) => local.utc(Stamp { offset: stamp.offset.or(Some(*offset)), ..stamp }),
            Self::Zone(zone) => Local::new(zone).utc(stamp),
        }
    }
}

/// When a year begins, in UTC; `None` for one outside the years that a table can hold.
fn start_of(year: i16) -> Option<i64> {
    let start = DateTime::new(year, 1, 1, 0, 0, 0, 0).and_then(|start| Offset::UTC.to_timestamp(start));
    start.ok().map(Timestamp::as_microsecond)
}

fn micros(offset: Offset) -> i64 {
    i64::from(offset.seconds()) * 1_000_000
}

#[cfg(test)]
mod tests;
