//! Takes a compressed file out of its wrapping, within bounds. What a file is, its first bytes say, never its name.

use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::GzDecoder;

use crate::limits::Limits;
use crate::rows::Refusal;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZIP: [&[u8]; 3] = [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"];
/// Below this many bytes unpacked the ratio says nothing: a short file of zeros is no bomb.
const RATIO_FROM_BYTES: u64 = 1 << 20;

/// The bytes inside a gzip file (RFC 1952), all members in turn, as APPE of `.gz` files makes them; any other file as it is.
///
/// A file that is cut short, damaged or larger than `limits` allows is refused whole: a prefix that happens to decode is
/// never taken for the file.
pub fn unwrap<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Cow<'a, [u8]>, Refusal> {
    if ZIP.iter().any(|magic| bytes.starts_with(magic)) {
        return Err(Refusal { reason: "a zip archive; only gzip can be unpacked".to_owned() });
    }
    if !bytes.starts_with(GZIP) {
        return Ok(Cow::Borrowed(bytes));
    }
    let unpacked = gunzip(bytes, limits)?;
    if unpacked.starts_with(GZIP) || ZIP.iter().any(|magic| unpacked.starts_with(magic)) {
        return Err(Refusal { reason: "a compressed file within a gzip file".to_owned() });
    }
    Ok(Cow::Owned(unpacked))
}

fn gunzip(packed: &[u8], limits: &Limits) -> Result<Vec<u8>, Refusal> {
    let ratio_bytes_max = (packed.len() as u64).saturating_mul(limits.ratio).max(RATIO_FROM_BYTES);
    let bytes_max = limits.unwrapped_bytes.as_u64().min(ratio_bytes_max);
    let mut unpacked = Vec::with_capacity(packed.len().saturating_mul(4));
    let mut rest = packed;
    loop {
        let left = bytes_max.saturating_sub(unpacked.len() as u64);
        let mut member = GzDecoder::new(rest);
        member.by_ref().take(left.saturating_add(1)).read_to_end(&mut unpacked).map_err(|error| Refusal {
            reason: format!("gzip is cut short or damaged after {} bytes unpacked: {error}", unpacked.len()),
        })?;
        if unpacked.len() as u64 > bytes_max {
            return Err(too_large(packed.len(), limits));
        }
        rest = member.into_inner();
        // After the last member only padding may follow; tar-like writers pad with NUL (RFC 1952 leaves it open).
        if rest.iter().all(|byte| *byte == 0) {
            return Ok(unpacked);
        }
        if !rest.starts_with(GZIP) {
            return Err(Refusal { reason: format!("{} bytes that are not gzip follow the gzip data", rest.len()) });
        }
    }
}

fn too_large(packed_bytes: usize, limits: &Limits) -> Refusal {
    let reason = format!(
        "gzip of {packed_bytes} bytes unpacks to more than allowed: at most {} and {} times its length",
        limits.unwrapped_bytes, limits.ratio
    );
    Refusal { reason }
}

#[cfg(test)]
mod tests;
