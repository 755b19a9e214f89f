//! Numbers as whole numbers of their last decimal place.

use std::ops::Range;

use arrow::array::{Array, Float64Array, Int64Array};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};

use crate::number::TENS;

/// Sensors round to no more decimal places.
const DECIMALS_MAX: u8 = 9;
/// Whole numbers below this are doubles exactly, and so are their differences.
pub(super) const EXACT_MAX: u64 = 1 << 51;

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
pub(super) trait Code: Copy + PartialEq + Into<i64> + TryFrom<i64> {
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
    /// Packs doubles of which every one comes back bit by bit, but for the sign of a zero; `None` when one does not, be it in the place
    /// of a null. At least so many `decimals` are tried first, and it is told how many there are.
    pub(super) fn of_doubles(array: &Float64Array, decimals: &mut u8) -> Option<Self> {
        let mut wholes = vec![0; array.len()];
        *decimals = (*decimals..=DECIMALS_MAX).find(|places| are_whole(array.values(), ten(*places), &mut wholes))?;
        // This column may have fewer than the one before.
        let mut needed = *decimals;
        while needed > 0 && wholes.iter().all(|whole| whole % 10 == 0) {
            wholes.iter_mut().for_each(|whole| *whole /= 10);
            needed -= 1;
        }
        Self::of(wholes, array.nulls(), needed)
    }

    /// Packs whole numbers, unless they are too far apart.
    pub(super) fn of_longs(array: &Int64Array) -> Option<Self> {
        Self::of(array.values().to_vec(), array.nulls(), 0)
    }

    fn of(mut wholes: Vec<i64>, nulls: Option<&NullBuffer>, decimals: u8) -> Option<Self> {
        let absent: Vec<usize> = nulls.map(|nulls| (!nulls.inner()).set_indices().collect()).unwrap_or_default();
        // What stands in the place of a null is neither the smallest nor the largest.
        let present = (0..wholes.len()).find(|at| nulls.is_none_or(|nulls| nulls.is_valid(*at)));
        let any = present.and_then(|at| wholes.get(at)).copied().unwrap_or_default();
        put(&mut wholes, &absent, any);
        let base = wholes.iter().copied().min().unwrap_or_default();
        let range = wholes.iter().copied().max().unwrap_or_default().checked_sub(base)?;
        let codes = if u16::of(range).is_some() {
            Codes::Short(encode(&wholes, &absent, base))
        } else {
            u32::of(range)?;
            Codes::Long(encode(&wholes, &absent, base))
        };
        Some(Self { base, decimals, codes })
    }

    pub(crate) fn bytes(&self) -> usize {
        match &self.codes {
            Codes::Short(codes) => size_of_val(&**codes),
            Codes::Long(codes) => size_of_val(&**codes),
        }
    }

    /// The decimal places of its unit.
    pub(super) fn decimals(&self) -> u8 {
        self.decimals
    }

    /// The smallest and the largest of some of the values, in its unit; `None` when all of them are null.
    pub(super) fn reach(&self, rows: Range<usize>) -> Option<(i64, i64)> {
        let (smallest, largest): (i64, i64) = match &self.codes {
            Codes::Short(codes) => reach(codes.get(rows)?).map(|(smallest, largest)| (smallest.into(), largest.into())),
            Codes::Long(codes) => reach(codes.get(rows)?).map(|(smallest, largest)| (smallest.into(), largest.into())),
        }?;
        Some((self.base + smallest, self.base + largest))
    }

    /// Gives some of the values one by one, in its unit; `None` for null.
    pub(super) fn each(&self, rows: Range<usize>, to: impl FnMut(Option<i64>)) {
        match &self.codes {
            Codes::Short(codes) => each(codes, rows, self.base, to),
            Codes::Long(codes) => each(codes, rows, self.base, to),
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
        let value = double(self.decimals);
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

/// What makes doubles of whole numbers of a decimal place, all of them below [`EXACT_MAX`].
pub(super) fn double(decimals: u8) -> impl Fn(i64) -> f64 + Copy {
    let ten = ten(decimals);
    #[allow(clippy::cast_precision_loss, reason = "below EXACT_MAX")]
    move |whole| whole as f64 / ten
}

fn ten(decimals: u8) -> f64 {
    TENS.get(usize::from(decimals)).copied().unwrap_or(1.0)
}

/// The nulls of an array, if there are any.
pub(crate) fn nulls(valid: &[bool]) -> Option<NullBuffer> {
    valid.contains(&false).then(|| NullBuffer::new(BooleanBuffer::from(valid)))
}

/// Writes doubles down as whole numbers of tenths, hundredths, …; says whether all of them come back from that.
fn are_whole(values: &[f64], ten: f64, wholes: &mut [i64]) -> bool {
    /// So many are tried before the first failure counts: without a branch for each, several are done at a time.
    const AT_ONCE: usize = 512;
    values.chunks(AT_ONCE).zip(wholes.chunks_mut(AT_ONCE)).all(|(values, wholes)| {
        values.iter().zip(wholes).fold(true, |all, (value, to)| {
            let (whole, comes_back) = whole(*value, ten);
            *to = whole;
            all & comes_back
        })
    })
}

/// A double as a whole number of tenths, hundredths, …, and whether it comes back from that.
#[inline]
fn whole(value: f64, ten: f64) -> (i64, bool) {
    /// Added to a double of moderate size, it leaves no room for a fraction, and the whole number in the last bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let rounded = value * ten + ROUND;
    let whole = rounded.to_bits().cast_signed().wrapping_sub(ROUND.to_bits().cast_signed());
    let back = (rounded - ROUND) / ten;
    // Loggers write -0 for a small negative number: it equals 0, and is no reason to keep a column at four times its length.
    (whole, (back == value) & (whole.unsigned_abs() < EXACT_MAX))
}

/// The codes of numbers that are all within reach of `base`.
fn encode<C: Code>(wholes: &[i64], absent: &[usize], base: i64) -> Box<[C]> {
    let mut codes: Box<[C]> = wholes.iter().map(|whole| C::try_from(whole - base).unwrap_or(C::NULL)).collect();
    put(&mut codes, absent, C::NULL);
    codes
}

fn put<T: Copy>(values: &mut [T], places: &[usize], value: T) {
    for at in places {
        if let Some(place) = values.get_mut(*at) {
            *place = value;
        }
    }
}

/// The smallest and the largest code that is not null; `None` when all are.
pub(super) fn reach<C: Code + Ord + Default>(codes: &[C]) -> Option<(C, C)> {
    // Null is the largest of all. Folds, and not `min` and `max`, are done for several at a time.
    let smallest = codes.iter().fold(C::NULL, |smallest, code| smallest.min(*code));
    let present = |code: C| if code == C::NULL { C::default() } else { code };
    let largest = codes.iter().fold(C::default(), |largest, code| largest.max(present(*code)));
    (smallest != C::NULL).then_some((smallest, largest))
}

#[inline]
fn each<C: Code>(codes: &[C], rows: Range<usize>, base: i64, mut to: impl FnMut(Option<i64>)) {
    for code in codes.get(rows).unwrap_or_default() {
        to((*code != C::NULL).then(|| base + Into::<i64>::into(*code)));
    }
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
