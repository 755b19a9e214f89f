use std::fs;

use super::*;
use crate::entry::tests::GOLDEN;

const DEADLINE: Duration = Duration::from_secs(10);
const NEVER: Duration = Duration::from_secs(3600);

struct Fixture {
    _directory: tempfile::TempDir,
    outbox: Outbox,
    finds: mpsc::Receiver<Found>,
    scan: Option<Scan>,
    shutdown: CancellationToken,
}

impl Fixture {
    fn new(rescan: Duration) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(directory.path().join("outbox")).unwrap();
        let (found, finds) = mpsc::channel(1);
        let scan = Some(Scan::new(outbox.clone(), rescan, found));
        Self { _directory: directory, outbox, finds, scan, shutdown: CancellationToken::new() }
    }

    fn start(&mut self) -> tokio::task::JoinHandle<()> {
        tokio::spawn(self.scan.take().unwrap().run(self.shutdown.clone()))
    }

    /// As ingest does: bytes first, then the record renamed into place.
    fn land(&self, upload: Ulid) {
        fs::write(self.outbox.data(upload), vec![b'x'; 1234]).unwrap();
        let draft = self._directory.path().join("draft");
        fs::write(&draft, GOLDEN.replace("01KAKXQ6W0M3Y2T9GQ4V8R5ZJA", &upload.to_string())).unwrap();
        fs::rename(draft, self.outbox.directory().join(format!("{upload}.json"))).unwrap();
    }

    async fn next(&mut self) -> Found {
        tokio::time::timeout(DEADLINE, self.finds.recv()).await.unwrap().unwrap()
    }
}

fn upload(number: u64) -> Ulid {
    Ulid::from_parts(1_763_759_281_000 + number, 7)
}

#[tokio::test]
async fn what_was_there_is_found_oldest_first_and_what_comes_is_found_by_notice() {
    let mut fixture = Fixture::new(NEVER);
    for number in [2, 1, 3] {
        fixture.land(upload(number));
    }
    fixture.start();
    let mut claims = Vec::new();
    for number in 1..=3 {
        let found = fixture.next().await;
        assert_eq!(found.entry.upload, upload(number));
        claims.push(found.claim);
    }
    fixture.land(upload(4));
    assert_eq!(fixture.next().await.entry.upload, upload(4));
}

#[tokio::test]
async fn an_upload_is_found_again_only_when_its_claim_is_gone() {
    let mut fixture = Fixture::new(NEVER);
    let mut scan = fixture.scan.take().unwrap();
    fixture.land(upload(1));
    scan.everything().await.unwrap();
    let found = fixture.finds.try_recv().unwrap();
    scan.everything().await.unwrap();
    assert!(fixture.finds.try_recv().is_err(), "somebody has it");
    drop(found);
    scan.everything().await.unwrap();
    assert_eq!(fixture.finds.try_recv().unwrap().entry.upload, upload(1));
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_stays_and_keeps_nobody_back() {
    let mut fixture = Fixture::new(Duration::from_millis(20));
    let record = fixture.outbox.directory().join(format!("{}.json", upload(1)));
    fs::write(&record, "{").unwrap();
    fixture.land(upload(2));
    fixture.start();
    let second = fixture.next().await;
    assert_eq!(second.entry.upload, upload(2));
    assert!(record.exists());
    fixture.land(upload(1));
    assert_eq!(fixture.next().await.entry.upload, upload(1), "mended");
}

#[tokio::test]
async fn the_scan_ends_at_shutdown_though_nobody_takes_what_it_found() {
    let mut fixture = Fixture::new(NEVER);
    for number in 1..=3 {
        fixture.land(upload(number));
    }
    let scan = fixture.start();
    fixture.shutdown.cancel();
    tokio::time::timeout(DEADLINE, scan).await.unwrap().unwrap();
}
