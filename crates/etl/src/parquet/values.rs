//! The distinct values of a column chunk as the format writes them, and what it says of those between two of them.

use ::parquet::basic::Type;
use ::parquet::data_type::{DataType, DoubleType, Int64Type};
use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::statistics::{Statistics, ValueStatistics};

use crate::packed::Dictionary;

/// Distinct values of eight bytes each, ascending.
#[derive(Debug)]
pub(super) enum Values {
    Doubles { values: Vec<f64>, written: Written },
    Longs(Vec<i64>),
}

/// The order in which values are written.
#[derive(Debug)]
pub(super) enum Written {
    Ascending,
    /// Those behind each other that are alike, which compresses better.
    Alike {
        /// Their places in ascending order, as they are written.
        order: Vec<u16>,
        /// And for each place in ascending order the one that it is written at.
        at: Vec<u16>,
    },
}

/// The places of the smallest and the largest value of some rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) smallest: u16,
    pub(super) largest: u16,
}

impl Values {
    pub(super) fn of(dictionary: &Dictionary, of: Type) -> Result<Self> {
        match of {
            Type::DOUBLE => {
                Ok(Self::Doubles { values: dictionary.doubles().collect(), written: Written::new(dictionary.alike()) })
            }
            Type::INT64 => Ok(Self::Longs(dictionary.longs().collect())),
            other => Err(ParquetError::NYI(format!("a dictionary of {other}"))),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Doubles { values, .. } => values.len(),
            Self::Longs(values) => values.len(),
        }
    }

    /// All of them in plain encoding, in the order in which they are written.
    pub(super) fn plain(&self) -> Vec<u8> {
        match self {
            Self::Doubles { values, written: Written::Alike { order, .. } } => {
                order.iter().flat_map(|place| at(values, *place).to_le_bytes()).collect()
            }
            Self::Doubles { values, written: Written::Ascending } => {
                values.iter().flat_map(|value| value.to_le_bytes()).collect()
            }
            Self::Longs(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }

    /// The order in which they are written.
    pub(super) fn written(&self) -> &Written {
        match self {
            Self::Doubles { written, .. } => written,
            Self::Longs(_) => &Written::Ascending,
        }
    }

    /// The smallest and the largest value in plain encoding.
    pub(super) fn bounds(&self, reach: Reach) -> [[u8; 8]; 2] {
        match self {
            Self::Doubles { values, .. } => doubles(values, reach).map(f64::to_le_bytes),
            Self::Longs(values) => longs(values, reach).map(i64::to_le_bytes),
        }
    }

    /// What a column chunk says of itself that has these values and so many nulls.
    pub(super) fn statistics(&self, nulls: u64) -> Statistics {
        let distinct = u64::try_from(self.len()).ok();
        let last = self.len().checked_sub(1).and_then(|last| u16::try_from(last).ok());
        let reach = last.map(|largest| Reach { smallest: 0, largest });
        match self {
            Self::Doubles { values, .. } => statistics::<DoubleType>(reach.map(|reach| doubles(values, reach)), distinct, nulls),
            Self::Longs(values) => statistics::<Int64Type>(reach.map(|reach| longs(values, reach)), distinct, nulls),
        }
    }
}

impl Written {
    fn new(alike: Option<Vec<u16>>) -> Self {
        let Some(order) = alike else { return Self::Ascending };
        let mut at = vec![0; order.len()];
        for (place, ascending) in (0..=u16::MAX).zip(&order) {
            if let Some(at) = at.get_mut(usize::from(*ascending)) {
                *at = place;
            }
        }
        Self::Alike { order, at }
    }

    pub(super) fn is_ascending(&self) -> bool {
        matches!(self, Self::Ascending)
    }

    /// Where the value at a place in ascending order is written.
    #[inline]
    pub(super) fn place(&self, ascending: u16) -> u16 {
        match self {
            Self::Ascending => ascending,
            Self::Alike { at: places, .. } => at(places, ascending),
        }
    }
}

impl Reach {
    /// `None` when all places are null.
    pub(super) fn of(places: &[u16]) -> Option<Self> {
        let (smallest, largest) = Dictionary::reach(places)?;
        Some(Self { smallest, largest })
    }
}

/// With the bounds in their old fields, too: readers know them from before there were others.
fn statistics<D: DataType>(bounds: Option<[D::T; 2]>, distinct: Option<u64>, nulls: u64) -> Statistics
where
    ValueStatistics<D::T>: Into<Statistics>,
{
    let (min, max) = bounds.map_or((None, None), |[min, max]| (Some(min), Some(max)));
    ValueStatistics::new(min, max, distinct, Some(nulls), false).with_backwards_compatible_min_max(true).into()
}

fn longs(values: &[i64], reach: Reach) -> [i64; 2] {
    [reach.smallest, reach.largest].map(|place| at(values, place))
}

/// As a bound each zero stands for both of them: so the format asks, since they compare as equal.
fn doubles(values: &[f64], reach: Reach) -> [f64; 2] {
    let [smallest, largest] = [reach.smallest, reach.largest].map(|place| at(values, place));
    [if smallest == 0.0 { -0.0 } else { smallest }, if largest == 0.0 { 0.0 } else { largest }]
}

fn at<T: Copy + Default>(values: &[T], place: u16) -> T {
    values.get(usize::from(place)).copied().unwrap_or_default()
}
