//! gzip, RFC 1952.

use flate2::bufread::GzDecoder;

use super::{Allowance, Fault, ReadFault, refusal};

const MAGIC: &[u8] = &[0x1f, 0x8b];

pub(super) fn is(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The bytes of all members in turn, as APPE of `.gz` files makes them.
pub(super) fn unpack(packed: &[u8], allowance: &mut Allowance<'_>) -> Result<Vec<u8>, Fault> {
    let mut unpacked = Vec::new();
    let mut rest = packed;
    loop {
        let mut member = GzDecoder::new(rest);
        allowance.read(&mut member, &mut unpacked).map_err(|fault| match fault {
            ReadFault::Bound(bound) => Fault::Bound(bound),
            ReadFault::Data(error) => {
                let bytes = unpacked.len();
                Fault::Member(refusal(format!("gzip is cut short or damaged after {bytes} bytes unpacked: {error}")))
            }
        })?;
        rest = member.into_inner();
        // After the last member only padding may follow; tar-like writers pad with NUL (RFC 1952 leaves it open).
        if rest.iter().all(|byte| *byte == 0) {
            return Ok(unpacked);
        }
        if !is(rest) {
            return Err(Fault::Member(refusal(format!("{} bytes that are not gzip follow the gzip data", rest.len()))));
        }
    }
}
