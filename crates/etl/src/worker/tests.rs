use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::testing::{Faults, LAKE, Strike, World, column, config, event};

const DEADLINE: Duration = Duration::from_secs(60);

/// Runs a worker until every message is deleted, then stops it.
async fn drain(world: &World, faults: Faults) {
    run_until(world, &Arc::new(faults), world.queue.drained()).await;
}

async fn run_until(world: &World, faults: &Arc<Faults>, end: impl Future<Output = ()>) {
    let shutdown = CancellationToken::new();
    let worker = crate::run_with(config(), world.seams(faults).await, shutdown.clone());
    let end = async {
        end.await;
        shutdown.cancel();
    };
    let both = async { tokio::join!(worker, end) };
    tokio::time::timeout(DEADLINE, both).await.expect("the worker gets there in time");
}

#[tokio::test]
async fn uploads_become_rows() {
    let world = World::new();
    world.upload("U1", "a", "/x", "t,0,1.5C\nt,1,2\nt,86400,3\n");
    world.upload("U2", "b", "/y", "t,0,4\nt2,5,5\n");
    drain(&world, Faults::none()).await;
    assert_eq!(world.rows("t").await, ["U1:1", "U1:2", "U1:3", "U2:1"]);
    assert_eq!(world.rows("t2").await, ["U2:2"]);
    assert_eq!(world.records().await, ["U1 committed 3 0", "U2 committed 2 0"]);
}
