//! When a call fails, and how.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::Notify;

use super::simulator;
use crate::clock;

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
    trace: Option<(Trace, String)>,
    pub(crate) crashed: Notify,
}

/// All calls of a simulation, one a line. Names that iceberg draws by lot stand as the number of their first appearance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace(Arc<Mutex<Calls>>);

/// The lines so far, and the names met with their numbers.
type Calls = (Vec<String>, HashMap<String, usize>);

impl Trace {
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().0.join("\n")
    }

    fn note(&self, who: &str, call: &str, strike: Option<Strike>) {
        let mut trace = self.0.lock().unwrap();
        let (lines, names) = &mut *trace;
        let mut plain = |part: &str| {
            if part.len() <= LONGEST_PLAIN {
                return part.to_owned();
            }
            let number = names.len();
            format!("#{}", names.entry(part.to_owned()).or_insert(number))
        };
        let call: Vec<String> = call.split('/').map(&mut plain).collect();
        let at = simulator::elapsed().unwrap_or_default().as_millis();
        lines.push(format!("{at} {who} {} {strike:?}", call.join("/")));
    }
}

const LONGEST_PLAIN: usize = 24;
/// How long a call may take in a simulation.
const MILLISECONDS_MAX: u64 = 25;

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
        Self { plan: Mutex::new(plan), trace: None, crashed: Notify::new() }
    }

    /// Writes all calls down, under a name.
    pub(crate) fn traced(self, trace: &Trace, who: &str) -> Self {
        Self { trace: Some((trace.clone(), who.to_owned())), ..self }
    }

    /// Lets everything go well from now on.
    pub(crate) fn end(&self) {
        *self.plan.lock().unwrap() = Plan::Never;
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

    fn takes(&self) -> Option<Duration> {
        match &mut *self.plan.lock().unwrap() {
            Plan::Random { lot, .. } => Some(Duration::from_millis(lot.random_range(0..MILLISECONDS_MAX))),
            _ => None,
        }
    }

    /// Makes a call, or not, and says whether it works out.
    pub(crate) async fn call<T, E>(
        &self,
        name: &str,
        error: impl FnOnce() -> E,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let strike = self.next(name);
        if let Some((trace, who)) = &self.trace {
            trace.note(who, name, strike);
        }
        if let Some(takes) = self.takes() {
            clock::sleep(takes).await;
        }
        match strike {
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
