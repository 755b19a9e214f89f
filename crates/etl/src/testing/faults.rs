//! When a call fails, and how.

use std::sync::Mutex;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::Notify;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strike {
    /// An error, and nothing done.
    FailBefore,
    /// Done, and an error all the same.
    FailAfter,
    /// The worker dies, nothing done.
    CrashBefore,
    /// Done, and the worker dies.
    CrashAfter,
}

/// Decides call by call. All seams of a worker share one, so that its calls are counted through.
#[derive(Debug)]
pub(crate) struct Faults {
    plan: Mutex<Plan>,
    pub(crate) crashed: Notify,
}

#[derive(Debug)]
enum Plan {
    Never,
    /// The call of this number, counted from zero over all calls whose name begins so.
    At {
        name: &'static str,
        number: usize,
        strike: Strike,
        seen: usize,
    },
    /// One call of so many, by lot.
    Random {
        lot: Box<StdRng>,
        one_in: u32,
        crashes: bool,
    },
}

impl Faults {
    pub(crate) fn none() -> Self {
        Self::with(Plan::Never)
    }

    pub(crate) fn at(name: &'static str, number: usize, strike: Strike) -> Self {
        Self::with(Plan::At { name, number, strike, seen: 0 })
    }

    pub(crate) fn random(seed: u64, one_in: u32, crashes: bool) -> Self {
        Self::with(Plan::Random { lot: Box::new(StdRng::seed_from_u64(seed)), one_in, crashes })
    }

    fn with(plan: Plan) -> Self {
        Self { plan: Mutex::new(plan), crashed: Notify::new() }
    }

    /// Whether a planned fault has come to pass.
    pub(crate) fn struck(&self) -> bool {
        matches!(&*self.plan.lock().unwrap(), Plan::At { number, seen, .. } if seen > number)
    }

    fn next(&self, call: &str) -> Option<Strike> {
        match &mut *self.plan.lock().unwrap() {
            Plan::Never => None,
            Plan::At { name, number, strike, seen } => {
                let matches = call.starts_with(*name);
                *seen += usize::from(matches);
                (matches && *seen == *number + 1).then_some(*strike)
            }
            Plan::Random { lot, one_in, crashes } => {
                if !lot.random_ratio(1, *one_in) {
                    return None;
                }
                let strikes = [Strike::FailBefore, Strike::FailAfter, Strike::CrashBefore, Strike::CrashAfter];
                let kinds = if *crashes && lot.random_ratio(1, 4) { 4 } else { 2 };
                Some(strikes[lot.random_range(0..kinds)])
            }
        }
    }

    /// Makes a call, or not, and says whether it works out.
    pub(crate) async fn call<T, E>(
        &self,
        name: &str,
        error: impl FnOnce() -> E,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        match self.next(name) {
            None => call.await,
            Some(Strike::FailBefore) => Err(error()),
            Some(Strike::FailAfter) => {
                call.await?;
                Err(error())
            }
            Some(Strike::CrashBefore) => self.crash().await,
            Some(Strike::CrashAfter) => {
                let _ = call.await;
                self.crash().await
            }
        }
    }

    async fn crash<T>(&self) -> T {
        self.crashed.notify_one();
        std::future::pending().await
    }
}
