use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use ::metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

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

/// What gauges stand at, as `/metrics` would show it.
#[derive(Debug, Default)]
struct Gauges(Mutex<HashMap<String, Arc<AtomicU64>>>);

impl Gauges {
    /// Waits until a gauge stands at a value.
    async fn reach(&self, name: &str, value: f64) {
        let stands = || self.0.lock().unwrap().get(name).map(|bits| f64::from_bits(bits.load(Ordering::Acquire)));
        let reached = tokio::time::timeout(DEADLINE, async {
            while stands() != Some(value) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        assert!(reached.await.is_ok(), "{name} stays at {:?}, not {value}", stands());
    }
}

impl Recorder for Gauges {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Arc::clone(self.0.lock().unwrap().entry(key.name().to_owned()).or_default()))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
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
    let mut find = async || {
        scan.look().await;
        scan.hand_over(scan.found.clone().try_reserve_owned().unwrap()).await;
        fixture.finds.try_recv().ok()
    };
    let found = find().await.unwrap();
    assert!(find().await.is_none(), "somebody has it");
    drop(found);
    assert_eq!(find().await.unwrap().entry.upload, upload(1));
}

#[tokio::test]
async fn the_outbox_is_counted_while_nobody_has_a_hand_free_and_each_upload_is_handed_over_once() {
    const ENTRIES: &str = "inlet_outbox_entries";
    let gauges = Gauges::default();
    let _counting = ::metrics::set_default_local_recorder(&gauges);
    let mut fixture = Fixture::new(Duration::from_millis(20));
    for number in 1..=3 {
        fixture.land(upload(number));
    }
    fixture.start();
    gauges.reach(ENTRIES, 3.0).await;
    for number in 4..=5 {
        fixture.land(upload(number));
    }
    gauges.reach(ENTRIES, 5.0).await;
    // As a delivery by another hand, or an upload that ingest takes back.
    fs::remove_file(fixture.outbox.directory().join(format!("{}.json", upload(3)))).unwrap();
    gauges.reach(ENTRIES, 4.0).await;
    let mut in_hand = Vec::new();
    for number in [1, 2, 4, 5] {
        in_hand.push(fixture.next().await);
        assert_eq!(in_hand.last().unwrap().entry.upload, upload(number));
    }
    fixture.land(upload(6));
    assert_eq!(fixture.next().await.entry.upload, upload(6));
}

#[tokio::test]
async fn uploads_whose_notices_are_lost_are_found_without_a_rescan() {
    let gauges = Gauges::default();
    let _counting = ::metrics::set_default_local_recorder(&gauges);
    let mut fixture = Fixture::new(NEVER);
    fixture.start();
    gauges.reach("inlet_outbox_entries", 0.0).await;
    // More at once than notices are kept.
    let uploads: BTreeSet<_> = (0..1500).map(upload).collect();
    uploads.iter().for_each(|upload| fixture.land(*upload));
    let (mut found, mut claims) = (BTreeSet::new(), Vec::new());
    for _ in &uploads {
        let Found { entry, claim } = fixture.next().await;
        found.insert(entry.upload);
        claims.push(claim);
    }
    assert_eq!(found, uploads);
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
