//! Takes files out of gzip and zip, within bounds. What a file is, its first bytes say, never its name.
//!
//! Wrappings may lie within each other as deep as [`Limits::depth`] allows, as in the zip of zips that a WebBox sends. Nothing is
//! ever written under a member's name; a member whose name leads out of its archive is refused all the same, since what else such an
//! archive says of itself is not to be believed.

mod gzip;
mod zip;

use std::borrow::Cow;
use std::io::Read;

use crate::limits::Limits;
use crate::rows::Refusal;

/// Below this many bytes unpacked the ratio says nothing: a short file of zeros is no bomb.
const RATIO_FROM_BYTES: u64 = 1 << 20;

/// One file, out of its wrapping.
#[derive(Debug)]
pub struct Member<'a> {
    /// What its archive calls it, behind the names of the archives that it lies in, with slashes between; `None` when it came in
    /// no archive.
    pub name: Option<String>,
    /// Its bytes, or why they cannot be had.
    pub bytes: Result<Cow<'a, [u8]>, Refusal>,
}

/// The files inside gzip (RFC 1952) and zip, in their order; any other file as it is.
///
/// A member that is damaged or encrypted, or whose name leads out of the archive, is refused by itself. The whole file is refused when it is cut short, or goes beyond
/// what `limits` allow: a prefix that happens to decode is never taken for the file.
pub fn unwrap<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Vec<Member<'a>>, Refusal> {
    let mut allowance = Allowance::new(bytes.len(), limits);
    let mut members = Vec::new();
    unwrap_layer(Cow::Borrowed(bytes), None, limits.depth, &mut allowance, &mut members)?;
    Ok(members)
}

/// Whether a file begins as one in gzip or zip does.
pub(crate) fn is_wrapped(bytes: &[u8]) -> bool {
    gzip::is(bytes) || zip::is(bytes)
}

/// Takes off one wrapping, and those below it.
fn unwrap_layer<'a>(
    bytes: Cow<'a, [u8]>,
    name: Option<String>,
    depth_left: usize,
    allowance: &mut Allowance<'_>,
    members: &mut Vec<Member<'a>>,
) -> Result<(), Refusal> {
    let (is_gzip, is_zip) = (gzip::is(&bytes), zip::is(&bytes));
    if !(is_gzip || is_zip) {
        members.push(Member { name, bytes: Ok(bytes) });
        return Ok(());
    }
    if depth_left == 0 {
        members.push(Member { name, bytes: Err(refusal("compressed more times over than allowed")) });
        return Ok(());
    }
    if is_gzip {
        match gzip::unpack(&bytes, allowance) {
            Ok(unpacked) => return unwrap_layer(Cow::Owned(unpacked), name, depth_left - 1, allowance, members),
            Err(fault) => return note(fault, name, members),
        }
    }
    let entries = match zip::entries(&bytes) {
        Ok(entries) => entries,
        Err(fault) => return note(fault, name, members),
    };
    for entry in entries {
        allowance.take_member()?;
        let label = entry.label();
        let label = name.as_ref().map_or_else(|| label.clone(), |archive| format!("{archive}/{label}"));
        match entry.unpack(&bytes, allowance) {
            Ok(unpacked) => unwrap_layer(Cow::Owned(unpacked), Some(label), depth_left - 1, allowance, members)?,
            Err(fault) => note(fault, Some(label), members)?,
        }
    }
    Ok(())
}

/// Why something could not be unpacked.
enum Fault {
    /// It is damaged, or in a form that is not known.
    Member(Refusal),
    /// It exceeds what the whole file may unpack to.
    Bound(Refusal),
}

/// What is wrong with a member costs that member; what is wrong with the file itself, or exceeds its bounds, costs the file.
fn note(fault: Fault, name: Option<String>, members: &mut Vec<Member<'_>>) -> Result<(), Refusal> {
    match fault {
        Fault::Member(refusal) if name.is_some() => members.push(Member { name, bytes: Err(refusal) }),
        Fault::Member(refusal) | Fault::Bound(refusal) => return Err(refusal),
    }
    Ok(())
}

/// What one uploaded file may still unpack to, all layers and members taken together.
struct Allowance<'l> {
    bytes: u64,
    members: usize,
    /// What it was made of, for the reason when it is used up.
    packed_bytes: usize,
    limits: &'l Limits,
}

impl<'l> Allowance<'l> {
    fn new(packed_bytes: usize, limits: &'l Limits) -> Self {
        let ratio_bytes_max = (packed_bytes as u64).saturating_mul(limits.ratio).max(RATIO_FROM_BYTES);
        let bytes = limits.unwrapped_bytes.as_u64().min(ratio_bytes_max);
        Self { bytes, members: limits.members, packed_bytes, limits }
    }

    /// Reads all of `from`; one byte beyond what is allowed is the end.
    fn read(&mut self, from: impl Read, into: &mut Vec<u8>) -> Result<(), ReadFault> {
        let before = into.len();
        let result = from.take(self.bytes.saturating_add(1)).read_to_end(into);
        let bytes = (into.len() - before) as u64;
        if bytes > self.bytes {
            return Err(ReadFault::Bound(self.exceeded()));
        }
        self.bytes -= bytes;
        result.map(|_| ()).map_err(ReadFault::Data)
    }

    fn take_member(&mut self) -> Result<(), Refusal> {
        self.members = self.members.checked_sub(1).ok_or_else(|| self.exceeded())?;
        Ok(())
    }

    fn exceeded(&self) -> Refusal {
        let (Limits { unwrapped_bytes, ratio, members, .. }, packed_bytes) = (self.limits, self.packed_bytes);
        let allowed = format!("at most {unwrapped_bytes}, {ratio} times its {packed_bytes} bytes, and {members} members");
        Refusal { reason: format!("unpacks to more than allowed: {allowed}") }
    }
}

/// Why packed data gave no bytes.
enum ReadFault {
    Data(std::io::Error),
    Bound(Refusal),
}

fn refusal(reason: impl Into<String>) -> Refusal {
    Refusal { reason: reason.into() }
}

#[cfg(test)]
pub(crate) mod tests;
