use std::pin::pin;

use futures::FutureExt;

use super::*;

const STEP: Bytes = Bytes::from_static(b"step");

#[test]
fn a_writer_takes_all_steps_until_there_are_none() {
    let waiting = Arc::<Waiting>::default();
    let writer = waiting.writer().unwrap();
    assert!(waiting.writer().is_none(), "steps would change their order");
    waiting.add(Bytes::from_static(b"one"));
    waiting.add(Bytes::from_static(b"two"));
    assert_eq!(writer.next().unwrap(), ["one", "two"]);
    waiting.add(Bytes::from_static(b"three"));
    assert_eq!(writer.next().unwrap(), ["three"]);
    assert_eq!(writer.next(), None);
    waiting.add(Bytes::from_static(b"late"));
    drop(writer);
    assert_eq!(waiting.writer().unwrap().next().unwrap(), ["late"]);
}

#[test]
fn there_is_room_when_steps_are_taken_and_when_nobody_will_take_them() {
    let waiting = Arc::<Waiting>::default();
    let has_room = || waiting.room(2).now_or_never().is_some();
    waiting.add(STEP);
    waiting.add(STEP);
    assert!(has_room(), "who waits here is the one to begin");
    let writer = waiting.writer().unwrap();
    assert!(!has_room());
    writer.next();
    assert!(has_room());
    waiting.add(STEP);
    waiting.add(STEP);
    assert!(!has_room());
    drop(writer);
    assert!(has_room(), "a writer that failed will not come back");
}

#[tokio::test]
async fn whoever_waits_for_room_hears_of_it() {
    let waiting = Arc::<Waiting>::default();
    let mut writer = waiting.writer();
    for fails in [false, true] {
        waiting.add(STEP);
        let mut room = pin!(waiting.room(1));
        assert!(room.as_mut().now_or_never().is_none());
        if fails {
            writer = None;
        } else {
            writer.as_ref().unwrap().next();
        }
        room.await;
    }
    assert!(writer.is_none());
}
