//! The whole way, over a lake and a queue that fail as they are told to.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;
use std::time::Instant;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;
use crate::entry::tests::GOLDEN;

const DEADLINE: Duration = Duration::from_secs(20);

/// A lake and a queue in memory.
#[derive(Debug, Default)]
struct World {
    /// Bytes by key.
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Facts by key.
    facts: Mutex<BTreeMap<String, BTreeMap<String, String>>>,
    events: Mutex<Vec<String>>,
    /// Parts of keys that the lake fails to store, each so many times.
    lake_fails: Mutex<BTreeMap<String, usize>>,
    /// Parts of events that the queue does not take, each so many times.
    queue_fails: Mutex<BTreeMap<String, usize>>,
    /// While set, puts wait here; and how many do.
    hold: Mutex<Option<Arc<Notify>>>,
    holding: Mutex<usize>,
}

/// Whether this attempt is to fail.
fn fails(plan: &Mutex<BTreeMap<String, usize>>, text: &str) -> bool {
    let mut plan = plan.lock().unwrap();
    let left = plan.iter_mut().find(|(part, left)| text.contains(part.as_str()) && **left > 0);
    left.map(|(_, left)| *left -= 1).is_some()
}

#[async_trait]
impl Lake for World {
    fn bucket(&self) -> &str {
        "lake"
    }

    async fn put_new(&self, object: Object<'_>) -> Result<Stored, LakeError> {
        let hold = self.hold.lock().unwrap().clone();
        if let Some(hold) = hold {
            *self.holding.lock().unwrap() += 1;
            hold.notified().await;
        }
        if fails(&self.lake_fails, object.key) {
            return Err(LakeError { operation: "put", key: object.key.to_owned(), source: "told to".into() });
        }
        let bytes = fs::read(object.file).unwrap();
        let stored = Stored { bytes: bytes.len() as u64, etag: "e".to_owned(), version: None };
        self.facts.lock().unwrap().insert(object.key.to_owned(), object.facts.clone());
        self.objects.lock().unwrap().entry(object.key.to_owned()).or_insert(bytes);
        Ok(stored)
    }
}

#[async_trait]
impl Publish for World {
    async fn publish(&self, bodies: &[String]) -> Result<Vec<usize>, PublishError> {
        let (mut refused, mut events) = (Vec::new(), self.events.lock().unwrap());
        for (index, body) in bodies.iter().enumerate() {
            if fails(&self.queue_fails, body) { refused.push(index) } else { events.push(body.clone()) }
        }
        Ok(refused)
    }
}

struct Fixture {
    directory: tempfile::TempDir,
    world: Arc<World>,
    shutdown: CancellationToken,
}

fn config(concurrency: usize) -> Config {
    Config { concurrency, rescan: Duration::from_secs(3600), retry_max: Duration::from_millis(200) }
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("outbox")).unwrap();
        Self { directory, world: Arc::default(), shutdown: CancellationToken::new() }
    }

    fn start(&self, concurrency: usize) -> JoinHandle<Result<(), Error>> {
        tokio::spawn(run(config(concurrency), self.parts(), self.shutdown.clone()))
    }

    fn parts(&self) -> Parts {
        Parts {
            outbox: self.directory.path().join("outbox"),
            lake: Arc::clone(&self.world) as Arc<dyn Lake>,
            publish: Arc::clone(&self.world) as Arc<dyn Publish>,
            region: "us-east-1".to_owned(),
        }
    }

    fn land(&self, number: u64) -> String {
        self.land_as(number, GOLDEN)
    }

    fn land_as(&self, number: u64, golden: &str) -> String {
        let upload = Ulid::from_parts(1_763_759_281_000 + number, 7).to_string();
        let outbox = self.directory.path().join("outbox");
        fs::write(outbox.join(format!("{upload}.data")), vec![b'x'; 1234]).unwrap();
        let draft = self.directory.path().join("draft");
        fs::write(&draft, golden.replace("01KAKXQ6W0M3Y2T9GQ4V8R5ZJA", &upload)).unwrap();
        fs::rename(draft, outbox.join(format!("{upload}.json"))).unwrap();
        upload
    }

    fn outbox_files(&self) -> usize {
        fs::read_dir(self.directory.path().join("outbox")).unwrap().count()
    }

    async fn eventually(&self, what: &str, condition: impl Fn(&World) -> bool) {
        let began = Instant::now();
        while !condition(&self.world) {
            assert!(began.elapsed() < DEADLINE, "never: {what}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

#[tokio::test]
async fn uploads_reach_the_lake_and_the_queue_and_leave_the_outbox() {
    let fixture = Fixture::new();
    let early = fixture.land(1);
    fixture.start(8);
    fixture.eventually("the first", |world| world.events.lock().unwrap().len() == 1).await;
    let late = fixture.land(2);
    fixture.eventually("forgotten", |_| fixture.outbox_files() == 0).await;
    let objects = fixture.world.objects.lock().unwrap();
    assert!(objects.values().all(|bytes| bytes.len() == 1234));
    for upload in [early, late] {
        let key = format!("raw/dt=2026-11-21/device=station-7/{upload}/Messung Süd+1.dat");
        assert!(objects.contains_key(&key));
        let events = fixture.world.events.lock().unwrap();
        assert_eq!(events.iter().filter(|event| event.contains(&upload)).count(), 1);
    }
}

#[tokio::test]
async fn a_hash_that_ingest_left_out_is_counted() {
    let fixture = Fixture::new();
    let lines = GOLDEN.lines().filter(|line| !line.contains("sha256")).collect::<Vec<_>>();
    let [counted, left_out] = [fixture.land(1), fixture.land_as(2, &lines.join("\n"))];
    let running = fixture.start(2);
    fixture.eventually("both events", |world| world.events.lock().unwrap().len() == 2).await;
    fixture.shutdown.cancel();
    running.await.unwrap().unwrap();
    let facts = fixture.world.facts.lock().unwrap();
    let sha256 = |upload: &str| &facts.iter().find(|(key, _)| key.contains(upload)).unwrap().1["inlet-sha256"];
    assert_eq!(sha256(&counted), "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9", "as ingest says");
    assert_eq!(sha256(&left_out), "0be279b0410c665f298717233b46e9d013c0d2a2f5a261a2ec1effe62b7e2627");
}

#[tokio::test]
async fn what_fails_is_tried_again_and_the_others_go_on() {
    let fixture = Fixture::new();
    let uploads: Vec<String> = (1..=40).map(|number| fixture.land(number)).collect();
    let fail = |plan: &Mutex<BTreeMap<String, usize>>, upload: &str, times| plan.lock().unwrap().insert(upload.to_owned(), times);
    // More than may be attempted at a time fail for ever.
    for upload in &uploads[..5] {
        fail(&fixture.world.lake_fails, upload, usize::MAX);
    }
    fail(&fixture.world.lake_fails, &uploads[5], 3);
    fail(&fixture.world.queue_fails, &uploads[6], 3);
    fixture.start(2);
    fixture.eventually("all that can", |_| fixture.outbox_files() == 10).await;
    let events = fixture.world.events.lock().unwrap();
    assert_eq!(events.len(), 35, "each once: what the queue did not take alone was sent again alone");
}

#[tokio::test]
async fn nothing_is_forgotten_before_the_queue_has_it() {
    let fixture = Fixture::new();
    let upload = fixture.land(1);
    fixture.world.queue_fails.lock().unwrap().insert(upload.clone(), usize::MAX);
    let running = fixture.start(2);
    fixture.eventually("stored", |world| world.objects.lock().unwrap().len() == 1).await;
    fixture.shutdown.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(fixture.outbox_files(), 2);

    fixture.world.queue_fails.lock().unwrap().clear();
    let again = Fixture { shutdown: CancellationToken::new(), ..fixture };
    again.start(2);
    again.eventually("forgotten", |_| again.outbox_files() == 0).await;
    assert_eq!(again.world.objects.lock().unwrap().len(), 1, "the same object");
    assert_eq!(again.world.events.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_shutdown_finishes_what_is_under_way_and_begins_nothing() {
    let fixture = Fixture::new();
    let hold = Arc::new(Notify::new());
    *fixture.world.hold.lock().unwrap() = Some(Arc::clone(&hold));
    for number in 1..=10 {
        fixture.land(number);
    }
    let running = fixture.start(2);
    fixture.eventually("two are being stored", |world| *world.holding.lock().unwrap() == 2).await;
    fixture.shutdown.cancel();
    // Let go only when the shutdown has been seen: the scan and the other uploads give up at once.
    tokio::task::yield_now().await;
    hold.notify_waiters();
    tokio::time::timeout(DEADLINE, running).await.unwrap().unwrap().unwrap();
    assert_eq!(*fixture.world.holding.lock().unwrap(), 2, "no other was begun");
    assert_eq!(fixture.world.events.lock().unwrap().len(), 2);
    assert_eq!(fixture.outbox_files(), 16);
}

#[tokio::test]
async fn what_ingest_takes_back_is_carried_no_further_and_the_others_go_on() {
    let fixture = Fixture::new();
    let [not_stored, not_published] = [1, 2].map(|number| fixture.land(number));
    fixture.world.lake_fails.lock().unwrap().insert(not_stored.clone(), usize::MAX);
    fixture.world.queue_fails.lock().unwrap().insert(not_published.clone(), usize::MAX);
    fixture.start(2);
    fixture.eventually("stored", |world| !world.objects.lock().unwrap().is_empty()).await;
    // As ingest does: the record first.
    for upload in [&not_stored, &not_published] {
        for extension in ["json", "data"] {
            fs::remove_file(fixture.directory.path().join(format!("outbox/{upload}.{extension}"))).unwrap();
        }
    }
    // What was under way at that moment fails once more, and is not begun again.
    let next = fixture.land(3);
    fixture.eventually("forgotten", |_| fixture.outbox_files() == 0).await;
    fixture.world.lake_fails.lock().unwrap().clear();
    fixture.world.queue_fails.lock().unwrap().clear();
    let last = fixture.land(4);
    fixture.eventually("forgotten", |_| fixture.outbox_files() == 0).await;
    let events = fixture.world.events.lock().unwrap();
    assert!(events.len() == 2 && events[0].contains(&next) && events[1].contains(&last), "{events:?}");
}

#[tokio::test]
async fn until_empty_ends_beside_what_cannot_be_read_and_says_how_much_that_is() {
    let fixture = Fixture::new();
    let run = || run_until_empty(config(2), fixture.parts(), fixture.shutdown.clone());
    assert_eq!(run().await.unwrap(), 0);
    let bad = fixture.land(1);
    fs::write(fixture.directory.path().join(format!("outbox/{bad}.json")), "{").unwrap();
    fixture.land(2);
    assert_eq!(tokio::time::timeout(DEADLINE, run()).await.unwrap().unwrap(), 1);
    assert_eq!(fixture.world.events.lock().unwrap().len(), 1);
    assert_eq!(fixture.outbox_files(), 2);

    fixture.land(3);
    fixture.shutdown.cancel();
    assert_eq!(run().await.unwrap(), 0);
    assert_eq!(fixture.outbox_files(), 4, "a signal ends it too");
}
