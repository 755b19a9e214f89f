//! Files that are sent whole again and again, on the whole road.

use arrow::array::{Float64Array, Int64Array, TimestampMicrosecondArray};

use super::tests::{drain, strike_each_call};
use crate::job::Task;
use crate::testing::{Faults, Strike, World, column, event};

/// One push of a device's file.
fn push(world: &World, id: &str, second: u32, text: &str) {
    let key = store(world, id, second, text);
    world.queue.send(&event(&key, text.len()));
}

fn store(world: &World, id: &str, second: u32, text: &str) -> String {
    world.store_at(&format!("2026-11-21T21:08:{second:02}Z"), id, "a", "/day.js", text)
}

/// A table's rows as `time value revision`, in order.
async fn rows(world: &World, table: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for batch in world.scan(table).await {
        let (ts, value) = (column::<TimestampMicrosecondArray>(&batch, "ts"), column::<Float64Array>(&batch, "value"));
        let revision = column::<Int64Array>(&batch, "_revision");
        rows.extend((0..ts.len()).map(|at| format!("{} {} {}", ts.value(at) / 1_000_000, value.value(at), revision.value(at))));
    }
    rows.sort();
    rows
}

#[tokio::test]
async fn only_new_and_changed_rows_are_added() {
    let world = World::new();
    push(&world, "U1", 1, "s,0,1\n");
    drain(&world, Faults::none()).await;
    push(&world, "U2", 2, "s,10,5\ns,0,1\n");
    drain(&world, Faults::none()).await;
    push(&world, "U3", 3, "s,20,0\ns,10,6\ns,0,1\n");
    // The same bytes again, and another path of the same device.
    push(&world, "U4", 4, "s,20,0\ns,10,6\ns,0,1\n");
    world.upload("U5", "a", "/other.js", "s,0,1\n");
    drain(&world, Faults::none()).await;
    let expected = ["0 1 0", "0 1 0", "10 5 0", "10 6 1", "20 0 0"];
    assert_eq!(rows(&world, "s").await, expected);
    assert_eq!(
        world.records().await,
        ["U1 committed 1 0", "U2 committed 1 0", "U3 committed 2 0", "U4 duplicate 0 0", "U5 committed 1 0"]
    );
    // Replayed, and rebuilt.
    let (from, to) = ("2026-11-21T00:00:00Z".parse().unwrap(), "2026-11-22T00:00:00Z".parse().unwrap());
    world.ask(Task::Replay { device: "a".into(), from, to, table: None });
    world.ask(Task::Rebuild { table: "s".into(), into: "s2".into() });
    drain(&world, Faults::none()).await;
    assert_eq!(rows(&world, "s").await, expected);
    assert_eq!(rows(&world, "s2").await, expected);
    assert_eq!(world.rows("s2").await, world.rows("s").await);
    let states = world.lake.keys(crate::testing::LAKE, "ledger/");
    assert_eq!(states.iter().filter(|key| key.contains("/p/")).count(), 4, "one for each table and path: {states:?}");
}

#[tokio::test]
async fn what_comes_late_overwrites_nothing() {
    let world = World::new();
    push(&world, "U3", 3, "s,0,3\n");
    drain(&world, Faults::none()).await;
    push(&world, "U1", 1, "s,0,1\ns,10,1\n");
    drain(&world, Faults::none()).await;
    assert_eq!(rows(&world, "s").await, ["0 3 0", "10 1 0"]);
    // A row that could not be read comes later still.
    push(&world, "U4", 4, "s,0,3\ns;20;4\n");
    drain(&world, Faults::none()).await;
    push(&world, "U5", 5, "s,0,3\ns,20,5\n");
    drain(&world, Faults::none()).await;
    world.mended.store(true, std::sync::atomic::Ordering::Relaxed);
    world.ask(Task::Release { entries: vec!["quarantine/dt=2026-11-21/U4/".into()], format: None });
    drain(&world, Faults::none()).await;
    assert_eq!(rows(&world, "s").await, ["0 3 0", "10 1 0", "20 5 0"]);
}

async fn world_of_pushes() -> World {
    let world = World::new();
    push(&world, "U1", 1, "s,0,1\ns,10,1\n");
    drain(&world, Faults::none()).await;
    push(&world, "U2", 2, "s,0,1\ns,10,2\nt,0,1\n");
    let key = store(&world, "U3", 3, "s,0,3\ns,10,2\ns,20,3\n");
    // Delivered twice.
    world.queue.send(&event(&key, 10));
    world.queue.send(&event(&key, 10));
    world
}

async fn check_pushes(world: &World, context: &str) {
    // Whichever of the two came first.
    assert_eq!(rows(world, "s").await, ["0 1 0", "0 3 1", "10 1 0", "10 2 1", "20 3 0"], "{context}");
    assert_eq!(world.rows("t").await, ["U2:3"], "{context}");
    let records = world.records().await;
    let added: u64 = records.iter().map(|record| record.split(' ').nth(2).unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!((records.len(), added), (3, 6), "{records:?} {context}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_call_of_a_push_may_fail() {
    strike_each_call([Strike::FailBefore, Strike::FailAfter], world_of_pushes, check_pushes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_may_die_anywhere() {
    strike_each_call([Strike::CrashBefore, Strike::CrashAfter], world_of_pushes, check_pushes).await;
}
