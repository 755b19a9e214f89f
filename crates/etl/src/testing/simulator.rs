//! One thread, a clock of its own, and one source of lots: what runs in here runs again to the same calls from the same seed.
//!
//! Time passes when nothing else can go on: then it is as late as the next wait ends. What would be work for other threads is done where
//! it comes up.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::Instant;

/// How many turns everybody gets before time passes.
const TURNS: usize = 40;
/// Longer than anything takes that gets anywhere.
const ELAPSED_MAX: Duration = Duration::from_hours(2);

thread_local! {
    static SIMULATOR: RefCell<Option<Simulator>> = const { RefCell::new(None) };
}

struct Simulator {
    lot: StdRng,
    began: Instant,
    elapsed: Duration,
    waits: BTreeMap<(Duration, u64), Waker>,
    waits_ever: u64,
}

/// Runs a future to its end, all by itself.
pub(crate) fn run<T>(seed: u64, main: impl Future<Output = T>) -> T {
    let lot = StdRng::seed_from_u64(seed);
    let began = Instant::now();
    SIMULATOR.set(Some(Simulator { lot, began, elapsed: Duration::ZERO, waits: BTreeMap::new(), waits_ever: 0 }));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let done = runtime.block_on(async {
        tokio::select! {
            biased;
            done = main => done,
            () = tick() => unreachable!("time goes on"),
        }
    });
    drop(runtime);
    SIMULATOR.set(None);
    done
}

async fn tick() {
    loop {
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        let next = SIMULATOR.with_borrow_mut(|simulator| {
            let simulator = simulator.as_mut().unwrap();
            let ((at, _), waker) = simulator.waits.pop_first()?;
            simulator.elapsed = at;
            assert!(at < ELAPSED_MAX, "it does not get there");
            Some(waker)
        });
        next.into_iter().for_each(Waker::wake);
    }
}

pub(crate) fn is_on() -> bool {
    SIMULATOR.with_borrow(Option::is_some)
}

pub(crate) fn draw<T>(draw: impl FnOnce(&mut StdRng) -> T) -> Option<T> {
    SIMULATOR.with_borrow_mut(|simulator| simulator.as_mut().map(|simulator| draw(&mut simulator.lot)))
}

pub(crate) fn now() -> Option<Instant> {
    elapsed().and_then(|elapsed| SIMULATOR.with_borrow(|simulator| simulator.as_ref().map(|simulator| simulator.began + elapsed)))
}

pub(crate) fn elapsed() -> Option<Duration> {
    SIMULATOR.with_borrow(|simulator| simulator.as_ref().map(|simulator| simulator.elapsed))
}

pub(crate) fn sleep(duration: Duration) -> impl Future<Output = ()> {
    let at = elapsed().unwrap_or_default() + duration;
    Wait { at, key: None }
}

struct Wait {
    at: Duration,
    key: Option<(Duration, u64)>,
}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        SIMULATOR.with_borrow_mut(|simulator| {
            let Some(simulator) = simulator else { return Poll::Ready(()) };
            let Self { at, key } = self.get_mut();
            if simulator.elapsed >= *at {
                return Poll::Ready(());
            }
            let key = *key.get_or_insert_with(|| {
                simulator.waits_ever += 1;
                (*at, simulator.waits_ever)
            });
            simulator.waits.insert(key, context.waker().clone());
            Poll::Pending
        })
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            // Dropped only when nothing is borrowed: with a waker a task may go, and with it other waits.
            let _waker =
                SIMULATOR.with_borrow_mut(|simulator| simulator.as_mut().and_then(|simulator| simulator.waits.remove(&key)));
        }
    }
}
