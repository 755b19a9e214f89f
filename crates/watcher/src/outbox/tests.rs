use super::*;
use crate::entry::tests::{GOLDEN, golden};

fn outbox() -> (tempfile::TempDir, Outbox) {
    let directory = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(directory.path().join("outbox")).unwrap();
    (directory, outbox)
}

fn names(outbox: &Outbox) -> BTreeSet<String> {
    fs::read_dir(outbox.directory()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

fn put(outbox: &Outbox, bytes: usize) -> Ulid {
    let upload = golden().upload;
    fs::write(outbox.data(upload), vec![b'x'; bytes]).unwrap();
    fs::write(outbox.record(upload), GOLDEN).unwrap();
    upload
}

#[tokio::test]
async fn an_entry_is_read_with_its_bytes_and_forgotten_with_them() {
    let (_directory, outbox) = outbox();
    let upload = put(&outbox, 1234);
    assert_eq!(outbox.list().await.unwrap().entries, BTreeSet::from([upload]));
    assert_eq!(outbox.read(upload).await.unwrap().unwrap().upload, upload);
    outbox.forget(upload).await.unwrap();
    outbox.forget(upload).await.unwrap();
    assert!(outbox.read(upload).await.unwrap().is_none());
    assert_eq!(names(&outbox), BTreeSet::new());
}

#[tokio::test]
async fn an_entry_whose_bytes_are_missing_or_cut_cannot_be_read() {
    let (_directory, outbox) = outbox();
    let upload = put(&outbox, 1233);
    assert!(matches!(outbox.read(upload).await, Err(BadEntry::Length { expected: 1234, found: 1233 })));
    fs::remove_file(outbox.data(upload)).unwrap();
    assert!(matches!(outbox.read(upload).await, Err(BadEntry::Io(_))));
}

#[tokio::test]
async fn only_names_of_uploads_count() {
    let (_directory, outbox) = outbox();
    for name in
        ["x.json", "01kakxq6w0m3y2t9gq4v8r5zja.json", "01KAKXQ6W0M3Y2T9GQ4V8R5ZJA.json.tmp", "01KAKXQ6W0M3Y2T9GQ4V8R5ZJAjson"]
    {
        fs::write(outbox.directory().join(name), "").unwrap();
    }
    assert_eq!(outbox.list().await.unwrap(), Listing::default());
}

#[tokio::test]
async fn orphans_are_swept_an_hour_after_they_were_linked() {
    let (_directory, outbox) = outbox();
    let upload = put(&outbox, 1234);
    let now = Timestamp::now();
    let later = now + SignedDuration::from_mins(61);
    let sweep = async |now| outbox.sweep(BTreeSet::from([upload]), now).await.unwrap();
    assert_eq!(sweep(later).await, 0, "it has an entry by now");
    fs::remove_file(outbox.record(upload)).unwrap();
    // The bytes are old; their link is not.
    let times = fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);
    File::options().write(true).open(outbox.data(upload)).unwrap().set_times(times).unwrap();
    assert_eq!(outbox.list().await.unwrap().orphans, BTreeSet::from([upload]));
    assert_eq!(sweep(now).await, 0);
    assert_eq!(sweep(later).await, 1);
    assert_eq!(names(&outbox), BTreeSet::new());
}
