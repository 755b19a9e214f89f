//! Text to numbers: nothing that is not wholly a number, and nothing that a double cannot hold.

use crate::swar::{each, zeros};

/// What a decimal point looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Decimal {
    /// `1.5`
    #[default]
    Point,
    /// `1.5` too, for nobody has said so: a number in another notation is told from a word.
    Open,
    /// `1,5`; a point is then no part of a number.
    Comma,
    /// `1.234,5` or the like: one ASCII character is the decimal sign, another sets thousands apart.
    Grouped {
        /// The decimal sign.
        sign: u8,
        /// What may stand between groups of three digits.
        between: u8,
    },
}

/// So many digits are always a whole number that a double holds exactly.
const DIGITS_MAX: usize = 15;
/// Powers of ten, which a double holds exactly, too.
pub(crate) const TENS: [f64; DIGITS_MAX + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// The longest number with signs of its own.
const SIGNED_BYTES_MAX: usize = 64;

/// Reads a decimal number, `NAN` or `INF` with an optional sign, in any case. Blanks may stand between sign and digits, as loggers
/// fill their columns. A number too large for a double is none: it would silently become infinite.
pub(crate) fn double(text: &str, decimal: Decimal) -> Option<f64> {
    let value = match decimal {
        Decimal::Point | Decimal::Open => match short(text) {
            Some(value) => return Some(value),
            None => fast_float2::parse::<f64, _>(text).ok().or_else(|| with_blanks(text))?,
        },
        Decimal::Comma => with_signs(text, b',', None)?,
        Decimal::Grouped { sign, between } => {
            let is_apart = text.as_bytes().contains(&between);
            let is_good = !is_apart || is_grouped(unsigned(text), between.into(), sign.into());
            is_good.then(|| with_signs(text, sign, Some(between)))??
        }
    };
    (value.is_finite() || !text.bytes().any(|byte| byte.is_ascii_digit())).then_some(value)
}

/// `-23.4`: digits, perhaps with a point among them, so few that they and the power of ten are doubles to the last bit. Their quotient
/// is then the double nearest to the number. Sensors hardly give others.
#[inline]
fn short(text: &str) -> Option<f64> {
    let text = text.as_bytes();
    let is_negative = text.first() == Some(&b'-');
    let digits = text.get(usize::from(is_negative)..)?;
    let (number, decimals) = match word(digits) {
        Some((word, count)) => at_once(word, count),
        None => one_by_one(digits),
    }?;
    #[allow(clippy::cast_precision_loss, reason = "below 10^15")]
    let number = number.cast_signed() as f64;
    Some(if is_negative { -number } else { number } / TENS.get(decimals as usize)?)
}

/// One to eight characters as the bytes of a word, the first in the lowest and nothing in the rest, and how many they are.
#[inline]
fn word(text: &[u8]) -> Option<(u64, u32)> {
    let count = u32::try_from(text.len()).ok().filter(|count| *count <= 8)?;
    let half = |chunk: &[u8; 4]| u64::from(u32::from_le_bytes(*chunk));
    let word = match (text.first_chunk(), text.last_chunk(), text) {
        // Where the halves overlap they are the same.
        (Some(first), Some(last), _) => half(first) | half(last) << (8 * (count - 4)),
        (_, _, [a]) => half(&[*a, 0, 0, 0]),
        (_, _, [a, b]) => half(&[*a, *b, 0, 0]),
        (_, _, [a, b, c]) => half(&[*a, *b, *c, 0]),
        _ => return None,
    };
    Some((word, count))
}

/// The digits of so many characters, which [`word`] gave, as one whole number, and how many of them are decimals. Nothing here depends
/// on where the point is, which no processor can guess.
#[inline]
fn at_once(word: u64, count: u32) -> Option<(u64, u32)> {
    let points = zeros(word ^ each(b'.'));
    let whole = (points.trailing_zeros() / 8).min(count);
    let length = count - u32::from(points != 0);
    if length == 0 {
        return None;
    }
    // What is behind the point moves into its place.
    let before = u64::MAX.checked_shr(64 - 8 * whole).unwrap_or_default();
    let digits = (word & before) | (((word & !before) >> 8) & !before);
    // The last digit moves into the highest byte: what is missing in front is zero.
    let room = 64 - 8 * length;
    let values = (digits << room) ^ (each(b'0') << room);
    if (values | values.wrapping_add(each(0x7f - 9))) & each(0x80) != 0 {
        return None;
    }
    // Pairs of digits, and then all of the pairs.
    const PAIRS: u64 = 0x0000_00ff_0000_00ff;
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8);
    let odd = (pairs & PAIRS).wrapping_mul(100 + (1_000_000 << 32));
    let even = ((pairs >> 16) & PAIRS).wrapping_mul(1 + (10_000 << 32));
    Some((odd.wrapping_add(even) >> 32, length - whole))
}

/// The same of any number of characters, none of them where there are too many digits.
fn one_by_one(digits: &[u8]) -> Option<(u64, u32)> {
    if digits.len() > DIGITS_MAX + 1 {
        return None;
    }
    let (mut number, mut count, mut points, mut decimals) = (0_u64, 0, 0, 0_u32);
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        let is_digit = digit < 10;
        number = if is_digit { number * 10 + u64::from(digit) } else { number };
        count += usize::from(is_digit);
        decimals += points & u32::from(is_digit);
        points += u32::from(*byte == b'.');
    }
    let is_number = count > 0 && count <= DIGITS_MAX && points <= 1 && count + (points as usize) == digits.len();
    is_number.then_some((number, decimals))
}

/// `+   23.4`
fn with_blanks(text: &str) -> Option<f64> {
    let (sign, digits) = text.split_at_checked(1)?;
    let unsigned = digits.strip_prefix(' ')?.trim_ascii_start();
    let value: f64 = unsigned.starts_with(|first: char| first.is_ascii_digit()).then(|| fast_float2::parse(unsigned).ok())??;
    match sign {
        "+" => Some(value),
        "-" => Some(-value),
        _ => None,
    }
}

/// Whether a word, which is no number as the format writes them, would be one in another notation: with a comma or a point for its
/// decimal sign (`1,5`, `1.5`), or with its thousands set apart (`1.234,5`, `1,234.5`, `1.234.567`). Never where a format declares points
/// and says no more: then other cells are what they are.
pub(crate) fn is_otherwise(word: &str, decimal: Decimal) -> bool {
    let word = unsigned(word);
    let has_decimals = |sign| {
        word.split_once(sign)
            .is_some_and(|(whole, decimals): (&str, &str)| !decimals.is_empty() && is_digits(whole) && is_digits(decimals))
    };
    decimal != Decimal::Point
        && (has_decimals(',') || has_decimals('.') || is_grouped(word, '.', ',') || is_grouped(word, ',', '.'))
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

/// Digits in groups of three, and behind `sign` the decimals if there are any.
fn is_grouped(text: &str, between: char, sign: char) -> bool {
    let (whole, decimals) = text.split_once(sign).unwrap_or((text, ""));
    let Some((first, groups)) = whole.split_once(between) else { return false };
    let is_group = |group: &str| group.len() == 3 && is_digits(group);
    (1..=3).contains(&first.len()) && is_digits(first) && groups.split(between).all(is_group) && is_digits(decimals)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number with these signs, between digits anywhere.
fn with_signs(text: &str, sign: u8, between: Option<u8>) -> Option<f64> {
    let mut buffer = [0; SIGNED_BYTES_MAX];
    let mut length = 0;
    for byte in text.bytes().filter(|byte| Some(*byte) != between) {
        *buffer.get_mut(length)? = match byte {
            byte if byte == sign => b'.',
            b'.' => return None,
            other => other,
        };
        length += 1;
    }
    fast_float2::parse(buffer.get(..length)?).ok()
}

/// Reads a whole number.
pub(crate) fn long(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Whether a number's digits say more than its value: zero-padded as codes are (`007`), or an integer that no double holds
/// exactly. Read as a double it would not be what the device wrote.
pub(crate) fn is_code(text: &str) -> bool {
    const EXACT_DIGITS: usize = 15;
    const EXACT_MAX: u64 = 1 << 53;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    match digits.as_bytes() {
        [b'0', second, ..] => second.is_ascii_digit() && digits.bytes().all(|byte| byte.is_ascii_digit()),
        _ if digits.len() <= EXACT_DIGITS => false,
        bytes => bytes.iter().all(u8::is_ascii_digit) && digits.parse::<u64>().map_or(true, |value| value > EXACT_MAX),
    }
}

#[cfg(test)]
mod tests;
