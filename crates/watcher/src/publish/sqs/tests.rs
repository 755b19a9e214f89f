use super::*;

/// Batches as (first, end).
fn check(lengths: &[usize], expected: (&[(usize, usize)], &[usize])) {
    let bodies: Vec<String> = lengths.iter().map(|&length| "x".repeat(length)).collect();
    let (batches, refused) = batches(&bodies);
    let batches: Vec<_> = batches.into_iter().map(|batch| (batch.start, batch.end)).collect();
    assert_eq!((batches.as_slice(), refused.as_slice()), expected);
}

#[test]
fn batches_hold_ten_and_fit_into_a_call() {
    const K: usize = 1 << 10;
    check(&[], (&[], &[]));
    check(&[1; 10], (&[(0, 10)], &[]));
    check(&[1; 23], (&[(0, 10), (10, 20), (20, 23)], &[]));
    check(&[100 * K, 100 * K, 100 * K], (&[(0, 2), (2, 3)], &[]));
    check(&[256 * K, 1], (&[(0, 1), (1, 2)], &[]));
}

#[test]
fn what_fits_into_no_call_is_refused_alone() {
    check(&[1, 0, 1, (256 << 10) + 1, 1], (&[(0, 1), (2, 3), (4, 5)], &[1, 3]));
}
