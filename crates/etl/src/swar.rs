//! Eight bytes looked at in one word, the first of them in its lowest byte.

/// A word of eight such bytes.
pub(crate) const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The highest bit of the lowest byte that is zero, and perhaps bits of bytes above it; nothing where none is zero.
pub(crate) const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(each(0x01)) & !word & each(0x80)
}
