use futures::future::join_all;

use super::*;
use crate::append::tests::{HEADER, formats};
use crate::testing::{Faults, LAKE, Piece, Trace, World, simulator};

const PIECES: usize = 30;

/// Files that loggers have appended to, row by row.
struct Logged(World);

impl Logged {
    fn new(files: usize) -> Self {
        let world = World::new();
        for file in 0..files {
            let mut offset = 0;
            for number in 0..PIECES {
                let row = format!("\"2026-01-01 00:{number:02}:00\",{number},1.25\n");
                let text = if number == 0 { HEADER.to_owned() + &row } else { row };
                world.store_piece(&Piece {
                    id: id(file, number),
                    path: format!("/{file}.dat"),
                    verb: if number == 0 { "STOR" } else { "APPE" },
                    previous: number.checked_sub(1).map(|before| id(file, before)),
                    offset,
                    open: false,
                    bytes: text.clone().into_bytes(),
                });
                offset += text.len();
            }
        }
        Self(world)
    }

    /// As a process has it that was just started, when each call of the lake takes a while.
    fn started(&self, trace: &Trace) -> Pasts {
        let slow = Faults::random(1, u32::MAX, false).traced(trace, "etl");
        let lake = Arc::new(self.0.lake.with(&Arc::new(slow)));
        Pasts::new(lake, LAKE.into(), Arc::new(formats()), Limits::for_tests())
    }

    /// The time and the requests until the pasts of these pieces are there, asked for all at once.
    fn before(&self, pieces: impl IntoIterator<Item = (usize, usize)>) -> (Duration, usize) {
        simulator::run(1, self.walked(pieces))
    }

    async fn walked(&self, pieces: impl IntoIterator<Item = (usize, usize)>) -> (Duration, usize) {
        let trace = Trace::default();
        let pasts = self.started(&trace);
        let mut uploads = Vec::new();
        for (file, number) in pieces {
            let key = format!("raw/dt=2026-11-21/device=a/{}/file.csv", id(file, number));
            let at = Address { bucket: LAKE.into(), key };
            let head = self.0.lake.head(&at).await.unwrap();
            uploads.push(pasts.upload(at, &head).unwrap());
        }
        let found = join_all(uploads.iter().map(|upload| pasts.before(upload))).await;
        assert!(found.into_iter().all(|past| past.unwrap().is_some()));
        (simulator::elapsed().unwrap(), trace.text().lines().count())
    }
}

fn id(file: usize, number: usize) -> String {
    format!("F{file}P{number}")
}

#[test]
fn many_files_are_walked_through_at_once() {
    let logged = Logged::new(16);
    let (one, _) = logged.before([(0, PIECES - 1)]);
    let (all, _) = logged.before((0..16).map(|file| (file, PIECES - 1)));
    // Some share a lock with others.
    assert!(all < 6 * one, "{one:?} for one, {all:?} for 16");
}

#[test]
fn pieces_of_one_file_walk_once() {
    let logged = Logged::new(1);
    let (_, one) = logged.before([(0, PIECES - 1)]);
    let (_, all) = logged.before((PIECES - 5..PIECES).map(|number| (0, number)));
    assert!(all <= one + 4, "{one} requests for one, {all} for 5");
}
