//! Opening a catalog that others use.

use iceberg::ErrorKind;
use sqlx::Connection as _;

use super::*;
use crate::testing::World;

#[tokio::test]
async fn a_locked_database_is_told_from_a_broken_one() {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new().filename(directory.path().join("catalog.db")).create_if_missing(true);
    let mut holder = options.connect().await.unwrap();
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut holder).await.unwrap();
    let mut other = options.busy_timeout(Duration::ZERO).connect().await.unwrap();
    let locked = sqlx::query("CREATE TABLE t (x)").execute(&mut other).await.unwrap_err();
    assert!(is_locked(&locked), "{locked}");
    let wrapped = iceberg::Error::new(ErrorKind::Unexpected, "as the catalog has it").with_source(locked);
    assert!(is_locked(&wrapped), "{wrapped}");
    sqlx::query("ROLLBACK").execute(&mut holder).await.unwrap();
    let broken = sqlx::query("no SQL").execute(&mut other).await.unwrap_err();
    assert!(!is_locked(&broken), "{broken}");
    holder.close().await.unwrap();
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_told_at_once_and_why() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let world = World::new();
    let open = async |uri: String| {
        // Before the catalog's own connections would give up.
        let opened = timeout(CONNECT * 2, sql(&uri, "s3://lake/warehouse", Arc::new(world.lake.clone()))).await.unwrap();
        format!("{:?}", opened.map(drop).unwrap_err())
    };
    for uri in
        [format!("postgres://inlet:hunter2@{nobody}/catalog"), format!("postgres://{nobody}/catalog?user=inlet&password=hunter2")]
    {
        let error = open(uri).await;
        assert!(error.contains("ConnectionRefused") && !error.contains("hunter2"), "{error}");
    }
    let error = open(format!("postgres://inlet:hunter/2@{nobody}/catalog")).await;
    assert!(error.contains("…@127.0.0.1") && !error.contains("hunter"), "{error}");
}

/// Each time the last one closes the database and the first one opens it, while others do the same.
#[tokio::test(flavor = "multi_thread")]
async fn many_open_and_close_a_catalog_at_once() {
    let world = World::new();
    let open_and_close = (0..8).map(|_| async {
        for _ in 0..8 {
            drop(world.catalog(Arc::new(world.lake.clone())).await);
        }
    });
    futures::future::join_all(open_and_close).await;
}
