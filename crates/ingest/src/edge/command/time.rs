//! A time as FTP writes it (RFC 3659 section 2.3).

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// `YYYYMMDDHHMMSS`, in UTC. A fraction of a second may follow and is dropped: MDTM does not tell it either.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 14 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let part = |from: usize, to: usize| whole.get(from..to)?.parse::<i8>().ok();
    let year = whole.get(..4)?.parse::<i16>().ok()?;
    // A leap second is the one before it, as everywhere in POSIX.
    let second = part(12, 14).map(|second| if second == 60 { 59 } else { second })?;
    let time = DateTime::new(year, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, second, 0).ok()?;
    TimeZone::UTC.to_timestamp(time).ok()
}
