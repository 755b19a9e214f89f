use std::ops::Range;

use ::bytes::Bytes;
use jiff::Timestamp;
use proptest::prelude::*;

use super::bytes::sum;
use super::*;
use crate::append::tests::{CSV, Given, HEADER, LINE_PROTOCOL, TOA5, formats, whole};
use crate::append::{End, Missing, Pasts};
use crate::event::Created;
use crate::format::Source;
use crate::testing::{Faults, LAKE, Piece, Strike, Trace, World};

const PATH: &str = "/a.dat";

/// A file that a logger has appended to, in the lake piece by piece.
struct Logged {
    world: World,
    text: Vec<u8>,
    pieces: usize,
}

impl Logged {
    /// So many pieces or one more, about as long as rows, which they cut here and there.
    fn new(pieces: usize) -> Self {
        const PIECE_BYTES: usize = 32;
        let (mut text, mut minute) = (HEADER.to_owned(), 0);
        while text.len() <= (pieces - 1) * PIECE_BYTES {
            text.push_str(&format!("\"2026-01-01 {:02}:{:02}:00\",{minute},1.25\n", minute / 60, minute % 60));
            minute += 1;
        }
        let (world, text) = (World::new(), text.into_bytes());
        let mut offset = 0;
        for (number, bytes) in text.chunks(PIECE_BYTES).enumerate() {
            world.store_piece(&Piece {
                id: format!("P{number}"),
                path: PATH.into(),
                verb: if number == 0 { "STOR" } else { "APPE" },
                previous: number.checked_sub(1).map(|before| format!("P{before}")),
                offset,
                open: bytes.last() != Some(&b'\n'),
                bytes: bytes.to_vec(),
            });
            offset += bytes.len();
        }
        let pieces = text.chunks(PIECE_BYTES).len();
        Self { world, text, pieces }
    }

    /// As a process has it that was just started.
    fn started(&self, faults: Faults) -> Pasts {
        let lake = self.world.lake.with(&Arc::new(faults));
        Pasts::new(Arc::new(lake), LAKE.into(), Arc::new(formats()), Limits::for_tests())
    }

    async fn upload(&self, number: usize) -> (Upload, Bytes) {
        let at = raw(number);
        let (head, bytes) = self.world.lake.get(&at, u64::MAX).await.unwrap();
        (Upload::read(&Created { at, bytes: None, created_at: Timestamp::UNIX_EPOCH }, &head).unwrap(), bytes)
    }

    /// Reads pieces as the loader does.
    async fn read(&self, pasts: &Pasts, pieces: Range<usize>, given: &mut Given) {
        for number in pieces {
            let (upload, bytes) = self.upload(number).await;
            let past = pasts.before(&upload).await.unwrap();
            given.add(pasts.read(&upload, &bytes, past.as_deref()).read);
            pasts.lay(&upload).await;
        }
    }

    /// The past before a piece, and how many requests it took.
    async fn before(&self, number: usize) -> (Arc<Past>, usize) {
        let trace = Trace::default();
        let pasts = self.started(Faults::none().traced(&trace, "etl"));
        let past = pasts.before(&self.upload(number).await.0).await.unwrap().unwrap();
        (past, trace.text().lines().count())
    }

    fn checkpoints(&self) -> Vec<String> {
        self.world.lake.keys(LAKE, ROOT)
    }

    /// The last piece that has a checkpoint, and where that is.
    fn last(&self) -> (usize, Address) {
        let number = |key: &String| key.split('/').rev().nth(1).unwrap()[1..].parse().unwrap();
        let (number, key) = self.checkpoints().into_iter().map(|key| (number(&key), key)).max().unwrap();
        (number, Address { bucket: LAKE.into(), key })
    }

    async fn expire(&self, pieces: Range<usize>) {
        for number in pieces {
            self.world.lake.delete(&raw(number)).await.unwrap();
        }
    }
}

fn raw(number: usize) -> Address {
    Address { bucket: LAKE.into(), key: format!("raw/dt=2026-11-21/device=a/P{number}/file.csv") }
}

#[tokio::test]
async fn after_a_restart_a_file_goes_on_from_a_checkpoint() {
    let logged = Logged::new(240);
    let mut given = Given::default();
    let mut from = 0;
    while from < logged.pieces {
        let to = logged.pieces.min(from + 50);
        logged.read(&logged.started(Faults::none()), from..to, &mut given).await;
        from = to;
    }
    assert_eq!(given.sorted(), whole(PATH, &logged.text));
    let last = logged.pieces - 1;
    let (past, one) = logged.before(last).await;
    let (mut requests, mut restarts) = (0, 0);
    for number in (last - 160..last).step_by(8) {
        requests += logged.before(number).await.1;
        restarts += 1;
    }
    // Three requests a piece, one to look for each checkpoint, and one to lay it.
    let (most, average) = (24 + 1 + 8, requests / restarts);
    assert!(average < most, "{average} requests for each of {restarts} restarts");
    for key in logged.checkpoints() {
        logged.world.lake.delete(&Address { bucket: LAKE.into(), key }).await.unwrap();
    }
    let (expected, all) = logged.before(last).await;
    assert_eq!(past, expected);
    assert!(all > 3 * last, "{all} requests, and {one} with checkpoints");
    // That walk has laid them anew.
    assert_eq!(logged.before(last).await, (past, one));
}

#[tokio::test]
async fn behind_a_checkpoint_the_first_objects_may_expire() {
    let logged = Logged::new(60);
    let mut given = Given::default();
    logged.read(&logged.started(Faults::none()), 0..logged.pieces - 1, &mut given).await;
    let (number, at) = logged.last();
    logged.expire(0..number + 1).await;
    logged.read(&logged.started(Faults::none()), logged.pieces - 1..logged.pieces, &mut given).await;
    assert_eq!(given.sorted(), whole(PATH, &logged.text));
    let last = logged.upload(logged.pieces - 1).await.0;
    // When the lake does not say whether there is one, nobody can say that the file cannot go on.
    let pasts = logged.started(Faults::at("lake get lake/pasts/", 0, Strike::FailBefore));
    assert!(matches!(pasts.before(&last).await, Err(Missing::Lake(_))));
    assert!(pasts.before(&last).await.unwrap().is_some());
    logged.world.lake.delete(&at).await.unwrap();
    assert!(matches!(logged.started(Faults::none()).before(&last).await, Err(Missing::Piece(_))));
}

#[tokio::test]
async fn a_checkpoint_that_is_not_what_was_written_is_not_used_and_mended() {
    let logged = Logged::new(60);
    logged.read(&logged.started(Faults::none()), 0..logged.pieces, &mut Given::default()).await;
    let (number, at) = logged.last();
    let (_, good) = logged.world.lake.get(&at, u64::MAX).await.unwrap();
    let (past, requests) = logged.before(number + 1).await;
    let other = logged.checkpoints().into_iter().find(|key| *key != at.key).unwrap();
    let (_, other) = logged.world.lake.get(&Address { key: other, ..at.clone() }, u64::MAX).await.unwrap();
    let mut turned = good.to_vec();
    turned[40] ^= 1;
    let cut = good.slice(..good.len() - 1);
    let longer = [&good[..], b"\0"].concat();
    let damaged = [Bytes::new(), cut, turned.into(), longer.into(), other, vec![0; BYTES_MAX + 1].into()];
    for (case, bytes) in damaged.into_iter().enumerate() {
        logged.world.lake.replace(&at, bytes).await.unwrap();
        let (again, more) = logged.before(number + 1).await;
        assert!(again == past && more > requests, "case {case}: {more} requests, {requests} when it is good");
        assert_eq!(logged.world.lake.get(&at, u64::MAX).await.unwrap().1, good, "case {case}");
    }
}

#[tokio::test]
async fn a_checkpoint_that_cannot_be_read_or_written_is_done_without() {
    let logged = Logged::new(60);
    let whole = whole(PATH, &logged.text);
    for name in ["lake replace lake/pasts/", "lake get lake/pasts/"] {
        let mut given = Given::default();
        logged.read(&logged.started(Faults::none()), 0..30, &mut given).await;
        let faults = Arc::new(Faults::at(name, 0, Strike::FailBefore));
        let lake = logged.world.lake.with(&faults);
        let pasts = Pasts::new(Arc::new(lake), LAKE.into(), Arc::new(formats()), Limits::for_tests());
        logged.read(&pasts, 30..logged.pieces, &mut given).await;
        assert_eq!(given.sorted(), whole, "{name}");
        assert!(faults.struck(), "{name}");
    }
}

#[tokio::test]
async fn under_other_definitions_a_file_is_read_anew() {
    let logged = Logged::new(60);
    logged.read(&logged.started(Faults::none()), 0..logged.pieces, &mut Given::default()).await;
    let laid = logged.checkpoints();
    let trace = Trace::default();
    let lake = logged.world.lake.with(&Arc::new(Faults::none().traced(&trace, "etl")));
    let toa5 = Formats::load(&[Source { file: "toa5", text: TOA5 }], "UTC", Limits::for_tests()).unwrap();
    let pasts = Pasts::new(Arc::new(lake), LAKE.into(), Arc::new(toa5), Limits::for_tests());
    pasts.before(&logged.upload(logged.pieces - 1).await.0).await.unwrap().unwrap();
    assert!(trace.text().lines().count() > 3 * (logged.pieces - 1));
    assert_eq!(logged.checkpoints().len(), 2 * laid.len());
}

#[test]
fn the_fingerprint_names_the_definitions_in_their_order_the_default_zone_and_the_limits() {
    let of = |texts: &[&str], zone: &str, limits: Limits| {
        let sources: Vec<_> = texts.iter().map(|text| Source { file: "f", text }).collect();
        let formats = Formats::load(&sources, zone, limits.clone()).unwrap();
        Checkpoints::new(Arc::new(World::new().lake), LAKE.into(), &formats, &limits).fingerprint
    };
    let limits = Limits::for_tests;
    let changed = format!("{TOA5}\n");
    let mut all = vec![
        of(&[TOA5, CSV], "UTC", limits()),
        of(&[CSV, TOA5], "UTC", limits()),
        of(&[TOA5], "UTC", limits()),
        of(&[TOA5, CSV, LINE_PROTOCOL], "UTC", limits()),
        of(&[&changed, CSV], "UTC", limits()),
        of(&[TOA5, CSV], "Europe/Berlin", limits()),
        of(&[TOA5, CSV], "UTC", Limits { line_bytes: bytesize::ByteSize((1 << 20) + 1), ..limits() }),
        of(&[TOA5, CSV], "UTC", Limits { year_max: 2198, ..limits() }),
    ];
    assert_eq!(all[0], of(&[TOA5, CSV], "UTC", limits()), "the same at every start");
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 8);
}

#[test]
fn one_piece_in_eight_has_one_and_always_the_same() {
    let folder = |number: usize| format!("raw/dt=2026-11-21/device=a/P{number}/");
    let having: Vec<usize> = (0..8000).filter(|number| has_one(&folder(*number))).collect();
    assert!((900..1100).contains(&having.len()), "{}", having.len());
    assert_eq!(having[..5], [0, 7, 14, 20, 32]);
}

#[tokio::test]
async fn first_pieces_closes_and_long_pasts_leave_none() {
    let logged = Logged::new(60);
    logged.read(&logged.started(Faults::none()), 0..logged.pieces, &mut Given::default()).await;
    let appended = logged.upload(logged.last().0).await.0;
    let world = World::new();
    let checkpoints = Checkpoints::new(Arc::new(world.lake.clone()), LAKE.into(), &formats(), &Limits::for_tests());
    let laid = async |upload: &Upload, past: &Past| {
        checkpoints.lay(upload, past).await;
        world.lake.keys(LAKE, ROOT).len()
    };
    let long = Past { head: vec![b'x'; BYTES_MAX], ..Past::default() };
    assert_eq!(laid(&Upload { previous: None, ..appended.clone() }, &Past::default()).await, 0);
    assert_eq!(laid(&Upload { verb: Some("CLOSE".into()), ..appended.clone() }, &Past::default()).await, 0);
    assert_eq!(laid(&appended, &long).await, 0);
    assert_eq!(laid(&appended, &Past::default()).await, 1);
}

fn past() -> impl Strategy<Value = Past> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..200);
    let end = prop::sample::select(vec![End::Line, End::CarriageReturn, End::Cut]);
    let whole = prop::option::of(any::<String>());
    (bytes(), bytes(), end, any::<bool>(), whole).prop_map(|(head, held, end, kept, whole)| Past { head, held, end, kept, whole })
}

proptest! {
    #[test]
    fn what_is_written_is_read_and_nothing_else(past in past(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let bytes = past.to_bytes("key");
        prop_assert_eq!(Past::from_bytes(&bytes, "key"), Ok(past));
        prop_assert!(Past::from_bytes(&bytes, "another key").is_err());
        let at = at.index(bytes.len());
        prop_assert!(Past::from_bytes(&bytes[..at], "key").is_err());
        let mut turned = bytes.to_vec();
        turned[at] ^= 1 << bit;
        prop_assert!(Past::from_bytes(&turned, "key").is_err());
    }

    /// Whatever it is that has the right sum.
    #[test]
    fn what_is_read_is_what_would_be_written(
        version in 1..3_u32,
        flags in (0..4_u8, 0..3_u8, 0..3_u8),
        lengths in prop::collection::vec(prop_oneof![9 => 0..4_u64, 1 => any::<u64>()], 3),
        more in prop_oneof![4 => Just(&b""[..]), 1 => Just(&b"more"[..])],
    ) {
        let mut bytes = [&version.to_le_bytes()[..], &[flags.0, flags.1, flags.2]].concat();
        for length in lengths {
            bytes.extend(length.to_le_bytes());
            bytes.extend(b"text".iter().take(usize::try_from(length).unwrap()));
        }
        bytes.extend(more);
        bytes.extend(sum("key", &bytes).as_bytes());
        if let Ok(past) = Past::from_bytes(&bytes, "key") {
            prop_assert_eq!(past.to_bytes("key"), bytes);
        }
    }
}
