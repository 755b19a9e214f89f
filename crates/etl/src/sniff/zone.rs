//! The zone that a name of the time says: `Date Time, GMT+02:00`, `timestamp_utc`, `Uhrzeit [UTC+1]`.

use super::question::{Answer, Question};
use super::words::words;
use crate::zone::Zone;

/// What clocks show by these names, and what else people mean by them, is not the same everywhere and all the year.
const ABBREVIATIONS: [(&str, &str); 34] = [
    ("WET", "+00:00"),
    ("BST", "+01:00"),
    ("WEST", "+01:00"),
    ("CET", "+01:00"),
    ("MEZ", "+01:00"),
    ("CEST", "+02:00"),
    ("MESZ", "+02:00"),
    ("EET", "+02:00"),
    ("SAST", "+02:00"),
    ("EEST", "+03:00"),
    ("MSK", "+03:00"),
    ("AWST", "+08:00"),
    ("JST", "+09:00"),
    ("KST", "+09:00"),
    ("ACST", "+09:30"),
    ("AEST", "+10:00"),
    ("ACDT", "+10:30"),
    ("AEDT", "+11:00"),
    ("NZST", "+12:00"),
    ("NZDT", "+13:00"),
    ("NST", "-03:30"),
    ("NDT", "-02:30"),
    ("AST", "-04:00"),
    ("ADT", "-03:00"),
    ("EST", "-05:00"),
    ("EDT", "-04:00"),
    ("CST", "-06:00"),
    ("CDT", "-05:00"),
    ("MST", "-07:00"),
    ("MDT", "-06:00"),
    ("PST", "-08:00"),
    ("PDT", "-07:00"),
    ("AKST", "-09:00"),
    ("HST", "-10:00"),
];

/// The key `zone`, as far as the names of the time or the lines above the header say it; `None` when they do not.
pub(super) fn said(names: &[&str], above: &[&str]) -> Option<Question> {
    if let Some((name, zone)) = names.iter().find_map(|name| Some((name, zone_in(name)?))) {
        return Some(Question::noted("zone", Answer::text(&zone), &format!("the name of the time says it: {name:?}")));
    }
    if let Some((name, (abbreviation, offset))) = names.iter().find_map(|name| Some((name, abbreviation_in(name)?))) {
        let why = format!(
            "the name of the time, {name:?}, says {abbreviation}, which is {offset}; if its clock goes forward and back, write the \
             place instead, as Europe/Berlin"
        );
        return Some(Question::suggested("zone", vec![Answer::text(offset)], &why));
    }
    let (number, line, zone) = above.iter().enumerate().find_map(|(index, line)| {
        let tells = words(line).iter().any(|word| matches!(word.to_lowercase().as_str(), "zone" | "timezone" | "zeitzone"));
        Some((index + 1, line, zone_in(line).filter(|_| tells)?))
    })?;
    let why = format!("line {number} says {:?}; another file may say another one, and would be read in this", line.trim());
    Some(Question::suggested("zone", vec![Answer::text(&zone)], &why))
}

/// The zone that a name says, as definitions write it.
fn zone_in(name: &str) -> Option<String> {
    let named = name.split(|character: char| !(character.is_ascii_alphanumeric() || "/_+-".contains(character)));
    if let Some(zone) = named.filter(|word| word.contains('/')).find(|word| Zone::named(word).is_some()) {
        // Before UTC and GMT: the sign of Etc/GMT-2 is the other way round.
        return Some(zone.to_owned());
    }
    let words = words(name);
    let is = |others: &[&str]| words.iter().any(|word| others.iter().any(|other| word.eq_ignore_ascii_case(other)));
    if is(&["offset", "diff", "difference"]) {
        return None;
    }
    let mut rest = name;
    for word in &words {
        let Some((_, behind)) = rest.split_once(word) else { continue };
        rest = behind;
        if word.eq_ignore_ascii_case("utc") || word.eq_ignore_ascii_case("gmt") {
            let behind = behind.trim_start();
            let has_number =
                behind.starts_with(['+', '-', '\u{2212}']) && behind.contains(|character: char| character.is_ascii_digit());
            return offset_at(behind, false).or_else(|| (!has_number && !is(&["local"])).then(|| "UTC".to_owned()));
        }
    }
    let signs = name.char_indices().filter(|(_, character)| matches!(character, '+' | '-' | '\u{2212}'));
    let mut bare =
        signs.filter(|(at, _)| !name.get(..*at).unwrap_or_default().ends_with(|character: char| character.is_ascii_digit()));
    bare.find_map(|(at, _)| offset_at(name.get(at..)?, true))
}

/// `+2`, `+02:00` or `-0730` as `+02:00` or `-07:30`: hours ahead of UTC, as people write it behind UTC and GMT.
fn offset_at(text: &str, in_full: bool) -> Option<String> {
    let sign = match text.chars().next()? {
        '+' | '\u{b1}' => '+',
        '-' | '\u{2212}' => '-',
        _ => return None,
    };
    let text = text.trim_start_matches(['+', '-', '\u{b1}', '\u{2212}']).trim_start();
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, behind) = text.split_at(digits);
    let minutes = behind.strip_prefix(':').and_then(|behind| behind.get(..2));
    let (hours, minutes) = match (digits.len(), minutes) {
        (1 | 2, Some(minutes)) => (digits, minutes),
        (1 | 2, None) if !in_full => (digits, "00"),
        (3 | 4, None) if !in_full => digits.split_at(digits.len() - 2),
        _ => return None,
    };
    let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 14 && minutes < 60).then(|| format!("{sign}{hours:02}:{minutes:02}"))
}

fn abbreviation_in(name: &str) -> Option<(&'static str, &'static str)> {
    let words = words(name);
    ABBREVIATIONS.into_iter().find(|(abbreviation, _)| words.contains(abbreviation))
}
