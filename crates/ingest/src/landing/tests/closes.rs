//! Files whose last line has no end.

use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::config::Append;
use crate::retention::{self, Keep};

/// The records that came to the outbox: verb, offset, and the upload that they name before them.
fn came(bench: &Bench) -> Vec<(String, u64, Option<String>)> {
    let field = |record: &Value| {
        let previous = record["previous"]["upload"].as_str().map(str::to_owned);
        (record["verb"].as_str().unwrap().to_owned(), record["offset"].as_u64().unwrap(), previous)
    };
    bench.outbox().iter().map(|(record, _)| field(record)).collect()
}

fn verbs(bench: &Bench) -> Vec<String> {
    came(bench).into_iter().map(|(verb, _, _)| verb).collect()
}

fn uploads(bench: &Bench) -> Vec<String> {
    bench.outbox().iter().map(|(record, _)| record["upload"].as_str().unwrap().to_owned()).collect()
}

/// As the task that closes and the one that sweeps do at that time.
fn sweep(bench: &Bench, now: Timestamp) {
    let hours = |hours: u64| Duration::from_secs(3600 * hours);
    let append = Append { wait: hours(2), wait_stored: hours(1), retention: hours(100) };
    let temporary = Temporary::new(&["*.tmp"]).unwrap();
    retention::sweep(&bench.spool, &temporary, &Keep { retention: hours(24), append }, now).unwrap();
}

fn hours(hours: i64) -> Timestamp {
    Timestamp::now() + jiff::SignedDuration::from_hours(hours)
}

#[tokio::test]
async fn a_segment_names_the_upload_before_it() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "x.dat", b"one\n").await.unwrap();
    bench.put(Verb::Appe, "x.dat", b"two\n").await.unwrap();
    bench.rename("x.dat", "y.dat").await.unwrap();
    bench.put(Verb::Appe, "y.dat", b"three\n").await.unwrap();
    bench.put(Verb::Stor, "y.dat", b"new\n").await.unwrap();
    bench.put(Verb::Appe, "y.dat", b"newer\n").await.unwrap();
    let [first, second, _, fourth, _] = &uploads(&bench)[..] else { panic!() };
    let previous: Vec<_> = came(&bench).into_iter().map(|(_, _, previous)| previous).collect();
    assert_eq!(previous, [None, Some(first.clone()), Some(second.clone()), None, Some(fourth.clone())]);
    let (record, _) = &bench.outbox()[1];
    assert_eq!(record["previous"]["device"], "station-7");
    assert_eq!(record["previous"]["landed_at"], bench.outbox()[0].0["landed_at"]);
}

#[tokio::test]
async fn a_store_that_begins_at_the_very_end_is_an_append() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "x.dat", b"one\nt").await.unwrap();
    bench.put_at(Verb::Stor, "x.dat", b"wo\n", 5).await.unwrap();
    assert_eq!(bench.read("x.dat"), b"one\ntwo\n");
    let first = uploads(&bench)[0].clone();
    assert_eq!(came(&bench), [("STOR".into(), 0, None), ("STOR".into(), 5, Some(first))]);
    assert_eq!(bench.outbox()[1].1, b"wo\n");
    bench.nothing_under_way();
}

#[tokio::test]
async fn a_file_somebody_else_wrote_to_has_no_past() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "x.dat", b"one\n").await.unwrap();
    fs::write(bench.home("z.dat"), "elsewhere\n").unwrap();
    bench.rename("z.dat", "x.dat").await.unwrap();
    bench.put(Verb::Appe, "x.dat", b"two\n").await.unwrap();
    assert_eq!(came(&bench)[1], ("APPE".into(), 10, None));
}

#[tokio::test]
async fn a_file_is_closed_when_it_goes() {
    let bench = Bench::new();
    for path in ["removed", "replaced", "renamed-over", "swept"] {
        bench.put(Verb::Stor, path, b"a\n1").await.unwrap();
    }
    let before = bench.outbox().len();
    bench.session().0.del(&bench.account, "removed").await.unwrap();
    bench.put(Verb::Stor, "replaced", b"b\n").await.unwrap();
    bench.put(Verb::Stor, "other", b"c\n").await.unwrap();
    bench.rename("other", "renamed-over").await.unwrap();
    sweep(&bench, hours(25));
    let records: Vec<_> = bench.outbox().into_iter().map(|(record, _)| record).collect();
    let close = |path: &str| {
        let close = records.iter().find(|record| record["verb"] == "CLOSE" && record["path"] == *path).unwrap();
        let first = records.iter().find(|record| record["verb"] == "STOR" && record["path"] == *path).unwrap();
        assert_eq!((&close["offset"], &close["bytes"]), (&Value::from(3), &Value::from(0)));
        assert_eq!(close["previous"]["upload"], first["upload"]);
        let same = ["account", "device", "zone", "client", "session"];
        assert!(same.iter().all(|key| close[key] == first[key]), "{close}");
    };
    ["/removed", "/replaced", "/renamed-over", "/swept"].iter().for_each(|path| close(path));
    assert_eq!(records.len(), before + 6);
    bench.nothing_under_way();
}

#[tokio::test]
async fn a_file_that_is_sent_again_longer_is_not_closed() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "x.dat", b"a\n1").await.unwrap();
    bench.put(Verb::Stor, "x.dat", b"a\n1").await.unwrap();
    bench.put(Verb::Stor, "x.dat", b"a\n12\n").await.unwrap();
    assert_eq!(verbs(&bench), ["STOR", "STOR", "STOR"]);
}

#[tokio::test]
async fn a_file_is_closed_once_when_it_has_waited_for_long_enough() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "stored", b"a\n1").await.unwrap();
    bench.put(Verb::Stor, "appended", b"a\n").await.unwrap();
    bench.put(Verb::Appe, "appended", b"1").await.unwrap();
    bench.put(Verb::Stor, "ended", b"a\n1\n").await.unwrap();
    bench.put(Verb::Stor, "x.tmp", b"a\n1").await.unwrap();
    let before = bench.outbox().len();
    let closed = || came(&bench).len() - before;
    let found = [(0, 0), (1, 1), (2, 2), (3, 2)].map(|(at, expected)| {
        sweep(&bench, hours(at));
        (closed(), expected)
    });
    assert!(found.iter().all(|(found, expected)| found == expected), "{found:?}");
    // What comes behind a close says so.
    bench.put(Verb::Appe, "stored", b"2\n").await.unwrap();
    let close = bench.outbox().iter().find(|(record, _)| record["verb"] == "CLOSE").unwrap().0["upload"].clone();
    let append = bench.outbox().into_iter().find(|(record, _)| record["path"] == "/stored" && record["verb"] == "APPE").unwrap();
    assert_eq!(append.0["previous"]["upload"], close);
    bench.nothing_under_way();
}

#[tokio::test]
async fn a_file_that_begins_by_appe_waits_as_one_that_is_appended_to() {
    let bench = Bench::new();
    bench.spool.take_stored_as_whole();
    bench.put(Verb::Appe, "x.dat", b"a\n1").await.unwrap();
    bench.put(Verb::Appe, "ended.dat", b"a\n1\n").await.unwrap();
    bench.put(Verb::Appe, "nothing.dat", b"").await.unwrap();
    let open: Vec<_> = bench.outbox().into_iter().map(|(record, _)| record["open"] == true).collect();
    assert_eq!(open, [true, false, false]);
    sweep(&bench, hours(1));
    assert_eq!(verbs(&bench), ["APPE"; 3]);
    bench.put(Verb::Appe, "x.dat", b"2\n").await.unwrap();
    sweep(&bench, hours(99));
    assert_eq!(bench.read("x.dat"), b"a\n12\n", "it stays for the next append");
    sweep(&bench, hours(101));
    assert!(!bench.home("x.dat").exists());
    assert_eq!(verbs(&bench), ["APPE"; 4]);
}

#[tokio::test]
async fn the_task_closes_without_a_sweep() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "x.dat", b"a\n1").await.unwrap();
    bench.rename("x.dat", "y.dat").await.unwrap();
    let config = Append { wait: Duration::from_secs(3600), wait_stored: Duration::ZERO, retention: Duration::from_secs(3600) };
    let shutdown = tokio_util::sync::CancellationToken::new();
    let task = tokio::spawn(crate::closing::run(Arc::clone(&bench.spool), config, shutdown.clone()));
    let wait = async {
        while bench.outbox().len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap();
    shutdown.cancel();
    task.await.unwrap();
    let (close, _) = &bench.outbox()[1];
    assert_eq!((&close["verb"], &close["path"]), (&Value::from("CLOSE"), &Value::from("/y.dat")));
}

#[tokio::test]
async fn a_file_that_is_appended_to_stays_longer() {
    let bench = Bench::new();
    bench.put(Verb::Stor, "stored", b"a\n").await.unwrap();
    bench.put(Verb::Stor, "appended", b"a\n").await.unwrap();
    bench.put(Verb::Appe, "appended", b"1\n").await.unwrap();
    sweep(&bench, hours(25));
    assert_eq!(names(&bench.home("")), ["appended"]);
    sweep(&bench, hours(101));
    assert_eq!(names(&bench.home("")), [""; 0]);
}
