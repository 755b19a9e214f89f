//! The types of a record's fields, as the header names them.

use jiff::Timestamp;
use jiff::tz::Offset;

use super::EPOCH_SECONDS;
use crate::rows::Kind;

/// A field's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// Campbell's two bytes: sign, two bits for a power of ten, thirteen for the digits.
    Fp2,
    /// Campbell's four bytes: sign, seven bits for a power of two, 24 for a fraction.
    Fp4,
    Float {
        bytes: usize,
        order: Order,
    },
    Whole {
        bytes: usize,
        signed: bool,
        order: Order,
    },
    /// -1 or 0, in so many bytes.
    Boolean {
        bytes: usize,
    },
    /// Eight of them.
    Booleans,
    Text {
        bytes: usize,
    },
    /// Seconds and nanoseconds since 1990.
    Moment {
        order: Order,
    },
}

/// Which byte of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    High,
    Low,
}

impl Type {
    /// The type that a header names; `None` for one that nobody has described.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_uppercase();
        if let Some(length) = name.strip_prefix("ASCII(").and_then(|rest| rest.strip_suffix(')')) {
            return length.trim().parse().ok().filter(|bytes| (1..=4096).contains(bytes)).map(|bytes| Self::Text { bytes });
        }
        let whole = |bytes, signed, order| Self::Whole { bytes, signed, order };
        Some(match name.as_str() {
            "FP2" => Self::Fp2,
            "FP4" => Self::Fp4,
            "IEEE4" | "IEEE4L" => Self::Float { bytes: 4, order: Order::Low },
            "IEEE4B" => Self::Float { bytes: 4, order: Order::High },
            "IEEE8" | "IEEE8L" => Self::Float { bytes: 8, order: Order::Low },
            "IEEE8B" => Self::Float { bytes: 8, order: Order::High },
            "ULONG" => whole(4, false, Order::Low),
            "LONG" => whole(4, true, Order::Low),
            "USHORT" => whole(2, false, Order::Low),
            "SHORT" => whole(2, true, Order::Low),
            "UINT1" => whole(1, false, Order::High),
            "UINT2" => whole(2, false, Order::High),
            "UINT4" => whole(4, false, Order::High),
            "INT1" => whole(1, true, Order::High),
            "INT2" => whole(2, true, Order::High),
            "INT4" => whole(4, true, Order::High),
            "BOOL" => Self::Boolean { bytes: 1 },
            "BOOL2" => Self::Boolean { bytes: 2 },
            "BOOL4" => Self::Boolean { bytes: 4 },
            "BOOL8" => Self::Booleans,
            "SECNANO" => Self::Moment { order: Order::Low },
            "NSEC" => Self::Moment { order: Order::High },
            _ => return None,
        })
    }

    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Fp2 => 2,
            Self::Fp4 => 4,
            Self::Booleans => 1,
            Self::Float { bytes, .. } | Self::Whole { bytes, .. } | Self::Boolean { bytes } | Self::Text { bytes } => bytes,
            Self::Moment { .. } => 8,
        }
    }

    /// The column's type: numbers are doubles, as in TOA5, but for record numbers.
    pub(super) fn kind(self, is_record: bool) -> Kind {
        match self {
            Self::Text { .. } | Self::Booleans => Kind::Text,
            Self::Moment { .. } => Kind::Timestamp,
            Self::Whole { .. } if is_record => Kind::Long,
            _ => Kind::Double,
        }
    }

    /// The value at the beginning of `data`, as text that a column of its kind reads; `None` for no value.
    pub(super) fn read(self, data: &[u8]) -> Result<Option<String>, String> {
        let data = data.get(..self.bytes()).ok_or("the record ends before it")?;
        Ok(match self {
            Self::Fp2 => fp2(data),
            Self::Fp4 => fp4(data),
            Self::Float { bytes: 4, order } => {
                u32::try_from(unsigned(data, order)).ok().and_then(|bits| float(f32::from_bits(bits)))
            }
            Self::Float { order, .. } => {
                let value = f64::from_bits(unsigned(data, order));
                Some(infinite(value).map_or_else(|| value.to_string(), str::to_owned)).filter(|_| !value.is_nan())
            }
            Self::Whole { bytes, signed: true, order } => Some(signed(data, bytes, order).to_string()),
            Self::Whole { order, .. } => Some(unsigned(data, order).to_string()),
            Self::Boolean { .. } => Some(if data.iter().any(|byte| *byte != 0) { "-1" } else { "0" }.to_owned()),
            Self::Booleans => data.first().map(|byte| format!("{byte:08b}")),
            Self::Text { .. } => {
                let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
                let text = data.get(..end).unwrap_or_default();
                let text = std::str::from_utf8(text)
                    .map_or_else(|_| encoding_rs::WINDOWS_1252.decode_without_bom_handling(text).0.into_owned(), str::to_owned);
                Some(text.trim_end().to_owned())
            }
            Self::Moment { order } => {
                let (seconds, nanos) = data.split_at_checked(4).ok_or("the record ends before it")?;
                let wall = wall(unsigned(seconds, order), unsigned(nanos, order)).ok_or("is not a time")?;
                let wall = Timestamp::from_microsecond(wall).map_err(|_| "is not a time")?;
                Some(Offset::UTC.to_datetime(wall).to_string())
            }
        })
    }
}

/// What the clock showed, in microseconds since 1970.
pub(super) fn wall(seconds: u64, nanos: u64) -> Option<i64> {
    const BILLION: u64 = 1_000_000_000;
    let micros = i64::try_from(nanos / 1000).ok().filter(|_| nanos < BILLION)?;
    i64::try_from(seconds).ok()?.checked_add(EPOCH_SECONDS)?.checked_mul(1_000_000)?.checked_add(micros)
}

/// A number of up to eight bytes.
pub(super) fn unsigned(data: &[u8], order: Order) -> u64 {
    let add = |value: u64, byte: &u8| (value << 8) | u64::from(*byte);
    match order {
        Order::High => data.iter().fold(0, add),
        Order::Low => data.iter().rev().fold(0, add),
    }
}

/// A number in two's complement.
fn signed(data: &[u8], bytes: usize, order: Order) -> i64 {
    let value = i64::try_from(unsigned(data, order)).unwrap_or_default();
    let range = 1_i64 << (bytes * 8);
    if value >= range / 2 { value - range } else { value }
}

/// `INF`, `-INF`, or nothing for a number that is not infinite.
fn infinite(value: f64) -> Option<&'static str> {
    match value {
        value if value == f64::INFINITY => Some("INF"),
        value if value == f64::NEG_INFINITY => Some("-INF"),
        _ => None,
    }
}

/// The shortest decimal that is this float: what people see, and not the digits that a double would add.
fn float(value: f32) -> Option<String> {
    match infinite(f64::from(value)) {
        Some(infinite) => Some(infinite.to_owned()),
        None => (!value.is_nan()).then(|| value.to_string()),
    }
}

fn fp2(data: &[u8]) -> Option<String> {
    const DIGITS: u64 = 0x1fff;
    const NAN: u64 = 0x1ffe;
    let bits = unsigned(data, Order::High);
    let (negative, power, digits) = (bits & 0x8000 != 0, (bits >> 13) & 3, bits & DIGITS);
    let sign = if negative { "-" } else { "" };
    match (digits, power) {
        (NAN, 0) => None,
        (DIGITS, 0) => Some(format!("{sign}INF")),
        (digits, 0) => Some(format!("{sign}{digits}")),
        (digits, power) => Some(format!("{sign}{digits}e-{power}")),
    }
}

fn fp4(data: &[u8]) -> Option<String> {
    const FRACTION: u64 = 0x00ff_ffff;
    const BIAS: i32 = 64;
    let bits = unsigned(data, Order::High);
    let fraction = u32::try_from(bits & FRACTION).unwrap_or_default();
    let exponent = i32::try_from((bits >> 24) & 0x7f).unwrap_or_default();
    let value = f64::from(fraction) / 16_777_216.0 * 2_f64.powi(exponent - BIAS);
    Some(if bits & 0x8000_0000 != 0 { -value } else { value }.to_string())
}
