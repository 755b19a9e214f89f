use std::collections::BTreeMap;
use std::path::Path;

use iceberg::transaction::{ApplyTransactionAction, Transaction};

use super::super::tests::{commit_alone, committer, table};
use super::*;
use crate::commit::Committer;
use crate::table::since;
use crate::testing::{Faults, Strike, World, now};

/// More than are kept, with those that wait for others to go with them.
const COMMITS: usize = SNAPSHOTS_MAX * 3;
const METADATA_MAX: usize = 5;

async fn commit(committer: &Committer, properties: &[(&str, &str)]) {
    commit_alone(committer, COMMITS + 1, properties).await;
}

/// How many snapshots the table has, how many manifest lists and metadata files lie there, and how many manifests that no snapshot names.
async fn counts(world: &World, committer: &Committer) -> [usize; 4] {
    let table = table(committer).await;
    let at = table.metadata_location().unwrap().strip_prefix("file://").unwrap();
    let folder = Path::new(at).parent().unwrap();
    let names: Vec<String> = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let count = |is: &dyn Fn(&str) -> bool| names.iter().filter(|name| is(name)).count();
    assert_eq!(world.rows("t").await.len(), 2 * (COMMITS + 1), "no row goes");
    let mut named = HashSet::new();
    for snapshot in table.metadata().snapshots() {
        let list = table.manifest_list_reader(snapshot).load().await.unwrap();
        named.extend(list.entries().iter().filter_map(|manifest| manifest.manifest_path.rsplit('/').next()).map(str::to_owned));
    }
    let there: HashSet<String> =
        names.iter().filter(|name| name.ends_with(".avro") && !name.starts_with("snap-")).cloned().collect();
    assert!(named.is_subset(&there));
    [
        table.metadata().snapshots().count(),
        count(&|name| name.starts_with("snap-")),
        count(&|name| name.ends_with(".metadata.json")),
        there.difference(&named).count(),
    ]
}

#[tokio::test]
async fn what_the_newest_states_do_not_need_goes() {
    let world = World::new();
    let committer = committer(&world, Faults::none()).await;
    commit(&committer, &[("write.metadata.previous-versions-max", &METADATA_MAX.to_string())]).await;
    let [snapshots, lists, metadata, unnamed] = counts(&world, &committer).await;
    assert!((SNAPSHOTS_MAX..=SNAPSHOTS_MAX + EXPIRED_MIN).contains(&snapshots), "{snapshots}");
    assert_eq!((lists, metadata, unnamed), (snapshots, METADATA_MAX + 1, 0));
    assert_eq!(since(table(&committer).await.metadata()), Some(now()), "the first snapshot is gone, but not when it came");
}

#[tokio::test]
async fn a_service_that_removes_the_metadata_files_is_not_interfered_with() {
    let world = World::new();
    let mut committer = committer(&world, Faults::none()).await;
    committer.history.upkeep = Upkeep::Snapshots;
    commit(&committer, &[("write.metadata.previous-versions-max", &METADATA_MAX.to_string())]).await;
    let [snapshots, lists, metadata, unnamed] = counts(&world, &committer).await;
    assert!(snapshots <= SNAPSHOTS_MAX + EXPIRED_MIN, "{snapshots}");
    assert_eq!((lists, unnamed), (snapshots, 0));
    assert!(metadata > COMMITS, "{metadata}");
}

#[tokio::test]
async fn a_table_may_say_otherwise() {
    for property in [(IS_COLLECTED, "false"), (AGE_MAX, "3600000")] {
        let world = World::new();
        let committer = committer(&world, Faults::none()).await;
        commit(&committer, &[property]).await;
        let [snapshots, lists, _, unnamed] = counts(&world, &committer).await;
        assert_eq!((snapshots, lists, unnamed), (COMMITS + 1, COMMITS + 1, 0), "{property:?}");
    }
    let world = World::new();
    let mut committer = committer(&world, Faults::none()).await;
    committer.history.upkeep = Upkeep::Service;
    commit(&committer, &[]).await;
    assert_eq!(counts(&world, &committer).await[..2], [COMMITS + 1; 2]);
}

#[tokio::test]
async fn a_file_that_cannot_be_removed_costs_no_commit() {
    let world = World::new();
    let committer = committer(&world, Faults::at("lake delete", 0, Strike::FailBefore)).await;
    commit(&committer, &[]).await;
    let [snapshots, lists, _, unnamed] = counts(&world, &committer).await;
    assert_eq!((lists, unnamed), (snapshots + 1, 0));
}

#[tokio::test]
async fn what_others_let_expire_is_left_to_them() {
    for upkeep in [Upkeep::Service, Upkeep::Snapshots, Upkeep::Whole] {
        let world = World::new();
        let mut committer = committer(&world, Faults::none()).await;
        committer.history.upkeep = upkeep;
        commit(&committer, &[(AGE_MAX, "3600000")]).await;
        let before = table(&committer).await;
        let catalog = committer.tables.catalog.as_ref();
        let transaction = Transaction::new(&before);
        let expire = transaction.expire_snapshots().expire_older_than_ms(i64::MAX);
        let after = expire.apply(transaction).unwrap().commit(catalog).await.unwrap();
        committer.history.shorten(catalog, &before, &after).await;
        assert_eq!(counts(&world, &committer).await[..2], [1, COMMITS + 1], "{upkeep:?}");
    }
}

#[tokio::test]
async fn manifests_stay_where_an_earlier_state_is_held() {
    let world = World::new();
    let committer = committer(&world, Faults::none()).await;
    commit(&committer, &[(AGE_MAX, "3600000")]).await;
    let all = table(&committer).await;
    let catalog = committer.tables.catalog.as_ref();
    let sequences = all.metadata().snapshots().map(|snapshot| (snapshot.sequence_number(), snapshot.snapshot_id()));
    let sequences: BTreeMap<i64, i64> = sequences.collect();
    // All but the newest state and one in the middle, as if a tag named it.
    let middle = i64::try_from(COMMITS / 2).unwrap();
    let ids = sequences.iter().filter(|(number, _)| **number != middle).map(|(_, id)| *id).take(COMMITS - 1);
    let transaction = Transaction::new(&all);
    let expire = transaction.expire_snapshots().expire_older_than_ms(0).expire_snapshot_ids(ids);
    let left = expire.apply(transaction).unwrap().commit(catalog).await.unwrap();
    assert_eq!(left.metadata().snapshots().count(), 2);
    let gone = all.metadata().snapshots().filter(|one| left.metadata().snapshot_by_id(one.snapshot_id()).is_none());
    let gone: Vec<&SnapshotRef> = gone.collect();
    assert_eq!(manifests_gone(&all, &left, &gone).await.unwrap(), Vec::<String>::new());
}
