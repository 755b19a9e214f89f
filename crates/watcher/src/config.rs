//! The `[watcher]` section of the configuration.

use std::time::Duration;

use serde::Deserialize;

/// How the watcher works. Where it reads and writes are [`Parts`](crate::Parts).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Uploads to the lake at a time.
    pub concurrency: usize,
    /// How often the whole outbox is read, for what the file system's notices have missed.
    #[serde(with = "humantime_serde")]
    pub rescan: Duration,
    /// The longest wait before a failed step is tried again.
    #[serde(with = "humantime_serde")]
    pub retry_max: Duration,
}

impl Config {
    /// All that is wrong with it: the key within the section, and what a person should know.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        if !(1..=256).contains(&self.concurrency) {
            problems.push(("concurrency".to_owned(), "must be from 1 to 256".to_owned()));
        }
        for (key, duration) in [("rescan", self.rescan), ("retry_max", self.retry_max)] {
            if duration < Duration::from_secs(1) {
                problems.push((key.to_owned(), "must be at least 1s".to_owned()));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests;
