mod pieces;

use std::collections::BTreeMap;
use std::time::Duration;

use arrow::array::StringArray;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::intake::Until;
use crate::testing::{Faults, LAKE, Strike, World, column, config, event};
use crate::{Address, Config, Formats, Lake, Parts, Seams, Source, clock, quarantine};

const DEADLINE: Duration = Duration::from_secs(60);

/// Runs a worker until every message is deleted, then stops it.
pub(crate) async fn drain(world: &World, faults: Faults) {
    let seams = world.seams(&Arc::new(faults)).await;
    run_until(seams, drained(world)).await;
}

/// Returns once every message has been deleted. The visibility timeout passes now and then, even for messages under way.
pub(crate) async fn drained(world: &World) {
    let again = async {
        loop {
            clock::sleep(Duration::from_millis(500)).await;
            world.queue.show_all();
        }
    };
    tokio::select! {
        biased;
        () = world.queue.drained() => {}
        () = again => {}
    }
}

async fn run_until(seams: Seams, end: impl Future<Output = ()>) {
    run_with_until(config(), seams, end).await;
}

async fn run_with_until(config: Config, seams: Seams, end: impl Future<Output = ()>) {
    let shutdown = CancellationToken::new();
    let worker = crate::run_with(config, seams, Until::Shutdown, shutdown.clone());
    let end = async {
        end.await;
        shutdown.cancel();
    };
    let both = async { tokio::join!(worker, end) };
    tokio::time::timeout(DEADLINE, both).await.expect("the worker gets there in time").0.unwrap();
}

/// A world with a table already, and uploads of every kind, some of them twice.
async fn world_of_everything() -> World {
    let world = World::new();
    world.upload("U0", "z", "/x", "t,0,0C\n");
    drain(&world, Faults::none()).await;
    world.upload("U1", "a", "/x", "t,0,1.5C\nt,1,2\nt,86400,3\n");
    world.upload("U2", "b", "/y", "t,0,4\nt2,5,5\nbad\n");
    // The same file again, and the same event again.
    world.upload("U3", "a", "/x", "t,0,1.5C\nt,1,2\nt,86400,3\n");
    world.queue.send(&event("raw/dt=2026-11-21/device=b/U2/file.csv", 24));
    world.upload("U4", "c", "/x", "!no\n");
    world.upload("U5", "c", "/x", "");
    // Another unit than in the table.
    world.upload("U6", "c", "/z", "t,0,4F\n");
    world.queue.send("no event");
    world
}

/// What must have come of it, whatever happened on the way.
async fn check_everything(world: &World, context: &str) {
    let (mut rows, mut records) = (world.rows("t").await.join(" "), world.records().await.join(", "));
    if records.contains("U3 committed") {
        // Of two uploads of the same file either may come first.
        records = records
            .replace("U1 duplicate", "U1 committed")
            .replace("0 0, U2", "3 0, U2")
            .replace("U3 committed 3", "U3 duplicate 0");
        rows = rows.replace("U2:1 U3:1 U3:2 U3:3", "U1:1 U1:2 U1:3 U2:1");
    }
    assert_eq!(rows, "U0:1 U1:1 U1:2 U1:3 U2:1", "{context}");
    assert_eq!(world.rows("t2").await, ["U2:2"], "{context}");
    let expected = [
        "U0 committed 1 0",
        "U1 committed 3 0",
        "U2 committed 2 1",
        "U3 duplicate 0 0",
        "U4 quarantined 0 0",
        "U5 empty 0 0",
        "U6 quarantined 0 1",
    ];
    assert_eq!(records, expected.join(", "), "{context}");
    let quarantine: Vec<_> = world.lake.keys(LAKE, "quarantine/dt=2026-11-21/");
    let expected = ["U2/reason.json", "U2/rows.ndjson", "U4/file", "U4/reason.json", "U6/file", "U6/reason.json"];
    assert_eq!(quarantine, expected.map(|name| format!("quarantine/dt=2026-11-21/{name}")), "{context}");
    assert_eq!(world.lake.keys(LAKE, "quarantine/messages/").len(), 2, "{context}");
}

#[tokio::test]
async fn an_empty_queue_ends_a_run_that_is_to_end_then() {
    let world = World::new();
    world.upload("U1", "d", "/a.csv", "t,1,1.5\n");
    world.upload("U2", "d", "/b.csv", "t,2,2.5\n");
    let seams = world.seams(&Arc::new(Faults::none())).await;
    crate::run_with(config(), seams, Until::Empty, CancellationToken::new()).await.unwrap();
    assert_eq!(world.rows("t").await, ["U1:1", "U2:1"]);
}

#[tokio::test]
async fn uploads_become_rows() {
    let world = World::new();
    world.upload("U1", "a", "/x", "t,0,1.5C\nt,1,2\nt,86400,3\n");
    world.upload("U2", "b", "/y", "t,0,4\nt2,5,5\n");
    drain(&world, Faults::none()).await;
    assert_eq!(world.rows("t").await, ["U1:1", "U1:2", "U1:3", "U2:1"]);
    assert_eq!(world.rows("t2").await, ["U2:2"]);
    assert_eq!(world.records().await, ["U1 committed 3 0", "U2 committed 2 0"]);
    for batch in world.scan("t").await {
        let devices = column::<StringArray>(&batch, "device");
        assert!(devices.iter().is_sorted());
    }
}

#[tokio::test]
async fn every_upload_has_its_outcome() {
    let world = world_of_everything().await;
    drain(&world, Faults::none()).await;
    check_everything(&world, "").await;
    let refused = world.lake.text("quarantine/dt=2026-11-21/U2/rows.ndjson");
    assert_eq!(refused, "{\"row\":3,\"offset\":13,\"reason\":\"no three cells\",\"bytes\":\"YmFk\",\"text\":\"bad\"}\n");
    assert_eq!(world.lake.text("quarantine/dt=2026-11-21/U4/file"), "!no\n");
}

#[tokio::test]
async fn an_event_that_comes_again_later_adds_nothing() {
    let world = world_of_everything().await;
    drain(&world, Faults::none()).await;
    for (id, device) in [("U1", "a"), ("U2", "b"), ("U3", "a"), ("U4", "c"), ("U5", "c"), ("U6", "c")] {
        world.queue.send(&event(&format!("raw/dt=2026-11-21/device={device}/{id}/file.csv"), 10));
    }
    drain(&world, Faults::none()).await;
    check_everything(&world, "").await;
}

/// Plays the same once for each call that a worker makes: the first call struck, then the second, until there is none to strike. A
/// call fails, with and without having taken effect; or the worker dies at it, before and after, and another one comes.
#[allow(clippy::future_not_send, reason = "a test waits for it where it stands")]
pub(crate) async fn strike_each_call(strikes: [Strike; 2], make: impl AsyncFn() -> World, check: impl AsyncFn(&World, &str)) {
    const AT_ONCE: usize = 8;
    for strike in strikes {
        for first in (0..).step_by(AT_ONCE) {
            let plays = (first..first + AT_ONCE).map(async |number| {
                let world = make().await;
                let faults = Arc::new(Faults::at("", number, strike));
                play(&world, &faults, strike).await;
                check(&world, &format!("{strike:?} at call {number}")).await;
                faults.struck()
            });
            if !futures::future::join_all(plays).await.into_iter().all(|struck| struck) {
                break;
            }
        }
    }
}

async fn play(world: &World, faults: &Arc<Faults>, strike: Strike) {
    let seams = world.seams(faults).await;
    if matches!(strike, Strike::FailBefore | Strike::FailAfter) {
        return run_until(seams, drained(world)).await;
    }
    let worker = crate::run_with(config(), seams, Until::Shutdown, CancellationToken::new());
    tokio::select! {
        _ = worker => unreachable!("nobody stops it"),
        () = faults.crashed.notified() => {}
        () = world.queue.drained() => {}
    }
    drain(world, Faults::none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_call_may_fail() {
    strike_each_call([Strike::FailBefore, Strike::FailAfter], world_of_everything, check_everything).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_may_die_anywhere() {
    strike_each_call([Strike::CrashBefore, Strike::CrashAfter], world_of_everything, check_everything).await;
}

#[tokio::test]
async fn stopping_commits_what_is_open() {
    let world = World::new();
    world.upload("U1", "a", "/x", "t,0,1\n");
    let mut config = config();
    config.batch.max_age = Duration::from_hours(1);
    let seams = world.seams(&Arc::new(Faults::none())).await;
    run_with_until(config, seams, world.queue.all_taken()).await;
    assert_eq!(world.rows("t").await, ["U1:1"]);
    assert_eq!(world.queue.len(), 0);
}

#[tokio::test]
async fn what_cannot_be_committed_in_time_is_given_back() {
    let world = World::new();
    world.upload("U1", "a", "/x", "t,0,1\n");
    let faults = Arc::new(Faults::at("catalog load_table", 0, Strike::CrashBefore));
    let config = Config { drain: Duration::ZERO, ..config() };
    run_with_until(config, world.seams(&faults).await, faults.crashed.notified()).await;
    assert_eq!((world.queue.len(), world.queue.hidden()), (1, 0));
}

/// A batch that stays open for ten visibility timeouts: its message is not delivered to anybody else.
#[tokio::test]
async fn messages_under_way_are_kept_hidden() {
    let world = World::new();
    world.upload("U1", "a", "/x", "t,0,1\n");
    let mut config = config();
    config.queue.visibility = Duration::from_millis(300);
    config.batch.max_age = Duration::from_secs(3);
    let seams = world.seams(&Arc::new(Faults::none())).await;
    run_with_until(config, seams, world.queue.drained()).await;
    assert_eq!(world.queue.deliveries_max(), 1);
}

#[tokio::test]
async fn uploads_that_cannot_be_read_are_kept_with_the_reason() {
    let world = World::new();
    world.upload("U1", "a", "/x", &"t,0,1\n".repeat(100));
    world.upload("U2", "a", "/y", "uploads,0,1\n");
    let mut config = config();
    config.limits.file_bytes = bytesize::ByteSize::b(500);
    let seams = world.seams(&Arc::new(Faults::none())).await;
    run_with_until(config, seams, world.queue.drained()).await;
    assert_eq!(world.records().await, ["U1 quarantined 0 0", "U2 quarantined 0 0"]);
    let entries = quarantine::list(&world.lake, LAKE).await.unwrap();
    let reasons: Vec<_> = entries.iter().map(|entry| entry.reason.as_str()).collect();
    assert_eq!(reasons, ["object of 600 bytes, 500 allowed", "the table name uploads is taken by the record of uploads"]);
    assert_eq!(world.lake.text("quarantine/dt=2026-11-21/U1/file").len(), 600);
}

#[tokio::test]
async fn uploads_older_than_what_is_remembered_are_not_loaded() {
    let world = World::new();
    world.upload("U1", "a", "/x", "t,0,1\n");
    let mut config = config();
    config.ledger.window = Some(Duration::from_secs(60));
    let seams = world.seams(&Arc::new(Faults::none())).await;
    run_with_until(config, seams, world.queue.drained()).await;
    assert_eq!(world.records().await, ["U1 quarantined 0 0"]);
}

/// An event of an object that is not there, or not yet: its message waits, the others go on.
#[tokio::test]
async fn a_message_that_fails_for_unknown_causes_stays_in_the_queue() {
    let world = World::new();
    world.queue.send(&event("raw/gone", 1));
    world.upload("U1", "a", "/x", "t,0,1\n");
    let seams = world.seams(&Arc::new(Faults::none())).await;
    run_until(seams, world.queue.shrunk_to(1)).await;
    assert_eq!(world.rows("t").await, ["U1:1"]);
    assert_eq!(world.queue.len(), 1);
}

/// A fault of ours, which no look at the file explains: its message goes back to the queue, which sets it aside after so many deliveries.
#[tokio::test]
async fn an_upload_that_the_parser_dies_of_holds_up_no_other() {
    let world = World::new();
    world.upload("U1", "a", "/x", "panic\n");
    world.upload("U2", "a", "/y", "t,0,1\n");
    let seams = world.seams(&Arc::new(Faults::none())).await;
    run_until(seams, world.queue.shrunk_to(1)).await;
    assert_eq!(world.rows("t").await, ["U2:1"]);
    assert_eq!((world.records().await.len(), world.queue.len()), (1, 1), "nothing is said of it before it is known");
    assert_eq!(quarantine::list(&world.lake, LAKE).await.unwrap(), []);
}

#[tokio::test]
async fn a_batch_of_large_files_closes_early() {
    let world = World::new();
    for number in 0..6 {
        let text: String = (0..4000).map(|row| format!("t,{row},{number}.5\n")).collect();
        world.upload(&format!("U{number}"), "a", &format!("/{number}"), &text);
    }
    let mut config = config();
    config.batch = BatchConfig { max_age: Duration::from_hours(1), max_bytes: bytesize::ByteSize::kib(64), ..config.batch };
    config.concurrency = 1;
    let seams = world.seams(&Arc::new(Faults::none())).await;
    crate::run_with(config, seams, Until::Empty, CancellationToken::new()).await.unwrap();
    let table = world.tables().await.load("t").await.unwrap().unwrap();
    let commits = table.metadata().snapshots().count();
    assert!(commits >= 2, "{commits} commits");
    assert_eq!(world.rows("t").await.len(), 24_000);
}

#[tokio::test]
async fn objects_of_others_are_loaded_by_the_definitions_in_force() {
    let world = World::new();
    let at = Address { bucket: LAKE.into(), key: "in/device=pump-3/day.csv".into() };
    world.lake.put(&at, "time,Level [m]\n2026-11-21 08:00:00,1.5\n".into(), BTreeMap::new());
    world.queue.send(&event("in/device%3Dpump-3/day.csv", 40));
    let text = include_str!("../../../../pipeline/formats/csv.toml");
    let formats = Formats::load(&[Source { file: "csv.toml", text }], "UTC", config().limits).unwrap();
    let Seams { lake, bucket, queue, catalog, upkeep, now, .. } = world.seams(&Arc::new(Faults::none())).await;
    let shutdown = CancellationToken::new();
    let scratch = world.dir.path().join("scratch");
    let parts = Parts { lake, bucket, queue, catalog, upkeep, formats, scratch, now };
    let end = async {
        world.queue.drained().await;
        shutdown.cancel();
    };
    let both = async { tokio::join!(crate::run(config(), parts, shutdown.clone()), end) };
    tokio::time::timeout(DEADLINE, both).await.expect("the worker gets there in time").0.unwrap();
    let source = crate::ledger::Id::of_source(&at, &world.lake.head(&at).await.unwrap().version);
    assert_eq!(world.rows("csv_pump_3").await, [format!("{source}:2")]);
    assert_eq!(world.records().await, [format!("{source} committed 1 0")]);
}
