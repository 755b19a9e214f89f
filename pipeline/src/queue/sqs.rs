//! Dead letters on SQS: the messages of the queue that the redrive policy sends them to.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use etl::Queue as _;
use watcher::Publish as _;

use super::{Letter, keys};
use crate::aws;
use crate::config::Config;

/// As many as SQS gives in a call.
const MESSAGES_MAX: u32 = 10;
/// A queue that gives nothing for so long has nothing left to give.
const WAIT: Duration = Duration::from_secs(2);
/// Letters are out of others' sight for this long, and back in it sooner unless the command is killed.
const HIDDEN: Duration = Duration::from_secs(120);

/// The dead-letter queue, and the one that its letters came from.
#[derive(Debug)]
pub(super) struct SqsDeadLetters {
    dead: etl::SqsQueue,
    main: watcher::SqsQueue,
}

impl SqsDeadLetters {
    pub(super) async fn open(config: &Config) -> anyhow::Result<Self> {
        let queue = &config.queue;
        let dead = queue.dead_letters_url.clone().context(
            "queue.dead_letters_url: missing; it is the URL of the queue that the redrive policy names. \
             Amazon SQS also sends dead letters again by itself: aws sqs start-message-move-task --source-arn ARN",
        )?;
        let client = aws::sqs(queue).await;
        let main = queue.url.clone().context("queue.url: missing")?;
        Ok(Self { dead: etl::SqsQueue::new(client.clone(), dead), main: watcher::SqsQueue::new(client, main) })
    }

    /// What SQS gives, each once. There is no other way to look at messages than to receive them; they are given back at once.
    pub(super) async fn list(&self) -> anyhow::Result<Vec<Letter>> {
        let mut letters: BTreeMap<String, Letter> = BTreeMap::new();
        let received = self.receive_all(&mut letters).await;
        let receipts = letters.values().map(|letter| letter.id.clone()).collect();
        self.dead.extend(receipts, Duration::ZERO).await.context("give dead letters back")?;
        received.map(|()| letters.into_values().collect())
    }

    /// By body: two messages with the same body are the same event.
    async fn receive_all(&self, letters: &mut BTreeMap<String, Letter>) -> anyhow::Result<()> {
        loop {
            let messages = self.dead.receive(MESSAGES_MAX, WAIT, HIDDEN).await.context("receive dead letters")?;
            if messages.is_empty() {
                return Ok(());
            }
            for etl::Message { receipt, body, deliveries } in messages {
                let letter = Letter {
                    id: receipt,
                    keys: keys(&body),
                    sent_at: None,
                    died_at: None,
                    deliveries,
                    cause: None,
                    body: body.clone(),
                };
                letters.insert(body, letter);
            }
        }
    }

    /// Sends first and deletes after: a letter is in both queues for a moment, and never in none.
    pub(super) async fn release(&self, letters: &[&Letter]) -> anyhow::Result<usize> {
        let bodies: Vec<String> = letters.iter().map(|letter| letter.body.clone()).collect();
        let refused = self.main.publish(&bodies).await.context("send dead letters again")?;
        let sent = letters.iter().enumerate().filter(|(place, _)| !refused.contains(place));
        let receipts: Vec<String> = sent.map(|(_, letter)| letter.id.clone()).collect();
        let released = receipts.len();
        let kept = self.dead.delete(receipts).await.context("delete dead letters")?;
        ensure!(kept.is_empty(), "{} dead letters were sent again and could not be deleted", kept.len());
        ensure!(
            refused.is_empty(),
            "the queue did not take {} of {} dead letters; they stay where they are",
            refused.len(),
            bodies.len()
        );
        Ok(released)
    }
}
