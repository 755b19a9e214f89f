//! A manifest of the ledger: which segments are in force.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::Segment;

/// From this many segments on they are merged, not counting one for each day or month: that many stay in any case.
pub(super) const SURPLUS_MAX: usize = 64;
/// Ids older than this are merged by month, younger ones by day, so that no merge rewrites much.
const MERGED_BY_DAY: Duration = Duration::from_hours(32 * 24);

/// Segments are merged up to so many ids, which are 256 MiB: a segment is read and written whole.
const MERGED_IDS_MAX: usize = 16 << 20;

/// The ledger of one table as of one commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// The form of this object; 1.
    pub(crate) version: u32,
    /// The segments in force, oldest first.
    pub(crate) segments: Vec<Entry>,
}

/// One segment in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// Its object's name.
    pub(crate) name: String,
    /// How many ids it has.
    pub(crate) ids: usize,
    /// When the newest of them was committed, in microseconds since the Unix epoch.
    pub(crate) until: i64,
}

impl Manifest {
    pub(super) const VERSION: u32 = 1;

    pub(super) fn add(&mut self, name: String, segment: &Segment, now: Timestamp) {
        self.version = Self::VERSION;
        self.segments.push(Entry { name, ids: segment.len(), until: now.as_microsecond() });
    }

    /// Takes out the segments whose ids are all older than the window: what they name is refused by its age from now on.
    pub(super) fn forget(&mut self, window: Duration, now: Timestamp) {
        let oldest = before(now, window);
        self.segments.retain(|entry| entry.until >= oldest);
    }

    /// The segments to merge now: groups of the same day, or of the same month when they are old, up to a length that is read in one go.
    pub(super) fn to_merge(&self, now: Timestamp) -> Vec<Vec<Entry>> {
        let by_day_from = before(now, MERGED_BY_DAY);
        let same_period = |a: &Entry, b: &Entry| {
            let (a_day, b_day) = (date(a.until), date(b.until));
            let is_young = a.until >= by_day_from && b.until >= by_day_from;
            if is_young { a_day == b_day } else { a_day.first_of_month() == b_day.first_of_month() }
        };
        let mut ids = self.segments.first().map_or(0, |first| first.ids);
        let fits = |a: &Entry, b: &Entry| {
            let merged = ids.saturating_add(b.ids);
            let fits = same_period(a, b) && merged <= MERGED_IDS_MAX;
            ids = if fits { merged } else { b.ids };
            fits
        };
        let groups: Vec<&[Entry]> = self.segments.chunk_by(fits).filter(|group| group.len() > 1).collect();
        let surplus: usize = groups.iter().map(|group| group.len() - 1).sum();
        if surplus < SURPLUS_MAX { Vec::new() } else { groups.into_iter().map(<[Entry]>::to_vec).collect() }
    }

    /// Puts one segment in the place of a group that it was merged from.
    pub(super) fn replace(&mut self, group: &[Entry], name: String, merged: &Segment) {
        let Some(at) = self.segments.iter().position(|entry| group.contains(entry)) else { return };
        let until = group.iter().map(|entry| entry.until).max().unwrap_or_default();
        self.segments.retain(|entry| !group.contains(entry));
        self.segments.insert(at, Entry { name, ids: merged.len(), until });
    }
}

fn before(now: Timestamp, window: Duration) -> i64 {
    now.as_microsecond().saturating_sub(i64::try_from(window.as_micros()).unwrap_or(i64::MAX))
}

fn date(microsecond: i64) -> jiff::civil::Date {
    Timestamp::from_microsecond(microsecond).unwrap_or_default().to_zoned(TimeZone::UTC).date()
}
