use std::collections::HashSet;

use iceberg::spec::{ManifestEntryRef, SnapshotRef};

use super::super::tests::{commit_alone, commit_one, committer, table};
use super::*;
use crate::commit::Committer;
use crate::testing::{Faults, World};

/// Past the second time that manifests are due.
const COMMITS: usize = COUNT_MIN_DEFAULT as usize * 2 + 4;

async fn manifests(table: &Table, snapshot: &SnapshotRef) -> Vec<ManifestFile> {
    table.manifest_list_reader(snapshot).load().await.unwrap().consume_entries().into_iter().collect()
}

async fn newest(committer: &Committer) -> Vec<ManifestFile> {
    let table = table(committer).await;
    manifests(&table, table.metadata().current_snapshot().unwrap()).await
}

/// What a table must go on to say of each file, whatever manifest names it.
fn facts(entry: &ManifestEntryRef) -> (String, Option<i64>, Option<i64>, Option<i64>, String) {
    let file = entry.data_file();
    let bounds = format!("{:?} {:?} {:?}", file.lower_bounds().get(&1), file.upper_bounds().get(&1), file.partition());
    (file.file_path().to_owned(), entry.snapshot_id(), entry.sequence_number(), entry.file_sequence_number, bounds)
}

#[tokio::test]
async fn small_manifests_become_one_and_say_the_same_of_each_file() {
    let world = World::new();
    let mut committer = committer(&world, Faults::none()).await;
    // All snapshots are to be there, for what they added.
    committer.history.upkeep = crate::commit::Upkeep::Service;
    commit_alone(&committer, COMMITS, &[]).await;
    assert_eq!(world.rows("t").await.len(), 2 * COMMITS);
    let manifests_now = newest(&committer).await;
    assert_eq!(manifests_now.len(), 1 + 4, "those merged last, and those added since");

    let table = table(&committer).await;
    let (mut added, mut named) = (HashSet::new(), HashSet::new());
    for snapshot in table.metadata().snapshots() {
        for manifest in manifests(&table, snapshot).await {
            let is_own = manifest.added_snapshot_id == snapshot.snapshot_id() && manifest.has_added_files();
            if is_own {
                added.extend(manifest.load_manifest(table.file_io()).await.unwrap().entries().iter().map(facts));
            }
        }
    }
    for manifest in &manifests_now {
        named.extend(manifest.load_manifest(table.file_io()).await.unwrap().entries().iter().map(facts));
    }
    assert_eq!((named.len(), &named), (COMMITS, &added));
    let merged = manifests_now.iter().find(|manifest| manifest.has_existing_files()).unwrap();
    let [files, rows] = [COMMITS - 4, 2 * (COMMITS - 4)];
    assert_eq!((merged.existing_files_count, merged.existing_rows_count), (Some(files as u32), Some(rows as u64)));
    assert_eq!((merged.min_sequence_number, merged.sequence_number), (1, files as i64));
}

#[tokio::test]
async fn a_table_may_say_otherwise() {
    for property in [(IS_ENABLED, "false"), (BYTES_TARGET, "10"), (COUNT_MIN, "1000")] {
        let world = World::new();
        let committer = committer(&world, Faults::none()).await;
        commit_alone(&committer, COMMITS, &[property]).await;
        assert_eq!(newest(&committer).await.len(), COMMITS, "{property:?}");
    }
}

#[tokio::test]
async fn a_manifest_is_no_longer_than_asked_for() {
    let world = World::new();
    let committer = committer(&world, Faults::none()).await;
    commit_one(&committer, COMMITS).await;
    let target = 3 * newest(&committer).await.first().unwrap().manifest_length - 1;
    let world = World::new();
    let committer = self::committer(&world, Faults::none()).await;
    commit_alone(&committer, COMMITS, &[(BYTES_TARGET, &target.to_string())]).await;
    let manifests = newest(&committer).await;
    assert!(manifests.len() > 5 && manifests.len() < COMMITS, "{}", manifests.len());
    assert!(manifests.iter().all(|manifest| manifest.manifest_length < 2 * target));
    assert_eq!(world.rows("t").await.len(), 2 * COMMITS);
}

#[tokio::test]
async fn what_cannot_be_merged_costs_no_commit() {
    let world = World::new();
    let committer = committer(&world, Faults::none()).await;
    commit_one(&committer, 0).await;
    let lost = newest(&committer).await.remove(0).manifest_path;
    let lost = lost.strip_prefix("file://").unwrap();
    let kept = std::fs::read(lost).unwrap();
    std::fs::remove_file(lost).unwrap();
    for number in 1..COMMITS {
        commit_one(&committer, number).await;
    }
    assert_eq!(newest(&committer).await.len(), COMMITS);
    std::fs::write(lost, kept).unwrap();
    assert_eq!(world.rows("t").await.len(), 2 * COMMITS);
}
