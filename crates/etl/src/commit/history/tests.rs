use std::path::Path;

use iceberg::transaction::{ApplyTransactionAction, Transaction};

use super::super::tests::{committer, shares, value};
use super::*;
use crate::commit::Committer;
use crate::ledger::new_name;
use crate::table::since;
use crate::testing::{Faults, Strike, World, now};

/// More than are kept, with those that wait for others to go with them.
const COMMITS: usize = SNAPSHOTS_MAX * 3;
const METADATA_MAX: usize = 5;

async fn table(committer: &Committer) -> Table {
    committer.tables.load("t").await.unwrap().unwrap()
}

/// Commits once more than said, and sets the properties behind the first commit.
async fn commit(committer: &Committer, commits: usize, properties: &[(&str, &str)]) {
    for number in 0..=commits {
        committer.commit("t", new_name(now()), &shares([value(&format!("U{number}"))])).await.unwrap();
        if number == 0 {
            let table = table(committer).await;
            let transaction = Transaction::new(&table);
            let mut update = transaction.update_table_properties();
            for (name, value) in properties {
                update = update.set((*name).to_owned(), (*value).to_owned());
            }
            update.apply(transaction).unwrap().commit(committer.tables.catalog.as_ref()).await.unwrap();
        }
    }
}

/// How many snapshots the table has, and how many manifest lists and metadata files lie there.
async fn counts(world: &World, committer: &Committer) -> [usize; 3] {
    let table = table(committer).await;
    let at = table.metadata_location().unwrap().strip_prefix("file://").unwrap();
    let folder = Path::new(at).parent().unwrap();
    let names: Vec<String> = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let count = |is: &dyn Fn(&str) -> bool| names.iter().filter(|name| is(name)).count();
    assert_eq!(world.rows("t").await.len(), 2 * (COMMITS + 1), "no row goes");
    [
        table.metadata().snapshots().count(),
        count(&|name| name.starts_with("snap-")),
        count(&|name| name.ends_with(".metadata.json")),
    ]
}

#[tokio::test]
async fn what_the_newest_states_do_not_need_goes() {
    let world = World::new();
    let committer = committer(&world, Faults::none()).await;
    commit(&committer, COMMITS, &[("write.metadata.previous-versions-max", &METADATA_MAX.to_string())]).await;
    let [snapshots, lists, metadata] = counts(&world, &committer).await;
    assert!((SNAPSHOTS_MAX..=SNAPSHOTS_MAX + EXPIRED_MIN).contains(&snapshots), "{snapshots}");
    assert_eq!((lists, metadata), (snapshots, METADATA_MAX + 1));
    assert_eq!(since(table(&committer).await.metadata()), Some(now()), "the first snapshot is gone, but not when it came");
}

#[tokio::test]
async fn a_service_that_removes_the_metadata_files_is_not_interfered_with() {
    let world = World::new();
    let mut committer = committer(&world, Faults::none()).await;
    committer.history.upkeep = Upkeep::Snapshots;
    commit(&committer, COMMITS, &[("write.metadata.previous-versions-max", &METADATA_MAX.to_string())]).await;
    let [snapshots, lists, metadata] = counts(&world, &committer).await;
    assert!(snapshots <= SNAPSHOTS_MAX + EXPIRED_MIN && lists == snapshots, "{snapshots} {lists}");
    assert!(metadata > COMMITS, "{metadata}");
}

#[tokio::test]
async fn a_table_may_say_otherwise() {
    for property in [(IS_COLLECTED, "false"), (AGE_MAX, "3600000")] {
        let world = World::new();
        let committer = committer(&world, Faults::none()).await;
        commit(&committer, COMMITS, &[property]).await;
        let [snapshots, lists, _] = counts(&world, &committer).await;
        assert_eq!((snapshots, lists), (COMMITS + 1, COMMITS + 1), "{property:?}");
    }
    let world = World::new();
    let mut committer = committer(&world, Faults::none()).await;
    committer.history.upkeep = Upkeep::Service;
    commit(&committer, COMMITS, &[]).await;
    assert_eq!(counts(&world, &committer).await[..2], [COMMITS + 1; 2]);
}

#[tokio::test]
async fn a_file_that_cannot_be_removed_costs_no_commit() {
    let world = World::new();
    let committer = committer(&world, Faults::at("lake delete", 0, Strike::FailBefore)).await;
    commit(&committer, COMMITS, &[]).await;
    let [snapshots, lists, _] = counts(&world, &committer).await;
    assert_eq!(lists, snapshots + 1);
}
