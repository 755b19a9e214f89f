//! Numbers as whole numbers of their last decimal place.

use std::ops::Range;

use arrow::array::{Array, Float64Array, Int64Array};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};

/// Powers of ten that a double holds exactly, as far as sensors round.
const TENS: [f64; 10] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Whole numbers up to here are doubles exactly, and so are their differences.
const EXACT_MAX: i64 = 1 << 51;

/// Numbers, each `(base + code) / 10^decimals`. The largest code stands for null.
#[derive(Clone, Debug)]
pub(crate) struct Whole {
    base: i64,
    decimals: u8,
    codes: Codes,
}

#[derive(Clone, Debug)]
enum Codes {
    Short(Box<[u16]>),
    Long(Box<[u32]>),
}

/// A code of some width.
trait Code: Copy + PartialEq + Into<i64> + TryFrom<i64> {
    const NULL: Self;

    fn of(offset: i64) -> Option<Self> {
        Self::try_from(offset).ok().filter(|code| *code != Self::NULL)
    }
}

impl Code for u16 {
    const NULL: Self = Self::MAX;
}

impl Code for u32 {
    const NULL: Self = Self::MAX;
}

impl Whole {
    /// Packs doubles of which every one comes back bit by bit; `None` when one does not. At least so many `decimals` are tried
    /// first, and it is told how many there are.
    pub(super) fn of_doubles(array: &Float64Array, decimals: &mut u8) -> Option<Self> {
        let mut wholes = Vec::with_capacity(array.len());
        for places in *decimals.. {
            let ten = *TENS.get(usize::from(places))?;
            wholes.clear();
            if array.values().iter().zip(0..).all(|(value, at)| {
                let whole = whole(*value, ten);
                wholes.push(whole.unwrap_or_default());
                whole.is_some() || array.is_null(at)
            }) {
                *decimals = places;
                break;
            }
        }
        Self::of(&wholes, array.nulls(), *decimals)
    }

    /// Packs whole numbers, unless they are too far apart.
    pub(super) fn of_longs(array: &Int64Array) -> Option<Self> {
        Self::of(array.values(), array.nulls(), 0)
    }

    fn of(wholes: &[i64], nulls: Option<&NullBuffer>, decimals: u8) -> Option<Self> {
        let is_value = |at: &usize| nulls.is_none_or(|nulls| nulls.is_valid(*at));
        let values = || wholes.iter().zip(0..).filter(|(_, at)| is_value(at)).map(|(whole, _)| *whole);
        let base = values().min().unwrap_or_default();
        let range = values().max().unwrap_or_default().checked_sub(base)?;
        let codes = if u16::of(range).is_some() {
            Codes::Short(encode(wholes, nulls, base)?)
        } else {
            u32::of(range)?;
            Codes::Long(encode(wholes, nulls, base)?)
        };
        Some(Self { base, decimals, codes })
    }

    pub(crate) fn bytes(&self) -> usize {
        match &self.codes {
            Codes::Short(codes) => size_of_val(&**codes),
            Codes::Long(codes) => size_of_val(&**codes),
        }
    }

    /// Some of the values as doubles.
    pub(crate) fn doubles(&self, rows: Range<usize>) -> Float64Array {
        let mut values = Vec::with_capacity(rows.len());
        let mut valid = Vec::new();
        self.push_doubles(rows, &mut values, &mut valid);
        Float64Array::new(ScalarBuffer::from(values), nulls(&valid))
    }

    /// Appends some of the values, and which of them there are.
    pub(crate) fn push_doubles(&self, rows: Range<usize>, values: &mut Vec<f64>, valid: &mut Vec<bool>) {
        let ten = TENS.get(usize::from(self.decimals)).copied().unwrap_or(1.0);
        #[allow(clippy::cast_precision_loss, reason = "whole numbers of doubles are exact, as packing made sure")]
        let value = |whole: i64| whole as f64 / ten;
        match &self.codes {
            Codes::Short(codes) => decode(codes, rows, self.base, value, values, valid),
            Codes::Long(codes) => decode(codes, rows, self.base, value, values, valid),
        }
    }

    /// Some of the values as whole numbers; they must have been packed as such.
    pub(crate) fn longs(&self, rows: Range<usize>) -> Int64Array {
        let mut values = Vec::with_capacity(rows.len());
        let mut valid = Vec::new();
        self.push_longs(rows, &mut values, &mut valid);
        Int64Array::new(ScalarBuffer::from(values), nulls(&valid))
    }

    /// Appends some of the values, and which of them there are.
    pub(crate) fn push_longs(&self, rows: Range<usize>, values: &mut Vec<i64>, valid: &mut Vec<bool>) {
        match &self.codes {
            Codes::Short(codes) => decode(codes, rows, self.base, |whole| whole, values, valid),
            Codes::Long(codes) => decode(codes, rows, self.base, |whole| whole, values, valid),
        }
    }
}

/// The nulls of an array, if there are any.
pub(crate) fn nulls(valid: &[bool]) -> Option<NullBuffer> {
    valid.contains(&false).then(|| NullBuffer::new(BooleanBuffer::from(valid)))
}

/// A double as a whole number of tenths, hundredths, …, if it comes back from that bit by bit.
#[inline]
fn whole(value: f64, ten: f64) -> Option<i64> {
    /// Added and taken away again, it leaves a double of moderate size without its fraction.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let rounded = (value * ten + ROUND) - ROUND;
    #[allow(clippy::cast_possible_truncation, reason = "a double out of range becomes a whole number that does not come back")]
    let whole = rounded as i64;
    #[allow(clippy::cast_precision_loss, reason = "a whole number that is not exact does not come back")]
    let back = whole as f64 / ten;
    (back.to_bits() == value.to_bits() && whole.unsigned_abs() < EXACT_MAX.unsigned_abs()).then_some(whole)
}

fn encode<C: Code>(wholes: &[i64], nulls: Option<&NullBuffer>, base: i64) -> Option<Box<[C]>> {
    let Some(nulls) = nulls else { return wholes.iter().map(|whole| C::of(whole - base)).collect() };
    let code = |(whole, is_value): (&i64, bool)| if is_value { C::of(whole - base) } else { Some(C::NULL) };
    wholes.iter().zip(nulls.iter()).map(code).collect()
}

#[inline]
fn decode<C: Code, T: Default>(
    codes: &[C],
    rows: Range<usize>,
    base: i64,
    value: impl Fn(i64) -> T,
    values: &mut Vec<T>,
    valid: &mut Vec<bool>,
) {
    let codes = codes.get(rows).unwrap_or_default();
    valid.extend(codes.iter().map(|code| *code != C::NULL));
    values.extend(codes.iter().map(|code| if *code == C::NULL { T::default() } else { value(base + Into::<i64>::into(*code)) }));
}
