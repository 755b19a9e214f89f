use super::*;

#[test]
fn a_shortage_is_told_at_once_and_then_once_a_minute() {
    let (rests, start) = (Rests::default(), Instant::now());
    let tenths = |at: &u64| rests.is_news(start + Duration::from_millis(at * 100));
    assert_eq!((0..1500).filter(tenths).collect::<Vec<_>>(), [0, 600, 1200]);
}
