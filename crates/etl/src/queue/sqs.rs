//! The queue on Amazon SQS.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, MessageSystemAttributeName,
    QueueAttributeName,
};
use serde::Deserialize;

use super::{Message, Queue, QueueError};

/// SQS takes and gives at most this many messages in a call.
const BATCH_MAX: usize = 10;
/// The longest that ReceiveMessage waits.
const WAIT_SECONDS_MAX: i32 = 20;
/// The longest that a message is hidden: 12 hours.
const VISIBILITY_SECONDS_MAX: i32 = 43_200;

/// A standard queue on SQS. Dead letters are the queue's own business (its redrive policy).
#[derive(Clone, Debug)]
pub struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    /// The queue at that URL. The client's own time-outs must leave room for a receive that waits.
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// How often the queue delivers a message before its redrive policy makes it a dead letter; `None` when it has no such policy.
    pub async fn deliveries_max(&self) -> Result<Option<u32>, QueueError> {
        let request = self.client.get_queue_attributes().queue_url(&self.url).attribute_names(QueueAttributeName::RedrivePolicy);
        let answer = request.send().await.map_err(|error| failed("ask for its redrive policy", error))?;
        let policy = answer.attributes.as_ref().and_then(|all| all.get(&QueueAttributeName::RedrivePolicy));
        policy.map(|policy| receives_max(policy)).transpose()
    }
}

/// `{"deadLetterTargetArn":"...","maxReceiveCount":"10"}`, with the number as text or not.
fn receives_max(policy: &str) -> Result<u32, QueueError> {
    #[derive(Deserialize)]
    struct Policy {
        #[serde(rename = "maxReceiveCount")]
        receives_max: serde_json::Value,
    }
    let policy: Policy = serde_json::from_str(policy).map_err(|error| failed("read its redrive policy", error))?;
    let number = policy.receives_max.as_str().map_or_else(|| policy.receives_max.to_string(), str::to_owned);
    number.parse().map_err(|error| failed("read its redrive policy", error))
}

#[async_trait]
impl Queue for SqsQueue {
    async fn receive(&self, messages_max: u32, wait: Duration, visibility: Duration) -> Result<Vec<Message>, QueueError> {
        let request = self.client.receive_message().queue_url(&self.url);
        let request = request.max_number_of_messages(i32::try_from(messages_max).unwrap_or(i32::MAX).clamp(1, 10));
        let request = request.wait_time_seconds(seconds(wait, WAIT_SECONDS_MAX));
        let request = request.visibility_timeout(seconds(visibility, VISIBILITY_SECONDS_MAX));
        let request = request.message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount);
        let answer = request.send().await.map_err(|error| failed("receive", error))?;
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(message).collect())
    }

    async fn delete(&self, receipts: Vec<String>) -> Result<Vec<String>, QueueError> {
        let mut refused = Vec::new();
        for batch in receipts.chunks(BATCH_MAX) {
            let entries =
                entries(batch, |id, receipt| DeleteMessageBatchRequestEntry::builder().id(id).receipt_handle(receipt).build())
                    .map_err(|error| failed("delete", error))?;
            let request = self.client.delete_message_batch().queue_url(&self.url).set_entries(Some(entries));
            match request.send().await {
                Ok(answer) => refused.extend(named(batch, &answer.failed)),
                Err(error) => return Err(failed("delete", error)),
            }
        }
        Ok(refused)
    }

    async fn extend(&self, receipts: Vec<String>, visibility: Duration) -> Result<Vec<String>, QueueError> {
        let seconds = seconds(visibility, VISIBILITY_SECONDS_MAX);
        let mut refused = Vec::new();
        for batch in receipts.chunks(BATCH_MAX) {
            let entries = entries(batch, |id, receipt| {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(id).receipt_handle(receipt);
                entry.visibility_timeout(seconds).build()
            })
            .map_err(|error| failed("extend", error))?;
            let request = self.client.change_message_visibility_batch().queue_url(&self.url).set_entries(Some(entries));
            match request.send().await {
                Ok(answer) => refused.extend(named(batch, &answer.failed)),
                Err(error) => return Err(failed("extend", error)),
            }
        }
        Ok(refused)
    }
}

/// SQS counts in whole seconds. Rounded up: a message must not come back before its receiver was told it would.
fn seconds(duration: Duration, seconds_max: i32) -> i32 {
    let whole = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
    i32::try_from(whole).unwrap_or(seconds_max).min(seconds_max)
}

/// A message without receipt or body cannot be worked on; it comes again, and ends among the dead letters.
fn message(message: aws_sdk_sqs::types::Message) -> Option<Message> {
    let count = message.attributes.as_ref().and_then(|all| all.get(&MessageSystemAttributeName::ApproximateReceiveCount));
    let deliveries = count.and_then(|count| count.parse().ok()).unwrap_or(1);
    Some(Message { receipt: message.receipt_handle?, body: message.body?, deliveries })
}

/// Entries are named by their place in the batch.
fn entries<T, E>(batch: &[String], entry: impl Fn(String, &String) -> Result<T, E>) -> Result<Vec<T>, E> {
    batch.iter().enumerate().map(|(index, receipt)| entry(index.to_string(), receipt)).collect()
}

/// The receipts of the entries that failed.
fn named(batch: &[String], failed: &[BatchResultErrorEntry]) -> Vec<String> {
    failed.iter().filter_map(|entry| batch.get(entry.id.parse::<usize>().ok()?)).cloned().collect()
}

fn failed(operation: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> QueueError {
    QueueError { operation, source: source.into() }
}

#[cfg(test)]
mod tests;
