use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::*;

const THREADS: u64 = 8;
const CALLS: u64 = 50;

fn together() -> Together {
    Together::new(tempfile::tempfile().unwrap())
}

#[test]
fn whoever_syncs_at_the_same_time_shares_a_sync_that_began_later() {
    let (together, begun) = (together(), AtomicU64::new(0));
    let sync = || {
        begun.fetch_add(1, Ordering::SeqCst);
        // As long as a disk takes: meanwhile the others come.
        thread::sleep(Duration::from_millis(1));
        Ok(())
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..CALLS {
                    let before = begun.load(Ordering::SeqCst);
                    together.sync_by(sync).unwrap();
                    assert!(begun.load(Ordering::SeqCst) > before, "a sync that had begun already");
                }
            });
        }
    });
    assert!(begun.into_inner() < THREADS * CALLS);
}

#[test]
fn a_failure_is_heard_by_all_who_shared_it_and_by_nobody_later() {
    let (together, failed) = (together(), AtomicU64::new(0));
    let fail = || {
        thread::sleep(Duration::from_millis(1));
        Err(io::ErrorKind::StorageFull.into())
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..CALLS {
                    assert_eq!(together.sync_by(fail).unwrap_err().kind(), io::ErrorKind::StorageFull);
                    failed.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(failed.into_inner(), THREADS * CALLS);
    together.sync_by(|| Ok(())).unwrap();
}
