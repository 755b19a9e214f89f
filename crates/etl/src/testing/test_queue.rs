//! A queue in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Faults;
use crate::{Message, Queue, QueueError, clock};

#[derive(Clone, Debug)]
pub(crate) struct TestQueue {
    messages: Arc<Mutex<BTreeMap<u64, Queued>>>,
    /// Wakes who waits in the order in which they came, which a simulation relies on.
    changed: Arc<Notify>,
    deliveries_max: Arc<AtomicU32>,
    faults: Arc<Faults>,
}

#[derive(Debug)]
struct Queued {
    body: String,
    deliveries: u32,
    hidden_until: Option<Instant>,
}

impl Default for TestQueue {
    fn default() -> Self {
        Self {
            messages: Arc::default(),
            changed: Arc::default(),
            deliveries_max: Arc::default(),
            faults: Arc::new(Faults::none()),
        }
    }
}

impl TestQueue {
    pub(crate) fn with(&self, faults: &Arc<Faults>) -> Self {
        Self { faults: faults.clone(), ..self.clone() }
    }

    pub(crate) fn send(&self, body: &str) {
        let mut messages = self.messages.lock().unwrap();
        let id = messages.last_key_value().map_or(0, |(id, _)| id + 1);
        messages.insert(id, Queued { body: body.to_owned(), deliveries: 0, hidden_until: None });
        self.changed.notify_waiters();
    }

    /// As if the visibility timeout of everything under way had passed.
    pub(crate) fn show_all(&self) {
        self.messages.lock().unwrap().values_mut().for_each(|message| message.hidden_until = None);
        self.changed.notify_waiters();
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.lock().unwrap().len()
    }

    /// How many messages are under way.
    pub(crate) fn hidden(&self) -> usize {
        self.messages.lock().unwrap().values().filter(|message| message.hidden_until.is_some()).count()
    }

    /// The highest number of times that any message was delivered.
    pub(crate) fn deliveries_max(&self) -> u32 {
        self.deliveries_max.load(Ordering::Relaxed)
    }

    /// Returns once some message has been delivered so often.
    pub(crate) async fn delivered_times(&self, deliveries: u32) {
        self.until(|| self.deliveries_max() >= deliveries).await;
    }

    /// Returns once every message has been deleted.
    pub(crate) async fn drained(&self) {
        self.shrunk_to(0).await;
    }

    /// Returns once no more messages are left than that.
    pub(crate) async fn shrunk_to(&self, messages: usize) {
        self.until(|| self.len() <= messages).await;
    }

    /// Returns once every message is under way.
    pub(crate) async fn all_taken(&self) {
        self.until(|| self.hidden() >= self.len()).await;
    }

    async fn until(&self, is_so: impl Fn() -> bool) {
        loop {
            // Listening begins before looking.
            let changed = self.changed.notified();
            if is_so() {
                return;
            }
            changed.await;
        }
    }

    fn take(&self, messages_max: u32, visibility: Duration) -> Vec<Message> {
        let now = clock::now();
        let mut messages = self.messages.lock().unwrap();
        let visible = messages.iter_mut().filter(|(_, message)| message.hidden_until.is_none_or(|until| until <= now));
        let taken = visible.take(messages_max as usize).map(|(id, message)| {
            message.hidden_until = Some(now + visibility);
            message.deliveries += 1;
            self.deliveries_max.fetch_max(message.deliveries, Ordering::Relaxed);
            Message {
                receipt: format!("{id}/{}", message.deliveries),
                body: message.body.clone(),
                deliveries: message.deliveries,
            }
        });
        taken.collect()
    }

    async fn call<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, QueueError>> + Send,
    ) -> Result<T, QueueError> {
        let error = || QueueError { operation, source: "struck".into() };
        let done = self.faults.call(&format!("queue {operation}"), error, call).await;
        self.changed.notify_waiters();
        done
    }
}

fn id(receipt: &str) -> u64 {
    receipt.split_once('/').unwrap().0.parse().unwrap()
}

#[async_trait]
impl Queue for TestQueue {
    async fn receive(&self, messages_max: u32, wait: Duration, visibility: Duration) -> Result<Vec<Message>, QueueError> {
        assert!(messages_max > 0 && wait <= Duration::from_secs(20));
        let deadline = clock::now() + wait;
        loop {
            let changed = self.changed.notified();
            // SQS gives no more at once.
            let messages = self.take(messages_max.min(10), visibility);
            if !messages.is_empty() || clock::now() >= deadline {
                return self.call("receive", async { Ok(messages) }).await;
            }
            tokio::select! {
                biased;
                () = changed => {}
                () = clock::sleep(deadline - clock::now()) => {}
            }
        }
    }

    async fn delete(&self, receipts: Vec<String>) -> Result<Vec<String>, QueueError> {
        let delete = async {
            let mut messages = self.messages.lock().unwrap();
            receipts.iter().for_each(|receipt| drop(messages.remove(&id(receipt))));
            Ok(Vec::new())
        };
        self.call("delete", delete).await
    }

    async fn extend(&self, receipts: Vec<String>, visibility: Duration) -> Result<Vec<String>, QueueError> {
        let extend = async {
            let until = (!visibility.is_zero()).then(|| clock::now() + visibility);
            let mut messages = self.messages.lock().unwrap();
            for receipt in &receipts {
                if let Some(message) = messages.get_mut(&id(receipt)) {
                    message.hidden_until = until;
                }
            }
            Ok(Vec::new())
        };
        self.call("extend", extend).await
    }
}
