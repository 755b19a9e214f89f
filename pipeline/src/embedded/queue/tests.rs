use etl::Queue as _;
use watcher::Publish as _;

use super::*;

const SHORT: Duration = Duration::from_millis(30);
const LONG: Duration = Duration::from_secs(60);
const WAIT: Duration = Duration::from_secs(10);

async fn open(directory: &tempfile::TempDir, deliveries_max: u32) -> SqliteQueue {
    SqliteQueue::open(&directory.path().join("queue.db"), deliveries_max).await.unwrap()
}

async fn connect(directory: &tempfile::TempDir) -> sqlx::SqliteConnection {
    SqliteConnectOptions::new().filename(directory.path().join("queue.db")).connect().await.unwrap()
}

fn bodies(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn a_message_delivered_too_often_is_a_dead_letter_and_hides_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let queue = open(&directory, 2).await;
    queue.publish(&bodies(&["poison"])).await.unwrap();
    for delivery in 1..=2 {
        let received = queue.receive(1, WAIT, Duration::ZERO).await.unwrap();
        assert_eq!(received[0].deliveries, delivery);
    }
    queue.publish(&bodies(&["good"])).await.unwrap();
    let received = queue.receive(1, WAIT, LONG).await.unwrap();
    assert_eq!(received[0].body, "good");
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.visible, depth.hidden, depth.dead), (0, 1, 1));
}

#[tokio::test]
async fn what_a_process_had_received_comes_back_to_the_next_at_once_and_uncounted() {
    let directory = tempfile::tempdir().unwrap();
    open(&directory, 1).await.publish(&bodies(&["a"])).await.unwrap();
    for _ in 0..3 {
        let queue = open(&directory, 1).await;
        let received = queue.receive(1, WAIT, LONG).await.unwrap();
        assert_eq!((received[0].body.as_str(), received[0].deliveries), ("a", 1));
        assert_eq!(queue.receive(1, Duration::ZERO, LONG).await.unwrap(), []);
        queue.end().await.unwrap();
    }
    assert_eq!(open(&directory, 1).await.depth().await.unwrap().dead, 0);
}

#[tokio::test]
async fn a_message_that_ends_each_process_is_a_dead_letter_in_the_end() {
    let directory = tempfile::tempdir().unwrap();
    open(&directory, 3).await.publish(&bodies(&["killer"])).await.unwrap();
    // The first process has no reason to doubt any message, so its delivery is not counted.
    for counted in [1, 1, 2, 3] {
        let queue = open(&directory, 3).await;
        assert_eq!(queue.receive(1, WAIT, LONG).await.unwrap()[0].deliveries, counted);
    }
    let queue = open(&directory, 3).await;
    queue.publish(&bodies(&["good"])).await.unwrap();
    assert_eq!(queue.receive(10, WAIT, LONG).await.unwrap()[0].body, "good");
    assert_eq!(queue.depth().await.unwrap().dead, 1);
}

#[tokio::test]
async fn what_was_only_read_ahead_is_not_counted() {
    let directory = tempfile::tempdir().unwrap();
    open(&directory, 2).await.publish(&bodies(&["killer", "good 1", "good 2"])).await.unwrap();
    for _ in 0..3 {
        let queue = open(&directory, 2).await;
        assert_eq!(queue.receive(1, WAIT, LONG).await.unwrap()[0].body, "killer");
    }
    let queue = open(&directory, 2).await;
    let received = queue.receive(10, WAIT, LONG).await.unwrap();
    let found: Vec<_> = received.iter().map(|message| (message.body.as_str(), message.deliveries)).collect();
    assert_eq!(found, [("good 1", 1), ("good 2", 1)]);
    assert_eq!(queue.depth().await.unwrap().dead, 1);
}

#[tokio::test]
async fn what_came_to_nothing_counts_for_the_next_process_too() {
    let directory = tempfile::tempdir().unwrap();
    let queue = open(&directory, 2).await;
    queue.publish(&bodies(&["poison", "good"])).await.unwrap();
    assert_eq!(queue.receive(1, WAIT, Duration::ZERO).await.unwrap()[0].deliveries, 1);
    assert_eq!(queue.receive(1, WAIT, LONG).await.unwrap()[0].deliveries, 2);
    queue.end().await.unwrap();
    drop(queue);
    // The second of these was cut off, the third is explained.
    let queue = open(&directory, 2).await;
    let received = queue.receive(1, WAIT, LONG).await.unwrap().remove(0);
    assert_eq!((received.body.as_str(), received.deliveries), ("poison", 2));
    queue.explain(&received.receipt, "no use").await.unwrap();
    queue.end().await.unwrap();
    drop(queue);
    let queue = open(&directory, 2).await;
    let received = queue.receive(10, WAIT, LONG).await.unwrap();
    assert_eq!(received.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), ["good"]);
    assert_eq!(queue.depth().await.unwrap().dead, 1);

    // A file in which the count has run out already, as after `queue.deliveries_max` was lowered.
    queue.publish(&bodies(&["lowered", "last"])).await.unwrap();
    sqlx::raw_sql("UPDATE messages SET deliveries = 1 WHERE body = 'lowered'")
        .execute(&mut connect(&directory).await)
        .await
        .unwrap();
    queue.end().await.unwrap();
    drop(queue);
    let queue = open(&directory, 1).await;
    let received = queue.receive(10, WAIT, LONG).await.unwrap();
    assert_eq!(received.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), ["good", "last"]);
    assert_eq!(queue.depth().await.unwrap().dead, 2);
}

#[tokio::test]
async fn what_is_due_again_comes_before_what_is_new_and_all_of_it_once() {
    let directory = tempfile::tempdir().unwrap();
    let queue = open(&directory, 5).await;
    let sent: Vec<String> = (0..200).map(|number| format!("{number:03}")).collect();
    queue.publish(&sent).await.unwrap();
    let first = queue.receive(5, WAIT, Duration::ZERO).await.unwrap();
    let mut found = Vec::new();
    loop {
        let received = queue.receive(7, Duration::ZERO, LONG).await.unwrap();
        if received.is_empty() {
            break;
        }
        found.extend(received.into_iter().map(|message| (message.body, message.deliveries)));
    }
    let expected: Vec<_> =
        sent.iter().enumerate().map(|(at, body)| (body.clone(), if at < first.len() { 2 } else { 1 })).collect();
    assert_eq!(found, expected);
    assert_eq!(queue.depth().await.unwrap().hidden, 200);
}

#[tokio::test]
async fn a_receive_that_fails_delivers_nothing_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let queue = open(&directory, 5).await;
    queue.publish(&bodies(&["a", "b"])).await.unwrap();
    queue.receive(1, WAIT, Duration::ZERO).await.unwrap();
    let trigger = "CREATE TRIGGER refuse BEFORE UPDATE ON messages BEGIN SELECT raise(ABORT, 'no'); END";
    sqlx::raw_sql(trigger).execute(&mut connect(&directory).await).await.unwrap();
    queue.receive(10, Duration::ZERO, LONG).await.unwrap_err();
    sqlx::raw_sql("DROP TRIGGER refuse").execute(&mut connect(&directory).await).await.unwrap();
    let received = queue.receive(10, Duration::ZERO, LONG).await.unwrap();
    let found: Vec<_> = received.iter().map(|message| (message.body.as_str(), message.deliveries)).collect();
    assert_eq!(found, [("a", 2), ("b", 1)]);
}

#[tokio::test]
async fn the_depth_tells_what_waits_and_how_long() {
    let directory = tempfile::tempdir().unwrap();
    let queue = open(&directory, 5).await;
    assert_eq!(queue.depth().await.unwrap(), Depth { visible: 0, hidden: 0, dead: 0, oldest: None });
    queue.publish(&bodies(&["a", "b", "c"])).await.unwrap();
    queue.receive(1, WAIT, LONG).await.unwrap();
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.visible, depth.hidden, depth.dead), (2, 1, 0));
    assert!(depth.oldest.unwrap() < LONG);
}

#[tokio::test]
async fn an_old_receipt_neither_deletes_nor_extends_and_a_spent_one_is_no_failure() {
    let directory = tempfile::tempdir().unwrap();
    let queue = open(&directory, 5).await;
    queue.publish(&bodies(&["a"])).await.unwrap();
    let old = queue.receive(1, WAIT, SHORT).await.unwrap().remove(0).receipt;
    let new = queue.receive(1, WAIT, LONG).await.unwrap().remove(0).receipt;
    let old = vec![old];
    assert_eq!(queue.delete(old.clone()).await.unwrap(), old);
    assert_eq!(queue.extend(old.clone(), LONG).await.unwrap(), old);
    assert_eq!(queue.delete(vec![new.clone()]).await.unwrap(), Vec::<String>::new());
    assert_eq!(queue.delete(vec![new]).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn what_cannot_be_a_message_is_refused_alone() {
    let directory = tempfile::tempdir().unwrap();
    let queue = open(&directory, 5).await;
    let long = "x".repeat(BODY_BYTES_MAX + 1);
    assert_eq!(queue.publish(&bodies(&["a", "", &long, "b"])).await.unwrap(), [1, 2]);
    assert_eq!(queue.depth().await.unwrap().visible, 2);
}

#[tokio::test]
async fn a_receipt_of_another_process_is_good_for_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let queue = open(&directory, 5).await;
    queue.publish(&bodies(&["a", "b"])).await.unwrap();
    let taken = vec![queue.receive(1, WAIT, LONG).await.unwrap().remove(0).receipt];
    drop(queue);
    let queue = open(&directory, 5).await;
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.visible, depth.hidden), (2, 0));
    assert_eq!(queue.extend(taken.clone(), LONG).await.unwrap(), taken);
    assert_eq!(queue.delete(taken.clone()).await.unwrap(), taken);
    queue.receive(1, WAIT, LONG).await.unwrap();
    assert_eq!(queue.receive(10, WAIT, LONG).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_failed_transaction_is_told_to_its_callers_and_the_queue_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let queue = open(&directory, 5).await;
    sqlx::raw_sql("CREATE TRIGGER refuse BEFORE INSERT ON messages WHEN new.body = 'bad' BEGIN SELECT raise(ABORT, 'no'); END")
        .execute(&mut connect(&directory).await)
        .await
        .unwrap();
    queue.publish(&bodies(&["a", "bad"])).await.unwrap_err();
    assert_eq!(queue.depth().await.unwrap().visible, 0, "nothing of it happened");
    queue.publish(&bodies(&["good"])).await.unwrap();
    assert_eq!(queue.depth().await.unwrap().visible, 1);
}

#[tokio::test]
async fn dead_letters_tell_their_cause_and_are_sent_again_beside_the_running_queue() {
    let directory = tempfile::tempdir().unwrap();
    let queue = open(&directory, 2).await;
    queue.publish(&bodies(&["poison", "worse"])).await.unwrap();
    for _ in 1..=2 {
        for message in queue.receive(10, WAIT, Duration::ZERO).await.unwrap() {
            queue.explain(&message.receipt, &format!("{} {}", message.body, message.deliveries)).await.unwrap();
            queue.explain("0-1", "of a message that there is not").await.unwrap();
        }
    }
    assert!(queue.receive(10, Duration::ZERO, LONG).await.unwrap().is_empty());
    let mut dead = DeadLetters::open(&directory.path().join("queue.db")).await.unwrap();
    let letters = dead.list().await.unwrap();
    let told: Vec<_> = letters.iter().map(|letter| (letter.deliveries, letter.cause.as_deref())).collect();
    assert_eq!(told, [(2, Some("poison 2")), (2, Some("worse 2"))]);

    assert_eq!(dead.release(&[letters[1].id, 4711], now()).await.unwrap(), 1);
    let received = queue.receive(10, WAIT, LONG).await.unwrap();
    assert_eq!((received[0].body.as_str(), received[0].deliveries), ("worse", 1));
    assert_eq!(queue.depth().await.unwrap().dead, 1);
}

#[tokio::test]
async fn a_queue_of_an_older_version_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("queue.db");
    let mut old = SqliteConnectOptions::new().filename(&file).create_if_missing(true).connect().await.unwrap();
    let schema = "CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, sent_at INTEGER NOT NULL,
                      visible_at INTEGER NOT NULL, deliveries INTEGER NOT NULL DEFAULT 0) STRICT;
                  CREATE TABLE dead_letters (id INTEGER PRIMARY KEY, body TEXT NOT NULL, sent_at INTEGER NOT NULL,
                      died_at INTEGER NOT NULL, deliveries INTEGER NOT NULL) STRICT;
                  CREATE INDEX messages_by_visibility ON messages (visible_at, id);
                  INSERT INTO messages (body, sent_at, visible_at, deliveries) VALUES ('hidden', 1, 9000000000000, 1);
                  INSERT INTO dead_letters VALUES (7, 'old', 1, 2, 3);";
    sqlx::raw_sql(schema).execute(&mut old).await.unwrap();
    sqlx::Connection::close(old).await.unwrap();
    let letters = DeadLetters::open(&file).await.unwrap().list().await.unwrap();
    assert_eq!((letters[0].body.as_str(), letters[0].cause.as_deref()), ("old", None));
    let queue = open(&directory, 2).await;
    assert_eq!(queue.depth().await.unwrap().dead, 1);
    let received = queue.receive(10, WAIT, LONG).await.unwrap();
    assert_eq!((received[0].body.as_str(), received[0].deliveries), ("hidden", 1));
}
