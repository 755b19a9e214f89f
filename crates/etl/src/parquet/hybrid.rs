//! Small numbers as [runs and packed bits][hybrid], the way the format writes dictionary places and definition levels.
//!
//! [hybrid]: https://parquet.apache.org/docs/file-format/data-pages/encodings/#run-length-encoding--bit-packing-hybrid-rle--3

/// Values are packed so many at a time.
const GROUP: usize = 8;
/// Groups that are packed in one go, as in other writers: their number fits into the one byte before them.
const GROUPS_MAX: usize = 63;

/// How many bits the numbers up to `largest` take.
pub(super) fn width(largest: u16) -> u8 {
    u8::try_from(u16::BITS - largest.leading_zeros()).unwrap_or(16)
}

/// Appends values of so many bits each.
pub(super) fn encode(mut values: &[u16], width: u8, to: &mut Vec<u8>) {
    to.reserve(values.len() * usize::from(width) / 8 + GROUP);
    while let Some(first) = values.first() {
        let of_run = if is_run(values) { values.iter().take_while(|value| *value == first).count() } else { 0 };
        let of_groups = values.chunks(GROUP).take(GROUPS_MAX).take_while(|group| !is_run(group)).map(<[u16]>::len).sum();
        let (these, rest) = values.split_at(of_run.max(of_groups));
        if of_run > 0 {
            run(*first, of_run, width, to);
        } else {
            number(these.len().div_ceil(GROUP) << 1 | 1, to);
            these.chunks(GROUP).for_each(|group| pack(group, width, to));
        }
        values = rest;
    }
}

/// Appends the same value many times.
pub(super) fn run(value: u16, times: usize, width: u8, to: &mut Vec<u8>) {
    number(times << 1, to);
    to.extend(value.to_le_bytes().iter().take(usize::from(width).div_ceil(8)));
}

/// Whether they begin with as many equal values as make a group.
fn is_run(values: &[u16]) -> bool {
    values.get(..GROUP).is_some_and(|group| group.iter().all(|value| Some(value) == group.first()))
}

/// A group, filled up with zeros, the first value in the lowest bits.
fn pack(group: &[u16], width: u8, to: &mut Vec<u8>) {
    // Four values of 16 bits are as many as a register holds.
    let packed = |four: &[u16]| four.iter().rev().fold(0_u64, |bits, value| bits << width | u64::from(*value));
    let (low, high) = group.split_at(group.len().min(GROUP / 2));
    let bits = u128::from(packed(low)) | u128::from(packed(high)) << (4 * u32::from(width));
    // Eight values of so many bits are as many bytes.
    to.extend_from_slice(bits.to_le_bytes().get(..usize::from(width)).unwrap_or_default());
}

/// Seven bits a byte, the lowest first (ULEB-128).
fn number(mut number: usize, to: &mut Vec<u8>) {
    while number > 0x7f {
        to.push(low_bits(number) | 0x80);
        number >>= 7;
    }
    to.push(low_bits(number));
}

fn low_bits(number: usize) -> u8 {
    u8::try_from(number & 0x7f).unwrap_or_default()
}

#[cfg(test)]
mod tests;
