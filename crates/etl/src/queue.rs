//! The queue of upload events, as the ETL needs it.

mod sqs;

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

pub use sqs::SqsQueue;

/// One delivery of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Names this delivery (SQS: receipt handle), for [`Queue::delete`] and [`Queue::extend`].
    pub receipt: String,
    /// The message as it was sent.
    pub body: String,
    /// How often it has been delivered, this time included.
    pub deliveries: u32,
}

/// Why a queue did not do what it was asked. The same call may succeed later.
#[derive(Debug, thiserror::Error)]
#[error("{operation}")]
pub struct QueueError {
    /// The call, as a plain verb: `receive`, `delete`.
    pub operation: &'static str,
    /// What the backend said.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// A queue with at-least-once delivery, as Amazon SQS standard queues are. A message that was received stays hidden for the
/// visibility timeout, and is delivered again after it unless it was deleted. Order is not promised.
#[async_trait]
pub trait Queue: Debug + Send + Sync + 'static {
    /// Up to `messages_max` messages (SQS: at most 10), hidden from other receivers for `visibility`; waits up to `wait`
    /// (at most 20 s) for the first one. An empty answer is no error.
    async fn receive(&self, messages_max: u32, wait: Duration, visibility: Duration) -> Result<Vec<Message>, QueueError>;

    /// Removes deliveries for good. Returns the receipts that the queue would not delete; those messages will be delivered again.
    /// Deleting does not promise that no other delivery of the message is under way.
    async fn delete(&self, receipts: Vec<String>) -> Result<Vec<String>, QueueError>;

    /// Hides deliveries for `visibility` from now on; zero makes them deliverable at once. Returns the receipts for which it failed.
    async fn extend(&self, receipts: Vec<String>, visibility: Duration) -> Result<Vec<String>, QueueError>;

    /// Writes down with a message why this delivery of it is left, for whoever finds it among the dead letters. A queue that has no
    /// place for that, as SQS, leaves it to the log.
    async fn explain(&self, receipt: &str, cause: &str) -> Result<(), QueueError> {
        let _ = (receipt, cause);
        Ok(())
    }
}
