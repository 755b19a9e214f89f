//! How many bytes may be under way between the queue and the tables.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, Semaphore};

/// Bytes in memory, counted, with an upper bound: room for two batches. It is given in the order in which it is asked for.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes_max: u64,
    held: Mutex<u64>,
    /// One permit: whoever has it is next.
    turn: Semaphore,
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
        Arc::new(Self { bytes_max, held: Mutex::new(0), turn: Semaphore::new(1), released: Notify::new() })
    }

    /// Waits until all who came before have their room, and so many bytes are free.
    ///
    /// Half the budget is enough for anyone: what is larger than that exceeds the budget by its excess over one half, and nobody else
    /// gets room until it is back. So nobody waits for a batch to grow old: one that gathers holds less than half, or is full and closes.
    pub(crate) async fn hold(self: &Arc<Self>, bytes: u64) -> Hold {
        // The semaphore is never closed.
        let _turn = self.turn.acquire().await;
        loop {
            let released = self.released.notified();
            if self.try_hold(bytes) {
                return Hold { budget: self.clone(), bytes };
            }
            released.await;
        }
    }

    fn try_hold(&self, bytes: u64) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = held.saturating_add(bytes.min(self.bytes_max / 2)) <= self.bytes_max;
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
        let mut second = Box::pin(budget.hold(5));
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        let second = second.as_mut().now_or_never().expect("there is room now");
        assert_eq!(second.bytes(), 5);
    }

    #[tokio::test]
    async fn room_is_given_in_the_order_in_which_it_is_asked_for() {
        let budget = Budget::new(10);
        let first = budget.hold(6).await;
        let mut large = Box::pin(budget.hold(5));
        let mut small = Box::pin(budget.hold(1));
        assert!(large.as_mut().now_or_never().is_none());
        assert!(small.as_mut().now_or_never().is_none(), "there is room, but it is not its turn");
        drop(first);
        let _large = large.as_mut().now_or_never().expect("there is room now");
        assert!(small.as_mut().now_or_never().is_some());
    }

    #[tokio::test]
    async fn one_that_gives_up_waiting_holds_up_nobody() {
        let budget = Budget::new(10);
        let _first = budget.hold(6).await;
        let mut large = Box::pin(budget.hold(5));
        let mut small = Box::pin(budget.hold(1));
        assert!(large.as_mut().now_or_never().is_none());
        assert!(small.as_mut().now_or_never().is_none());
        drop(large);
        assert!(small.as_mut().now_or_never().is_some());
    }

    #[tokio::test]
    async fn what_is_larger_than_the_budget_waits_for_half_of_it_and_then_goes_alone() {
        let budget = Budget::new(10);
        let mut small = budget.hold(6).await;
        let mut large = Box::pin(budget.hold(100));
        assert!(large.as_mut().now_or_never().is_none());
        small.set(5);
        let large = large.as_mut().now_or_never().expect("half of it is free");
        drop(small);
        assert!(budget.hold(1).now_or_never().is_none());
        drop(large);
        assert!(budget.hold(10).now_or_never().is_some());
    }
}
