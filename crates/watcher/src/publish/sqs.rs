//! Events to Amazon SQS.

use std::collections::BTreeSet;
use std::ops::Range;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use tracing::warn;

use super::{Publish, PublishError};

/// SQS takes at most this many messages in a call.
const BATCH_MAX: usize = 10;
/// And at most this many bytes, for all messages of a call together. Newer queues take more; every queue takes this.
const BATCH_BYTES_MAX: usize = 256 << 10;

/// A standard queue.
#[derive(Clone, Debug)]
pub struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    /// The queue at that URL.
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends one batch. Returns the places in it of those that were not taken.
    async fn send(&self, bodies: &[String]) -> Result<Vec<usize>, PublishError> {
        let entry = |(index, body): (usize, &String)| {
            SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(body).build()
        };
        let entries = bodies.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let request = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
        let answer = request.send().await.map_err(failed)?;
        // Taken is what SQS says it has taken; whatever it says nothing of, it has not.
        let taken: BTreeSet<usize> = answer.successful.iter().filter_map(|entry| entry.id.parse().ok()).collect();
        for entry in &answer.failed {
            let (code, message, sender_fault) = (&entry.code, entry.message.as_deref(), entry.sender_fault);
            warn!(code, message, sender_fault, "the queue did not take an event");
        }
        Ok((0..bodies.len()).filter(|index| !taken.contains(index)).collect())
    }
}

#[async_trait]
impl Publish for SqsQueue {
    async fn publish(&self, bodies: &[String]) -> Result<Vec<usize>, PublishError> {
        let (batches, mut refused) = batches(bodies);
        let mut sent = false;
        for batch in batches {
            let Some(part) = bodies.get(batch.clone()) else { continue };
            match self.send(part).await {
                Ok(failed) => refused.extend(failed.into_iter().map(|index| batch.start + index)),
                // What went before has been taken, and is not to be sent again for this.
                Err(failure) if sent => {
                    warn!(error = &failure as &dyn std::error::Error, "a batch of several was not taken");
                    refused.extend(batch);
                    continue;
                }
                Err(failure) => return Err(failure),
            }
            sent = true;
        }
        refused.sort_unstable();
        Ok(refused)
    }
}

/// Runs of bodies that fit into one call each, and those that fit into none: empty, or too long.
fn batches(bodies: &[String]) -> (Vec<Range<usize>>, Vec<usize>) {
    let mut batches: Vec<Range<usize>> = Vec::new();
    let mut refused = Vec::new();
    let mut batch_bytes = 0;
    for (index, body) in bodies.iter().enumerate() {
        if body.is_empty() || body.len() > BATCH_BYTES_MAX {
            refused.push(index);
            continue;
        }
        match batches.last_mut() {
            Some(batch) if batch.end == index && batch.len() < BATCH_MAX && batch_bytes + body.len() <= BATCH_BYTES_MAX => {
                batch.end += 1;
                batch_bytes += body.len();
            }
            _ => {
                batches.push(index..index + 1);
                batch_bytes = body.len();
            }
        }
    }
    (batches, refused)
}

fn failed(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PublishError {
    PublishError { source: source.into() }
}

#[cfg(test)]
mod tests;
