//! Decimal numbers of seconds, or of thousandths, millionths or billionths of one, since 1970 UTC. Read digit by digit: a double has
//! too few for nanoseconds.

use serde::Deserialize;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EpochUnit {
    S,
    Ms,
    Us,
    Ns,
}

/// Microseconds from a decimal number as JSON writes it (`1276020076.001`, `1.276e9`, `-5`); what is finer is cut. `None` when the
/// text is none, or too large.
pub(crate) fn decimal_micros(text: &str, unit: EpochUnit) -> Option<i64> {
    const EXPONENT_MAX: i32 = 40;
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        None => (unsigned, 0),
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok().filter(|e| e.abs() <= EXPONENT_MAX)?),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut digits: i128 = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        let digit = byte.is_ascii_digit().then(|| i128::from(byte - b'0'))?;
        digits = digits.checked_mul(10)?.checked_add(digit)?;
    }
    let to_micros = match unit {
        EpochUnit::S => 6,
        EpochUnit::Ms => 3,
        EpochUnit::Us => 0,
        EpochUnit::Ns => -3,
    };
    let scale = exponent + to_micros - i32::try_from(fraction.len()).ok()?;
    let signed = if negative { -digits } else { digits };
    let power = 10_i128.checked_pow(scale.unsigned_abs());
    let micros = match power {
        Some(power) if scale >= 0 => signed.checked_mul(power)?,
        Some(power) => signed.div_euclid(power),
        None if digits == 0 => 0,
        None => return None,
    };
    i64::try_from(micros).ok()
}
