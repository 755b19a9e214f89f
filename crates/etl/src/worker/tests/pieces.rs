//! Files that come in pieces, through the whole road.

use super::*;
use crate::testing::Piece;

const CSV: &str = include_str!("../../../../../pipeline/formats/csv.toml");

/// Runs workers at once until every message is deleted.
async fn load(world: &World, workers: usize) {
    load_while(world, workers, drained(world)).await;
}

/// Runs workers at once until something has come to its end.
async fn load_while(world: &World, workers: usize, end: impl Future<Output = ()>) {
    let shutdown = CancellationToken::new();
    let workers = (0..workers).map(async |_| {
        let formats = Formats::load(&[Source { file: "csv.toml", text: CSV }], "UTC", config().limits).unwrap();
        let Seams { lake, bucket, queue, catalog, upkeep, now, .. } = world.seams(&Arc::new(Faults::none())).await;
        let scratch = world.dir.path().join("scratch");
        let parts = Parts { lake, bucket, queue, catalog, upkeep, formats, scratch, now };
        crate::run(config(), parts, shutdown.clone()).await.unwrap();
    });
    let end = async {
        end.await;
        shutdown.cancel();
    };
    let all = async { tokio::join!(futures::future::join_all(workers), end) };
    tokio::time::timeout(DEADLINE, all).await.expect("the workers get there in time");
}

async fn values(world: &World) -> Vec<f64> {
    let mut values = Vec::new();
    for batch in world.scan("csv_a").await {
        values.extend(column::<arrow::array::Float64Array>(&batch, "temp").values().iter().copied());
    }
    values.sort_by(f64::total_cmp);
    values
}

/// A file of so many rows, cut into pieces at places that follow from the seed; each knows the one before it.
fn cut(seed: u64, rows: usize) -> Vec<Piece> {
    let mut text = "time,Temp\n".to_owned();
    (0..rows).for_each(|row| text.push_str(&format!("2026-11-21T00:{row:02}:00Z,{row}.5\n")));
    let mut random = seed;
    let mut draw = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap() % below
    };
    let mut cuts: Vec<usize> = (0..6).map(|_| draw(text.len())).chain([0, text.len()]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let piece = |(number, range): (usize, &[usize])| Piece {
        id: format!("P{seed}{number}"),
        path: format!("/{seed}.csv"),
        verb: if number == 0 { "STOR" } else { "APPE" },
        previous: number.checked_sub(1).map(|before| format!("P{seed}{before}")),
        offset: range[0],
        open: text.as_bytes()[range[1] - 1] != b'\n',
        bytes: text.as_bytes()[range[0]..range[1]].to_vec(),
    };
    cuts.windows(2).enumerate().map(piece).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_any_order_and_twice_and_by_two_workers_each_row_is_there_once() {
    for seed in 0..4 {
        let world = World::new();
        let pieces = cut(seed, 30);
        pieces.iter().for_each(|piece| world.store_piece(piece));
        let mut order: Vec<_> = (0..2 * pieces.len()).map(|at| at % pieces.len()).collect();
        order.sort_by_key(|at| (at * 7 + usize::try_from(seed).unwrap() * 5) % 11);
        order.iter().for_each(|at| world.announce(&pieces[*at]));
        load(&world, 2).await;
        let expected: Vec<f64> = (0..30).map(|row| f64::from(row) + 0.5).collect();
        assert_eq!(values(&world).await, expected, "seed {seed}");
        let records = world.records().await;
        assert!(records.iter().all(|record| !record.contains("quarantined")), "{records:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_waits_for_the_one_before_it() {
    let world = World::new();
    let pieces = cut(1, 10);
    world.store_piece(&pieces[1]);
    world.announce(&pieces[1]);
    let rest = async {
        world.queue.delivered_times(2).await;
        for piece in pieces.iter().filter(|piece| piece.id != pieces[1].id) {
            world.store_piece(piece);
            world.announce(piece);
        }
    };
    tokio::join!(load(&world, 1), rest);
    assert_eq!(values(&world).await.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_before_which_something_is_lost_is_in_quarantine_at_last() {
    let world = World::new();
    let pieces = cut(1, 10);
    world.store_piece(&pieces[1]);
    world.announce(&pieces[1]);
    load(&world, 1).await;
    assert_eq!(world.records().await, [format!("{} quarantined 0 0", pieces[1].id)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_line_without_an_end_is_loaded_at_the_close_and_once() {
    let world = World::new();
    let text = b"time,Temp\n2026-11-21T00:00:00Z,1\n2026-11-21T00:01:00Z,2".to_vec();
    let stored = |id: &str| Piece {
        id: id.into(),
        path: "/x.csv".into(),
        verb: "STOR",
        previous: None,
        offset: 0,
        open: true,
        bytes: text.clone(),
    };
    let close = |id: &str, of: &str| Piece {
        id: id.into(),
        verb: "CLOSE",
        previous: Some(of.into()),
        offset: text.len(),
        open: false,
        bytes: Vec::new(),
        ..stored(id)
    };
    // Sent again by the device, so closed twice.
    let all = [stored("U1"), stored("U2"), close("C1", "U1"), close("C2", "U2")];
    all[..2].iter().for_each(|piece| world.store_piece(piece));
    all[..2].iter().for_each(|piece| world.announce(piece));
    load(&world, 1).await;
    assert_eq!(values(&world).await, [1.0]);
    all[2..].iter().for_each(|piece| world.store_piece(piece));
    all.iter().for_each(|piece| world.announce(piece));
    load(&world, 2).await;
    assert_eq!(values(&world).await, [1.0, 2.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_closes_nothing_leaves_no_record() {
    let world = World::new();
    let stored = Piece {
        id: "U1".into(),
        path: "/x.csv".into(),
        verb: "STOR",
        previous: None,
        offset: 0,
        open: true,
        bytes: b"time,Temp\n2026-11-21T00:00:00Z,1\n ".to_vec(),
    };
    let close =
        Piece { id: "C1".into(), verb: "CLOSE", previous: Some("U1".into()), open: false, bytes: Vec::new(), ..stored.clone() };
    for piece in [&stored, &close] {
        world.store_piece(piece);
        world.announce(piece);
    }
    load(&world, 1).await;
    assert_eq!(world.records().await, ["U1 committed 1 0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_a_file_goes_on_behind_a_checkpoint_whatever_has_expired_before_it() {
    let world = World::new();
    let mut pieces = cut(15, 30);
    let last = pieces.pop().unwrap();
    // One after the other, so that each finds the past in memory that the one before it has left.
    let appended = async {
        for piece in &pieces {
            world.store_piece(piece);
            world.announce(piece);
            drained(&world).await;
        }
    };
    load_while(&world, 1, appended).await;
    let key = world.lake.keys(LAKE, "pasts/").pop().expect("one of the pieces has a checkpoint");
    let raw = world.lake.keys(LAKE, "raw/");
    let at = raw.iter().position(|raw| key.ends_with(&raw.replace("file.csv", "past.bin"))).unwrap();
    for key in &raw[..=at] {
        world.lake.delete(&crate::Address { bucket: LAKE.into(), key: key.clone() }).await.unwrap();
    }
    world.store_piece(&last);
    world.announce(&last);
    load(&world, 1).await;
    let expected: Vec<f64> = (0..30).map(|row| f64::from(row) + 0.5).collect();
    assert_eq!(values(&world).await, expected);
}

/// A file of which no more than a piece is in memory: each line once, in its order, under its number.
#[tokio::test]
async fn a_long_file_is_read_piece_by_piece() {
    let world = World::new();
    let note = "x".repeat(2000);
    let rows = 2 * crate::pieces::PIECE_BYTES as usize / note.len() + 100;
    let second = |row: usize| format!("2026-11-21 {:02}:{:02}:{:02}", row / 3600, row / 60 % 60, row % 60);
    let line = |row: usize| if row == rows / 2 { "no time,1,\n".to_owned() } else { format!("{},{row},{note}\n", second(row)) };
    let text: String = std::iter::once("time,temp,note\n".to_owned()).chain((0..rows).map(line)).collect();
    world.upload("U1", "a", "/day.csv", &text);
    world.queue.send(&event("raw/dt=2026-11-21/device=a/U1/file.csv", text.len()));
    load(&world, 2).await;
    let mut lines: Vec<usize> = world.rows("csv_a").await.iter().map(|row| row["U1:".len()..].parse().unwrap()).collect();
    lines.sort_unstable();
    let bad = rows / 2 + 2;
    assert!(lines.into_iter().eq((2..rows + 2).filter(|line| *line != bad)), "each line once");
    assert_eq!(world.records().await, [format!("U1 committed {} 1", rows - 1)]);
    let entries = quarantine::list(&world.lake, LAKE).await.unwrap();
    let refused = quarantine::rows(&world.lake, LAKE, &entries[0], 10).await.unwrap();
    let told: Vec<_> = refused.iter().map(|row| (row.row as usize, row.offset, row.text.as_deref())).collect();
    assert_eq!(told, [(bad, text.find("no time").unwrap(), Some("no time,1,"))]);
    assert_eq!(std::fs::read_dir(world.dir.path().join("scratch")).unwrap().count(), 0);
}
