//! Pauses between tries, longer each time and never quite alike.

use std::time::Duration;

use tracing::warn;

use crate::error::{Error, Fate};
use crate::{chance, clock};

const FIRST: Duration = Duration::from_millis(50);

/// Exponential backoff with jitter, up to a longest pause and a number of tries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
    tries_left: u32,
}

impl Backoff {
    pub(crate) fn new(longest: Duration, tries_max: u32) -> Self {
        Self { next: FIRST.min(longest), longest, tries_left: tries_max }
    }

    /// How long to wait before the next try; `None` when there have been enough.
    pub(crate) fn pause(&mut self) -> Option<Duration> {
        self.tries_left = self.tries_left.checked_sub(1)?;
        let whole = self.next;
        self.next = whole.saturating_mul(2).min(self.longest);
        // Half of the pause is drawn by lot, so that workers that failed together do not come back together.
        Some(whole.mul_f64(chance::half_to_one()))
    }
}

/// Calls until it works, or until trying again is of no use.
pub(crate) async fn retry<T, F>(mut backoff: Backoff, mut call: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    loop {
        let error = match call().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let pause = match error.fate() {
            Fate::Retry => backoff.pause(),
            Fate::Abandon => None,
        };
        let Some(pause) = pause else { return Err(error) };
        warn!(error = error.chain(), ?pause, "trying again");
        clock::sleep(pause).await;
    }
}
