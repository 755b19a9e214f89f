//! Events of several uploads in one call to the queue, without making a lone one wait.
//!
//! While one call is under way, events gather for the next. So batches grow with the load and with the queue's slowness, and an
//! event that comes alone goes at once.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

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
    #[error("the batch was not taken")]
    Batch(#[source] Arc<PublishError>),
    #[error("nobody publishes any more")]
    Ended,
}

type Reply = oneshot::Sender<Result<(), NotTaken>>;
type Waiting = (String, Reply);

impl Batcher {
    pub(crate) fn start(publish: Arc<dyn Publish>) -> Self {
        let (waiting, events) = mpsc::channel(BATCH_MAX);
        tokio::spawn(run(publish, events));
        Self { waiting }
    }

    /// Returns when the queue has taken the event, or has not.
    pub(crate) async fn publish(&self, event: String) -> Result<(), NotTaken> {
        let (reply, answer) = oneshot::channel();
        self.waiting.send((event, reply)).await.map_err(|_| NotTaken::Ended)?;
        answer.await.map_err(|_| NotTaken::Ended)?
    }
}

async fn run(publish: Arc<dyn Publish>, mut events: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while events.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let (bodies, replies): (Vec<String>, Vec<Reply>) = batch.drain(..).unzip();
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
