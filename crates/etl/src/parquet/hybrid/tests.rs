use super::*;

fn check(values: &[u16], width: u8, expected: &[u8]) {
    let mut bytes = Vec::new();
    encode(values, width, &mut bytes);
    assert_eq!(bytes, expected, "{values:?} in {width} bits");
}

#[test]
fn bits_are_packed_as_in_the_specification() {
    check(&[0, 1, 2, 3, 4, 5, 6, 7], 3, &[1 << 1 | 1, 0b1000_1000, 0b1100_0110, 0b1111_1010]);
    // Filled up with zeros.
    check(&[1], 1, &[1 << 1 | 1, 1]);
    check(&[0x0102], 16, &[&[1 << 1 | 1, 2, 1][..], &[0; 14]].concat());
    check(&[0x1234, 0, 0, 0xffff, 0x8001], 16, &[3, 0x34, 0x12, 0, 0, 0, 0, 0xff, 0xff, 1, 0x80, 0, 0, 0, 0, 0, 0]);
    check(&[], 3, &[]);
}

#[test]
fn what_repeats_is_a_run() {
    check(&[4; 100], 3, &[0b1100_1000, 1, 4]);
    check(&[0; 8], 0, &[16]);
    check(&[0x0102; 9], 9, &[18, 2, 1]);
    // Fewer than a group are packed.
    check(&[1; 7], 1, &[1 << 1 | 1, 0b0111_1111]);
}

#[test]
fn a_run_ends_packed_bits_where_a_group_does() {
    let values: Vec<u16> = [&[1, 0, 1, 0, 1, 0, 1, 1][..], &[1; 10], &[0; 3]].concat();
    check(&values, 1, &[1 << 1 | 1, 0b1101_0101, 20, 1, 1 << 1 | 1, 0]);
}

#[test]
fn packed_groups_are_counted_in_one_byte() {
    let values: Vec<u16> = (0..64 * 8).map(|at| at % 2).collect();
    check(&values, 1, &[&[63 << 1 | 1][..], &[0b1010_1010; 63], &[1 << 1 | 1, 0b1010_1010]].concat());
}

#[test]
fn widths_are_those_of_the_largest_number() {
    assert_eq!([0, 1, 2, 255, 256, u16::MAX].map(width), [0, 1, 2, 8, 9, 16]);
}
