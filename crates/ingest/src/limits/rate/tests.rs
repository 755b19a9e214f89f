use super::*;

/// Spends as events come, and gives the places of those that have no room.
fn refused(rate: Rate, millis: impl IntoIterator<Item = u64>) -> Vec<usize> {
    let start = Instant::now();
    let mut used = Used::nothing(start);
    let mut refused = Vec::new();
    for (place, at) in millis.into_iter().enumerate() {
        let now = start + Duration::from_millis(at);
        if rate.wait(used, now).is_zero() { used = rate.spend(used, now) } else { refused.push(place) }
    }
    refused
}

#[test]
fn a_minutes_events_may_come_at_once_and_one_more_has_no_room() {
    assert_eq!(refused(Rate::per_minute(10), [0; 12]), [10, 11]);
    assert_eq!(refused(Rate::per_minute(1), [0, 59_999, 60_000]), [1]);
}

#[test]
fn events_right_under_the_rate_always_have_room() {
    assert_eq!(refused(Rate::per_minute(10), (0..1000).map(|n| n * 6_000)), [0; 0]);
    assert_eq!(refused(Rate::per_minute(120_000), (0..1000).map(|n| n / 2)), [0; 0]);
}

#[test]
fn room_comes_back_as_time_passes() {
    let (rate, now) = (Rate::per_minute(10), Instant::now());
    let used = (0..10).fold(Used::nothing(now), |used, _| rate.spend(used, now));
    assert_eq!(rate.wait(used, now), Duration::from_secs(6));
    assert_eq!(rate.wait(used, now + Duration::from_secs(6)), Duration::ZERO);
}

#[test]
fn the_book_is_bounded_and_forgets_what_was_not_put_for_longest() {
    let mut book = Book::new(100);
    for key in 0..1000_u64 {
        book.put(key, key);
        // Put again and again, and so never forgotten.
        book.put(0, key);
        assert!(book.len() <= 100);
        assert_eq!((book.get(key), book.get(0)), (Some(if key == 0 { 0 } else { key }), Some(key)));
    }
    assert_eq!((book.get(500), book.get(998)), (None, Some(998)));
}
