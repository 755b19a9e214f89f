//! The embedded queue under kill -9: what it has acknowledged is there afterwards.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use etl::Queue;
use inlet::embedded::SqliteQueue;
use watcher::Publish;

const DIRECTORY: &str = "INLET_CONTRACT_CRASH";
const ACKNOWLEDGED: &str = "acknowledged ";
const ROUNDS: usize = 3;
const PUBLISHERS: usize = 8;
const VISIBILITY: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn what_the_queue_in_sqlite_has_taken_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        acknowledged
            .extend(killed_after(300 + 77 * round, directory.path().to_owned()).into_iter().map(|id| format!("{round}-{id}")));
        let queue = SqliteQueue::open(&directory.path().join("queue.db"), 100).await.unwrap();
        let mut found = BTreeSet::new();
        loop {
            let messages = queue.receive(10, Duration::ZERO, VISIBILITY).await.unwrap();
            if messages.is_empty() {
                break;
            }
            let receipts = messages.iter().map(|message| message.receipt.clone()).collect();
            assert_eq!(queue.delete(receipts).await.unwrap(), [""; 0]);
            found.extend(messages.into_iter().map(|message| format!("{round}-{}", message.body)));
        }
        let lost: Vec<_> = acknowledged.difference(&found).filter(|id| id.starts_with(&format!("{round}-"))).collect();
        assert!(lost.is_empty(), "round {round}: acknowledged and lost: {lost:?}");
    }
}

/// Runs `child` in a process of its own, kills it when it has said so many times that a message was taken, and returns all of
/// which it has said so.
fn killed_after(messages: usize, directory: PathBuf) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--ignored", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = lines.map_while(Result::ok).filter_map(|line| Some(line.strip_prefix(ACKNOWLEDGED)?.to_owned()));
    let mut taken: Vec<String> = acknowledged.by_ref().take(messages).collect();
    // SIGKILL, in the middle of its work.
    child.kill().unwrap();
    taken.extend(acknowledged);
    child.wait().unwrap();
    assert!(taken.len() >= messages, "the child ended by itself");
    taken
}

/// Publishes until it is killed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the test above, as the process that is killed"]
async fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let queue = SqliteQueue::open(&PathBuf::from(directory).join("queue.db"), 100).await.unwrap();
    let publishers = (0..PUBLISHERS).map(|publisher| {
        let queue = queue.clone();
        tokio::spawn(async move {
            for number in 0_u64.. {
                let body = format!("{publisher}/{number}");
                assert_eq!(queue.publish(std::slice::from_ref(&body)).await.unwrap(), [0; 0]);
                writeln!(std::io::stdout(), "{ACKNOWLEDGED}{body}").unwrap();
            }
        })
    });
    futures::future::join_all(publishers).await;
}
