//! Packed numbers of many parts as a dictionary: the distinct values, and for each number the place of its value among them.
//!
//! Numbers that sensors rounded lie close together, but for a few that stand for errors. So a table with a cell for each number tells the
//! distinct ones, in ascending order, without hashing or unpacking any.

mod alike;
mod cells;

use std::ops::Range;

use super::Whole;
use super::whole::{self, Code, EXACT_MAX};
use cells::Cells;

/// So many cells are looked through for a few rows, too.
const CELLS_MIN: usize = 64 << 10;
/// For many rows, so many for each of them: beyond that, hashing costs less.
const CELLS_A_ROW: usize = 4;

/// Numbers of some rows: those rows of a column; where there is no column, as many nulls.
pub(crate) type Stretch<'v> = (Option<&'v Whole>, Range<usize>);

/// Numbers, each as the place of its value among the distinct ones.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dictionary {
    /// Whole numbers of the last decimal place, ascending.
    distinct: Vec<i64>,
    decimals: u8,
    places: Vec<u16>,
}

impl Dictionary {
    /// Stands in the place of a null.
    pub(crate) const NULL: u16 = <u16 as Code>::NULL;
    /// So many distinct values at most.
    pub(crate) const DISTINCT_MAX: usize = 0xffff;

    /// The dictionary of these numbers, one stretch behind the other; `None` when they are too far apart, or more than
    /// [`DISTINCT_MAX`](Self::DISTINCT_MAX) of them are distinct.
    pub(crate) fn of(stretches: &[Stretch<'_>]) -> Option<Self> {
        let rows: usize = stretches.iter().map(|(_, rows)| rows.len()).sum();
        let wholes = || stretches.iter().filter_map(|(whole, rows)| Some(((*whole)?, rows.clone())));
        let decimals = wholes().map(|(whole, _)| whole.decimals()).max().unwrap_or_default();

        let mut reach: Option<(i64, i64)> = None;
        for (whole, rows) in wholes() {
            let Some((smallest, largest)) = whole.reach(rows) else { continue };
            let step = step(whole, decimals)?;
            let (smallest, largest) = (exact(smallest, step)?, exact(largest, step)?);
            let (low, high) = reach.unwrap_or((smallest, largest));
            reach = Some((low.min(smallest), high.max(largest)));
        }
        let (low, high) = reach.unwrap_or_default();
        let mut cells = Cells::new(low, high, CELLS_MIN.max(CELLS_A_ROW.saturating_mul(rows)))?;
        for (whole, rows) in wholes() {
            let step = step(whole, decimals)?;
            whole.each(rows, |number| {
                if let Some(number) = number {
                    cells.mark(number * step);
                }
            });
        }
        let distinct = cells.number().filter(|distinct| distinct.len() <= Self::DISTINCT_MAX)?;

        let mut places = Vec::with_capacity(rows);
        for (whole, rows) in stretches {
            let Some(whole) = whole else {
                places.resize(places.len() + rows.len(), Self::NULL);
                continue;
            };
            let step = step(whole, decimals)?;
            whole.each(rows.clone(), |number| places.push(number.map_or(Self::NULL, |number| cells.place(number * step))));
        }
        Some(Self { distinct, decimals, places })
    }

    /// The distinct values as doubles, ascending.
    pub(crate) fn doubles(&self) -> impl Iterator<Item = f64> {
        self.distinct.iter().copied().map(whole::double(self.decimals))
    }

    /// The places of the distinct values in an order in which those follow each other that are alike as doubles; `None` when it is no
    /// better than the ascending one.
    pub(crate) fn alike(&self) -> Option<Vec<u16>> {
        alike::order(&self.distinct, self.decimals)
    }

    /// The distinct values of numbers that were packed as whole ones, ascending.
    pub(crate) fn longs(&self) -> impl Iterator<Item = i64> {
        self.distinct.iter().copied()
    }

    /// The places of the smallest and the largest value of some rows; `None` when all of them are null.
    pub(crate) fn reach(places: &[u16]) -> Option<(u16, u16)> {
        whole::reach(places)
    }

    /// For each row the place of its value among the distinct ones, or [`NULL`](Self::NULL).
    pub(crate) fn places(&self) -> &[u16] {
        &self.places
    }
}

/// How many units of so many decimal places one of a column's is.
fn step(whole: &Whole, decimals: u8) -> Option<i64> {
    10_i64.checked_pow(u32::from(decimals.saturating_sub(whole.decimals())))
}

/// A number in smaller units, if a double still holds it exactly.
fn exact(number: i64, step: i64) -> Option<i64> {
    number.checked_mul(step).filter(|number| number.unsigned_abs() < EXACT_MAX)
}

#[cfg(test)]
mod tests;
