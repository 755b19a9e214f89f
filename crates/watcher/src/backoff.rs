//! How long to wait before the next attempt.

use std::time::Duration;

/// The wait after the first failure, before jitter.
const FIRST: Duration = Duration::from_millis(100);

/// Doubles from 100 ms up to a maximum, each time shortened by up to half at random, so that what failed together is not tried
/// again together.
#[derive(Debug)]
pub(crate) struct Backoff {
    whole: Duration,
    max: Duration,
}

impl Backoff {
    pub(crate) fn new(max: Duration) -> Self {
        Self { whole: FIRST.min(max), max }
    }

    /// The next wait.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.whole.mul_f64(rand::random_range(0.5..=1.0));
        self.whole = self.whole.saturating_mul(2).min(self.max);
        wait
    }
}

#[cfg(test)]
mod tests;
