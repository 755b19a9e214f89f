//! Text to numbers: nothing that is not wholly a number, and nothing that a double cannot hold.

/// What a decimal point looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Decimal {
    /// `1.5`
    #[default]
    Point,
    /// `1,5`; a point is then no part of a number.
    Comma,
}

/// The longest text that is looked at as a number with a decimal comma.
const COMMA_NUMBER_BYTES_MAX: usize = 64;

/// Reads a decimal number, `NAN` or `INF` with an optional sign, in any case. Blanks may stand between sign and digits, as loggers
/// fill their columns. A number too large for a double is none: it would silently become infinite.
pub(crate) fn double(text: &str, decimal: Decimal) -> Option<f64> {
    let value = match decimal {
        Decimal::Point => fast_float2::parse::<f64, _>(text).ok().or_else(|| with_blanks(text))?,
        Decimal::Comma => with_comma(text)?,
    };
    (value.is_finite() || !text.bytes().any(|byte| byte.is_ascii_digit())).then_some(value)
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

/// Whether a word would be a number if the comma in it were a decimal sign: `1,5`.
pub(crate) fn has_decimal_comma(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    unsigned.split_once(',').is_some_and(|(whole, fraction)| !fraction.is_empty() && digits(whole) && digits(fraction))
}

fn with_comma(text: &str) -> Option<f64> {
    let mut buffer = [0; COMMA_NUMBER_BYTES_MAX];
    let target = buffer.get_mut(..text.len())?;
    for (to, from) in target.iter_mut().zip(text.bytes()) {
        *to = match from {
            b',' => b'.',
            b'.' => return None,
            other => other,
        };
    }
    fast_float2::parse(&*target).ok()
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
