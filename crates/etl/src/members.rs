//! An uploaded file to rows: each file within it is read for itself, under its own name, and what they give is put together.

use std::borrow::Cow;

use crate::container::{self, Member};
use crate::format::{File, Formats};
use crate::limits::Limits;
use crate::load::Read;
use crate::rows::{Parsed, Part, Refusal, Refused};

/// Reads `packed`, whose bytes are as they came. A member of an archive is a file at `<path of the archive>/<name of the member>`.
///
/// A member that cannot be used is refused as one row, and the others load. An error says that none of the file can be used.
pub(crate) fn read(formats: &Formats, packed: &File<'_>, limits: &Limits) -> Result<Read, Refusal> {
    let (mut parsed, mut unwrapped) = (Parsed::default(), Vec::new());
    for Member { name, bytes } in container::unwrap(packed.bytes, limits)? {
        let path = match &name {
            Some(name) => Cow::Owned(format!("{}/{name}", packed.path)),
            None => Cow::Borrowed(packed.path),
        };
        // Formats know files by the names they have out of gzip.
        let plain = path.strip_suffix(".gz").or_else(|| path.strip_suffix(".GZ")).unwrap_or(&path);
        let member = bytes.and_then(|bytes| {
            let member = formats.parse(&File { path: plain, bytes: &bytes, ..*packed })?;
            Ok((member, bytes))
        });
        match (member, name) {
            (Ok((member, bytes)), name) => add(&mut parsed, &mut unwrapped, member, bytes, name.as_deref()),
            (Err(refusal), None) => return Err(refusal),
            (Err(Refusal { reason }), Some(name)) => {
                parsed.refused.push(Refused { member: Some(name), row: 1, bytes: 0..0, reason });
            }
        }
    }
    Ok(Read { parsed, unwrapped: unwrapped.into() })
}

/// The rows of a file as they would be in their tables, and nothing kept: what `inlet format test` shows.
pub fn preview(formats: &Formats, packed: &File<'_>, limits: &Limits) -> Result<Parsed, Refusal> {
    read(formats, packed, limits).map(|read| read.parsed)
}

/// Adds what a member gave. The bytes of members with refused rows are kept one behind the other.
fn add(parsed: &mut Parsed, unwrapped: &mut Vec<u8>, member: Parsed, bytes: Cow<'_, [u8]>, name: Option<&str>) {
    let base = unwrapped.len();
    if !member.refused.is_empty() {
        if base == 0 {
            *unwrapped = bytes.into_owned();
        } else {
            unwrapped.extend_from_slice(&bytes);
        }
    }
    parsed.snapshots.extend(member.snapshots);
    parsed.parts.extend(member.parts.into_iter().map(|part| Part { member: name.map(str::to_owned), ..part }));
    parsed.refused.extend(member.refused.into_iter().map(|refused| Refused {
        member: name.map(str::to_owned),
        bytes: refused.bytes.start + base..refused.bytes.end + base,
        ..refused
    }));
    parsed.skipped += member.skipped;
    parsed.by_arrival |= member.by_arrival;
    list(&mut parsed.format, member.format);
    if let Some(zone) = member.zone {
        list(parsed.zone.get_or_insert_default(), zone);
    }
}

/// Adds a name to those that the members before had, each once.
fn list(names: &mut String, name: String) {
    if names.is_empty() {
        *names = name;
    } else if !name.is_empty() && !names.split(", ").any(|known| known == name) {
        names.push_str(", ");
        names.push_str(&name);
    }
}

#[cfg(test)]
mod tests;
