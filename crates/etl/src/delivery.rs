//! Messages under way, kept hidden from other receivers until they are done.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use crate::budget::Hold;
use crate::clock;
use crate::error::Error;
use crate::load::Loaded;
use crate::queue::Queue;

/// One message, loaded: what its uploads gave.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) ticket: Ticket,
    pub(crate) uploads: Vec<Loaded>,
    /// The memory that they take.
    pub(crate) hold: Hold,
}

/// The messages that this worker has received and not yet deleted.
#[derive(Debug)]
pub(crate) struct InFlight {
    queue: Arc<dyn Queue>,
    visibility: Duration,
    /// Until when each message is hidden, by its receipt.
    hidden: Mutex<HashMap<String, Instant>>,
}

/// A place among the messages under way. Once dropped, its message is no longer kept hidden; if it was not deleted, the queue will
/// deliver it again.
#[derive(Debug)]
pub(crate) struct Ticket {
    in_flight: Arc<InFlight>,
    pub(crate) receipt: String,
}

impl InFlight {
    pub(crate) fn new(queue: Arc<dyn Queue>, visibility: Duration) -> Arc<Self> {
        Arc::new(Self { queue, visibility, hidden: Mutex::default() })
    }

    /// Keeps a message hidden that was received just now.
    pub(crate) fn keep(self: &Arc<Self>, receipt: &str) -> Ticket {
        self.hidden().insert(receipt.to_owned(), clock::now() + self.visibility);
        Ticket { in_flight: self.clone(), receipt: receipt.to_owned() }
    }

    /// Hides every message again before its time is up, for ever.
    pub(crate) async fn extend(&self) {
        loop {
            // Looked at six times within a visibility timeout, extended in its second half: two failures in a row do no harm.
            clock::sleep(self.visibility / 6).await;
            let now = clock::now();
            let due = now + self.visibility / 2;
            let receipts: Vec<_> =
                self.hidden().iter().filter(|(_, until)| **until < due).map(|(receipt, _)| receipt.clone()).collect();
            if receipts.is_empty() {
                continue;
            }
            match self.queue.extend(receipts.clone(), self.visibility).await {
                Ok(failed) => {
                    if !failed.is_empty() {
                        warn!(messages = failed.len(), "messages not kept hidden; they may be delivered twice");
                    }
                    let failed: HashSet<_> = failed.into_iter().collect();
                    let mut hidden = self.hidden();
                    for receipt in receipts.iter().filter(|receipt| !failed.contains(*receipt)) {
                        // What was done meanwhile is gone from here, and stays gone.
                        if let Some(until) = hidden.get_mut(receipt) {
                            *until = now + self.visibility;
                        }
                    }
                }
                Err(error) => warn!(error = Error::from(error).chain(), "messages not kept hidden"),
            }
        }
    }

    /// What is under way now.
    pub(crate) fn receipts(&self) -> Vec<String> {
        self.hidden().keys().cloned().collect()
    }

    /// Makes messages deliverable at once: this worker ends and will not get to them.
    pub(crate) async fn give_back(&self, receipts: Vec<String>) {
        if receipts.is_empty() {
            return;
        }
        let messages = receipts.len();
        match self.queue.extend(receipts, Duration::ZERO).await {
            Ok(_) => warn!(messages, "stopped before these messages were done; gave them back"),
            Err(error) => warn!(messages, error = Error::from(error).chain(), "stopped before these messages were done"),
        }
    }

    fn hidden(&self) -> std::sync::MutexGuard<'_, HashMap<String, Instant>> {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.in_flight.hidden().remove(&self.receipt);
    }
}
