use notify::event::{AccessKind, CreateKind, Flag, RemoveKind};

use super::*;

fn event(kind: EventKind, file: &str) -> notify::Result<Event> {
    Ok(Event::new(kind).add_path(Path::new("/outbox").join(file)))
}

#[tokio::test]
async fn only_new_entries_are_told() {
    let (sender, mut waiting) = mpsc::channel(8);
    let tell = teller(sender, Arc::default());
    let upload: Ulid = "01KAKXQ6W0M3Y2T9GQ4V8R5ZJA".parse().unwrap();
    tell(event(EventKind::Create(CreateKind::File), &format!("{upload}.data")));
    tell(event(EventKind::Remove(RemoveKind::File), &format!("{upload}.json")));
    tell(event(EventKind::Access(AccessKind::Any), &format!("{upload}.json")));
    tell(event(EventKind::Create(CreateKind::File), "other.json"));
    tell(event(EventKind::Create(CreateKind::File), &format!("{upload}.json")));
    assert_eq!(waiting.recv().await, Some(Notice::Upload(upload)));
    tell(Err(notify::Error::generic("lost")));
    assert_eq!(waiting.recv().await, Some(Notice::Missed));
    tell(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)));
    assert_eq!(waiting.recv().await, Some(Notice::Missed));
    assert!(waiting.is_empty());
}

#[tokio::test]
async fn notices_that_find_no_room_are_told_after_those_that_did() {
    let directory = tempfile::tempdir().unwrap();
    let (sender, waiting) = mpsc::channel(1);
    let overrun = Arc::<AtomicBool>::default();
    let tell = teller(sender, Arc::clone(&overrun));
    let mut notices = Notices { waiting, overrun, _watcher: None };
    let upload: Ulid = "01KAKXQ6W0M3Y2T9GQ4V8R5ZJA".parse().unwrap();
    for _ in 0..3 {
        tell(event(EventKind::Create(CreateKind::File), directory.path().join(format!("{upload}.json")).to_str().unwrap()));
    }
    assert_eq!(notices.next().await, Notice::Upload(upload));
    assert_eq!(notices.next().await, Notice::Missed);
}
