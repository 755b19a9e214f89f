//! The queue of upload events, as the watcher needs it.

mod sqs;

use std::fmt::Debug;

use async_trait::async_trait;

pub use sqs::SqsQueue;

/// Why nothing was published. The same call may succeed later.
#[derive(Debug, thiserror::Error)]
#[error("publish")]
pub struct PublishError {
    /// What the backend said.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Where events go.
#[async_trait]
pub trait Publish: Debug + Send + Sync + 'static {
    /// Publishes each body as a message of its own, at least once, in any order. Returns the indices of those that were not taken.
    /// What is not among them is durable.
    async fn publish(&self, bodies: &[String]) -> Result<Vec<usize>, PublishError>;
}
