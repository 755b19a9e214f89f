//! A seeded simulation of the whole road: several workers on one lake, one queue and one catalog, in virtual time, where every call may
//! fail, fail after it has taken effect, take its time, or be the last one of its worker. Uploads with duplicates, refused rows that are
//! released, files that are sent whole again, replays, and events delivered twice and in any order.
//!
//! Everything follows from the seed: it runs again to the same calls. A failure names its seed; `INLET_SIMULATION_SEED=7 cargo test
//! simulation` runs that one, `INLET_SIMULATION_SEEDS=1000` so many.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use tokio_util::sync::CancellationToken;

use super::tests::drained;
use crate::intake::Until;
use crate::job::Task;
use crate::quarantine;
use crate::testing::{Faults, LAKE, Trace, World, column, config, event, simulator};

const SEEDS: u64 = 12;
const WORKERS: u64 = 3;
const UPLOADS: usize = 14;
const PUSHES: usize = 8;
/// Of so many calls one does not go well.
const ONE_IN: u32 = 20;

/// What devices have sent, and what must have come of it.
#[derive(Debug, Default)]
struct Sent {
    events: Vec<String>,
    /// Each row of the tables of plain files: its value, which no other row has.
    rows: Vec<u64>,
    /// What each push of the one file that is sent whole says, oldest first.
    pushes: Vec<BTreeMap<i64, u64>>,
    uploads: usize,
}

/// Uploads of one seed, in the lake, their events not sent yet.
fn send(world: &World, lot: &mut StdRng) -> Sent {
    let mut sent = Sent::default();
    for number in 0..UPLOADS {
        let mut text = String::new();
        for line in 0..lot.random_range(1..4) {
            let value = sent.rows.len() as u64 + 1;
            sent.rows.push(value);
            // Some lines can be read only once the format is mended.
            let part = if lot.random_ratio(1, 4) { ';' } else { ',' };
            text += &format!("t{}{part}{line}{part}{value}\n", lot.random_range(0..2));
        }
        let text = if lot.random_ratio(1, 5) { format!("!{text}") } else { text };
        let path = format!("/{number}");
        // Some are sent again by the device after a lost reply.
        for copy in 0..lot.random_range(1..3) {
            let key = world.store(&format!("U{number:02}-{copy}"), "a", &path, &text);
            sent.events.push(event(&key, text.len()));
            sent.uploads += 1;
        }
    }
    let mut day = BTreeMap::new();
    for number in 0..PUSHES {
        day.insert(number as i64, lot.random_range(0..3));
        if lot.random_ratio(1, 2) {
            day.insert(lot.random_range(0..=number as i64), lot.random_range(0..3));
        }
        let text: String = day.iter().rev().map(|(ts, value)| format!("s,{ts},{value}\n")).collect();
        let key = world.store_at(&format!("2026-11-21T21:10:{number:02}Z"), &format!("S{number:02}"), "a", "/day", &text);
        sent.events.push(event(&key, text.len()));
        sent.pushes.push(day.clone());
        sent.uploads += 1;
    }
    // Delivered twice, and in any order.
    for at in 0..sent.events.len() {
        if lot.random_ratio(1, 4) {
            sent.events.push(sent.events[at].clone());
        }
    }
    sent.events.shuffle(lot);
    sent
}

/// Works until the queue is empty, with workers that fail and die as their lots say.
async fn work(world: &World, trace: &Trace, seed: u64, phase: u64) {
    let workers = (0..WORKERS).map(async |worker| {
        for life in 0_u64.. {
            let lot = seed.wrapping_mul(1_000_003) ^ (phase << 40) ^ (worker << 32) ^ life;
            let faults = Arc::new(Faults::random(lot, ONE_IN, true).traced(trace, &format!("{phase}/{worker}/{life}")));
            let seams = world.seams(&faults).await;
            tokio::select! {
                biased;
                () = world.queue.drained() => return,
                () = faults.crashed.notified() => {}
                _ = crate::run_with(config(), seams, Until::Shutdown, CancellationToken::new()) => unreachable!("nobody stops it"),
            }
        }
    });
    tokio::join!(drained(world), futures::future::join_all(workers));
}

/// Plays a seed, and returns all that happened and what is in the tables.
fn play(seed: u64) -> (String, Vec<String>) {
    simulator::run(seed, async {
        let mut lot = StdRng::seed_from_u64(seed);
        let trace = Trace::default();
        let files = Arc::new(Faults::random(seed, ONE_IN, false).traced(&trace, "files"));
        let world = World::simulated(&files).await;
        let sent = send(&world, &mut lot);
        sent.events.iter().for_each(|event| world.queue.send(event));
        work(&world, &trace, seed, 0).await;

        // The format is mended, and all is released, twice, while a replay goes on and events come again.
        world.mended.store(true, Ordering::Relaxed);
        let entries: Vec<_> = quarantine::list(&world.lake, LAKE).await.unwrap().into_iter().map(|entry| entry.at).collect();
        world.ask(Task::Release { entries: entries.clone(), format: None });
        let (from, to) = ("2026-11-21T00:00:00Z".parse().unwrap(), "2026-11-22T00:00:00Z".parse().unwrap());
        world.ask(Task::Replay { device: "a".into(), from, to, table: None });
        sent.events.iter().take(5).for_each(|event| world.queue.send(event));
        world.ask(Task::Release { entries, format: None });
        world.ask(Task::Rebuild { table: "s".into(), into: "s_again".into() });
        work(&world, &trace, seed, 1).await;

        files.end();
        let rows = check(&world, &sent, seed).await;
        (trace.text(), rows)
    })
}

/// Every row that was sent is there once, whatever happened.
async fn check(world: &World, sent: &Sent, seed: u64) -> Vec<String> {
    let mut values = Vec::new();
    let mut rows = Vec::new();
    for table in ["t0", "t1"] {
        for batch in world.scan(table).await {
            let (upload, value) = (column::<StringArray>(&batch, "_upload"), column::<Float64Array>(&batch, "value"));
            values.extend(value.values().iter().map(|value| *value as u64));
            rows.extend((0..value.len()).map(|at| format!("{table} {} {}", upload.value(at), value.value(at))));
        }
    }
    values.sort_unstable();
    assert_eq!(values, sent.rows, "INLET_SIMULATION_SEED={seed}");
    for table in ["s", "s_again"] {
        let revisions = revisions(world, table).await;
        for (ts, revisions) in &revisions {
            let newest = sent.pushes.iter().rev().find_map(|push| push.get(ts));
            assert_eq!(revisions.last().map(|last| &last.1), newest, "{table} {ts}, INLET_SIMULATION_SEED={seed}");
            let numbers: Vec<i64> = revisions.iter().map(|revision| revision.0).collect();
            assert_eq!(numbers, (0..revisions.len() as i64).collect::<Vec<_>>(), "{table} {ts}, INLET_SIMULATION_SEED={seed}");
        }
        assert_eq!(revisions.len(), PUSHES, "INLET_SIMULATION_SEED={seed}");
        rows.extend(revisions.iter().map(|row| format!("{table} {row:?}")));
    }
    let records = world.records().await;
    assert_eq!(records.len(), sent.uploads, "one record for each upload, INLET_SIMULATION_SEED={seed}");
    rows.sort();
    rows.extend(records);
    rows
}

/// Of each time the revisions, in order, with their values.
async fn revisions(world: &World, table: &str) -> BTreeMap<i64, Vec<(i64, u64)>> {
    let mut revisions: BTreeMap<i64, Vec<(i64, u64)>> = BTreeMap::new();
    for batch in world.scan(table).await {
        let (ts, value) = (column::<TimestampMicrosecondArray>(&batch, "ts"), column::<Float64Array>(&batch, "value"));
        let revision = column::<Int64Array>(&batch, "_revision");
        for at in 0..ts.len() {
            let row = (revision.value(at), value.value(at) as u64);
            revisions.entry(ts.value(at) / 1_000_000).or_default().push(row);
        }
    }
    revisions.values_mut().for_each(|rows| rows.sort_unstable());
    revisions
}

#[allow(clippy::disallowed_methods, reason = "which seeds to run is asked for from outside")]
fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn whatever_happens_each_row_is_there_once() {
    let seeds = match asked("INLET_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..asked("INLET_SIMULATION_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        let (trace, rows) = play(seed);
        assert!(trace.lines().any(|line| line.contains("Crash")) && !rows.is_empty());
    }
}

#[test]
fn a_seed_runs_again_to_the_same_calls() {
    let (trace, rows) = play(3);
    let (again, rows_again) = play(3);
    for (number, (line, line_again)) in trace.lines().zip(again.lines()).enumerate() {
        assert_eq!(line, line_again, "call {number}");
    }
    assert_eq!((trace.len(), rows), (again.len(), rows_again));
}
