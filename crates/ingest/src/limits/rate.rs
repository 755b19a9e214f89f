//! Rates, and a bounded memory of how far each of many keys has used them up.

use std::collections::HashMap;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// So many events within a minute, all at once or spread (the generic cell rate algorithm: each event takes its part of a
/// minute, and no more than a minute may be taken ahead).
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate(u32);

/// How much of a rate is used up: the moment at which nothing of it is, if no further event comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Used(Instant);

impl Used {
    /// Nothing, from then on.
    pub(super) fn nothing(then: Instant) -> Self {
        Self(then)
    }
}

impl Rate {
    /// At least one a minute.
    pub(super) fn per_minute(events: u32) -> Self {
        Self(events.max(1))
    }

    fn part(self) -> Duration {
        MINUTE / self.0
    }

    /// How long until one more event has room; nothing when it has room now.
    pub(super) fn wait(self, used: Used, now: Instant) -> Duration {
        (used.0.saturating_duration_since(now) + self.part()).saturating_sub(MINUTE)
    }

    /// Counts one event.
    pub(super) fn spend(self, used: Used, now: Instant) -> Used {
        Used(used.0.max(now) + self.part())
    }
}

/// Values by key, bounded in number: what was not put again for longest is forgotten first.
///
/// Two generations, each of half the bound: when the younger one is full it becomes the older one, and that is forgotten.
#[derive(Debug)]
pub(super) struct Book<V> {
    young: HashMap<u64, V>,
    old: HashMap<u64, V>,
    half: usize,
}

impl<V: Copy> Book<V> {
    pub(super) fn new(values_max: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: (values_max / 2).max(1) }
    }

    pub(super) fn get(&self, key: u64) -> Option<V> {
        self.young.get(&key).or_else(|| self.old.get(&key)).copied()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    pub(super) fn put(&mut self, key: u64, value: V) {
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests;
