//! Dates, intervals and zones as SHEF writes them.

use crate::zone::Place;

/// `MMDD`, `YYMMDD` or `CCYYMMDD` as `%Y%m%d`; the first does not say its year.
pub(super) fn date(text: &str) -> Result<String, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.len() {
        8 if digits => Ok(text.to_owned()),
        6 if digits => Ok(format!("{}{text}", if text < "69" { "20" } else { "19" })),
        4 if digits => Err(format!("the date {text:?} does not say its year")),
        _ => Err(format!("{text:?} is no date")),
    }
}

/// Minutes of `H1`, `N15`, `D1`.
pub(super) fn interval(text: &str) -> Option<i64> {
    let (unit, count) = text.split_at_checked(1)?;
    let minutes = match unit {
        "N" => 1,
        "H" => 60,
        "D" => 1440,
        _ => return None,
    };
    count.parse::<i64>().ok()?.checked_mul(minutes)
}

/// The zones of section 3.3: `Z`, and a letter for standard or daylight time behind those of North America.
pub(super) fn place(zone: &str) -> Option<Place> {
    const ZONES: [(&str, &str); 24] = [
        ("Z", "+00:00"),
        ("N", "America/St_Johns"),
        ("NS", "-03:30"),
        ("A", "America/Halifax"),
        ("AS", "-04:00"),
        ("AD", "-03:00"),
        ("E", "America/New_York"),
        ("ES", "-05:00"),
        ("ED", "-04:00"),
        ("C", "America/Chicago"),
        ("CS", "-06:00"),
        ("CD", "-05:00"),
        ("M", "America/Denver"),
        ("MS", "-07:00"),
        ("MD", "-06:00"),
        ("P", "America/Los_Angeles"),
        ("PS", "-08:00"),
        ("PD", "-07:00"),
        ("L", "America/Anchorage"),
        ("LS", "-09:00"),
        ("LD", "-08:00"),
        ("H", "Pacific/Honolulu"),
        ("HS", "-10:00"),
        ("J", "+08:00"),
    ];
    ZONES.iter().find(|(name, _)| *name == zone).and_then(|(_, place)| Place::read(place))
}
