//! The steps of an upload between the network and the disk.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

/// Steps that wait to be written.
///
/// Their writer takes all there are, and comes back for more until there are none: the disk does not wait for the network to fill a step.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    steps: Vec<Bytes>,
    has_writer: bool,
}

/// The only one who writes the steps, until it is dropped.
#[derive(Debug)]
pub(super) struct Writer(Arc<Waiting>);

impl Waiting {
    pub(super) fn add(&self, step: Bytes) {
        self.lock().steps.push(step);
    }

    /// Takes all steps, in their order.
    pub(super) fn take(&self) -> Vec<Bytes> {
        let steps = std::mem::take(&mut self.lock().steps);
        self.changed.notify_one();
        steps
    }

    /// A writer, unless there is one. A step that came behind that one's last look waits for the next writer.
    pub(super) fn writer(self: &Arc<Self>) -> Option<Writer> {
        let had_one = std::mem::replace(&mut self.lock().has_writer, true);
        (!had_one).then(|| Writer(Arc::clone(self)))
    }

    /// Returns when fewer steps than these wait, or nobody writes them.
    pub(super) async fn room(&self, steps: usize) {
        let is_full = || {
            let state = self.lock();
            state.has_writer && state.steps.len() >= steps
        };
        while is_full() {
            self.changed.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// All steps that wait, or nothing when none does.
    pub(super) fn next(&self) -> Option<Vec<Bytes>> {
        Some(self.0.take()).filter(|steps| !steps.is_empty())
    }
}

impl Drop for Writer {
    /// However the writing ends, nobody waits for it any longer.
    fn drop(&mut self) {
        self.0.lock().has_writer = false;
        self.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests;
