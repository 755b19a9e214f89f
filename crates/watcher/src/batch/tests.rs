use std::sync::Mutex;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::*;

/// A queue that takes a batch for each permit, and of each batch what is not "bad".
#[derive(Debug)]
struct Gated {
    permits: Semaphore,
    batches: Mutex<Vec<usize>>,
}

#[async_trait]
impl Publish for Gated {
    async fn publish(&self, bodies: &[String]) -> Result<Vec<usize>, PublishError> {
        self.batches.lock().unwrap().push(bodies.len());
        self.permits.acquire().await.unwrap().forget();
        match bodies.iter().any(|body| body == "down") {
            true => Err(PublishError { source: "down".into() }),
            false => Ok((0..bodies.len()).filter(|&index| bodies[index] == "bad").collect()),
        }
    }
}

/// An outbox with so many entries.
fn outbox(entries: u64) -> (tempfile::TempDir, Outbox, Vec<Ulid>) {
    let directory = tempfile::tempdir().unwrap();
    let uploads: Vec<_> = (1..=entries).map(|number| Ulid::from_parts(number, 7)).collect();
    for upload in &uploads {
        std::fs::write(directory.path().join(format!("{upload}.json")), "").unwrap();
    }
    let outbox = Outbox::open(directory.path().to_owned()).unwrap();
    (directory, outbox, uploads)
}

fn gated(permits: usize) -> Arc<Gated> {
    Arc::new(Gated { permits: Semaphore::new(permits), batches: Mutex::default() })
}

#[tokio::test]
async fn what_comes_while_a_call_is_under_way_goes_together() {
    let queue = gated(0);
    let (_directory, outbox, uploads) = outbox(1);
    let batcher = Arc::new(Batcher::start(Arc::clone(&queue) as Arc<dyn Publish>, outbox));
    let publish = |body: &'static str| {
        let (batcher, upload) = (Arc::clone(&batcher), uploads[0]);
        tokio::spawn(async move { batcher.publish(upload, body.to_owned()).await })
    };
    let first = publish("a");
    while queue.batches.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let others: Vec<_> = ["b", "bad", "c"].into_iter().map(publish).collect();
    while batcher.waiting.capacity() > BATCH_MAX - 3 {
        tokio::task::yield_now().await;
    }
    queue.permits.add_permits(2);
    first.await.unwrap().unwrap();
    let mut taken = Vec::new();
    for other in others {
        taken.push(other.await.unwrap().is_ok());
    }
    assert_eq!(taken, [true, false, true], "each hears of its own event");
    assert_eq!(*queue.batches.lock().unwrap(), [1, 3]);
}

#[tokio::test]
async fn a_failed_call_is_told_to_all_and_the_next_one_goes_on() {
    let queue = gated(2);
    let (_directory, outbox, uploads) = outbox(1);
    let batcher = Batcher::start(queue, outbox);
    assert!(matches!(batcher.publish(uploads[0], "down".to_owned()).await, Err(NotTaken::Batch(_))));
    batcher.publish(uploads[0], "up".to_owned()).await.unwrap();
}

#[tokio::test]
async fn what_is_taken_back_while_it_waits_for_its_call_is_not_published() {
    let queue = gated(0);
    let (directory, outbox, uploads) = outbox(3);
    let batcher = Arc::new(Batcher::start(Arc::clone(&queue) as Arc<dyn Publish>, outbox));
    let publish = |number: usize| {
        let (batcher, upload) = (Arc::clone(&batcher), uploads[number]);
        tokio::spawn(async move { batcher.publish(upload, number.to_string()).await })
    };
    let first = publish(0);
    while queue.batches.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let others = [publish(1), publish(2)];
    while batcher.waiting.capacity() > BATCH_MAX - 2 {
        tokio::task::yield_now().await;
    }
    std::fs::remove_file(directory.path().join(format!("{}.json", uploads[1]))).unwrap();
    queue.permits.add_permits(2);
    first.await.unwrap().unwrap();
    let [withdrawn, published] = others;
    assert!(matches!(withdrawn.await.unwrap(), Err(NotTaken::Withdrawn)));
    published.await.unwrap().unwrap();
    assert_eq!(*queue.batches.lock().unwrap(), [1, 1]);
}
