//! How many bytes may be under way between the queue and the tables.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Bytes in memory, counted, with an upper bound.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes_max: u64,
    held: Mutex<u64>,
    released: Notify,
}

/// Some of the budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Budget {
    pub(crate) fn new(bytes_max: u64) -> Arc<Self> {
        Arc::new(Self { bytes_max, held: Mutex::new(0), released: Notify::new() })
    }

    /// Waits until so many bytes are free. One that exceeds the whole budget waits until it is alone.
    pub(crate) async fn hold(self: &Arc<Self>, bytes: u64) -> Hold {
        loop {
            let released = self.released.notified();
            if self.try_hold(bytes) {
                // There may be room for another: only one waiter is woken at a time.
                self.released.notify_one();
                return Hold { budget: self.clone(), bytes };
            }
            released.await;
        }
    }

    fn try_hold(&self, bytes: u64) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = *held == 0 || held.saturating_add(bytes) <= self.bytes_max;
        if fits {
            *held = held.saturating_add(bytes);
        }
        fits
    }
}

impl Hold {
    /// Counts what it really is. This never waits: to wait here while holding could be for ever. The excess is bounded by the limits
    /// on one file, times the files that are parsed at once.
    pub(crate) fn set(&mut self, bytes: u64) {
        {
            let mut held = self.budget.held.lock().unwrap_or_else(PoisonError::into_inner);
            *held = held.saturating_sub(self.bytes).saturating_add(bytes);
        }
        self.bytes = bytes;
        self.budget.released.notify_one();
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_hold_waits_until_there_is_room() {
        let budget = Budget::new(10);
        let first = budget.hold(6).await;
        let mut second = Box::pin(budget.hold(6));
        let mut third = Box::pin(budget.hold(4));
        assert!(second.as_mut().now_or_never().is_none());
        let third = third.as_mut().now_or_never().expect("there is room for the smaller one");
        drop(first);
        let second = second.as_mut().now_or_never().expect("there is room now");
        assert_eq!((second.bytes(), third.bytes()), (6, 4));
    }

    #[tokio::test]
    async fn what_is_larger_than_the_budget_goes_alone() {
        let budget = Budget::new(10);
        let mut small = budget.hold(1).await;
        let mut large = Box::pin(budget.hold(100));
        assert!(large.as_mut().now_or_never().is_none());
        small.set(0);
        let large = large.as_mut().now_or_never().expect("it is alone");
        assert!(budget.hold(1).now_or_never().is_none());
        drop(large);
        assert!(budget.hold(10).now_or_never().is_some());
    }
}
