//! Whole numbers one behind the other. The times of rows, and the lines on which they begin, mostly follow at even steps.

use std::ops::Range;

/// Whole numbers in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// As many as `count`, each `step` more than the one before.
    Even {
        first: i64,
        step: i64,
        count: usize,
    },
    Listed(Box<[i64]>),
}

impl Sequence {
    pub(super) fn of(values: &[i64]) -> Self {
        let step = |pair: &[i64]| match pair {
            [one, other] => other.checked_sub(*one),
            _ => None,
        };
        let first = values.first().copied().unwrap_or_default();
        let even = values.get(..2).map_or(Some(0), step).filter(|even| values.windows(2).all(|pair| step(pair) == Some(*even)));
        match even {
            Some(step) => Self::Even { first, step, count: values.len() },
            None => Self::Listed(values.into()),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Even { count, .. } => *count,
            Self::Listed(values) => values.len(),
        }
    }

    /// One of them; `None` behind the last.
    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<i64> {
        match self {
            // What was in the list is no overflow.
            Self::Even { first, step, count } => {
                i64::try_from(at).ok().filter(|_| at < *count).map(|at| first.wrapping_add(step.wrapping_mul(at)))
            }
            Self::Listed(values) => values.get(at).copied(),
        }
    }

    /// Some of them.
    pub(crate) fn some(&self, at: Range<usize>) -> impl Iterator<Item = i64> {
        at.map_while(|at| self.get(at))
    }

    /// How many bytes of memory they take beside the value itself.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Even { .. } => 0,
            Self::Listed(values) => size_of_val(&**values),
        }
    }
}
