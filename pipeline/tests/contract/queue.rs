//! What every `watcher::Publish` and the `etl::Queue` that it feeds promise.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use etl::{Message, Queue};
use watcher::Publish;

/// How long a message is hidden that nobody is to see again within the test.
const LONG: Duration = Duration::from_secs(60);
/// The shortest that SQS hides a message.
const SHORT: Duration = Duration::from_secs(1);
/// Long enough for any answer.
const WAIT: Duration = Duration::from_secs(15);

pub(crate) async fn check_queue(publish: &dyn Publish, queue: Arc<dyn Queue>) {
    let queue = Subject { publish, queue };
    queue.what_is_published_is_delivered().await;
    queue.a_message_comes_again_until_it_is_deleted().await;
    queue.visibility_is_extended_and_given_up().await;
    queue.failures_are_told_entry_by_entry().await;
    queue.a_receiver_that_waits_is_woken().await;
    queue.competing_receivers_share_the_messages().await;
}

struct Subject<'a> {
    publish: &'a dyn Publish,
    queue: Arc<dyn Queue>,
}

impl Subject<'_> {
    async fn publish(&self, bodies: &[&str]) -> Vec<usize> {
        let bodies: Vec<String> = bodies.iter().map(|body| (*body).to_owned()).collect();
        self.publish.publish(&bodies).await.unwrap()
    }

    /// One message, which has to come.
    async fn one(&self, visibility: Duration) -> Message {
        let mut messages = self.queue.receive(1, WAIT, visibility).await.unwrap();
        assert_eq!(messages.len(), 1, "no message came");
        messages.remove(0)
    }

    /// Each case leaves the queue as it found it.
    async fn is_empty(&self) {
        assert_eq!(self.queue.receive(10, Duration::ZERO, LONG).await.unwrap(), []);
    }

    async fn delete(&self, receipts: Vec<String>) {
        assert_eq!(self.queue.delete(receipts).await.unwrap(), [""; 0]);
    }

    async fn what_is_published_is_delivered(&self) {
        assert_eq!(self.publish.publish(&[]).await.unwrap(), [0; 0]);
        self.is_empty().await;
        let mut bodies: Vec<String> = (0..23).map(|number| format!("message {number}")).collect();
        bodies.push(include_str!("../../../tests/golden/upload-event.json").to_owned());
        bodies.push("ü <&> 日 \"\n\t\\ 🦀".to_owned());
        // Two that fit into no call of SQS together.
        bodies.extend([format!("a{}", "x".repeat(200 << 10)), format!("b{}", "x".repeat(200 << 10))]);
        assert_eq!(self.publish.publish(&bodies).await.unwrap(), [0; 0]);
        let (mut found, mut receipts) = (BTreeSet::new(), Vec::new());
        while found.len() < bodies.len() {
            let messages = self.queue.receive(10, WAIT, LONG).await.unwrap();
            assert!(!messages.is_empty() && messages.len() <= 10, "{} of {} came", found.len(), bodies.len());
            for message in messages {
                assert_eq!(message.deliveries, 1);
                assert!(found.insert(message.body), "twice");
                receipts.push(message.receipt);
            }
        }
        assert_eq!(found, bodies.into_iter().collect());
        self.delete(receipts).await;
        self.is_empty().await;
    }

    async fn a_message_comes_again_until_it_is_deleted(&self) {
        self.publish(&["again"]).await;
        let first = self.one(SHORT).await;
        let hidden_since = Instant::now();
        self.is_empty().await;
        let second = self.one(SHORT).await;
        // Servers count time in whole seconds, and begin before the answer has come here.
        assert!(hidden_since.elapsed() > SHORT / 2, "it came again after {:?}", hidden_since.elapsed());
        assert_eq!((second.body.as_str(), second.deliveries), ("again", 2));
        assert_ne!(second.receipt, first.receipt);
        let third = self.one(LONG).await;
        assert_eq!(third.deliveries, 3);
        self.delete(vec![third.receipt]).await;
        self.is_empty().await;
    }

    async fn visibility_is_extended_and_given_up(&self) {
        self.publish(&["extended"]).await;
        let message = self.one(SHORT).await;
        assert_eq!(self.queue.extend(vec![message.receipt.clone()], LONG).await.unwrap(), [""; 0]);
        assert_eq!(self.queue.receive(10, SHORT * 2, LONG).await.unwrap(), [], "still hidden");
        assert_eq!(self.queue.extend(vec![message.receipt], Duration::ZERO).await.unwrap(), [""; 0]);
        let message = self.one(LONG).await;
        assert_eq!(message.deliveries, 2);
        self.delete(vec![message.receipt]).await;
        self.is_empty().await;
    }

    async fn failures_are_told_entry_by_entry(&self) {
        let long = "x".repeat((256 << 10) + 1);
        assert_eq!(self.publish(&["good", &long, "", "fine"]).await, [1, 2]);
        let (mut receipts, mut bodies) = (Vec::new(), BTreeSet::new());
        while receipts.len() < 2 {
            let message = self.one(LONG).await;
            receipts.push(message.receipt);
            bodies.insert(message.body);
        }
        assert_eq!(bodies, BTreeSet::from(["fine".to_owned(), "good".to_owned()]));
        receipts.insert(1, "made-up".to_owned());
        assert_eq!(self.queue.extend(receipts.clone(), LONG).await.unwrap(), ["made-up"]);
        assert_eq!(self.queue.delete(receipts).await.unwrap(), ["made-up"]);
        self.is_empty().await;
    }

    async fn a_receiver_that_waits_is_woken(&self) {
        let queue = Arc::clone(&self.queue);
        let began = Instant::now();
        let receiver = tokio::spawn(async move { queue.receive(10, WAIT, LONG).await.unwrap() });
        tokio::task::yield_now().await;
        self.publish(&["wake up"]).await;
        let messages = receiver.await.unwrap();
        assert!(began.elapsed() < WAIT, "it slept through");
        assert_eq!(messages.len(), 1);
        self.delete(messages.into_iter().map(|message| message.receipt).collect()).await;
        self.is_empty().await;
    }

    async fn competing_receivers_share_the_messages(&self) {
        const MESSAGES: usize = 60;
        let bodies: Vec<String> = (0..MESSAGES).map(|number| format!("shared {number}")).collect();
        let receivers: Vec<_> = (0..6)
            .map(|_| {
                let queue = Arc::clone(&self.queue);
                tokio::spawn(async move {
                    let mut found = Vec::new();
                    loop {
                        let messages = queue.receive(3, SHORT * 2, LONG).await.unwrap();
                        if messages.is_empty() {
                            return found;
                        }
                        let receipts = messages.iter().map(|message| message.receipt.clone()).collect();
                        assert_eq!(queue.delete(receipts).await.unwrap(), [""; 0]);
                        found.extend(messages.into_iter().map(|message| message.body));
                    }
                })
            })
            .collect();
        assert_eq!(self.publish.publish(&bodies).await.unwrap(), [0; 0]);
        let mut found = Vec::new();
        for receiver in receivers {
            found.extend(receiver.await.unwrap());
        }
        assert_eq!(found.len(), MESSAGES, "each to one of them");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), bodies.into_iter().collect());
        self.is_empty().await;
    }
}
