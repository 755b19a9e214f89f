//! Uploads that are too long, or too many for their home.

use super::*;

/// The account `demo` with room for 1,000 bytes.
fn small() -> Bench {
    let mut bench = Bench::new();
    bench.account.quota = Some(bytesize::ByteSize::b(1000));
    bench
}

fn check_full(outcome: Result<u64>) {
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::ExceededStorageAllocationError);
}

#[tokio::test]
async fn an_upload_over_the_quota_leaves_nothing() {
    let bench = small();
    bench.put(Verb::Stor, "a.dat", &[1; 600]).await.unwrap();
    check_full(bench.put(Verb::Stor, "b.dat", &[2; 401]).await);
    check_full(bench.put(Verb::Appe, "a.dat", &[2; 401]).await);
    check_full(bench.put(Verb::Stou, "b.dat", &[2; 1_000_000]).await);
    assert_eq!((bench.read("a.dat").len(), bench.outbox().len()), (600, 1));
    assert!(!bench.home("b.dat").exists());
    bench.nothing_under_way();
    // It begins at the end of the file, and the file stays.
    check_full(bench.put_at(Verb::Stor, "a.dat", &[2; 401], 600).await);
    bench.put(Verb::Appe, "a.dat", &[2; 300]).await.unwrap();
    bench.put_at(Verb::Stor, "a.dat", &[2; 100], 900).await.unwrap();
    check_full(bench.put(Verb::Stor, "c.tmp", &[2; 1]).await);
}

#[tokio::test]
async fn what_is_replaced_removed_or_renamed_over_makes_room() {
    let bench = small();
    for length in [600, 1000, 900] {
        bench.put(Verb::Stor, "a.dat", &vec![1; length]).await.unwrap();
    }
    check_full(bench.put(Verb::Stor, "a.dat", &[1; 1001]).await);
    bench.put_at(Verb::Stor, "a.dat", &[1; 50], 50).await.unwrap();
    bench.put(Verb::Stor, "b.tmp", &[1; 900]).await.unwrap();
    bench.rename("b.tmp", "a.dat").await.unwrap();
    bench.rename("a.dat", "a.dat").await.unwrap();
    bench.put(Verb::Stor, "c.dat", &[1; 100]).await.unwrap();
    check_full(bench.put(Verb::Stor, "d.dat", &[1; 1]).await);
    bench.session().0.del(&bench.account, "a.dat").await.unwrap();
    bench.put(Verb::Stor, "d.dat", &[1; 900]).await.unwrap();
}

#[tokio::test]
async fn an_upload_that_breaks_off_gives_its_room_back() {
    let bench = small();
    let (landing, session) = bench.session();
    session.begin(Mode::Active, Verb::Stor);
    session.end(Fate::Broken);
    landing.put(&bench.account, io::Cursor::new(vec![1; 900]), "a.dat", 0).await.unwrap_err();
    bench.put(Verb::Stor, "a.dat", &[1; 1000]).await.unwrap();
}

#[tokio::test]
async fn files_that_were_there_before_count() {
    let bench = small();
    fs::create_dir(bench.home("data")).unwrap();
    fs::write(bench.home("data/old.dat"), [0; 999]).unwrap();
    check_full(bench.put(Verb::Stor, "a.dat", &[1; 2]).await);
    bench.put(Verb::Stor, "a.dat", &[1; 1]).await.unwrap();
}

#[tokio::test]
async fn an_upload_that_is_too_long_is_refused_while_it_runs() {
    let bench = Bench::new();
    let (mut landing, session) = bench.session();
    landing.upload_bytes_max = 1_000_000;
    session.begin(Mode::Active, Verb::Stor);
    // The bytes never end, and nobody says how the transfer does.
    let endless = tokio::io::repeat(7);
    check_full(landing.put(&bench.account, endless, "a.dat", 0).await);
    let said = session.take_refusal().unwrap();
    assert!(said.contains("longer than 976.6 KiB"), "{said}");
    assert!(!bench.home("a.dat").exists());
    assert_eq!(bench.outbox(), []);
    // A write that was under way ends a little later.
    while !names(&bench.root.path().join("spool")).is_empty() {
        tokio::task::yield_now().await;
    }
}
