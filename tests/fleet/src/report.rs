//! What a run found, as one line of JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::device::Took;

/// What became of the uploads of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) took: Vec<Took>,
    pub(crate) failures: BTreeMap<String, u64>,
}

impl Tally {
    pub(crate) fn add(&mut self, outcome: anyhow::Result<Took>) {
        match outcome {
            Ok(took) => self.took.push(took),
            Err(error) => *self.failures.entry(format!("{error:#}")).or_default() += 1,
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.took.extend(other.took);
        for (failure, count) in other.failures {
            *self.failures.entry(failure).or_default() += count;
        }
    }

    pub(crate) fn report(self, elapsed: Duration) -> Report {
        let per_second = f64::from(u32::try_from(self.took.len()).unwrap_or(u32::MAX)) / elapsed.as_secs_f64();
        Report {
            uploads: self.took.len(),
            seconds: elapsed.as_secs_f64(),
            uploads_per_second: per_second,
            reply_ms: Quantiles::of(self.took.iter().map(|took| took.reply)),
            store_ms: Quantiles::of(self.took.iter().map(|took| took.store)),
            failures: self.failures,
        }
    }
}

/// One run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    uploads: usize,
    seconds: f64,
    uploads_per_second: f64,
    /// Milliseconds from the end of the data to the 226.
    reply_ms: Quantiles,
    /// Milliseconds from STOR to the 226.
    store_ms: Quantiles,
    /// Each cause with how often it was met.
    pub(crate) failures: BTreeMap<String, u64>,
}

/// Of all uploads, none left out.
#[derive(Debug, Default, Serialize)]
struct Quantiles {
    p50: f64,
    p99: f64,
    max: f64,
}

impl Quantiles {
    fn of(durations: impl Iterator<Item = Duration>) -> Self {
        let mut sorted: Vec<Duration> = durations.collect();
        sorted.sort_unstable();
        let ms = |hundredths: usize| {
            let rank = (sorted.len() * hundredths).div_ceil(100).saturating_sub(1);
            sorted.get(rank).map_or(0.0, |duration| duration.as_secs_f64() * 1000.0)
        };
        Self { p50: ms(50), p99: ms(99), max: ms(100) }
    }
}
