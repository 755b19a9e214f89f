//! What spans of time a table keeps in files of their own.

use std::ops::Range;

use iceberg::spec::{Literal, PartitionSpec, Schema, Transform};
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;

use super::TS;

const DAY_MICROSECONDS: i64 = 86_400_000_000;

/// The span of time, in UTC, that a data file never reaches beyond. A table keeps what it was made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Partition {
    /// A day: a query for one reads no other.
    #[default]
    Day,
    /// A month: fewer and better compressed files where a day has less than some hundred thousand rows.
    Month,
}

impl Partition {
    pub(crate) fn transform(self) -> Transform {
        match self {
            Self::Day => Transform::Day,
            Self::Month => Transform::Month,
        }
    }

    /// The name of the partition field.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::Day => "ts_day",
            Self::Month => "ts_month",
        }
    }

    /// What a table is partitioned by; `None` when it is by something else.
    pub(crate) fn of(spec: &PartitionSpec, schema: &Schema) -> Option<Self> {
        let [field] = spec.fields() else { return None };
        let by = [Self::Day, Self::Month].into_iter().find(|by| by.transform() == field.transform);
        by.filter(|_| schema.field_id_by_name(TS) == Some(field.source_id))
    }

    /// The number of a moment's span, counted from 1970 as Iceberg does, and the microseconds that it holds.
    pub(crate) fn span(self, ts: i64) -> Option<(i32, Range<i64>)> {
        match self {
            Self::Day => {
                let day = ts.div_euclid(DAY_MICROSECONDS);
                let start = day.checked_mul(DAY_MICROSECONDS)?;
                Some((i32::try_from(day).ok()?, start..start.checked_add(DAY_MICROSECONDS)?))
            }
            Self::Month => {
                let first = Timestamp::from_microsecond(ts).ok()?.to_zoned(TimeZone::UTC).date().first_of_month();
                let next = first.checked_add(1.month()).map_or(i64::MAX, microsecond);
                let month = (i32::from(first.year()) - 1970) * 12 + i32::from(first.month()) - 1;
                Some((month, microsecond(first)..next))
            }
        }
    }

    /// A span's number as the partition's value.
    pub(crate) fn literal(self, number: i32) -> Literal {
        match self {
            Self::Day => Literal::date(number),
            Self::Month => Literal::int(number),
        }
    }
}

/// When a day begins, in microseconds since the Unix epoch.
fn microsecond(day: Date) -> i64 {
    const EPOCH: Date = date(1970, 1, 1);
    i64::from((day - EPOCH).get_days()) * DAY_MICROSECONDS
}

#[cfg(test)]
mod tests;
