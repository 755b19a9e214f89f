//! Of all formats the one that claims a file, or why none does.

use std::cmp::{Ordering, Reverse};

use super::Rank;
use super::texts::Texts;
use crate::format::{File, Format};
use crate::limits::Limits;
use crate::rows::Refusal;
use crate::text::Text;

/// Of formats that do not claim a file so many are named, with what is missing.
const NAMED: usize = 3;

/// Whether what a file lacks is put into words: it is for a file that no format claims, and not at every look at one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::format) enum Telling {
    Silent,
    Told,
}

impl Telling {
    pub(in crate::format) fn say(self, what: impl FnOnce() -> String) -> String {
        match self {
            Self::Silent => String::new(),
            Self::Told => what(),
        }
    }
}

/// What a file lacks that a format asks for.
#[derive(Debug)]
pub(super) struct Missing {
    nearness: Nearness,
    what: String,
}

/// How near a format came to claiming a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Nearness {
    /// The file is where the format wants it.
    place: bool,
    /// How much else held.
    held: usize,
    /// The file has a header as the format reads it.
    header: bool,
}

impl Missing {
    /// It is not from where the format wants it.
    pub(super) fn of_place(what: String) -> Self {
        Self { nearness: Nearness { place: false, held: 0, header: false }, what }
    }

    /// Its text is another, behind so much that held.
    pub(super) fn of_text(held: usize, what: String) -> Self {
        Self { nearness: Nearness { place: true, held, header: false }, what }
    }

    /// Its text can be read as the format says, and names other things.
    pub(super) fn of_header(held: usize, what: String) -> Self {
        Self { nearness: Nearness { place: true, held, header: true }, what }
    }
}

/// The format that claims a file, and the file's text in that format's encoding; `None` when the file has nothing in it. `formats` are
/// in the order of [`Claim::rank_max`](super::Claim::rank_max), the highest first, so that most are not asked.
pub(in crate::format) fn claimed<'f, 'b>(
    formats: &'f [Format],
    file: &File<'b>,
    limits: &Limits,
) -> Result<Option<(&'f Format, Text<'b>)>, Refusal> {
    if file.bytes.trim_ascii().is_empty() {
        return Ok(None);
    }
    let mut texts = Texts::new(file.bytes, limits);
    let mut best: Option<(Rank, &Format)> = None;
    let mut rival = None;
    for format in formats {
        if best.is_some_and(|(rank, _)| rank > format.claim.rank_max()) {
            break;
        }
        let placed = format.claim.place_missing(file, Telling::Silent);
        if placed.is_ok() && texts.is_blank(&format.encodings) {
            return Ok(None);
        }
        let Ok(rank) = placed.and_then(|()| format.claim.rank(&mut texts, format, Telling::Silent)) else { continue };
        match best.map_or(Ordering::Greater, |(other, _)| rank.cmp(&other)) {
            Ordering::Greater => (best, rival) = (Some((rank, format)), None),
            Ordering::Equal => rival = Some(format),
            Ordering::Less => {}
        }
    }
    let Some((_, format)) = best else { return Err(unclaimed(formats, file, &mut texts)) };
    if let Some(rival) = rival {
        let reason = format!("formats {} and {} both claim the file: give one of them paths or devices", format.name, rival.name);
        return Err(Refusal { reason });
    }
    Ok(Some((format, texts.into_whole(&format.encodings)?)))
}

/// Names the formats that came nearest.
fn unclaimed(formats: &[Format], file: &File<'_>, texts: &mut Texts<'_, '_>) -> Refusal {
    let mut missing = Vec::new();
    for format in formats {
        let placed = format.claim.place_missing(file, Telling::Told);
        let lacks = placed.and_then(|()| format.claim.rank(texts, format, Telling::Told)).err();
        missing.extend(lacks.map(|missing| (format, missing)));
    }
    missing.sort_by_key(|(_, missing)| Reverse(missing.nearness));
    let others = missing.len().saturating_sub(NAMED);
    let named = missing.iter().take(NAMED).map(|(format, missing)| format!("{}: {}", format.name, missing.what));
    let others = (others > 0).then(|| format!("and {others} others"));
    let named: Vec<String> = named.chain(others).collect();
    Refusal { reason: format!("no format claims the file ({}); `inlet sniff FILE` proposes a definition", named.join("; ")) }
}
