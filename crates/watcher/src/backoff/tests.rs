use super::*;

#[test]
fn waits_double_up_to_the_maximum_and_lose_at_most_half() {
    let mut backoff = Backoff::new(Duration::from_millis(350));
    for whole in [100, 200, 350, 350, 350] {
        let whole = Duration::from_millis(whole);
        let wait = backoff.next();
        assert!(wait >= whole / 2 && wait <= whole, "{wait:?} of {whole:?}");
    }
}

#[test]
fn a_small_maximum_holds_from_the_first() {
    assert!(Backoff::new(Duration::from_millis(10)).next() <= Duration::from_millis(10));
}
