//! Events of several uploads in one call to the queue, without making a lone one wait.
//!
//! While one call is under way, events gather for the next. So batches grow with the load and with the queue's slowness, and an
//! event that comes alone goes at once.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use ulid::Ulid;

use crate::outbox::Outbox;
use crate::publish::{Publish, PublishError};

/// As many as SQS takes in a call.
const BATCH_MAX: usize = 10;

/// A handle on the task that publishes; the task ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Batcher {
    waiting: mpsc::Sender<Waiting>,
}

/// Why the queue has not taken an event.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    #[error("the queue took others of the batch, not this one")]
    Alone,
    #[error("it is not in the outbox any more")]
    Withdrawn,
    #[error("the batch was not taken")]
    Batch(#[source] Arc<PublishError>),
    #[error("nobody publishes any more")]
    Ended,
}

type Reply = oneshot::Sender<Result<(), NotTaken>>;

/// An event that waits for the next call.
#[derive(Debug)]
struct Waiting {
    upload: Ulid,
    event: String,
    reply: Reply,
}

impl Batcher {
    pub(crate) fn start(publish: Arc<dyn Publish>, outbox: Outbox) -> Self {
        let (waiting, events) = mpsc::channel(BATCH_MAX);
        tokio::spawn(run(publish, outbox, events));
        Self { waiting }
    }

    /// Returns when the queue has taken the event, or has not.
    pub(crate) async fn publish(&self, upload: Ulid, event: String) -> Result<(), NotTaken> {
        let (reply, answer) = oneshot::channel();
        self.waiting.send(Waiting { upload, event, reply }).await.map_err(|_| NotTaken::Ended)?;
        answer.await.map_err(|_| NotTaken::Ended)?
    }
}

async fn run(publish: Arc<dyn Publish>, outbox: Outbox, mut events: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while events.recv_many(&mut batch, BATCH_MAX).await > 0 {
        // Ingest takes an upload back when it has told the device that it failed, and the device sends it again: no event must go out
        // for what is not there any more. Its raw object stays, and nobody loads it. Between this look and the queue's answer it may
        // be taken back all the same; then both are loaded, and the second is a duplicate.
        let gone = outbox.gone(batch.iter().map(|waiting| waiting.upload).collect()).await;
        let (mut bodies, mut replies) = (Vec::new(), Vec::new());
        for Waiting { upload, event, reply } in batch.drain(..) {
            if gone.contains(&upload) {
                drop(reply.send(Err(NotTaken::Withdrawn)));
            } else {
                bodies.push(event);
                replies.push(reply);
            }
        }
        if bodies.is_empty() {
            continue;
        }
        let outcome = publish.publish(&bodies).await.map_err(Arc::new);
        for (index, reply) in replies.into_iter().enumerate() {
            let taken = match &outcome {
                Ok(refused) if refused.contains(&index) => Err(NotTaken::Alone),
                Ok(_) => Ok(()),
                Err(failure) => Err(NotTaken::Batch(Arc::clone(failure))),
            };
            // Whoever asked may have gone; then the event is published again, which is allowed.
            drop(reply.send(taken));
        }
    }
}

#[cfg(test)]
mod tests;
