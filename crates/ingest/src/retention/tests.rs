use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::SystemTime;

use tempfile::TempDir;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const KEEP: Keep = Keep {
    retention: Duration::from_secs(24 * 3600),
    append: Append { wait: HOUR, wait_stored: Duration::from_secs(20), retention: Duration::from_secs(48 * 3600) },
};

fn spool() -> (TempDir, Arc<Spool>, Arc<Temporary>) {
    let root = tempfile::tempdir().unwrap();
    let spool = Arc::new(Spool::open(root.path()).unwrap());
    spool.home("demo").unwrap();
    (root, spool, Arc::new(Temporary::new(&["*.tmp"]).unwrap()))
}

/// A file that was last written at a time.
fn write(root: &Path, path: &str, written: Timestamp) {
    let path = root.join("homes/demo").join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "four").unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(SystemTime::from(written)).unwrap();
}

#[test]
fn old_files_go_and_the_rest_stays() {
    let (root, spool, temporary) = spool();
    // Files are as old as the kernel says, whatever their devices say, so the sweeps come later.
    let made = Timestamp::now();
    write(root.path(), "old.dat", made);
    write(root.path(), "deep/er/old.tmp", made - 1000 * HOUR);
    write(root.path(), "future.dat", made + 1000 * HOUR);
    symlink(root.path().join("homes/demo/old.dat"), root.path().join("homes/demo/link.dat")).unwrap();
    symlink(root.path(), root.path().join("homes/demo/out")).unwrap();
    fs::hard_link(root.path().join("homes/demo/old.dat"), root.path().join("outbox/01A.data")).unwrap();

    assert_eq!(sweep(&spool, &temporary, &KEEP, made + 23 * HOUR).unwrap(), Swept::default());
    let now = made + 25 * HOUR;
    assert_eq!(sweep(&spool, &temporary, &KEEP, now).unwrap(), Swept { files: 3, bytes: 12 });
    let there = |path: &str| root.path().join("homes/demo").join(path).symlink_metadata().is_ok();
    assert!(!["old.dat", "deep/er/old.tmp", "future.dat"].into_iter().any(there));
    assert!(["deep/er", "link.dat", "out"].into_iter().all(there));
    assert_eq!(fs::read(root.path().join("outbox/01A.data")).unwrap(), b"four");
    assert_eq!(sweep(&spool, &temporary, &KEEP, now).unwrap(), Swept::default());
}

#[test]
fn a_device_that_dates_its_file_back_does_not_lose_it() {
    let (root, spool, temporary) = spool();
    let now = Timestamp::now();
    write(root.path(), "under-way.tmp", now - 1000 * HOUR);
    assert_eq!(sweep(&spool, &temporary, &KEEP, now).unwrap(), Swept::default());
}

#[tokio::test]
async fn the_task_sweeps_until_the_shutdown() {
    let (root, spool, temporary) = spool();
    write(root.path(), "old.dat", Timestamp::now() - 25 * HOUR);
    let shutdown = CancellationToken::new();
    let keep = Keep { retention: Duration::from_millis(100), ..KEEP };
    let task = tokio::spawn(run(spool, temporary, keep, shutdown.clone()));
    let old = root.path().join("homes/demo/old.dat");
    let wait = async {
        while old.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        shutdown.cancel();
        task.await.unwrap();
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap();
}
