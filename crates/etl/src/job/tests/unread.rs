//! Uploads of which nothing can be read any more.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::intake::Until;
use crate::testing::config;

/// Does what was asked, remembering uploads for twenty years only.
async fn drain_remembering(world: &World, now: fn() -> Timestamp) {
    let mut config = config();
    config.ledger.window = Some(Duration::from_hours(20 * 365 * 24));
    let seams = crate::Seams { now, ..world.seams(&Arc::new(Faults::none())).await };
    crate::run_with(config, seams, Until::Empty, CancellationToken::new()).await.unwrap();
}

/// Two uploads of which the first one landed before what is remembered, and the table with both from when that was not so.
async fn world_with_an_old_upload() -> World {
    let world = World::new();
    for (landed_at, id) in [("1990-01-01T00:00:00Z", "U1"), ("2026-11-21T21:08:00Z", "U2")] {
        let key = world.store_at(landed_at, id, "a", &format!("/{id}"), "t,0,1\n");
        world.queue.send(&event(&key, 6));
    }
    drain(&world, Faults::none()).await;
    assert_eq!(world.rows("t").await, ["U1:1", "U2:1"]);
    world
}

#[tokio::test]
async fn a_new_table_has_what_landed_before_uploads_are_remembered() {
    let world = world_with_an_old_upload().await;
    // Begun twice, it is made once.
    for expected in [(vec![("t_2".to_owned(), 2)], 0, 0), (vec![], 2, 0)] {
        let job = world.ask(Task::Rebuild { table: "t".into(), into: "t_2".into() });
        drain_remembering(&world, crate::testing::now).await;
        assert_eq!(counts(&world, &job).await, expected);
        assert_eq!(world.rows("t_2").await, ["U1:1", "U2:1"]);
    }
}

/// Nobody can say any more what is in it.
#[tokio::test]
async fn an_old_table_is_not_rebuilt_from_what_is_forgotten() {
    let world = world_with_an_old_upload().await;
    world.ask(Task::Rebuild { table: "t".into(), into: "t_2".into() });
    drain_remembering(&world, crate::testing::now).await;
    let job = world.ask(Task::Rebuild { table: "t".into(), into: "t_2".into() });
    drain_remembering(&world, || "2099-01-01T00:00:00Z".parse().unwrap()).await;
    let told = report(&world, &job).await;
    assert_eq!((told.done, told.uploads, told.unread), (true, 0, 2));
    let problem = told.problem.unwrap();
    assert!(
        problem.starts_with("2 uploads could not be read") && problem.contains("the first is U1: landed at 1990"),
        "{problem}"
    );
    assert_eq!(world.rows("t_2").await, ["U1:1", "U2:1"]);
}

#[tokio::test]
async fn what_a_replay_into_one_table_cannot_read_is_told() {
    let world = World::new();
    world.upload("U1", "a", "/1", "t,0,1\n");
    drain(&world, Faults::none()).await;
    // Another time and another device are none of its business.
    world.store_at("2026-11-21T20:00:00Z", "U2", "a", "/2", "!t,0,1\n");
    world.store("U3", "b", "/3", "!t,0,1\n");
    let job = world.ask(replay("a", Some("t")));
    drain_remembering(&world, || "2099-01-01T00:00:00Z".parse().unwrap()).await;
    let told = report(&world, &job).await;
    assert_eq!((told.done, told.uploads, told.unread), (true, 0, 1));
    let why = "the first is U1: landed at 2026-11-21T21:08:01.375Z, longer ago than processed uploads are remembered";
    assert!(told.problem.as_ref().is_some_and(|problem| problem.ends_with(why)), "{told:?}");
}

/// What is in quarantine as a whole was never in the table: a table without it lacks nothing that is not known.
#[tokio::test]
async fn what_is_in_quarantine_is_no_problem_of_a_rebuild() {
    let world = World::new();
    world.upload("U1", "a", "/1", "t,0,1\n");
    world.upload("U2", "a", "/2", "!t,0,1\n");
    drain(&world, Faults::none()).await;
    let job = world.ask(Task::Rebuild { table: "t".into(), into: "t_2".into() });
    drain(&world, Faults::none()).await;
    assert_eq!(counts(&world, &job).await, (vec![("t_2".into(), 1)], 0, 1));
    // Its event has not come yet.
    world.store("U3", "a", "/3", "!t,0,1\n");
    let job = world.ask(Task::Rebuild { table: "t".into(), into: "t_3".into() });
    drain(&world, Faults::none()).await;
    let told = report(&world, &job).await;
    assert_eq!((told.uploads, told.quarantined, told.unread), (1, 1, 1));
    assert!(told.problem.as_ref().is_some_and(|problem| problem.ends_with("the first is U3: it begins with !")), "{told:?}");
}
