mod unread;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::*;
use crate::lake::Address;
use crate::quarantine::{self, Entry};
use crate::testing::{Faults, LAKE, Strike, World, event};
use crate::worker::tests::{drain, strike_each_call};

const DAY: &str = "quarantine/dt=2026-11-21/";

fn release(entries: &[&str], format: Option<&str>) -> Task {
    let entries = entries.iter().map(|name| format!("{DAY}{name}/")).collect();
    Task::Release { entries, format: format.map(str::to_owned) }
}

async fn report(world: &World, job: &Job) -> Report {
    read_report(&world.lake, LAKE, job).await.unwrap().expect("the job has a report")
}

/// Rows added by table, rows that were there, uploads in quarantine.
async fn counts(world: &World, job: &Job) -> (Vec<(String, u64)>, u64, u64) {
    let report = report(world, job).await;
    assert!(report.done && report.problem.is_none(), "{report:?}");
    (report.rows_added.into_iter().collect(), report.rows_known, report.quarantined)
}

/// Where each entry is, its reason, and how many rows its release gave.
async fn entries(world: &World) -> Vec<(String, String, Option<u64>)> {
    let told =
        |entry: Entry| (entry.at.trim_start_matches(DAY).to_owned(), entry.reason, entry.released.map(|released| released.rows));
    let listed = quarantine::list(&world.lake, LAKE).await.unwrap();
    listed.into_iter().flat_map(|entry| entry.before.clone().into_iter().chain([entry])).map(told).collect()
}

fn entry(at: &str, reason: &str, released: Option<u64>) -> (String, String, Option<u64>) {
    (at.to_owned(), reason.to_owned(), released)
}

/// Uploads in quarantine, as a whole and in part, under a format that was mended since.
async fn world_to_release() -> World {
    let world = World::new();
    world.upload("U1", "a", "/1", "t,0,1\nt;1;2\nbad\nt,2,3\n");
    world.upload("U2", "a", "/2", "!t,0,1\nt2,1,2\nbad\n");
    world.upload("U3", "a", "/3", "bad\n");
    // A unit that is another than the table's.
    world.upload("U4", "a", "/4", "t3,0,1C\n");
    drain(&world, Faults::none()).await;
    world.upload("U5", "a", "/5", "t,5,6\nt3,0,1F\n");
    drain(&world, Faults::none()).await;
    world.mended.store(true, Ordering::Relaxed);
    world
}

async fn check_released(world: &World, context: &str) {
    assert_eq!(world.rows("t").await, ["U1:1", "U1:2", "U1:4", "U2:1", "U5:1"], "{context}");
    assert_eq!(world.rows("t2").await, ["U2:2"], "{context}");
    assert_eq!(world.rows("t3").await, ["U4:1"], "{context}");
    let unit = "table t3: column value is in F here and in C in the table";
    let one = |line| format!("1 rows refused, the first at line {line}: no three cells");
    let expected = [
        entry("U1/", "2 rows refused, the first at line 2: no three cells", Some(1)),
        entry("U1/2/", &one(3), None),
        entry("U2/", "it begins with !", Some(2)),
        entry("U2/2/", &one(3), None),
        entry("U3/", &one(1), None),
        entry("U5/", unit, None),
    ];
    assert_eq!(entries(world).await, expected, "{context}");
    assert_eq!(world.lake.text(&format!("{DAY}U2/file")), "!t,0,1\nt2,1,2\nbad\n", "its bytes stay, {context}");
    assert_eq!(world.records().await.len(), 5, "{context}");
}

#[tokio::test]
async fn what_is_released_enters_its_table_once() {
    let world = world_to_release().await;
    let all = release(&["U1", "U2", "U3", "U5"], None);
    let first = world.ask(all.clone());
    drain(&world, Faults::none()).await;
    check_released(&world, "once").await;
    let added = vec![("t".to_owned(), 2), ("t2".to_owned(), 1)];
    assert_eq!(counts(&world, &first).await, (added, 0, 4));
    // Again, and by two jobs at once.
    let (second, third) = (world.ask(all.clone()), world.ask(all));
    drain(&world, Faults::none()).await;
    check_released(&world, "again").await;
    for job in [second, third] {
        assert_eq!(counts(&world, &job).await, (vec![], 3, 2));
    }
    // What was refused again can be released again, and still cannot be read.
    let job = world.ask(release(&["U1/2", "U2/2"], None));
    drain(&world, Faults::none()).await;
    check_released(&world, "the rest").await;
    assert_eq!(counts(&world, &job).await, (vec![], 0, 2));
    // The event of an upload that was released comes again.
    world.queue.send(&event("raw/dt=2026-11-21/device=a/U2/file.csv", 20));
    drain(&world, Faults::none()).await;
    assert_eq!(world.rows("t").await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_call_of_a_release_may_fail() {
    strike_each_call([Strike::FailBefore, Strike::FailAfter], world_with_a_release, check_one_release).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_may_die_anywhere() {
    strike_each_call([Strike::CrashBefore, Strike::CrashAfter], world_with_a_release, check_one_release).await;
}

async fn world_with_a_release() -> World {
    let world = World::new();
    world.upload("U1", "a", "/1", "t,0,1\nt;1;2\nbad\n");
    drain(&world, Faults::none()).await;
    world.mended.store(true, Ordering::Relaxed);
    world.ask(release(&["U1"], None));
    world
}

async fn check_one_release(world: &World, context: &str) {
    assert_eq!(world.rows("t").await, ["U1:1", "U1:2"], "{context}");
    let (before, again) =
        ("2 rows refused, the first at line 2: no three cells", "1 rows refused, the first at line 3: no three cells");
    assert_eq!(entries(world).await, [entry("U1/", before, Some(1)), entry("U1/2/", again, None)], "{context}");
}

#[tokio::test]
async fn a_release_may_be_for_one_format() {
    let world = world_to_release().await;
    let job = world.ask(release(&["U1", "U2"], Some("others")));
    drain(&world, Faults::none()).await;
    assert_eq!(counts(&world, &job).await, (vec![], 0, 0));
    let job = world.ask(release(&["U1", "U2"], Some("lines")));
    drain(&world, Faults::none()).await;
    assert_eq!(counts(&world, &job).await.0.len(), 2);
}

#[tokio::test]
async fn a_release_of_what_is_not_there_says_so() {
    let world = World::new();
    let job = world.ask(release(&["U9"], None));
    drain(&world, Faults::none()).await;
    assert!(report(&world, &job).await.problem.unwrap().contains("U9"));
}

fn replay(device: &str, table: Option<&str>) -> Task {
    let (from, to) = ("2026-11-21T21:00:00Z".parse().unwrap(), "2026-11-22T00:00:00Z".parse().unwrap());
    Task::Replay { device: device.into(), from, to, table: table.map(str::to_owned) }
}

#[tokio::test]
async fn a_replay_adds_what_is_missing_and_nothing_else() {
    let world = World::new();
    world.upload("U1", "a", "/1", "t,0,1\nt2,0,1\n");
    drain(&world, Faults::none()).await;
    // Their events were lost.
    world.store("U2", "a", "/2", "t,1,1\nt2,1,1\nbad\n");
    world.store("U3", "a", "/2", "t,1,1\nt2,1,1\nbad\n");
    world.store("U4", "b", "/1", "t,0,1\n");
    let job = world.ask(replay("a", Some("t2")));
    drain(&world, Faults::none()).await;
    assert_eq!(counts(&world, &job).await, (vec![("t2".into(), 1)], 1, 0));
    assert_eq!(world.rows("t").await, ["U1:1"]);
    let jobs = [world.ask(replay("a", None)), world.ask(replay("a", None))];
    drain(&world, Faults::none()).await;
    assert_eq!(world.rows("t").await, ["U1:1", "U2:1"]);
    assert_eq!(world.rows("t2").await, ["U1:2", "U2:2"]);
    assert_eq!(world.records().await, ["U1 committed 2 0", "U2 committed 2 1", "U3 duplicate 0 0"]);
    assert_eq!(entries(&world).await.len(), 1);
    let mut added = Vec::new();
    for job in &jobs {
        added.extend(counts(&world, job).await.0);
    }
    assert_eq!(added, [("t".to_owned(), 1)]);
    // Nothing landed before that.
    let (from, to) = ("2026-11-21T00:00:00Z".parse().unwrap(), "2026-11-21T21:00:00Z".parse().unwrap());
    let job = world.ask(Task::Replay { device: "b".into(), from, to, table: None });
    drain(&world, Faults::none()).await;
    assert_eq!(report(&world, &job).await.uploads, 0);
}

/// A table that was dropped is filled again with the format of today; what had been refused is in it, and its release adds nothing.
#[tokio::test]
async fn rows_that_a_replay_loads_are_not_released_as_well() {
    let world = World::new();
    world.upload("U1", "a", "/1", "t,0,1\nt;1;2\nbad\n");
    drain(&world, Faults::none()).await;
    drop_table(&world, "t").await;
    world.mended.store(true, Ordering::Relaxed);
    world.ask(replay("a", None));
    drain(&world, Faults::none()).await;
    let refused = "1 rows refused, the first at line 3: no three cells";
    let before = "2 rows refused, the first at line 2: no three cells";
    assert_eq!(entries(&world).await, [entry("U1/", before, Some(2)), entry("U1/2/", refused, None)]);
    world.ask(release(&["U1", "U1/2"], None));
    drain(&world, Faults::none()).await;
    assert_eq!(world.rows("t").await, ["U1:1", "U1:2"]);
}

/// Drops a table, as an analyst may.
async fn drop_table(world: &World, table: &str) {
    let tables = world.tables().await;
    let table = tables.load(table).await.unwrap().unwrap();
    tables.catalog.drop_table(table.identifier()).await.unwrap();
}

/// A file of which every second line is refused: what is in quarantine of it is long.
#[tokio::test]
async fn many_scattered_lines_hold_up_neither_a_replay_nor_a_release() {
    let world = World::new();
    world.upload("U1", "a", "/1", &"t,0,1\nbad\n".repeat(40_000));
    drain(&world, Faults::none()).await;
    assert!(world.lake.text(&format!("{DAY}U1/reason.json")).len() > 1 << 20, "it is long");
    let job = world.ask(release(&["U1"], None));
    drain(&world, Faults::none()).await;
    assert_eq!(counts(&world, &job).await, (vec![], 0, 1));
    drop_table(&world, "t").await;
    let job = world.ask(replay("a", None));
    drain(&world, Faults::none()).await;
    assert_eq!(counts(&world, &job).await, (vec![("t".into(), 40_000)], 0, 1));
}

#[tokio::test]
async fn what_cannot_be_read_in_quarantine_holds_up_no_job() {
    let world = World::new();
    world.upload("U1", "a", "/1", "t,0,1\nt;1;2\nbad\n");
    world.upload("U2", "a", "/2", "t,0,1\nt;1;2\nbad\n");
    drain(&world, Faults::none()).await;
    let damaged = Address { bucket: LAKE.into(), key: format!("{DAY}U1/reason.json") };
    world.lake.put(&damaged, "{".into(), BTreeMap::new());
    world.mended.store(true, Ordering::Relaxed);
    let job = world.ask(release(&["U1", "U2"], None));
    drain(&world, Faults::none()).await;
    let told = report(&world, &job).await;
    assert!(told.done && told.problem.as_ref().is_some_and(|problem| problem.contains("U1/ cannot be read: ")), "{told:?}");
    assert_eq!(told.rows_added, BTreeMap::from([("t".into(), 1)]));
    drop_table(&world, "t").await;
    let job = world.ask(replay("a", None));
    drain(&world, Faults::none()).await;
    assert_eq!(counts(&world, &job).await.0, [("t".into(), 4)]);
    assert_eq!(world.lake.text(&damaged.key), "{", "it stays as it is");
}

/// Lines are released into a table that nothing of their file was in, and the file is replayed as well.
#[tokio::test]
async fn a_release_and_a_replay_do_not_load_the_same_rows() {
    for release_first in [true, false] {
        let world = World::new();
        world.upload("U1", "a", "/1", "t,0,1\nt2;1;2\n");
        drain(&world, Faults::none()).await;
        world.mended.store(true, Ordering::Relaxed);
        let tasks = [release(&["U1"], None), replay("a", None)];
        let order = if release_first { [0, 1] } else { [1, 0] };
        for at in order {
            world.ask(tasks[at].clone());
            drain(&world, Faults::none()).await;
        }
        assert_eq!((world.rows("t").await, world.rows("t2").await), (vec!["U1:1".into()], vec!["U1:2".into()]));
        assert_eq!(entries(&world).await.len(), 1);
    }
}

#[tokio::test]
async fn a_table_is_rebuilt_from_the_raw_lake() {
    let world = World::new();
    for number in 0..30 {
        let text = format!("t,{number},1\nt2,{number},2\nt;{number};3\n");
        world.upload(&format!("U{number:02}"), "a", &format!("/{}", number % 7), &text);
        // The same file sent again.
        world.upload(&format!("V{number:02}"), "a", &format!("/{}", number % 7), &text);
    }
    drain(&world, Faults::none()).await;
    let task = Task::Rebuild { table: "t".into(), into: "t_same".into() };
    let job = world.ask(task.clone());
    drain(&world, Faults::none()).await;
    let rows = world.rows("t_same").await;
    assert_eq!((rows.len(), counts(&world, &job).await), (30, (vec![("t_same".to_owned(), 30)], 0, 0)));
    // Begun twice, it is made once.
    let job = world.ask(task);
    drain(&world, Faults::none()).await;
    assert_eq!((world.rows("t_same").await, counts(&world, &job).await), (rows, (vec![], 30, 0)));
    world.mended.store(true, Ordering::Relaxed);
    world.ask(Task::Rebuild { table: "t".into(), into: "t_mended".into() });
    drain(&world, Faults::none()).await;
    assert_eq!(world.rows("t_mended").await.len(), 60);
}

fn check(task: Task, body: &str) {
    let job = Job { version: 1, job: "01KAKXQ6W0M3Y2T9GQ4V8R5ZJA".into(), task };
    assert_eq!(job.body().unwrap(), body);
    assert_eq!(Job::read(body), Some(Ok(job)));
}

#[test]
fn jobs_are_written_and_read() {
    let golden = include_str!("../../../../tests/golden/jobs.ndjson");
    let mut lines = golden.lines();
    let entries = vec!["quarantine/dt=2026-11-21/01KAKXQ6W0M3Y2T9GQ4V8R5ZJA/".to_owned()];
    check(Task::Release { entries, format: Some("pump".into()) }, lines.next().unwrap());
    let (from, to) = ("2026-11-20T00:00:00Z".parse().unwrap(), "2026-11-21T12:30:00Z".parse().unwrap());
    check(Task::Replay { device: "station-7".into(), from, to, table: Some("toa5_hourly".into()) }, lines.next().unwrap());
    check(Task::Rebuild { table: "toa5_hourly".into(), into: "toa5_hourly_2".into() }, lines.next().unwrap());
    assert_eq!(lines.next(), None);
}

#[test]
fn what_is_no_job_is_left_to_others_or_refused() {
    assert_eq!(Job::read("no JSON"), None);
    assert_eq!(Job::read(r#"{"Records":[]}"#), None);
    assert_eq!(Job::read(r#"[{"version":1}]"#), None);
    for body in [
        r#"{"inlet":{}}"#,
        r#"{"inlet":{"version":1,"job":"01KAKXQ6W0M3Y2T9GQ4V8R5ZJA","dance":{}}}"#,
        r#"{"inlet":{"version":1,"job":"../x","rebuild":{"table":"a","into":"b"}}}"#,
        r#"{"inlet":{"version":2,"job":"01KAKXQ6W0M3Y2T9GQ4V8R5ZJA","rebuild":{"table":"a","into":"b"}}}"#,
    ] {
        assert!(matches!(Job::read(body), Some(Err(_))), "{body}");
    }
}
