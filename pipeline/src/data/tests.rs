use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn a_directory_that_is_made_is_for_the_service_and_its_group_alone() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("deep/data");
    let data = Data::open(&path).unwrap();
    assert!(data.path().is_absolute());
    for made in [path.as_path(), path.parent().unwrap()] {
        let mode = fs::metadata(made).unwrap().permissions().mode() & 0o7777;
        // The umask may take more away, and gives nothing.
        assert_eq!((mode & !0o750, mode & 0o700), (0, 0o700), "{made:?} has mode {mode:o}");
    }
}

#[test]
fn a_directory_that_is_there_keeps_its_mode() {
    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o700)).unwrap();
    Data::open(root.path()).unwrap();
    assert_eq!(fs::metadata(root.path()).unwrap().permissions().mode() & 0o7777, 0o700);
}

#[test]
fn a_command_that_only_asks_makes_no_directory() {
    let root = tempfile::tempdir().unwrap();
    let missing = root.path().join("mistyped");
    let said = format!("{:#}", Data::existing(&missing).unwrap_err());
    assert!(said.contains(&missing.display().to_string()) && said.contains("inlet up"), "{said}");
    assert!(!missing.exists());
    assert_eq!(Data::existing(root.path()).unwrap().path(), root.path().canonicalize().unwrap());
}

#[test]
fn one_process_at_a_time_has_a_role() {
    let root = tempfile::tempdir().unwrap();
    let data = Data::open(root.path()).unwrap();
    let held = data.lock("ingest").unwrap();
    let said = data.lock("ingest").unwrap_err().to_string();
    assert!(said.contains("another process does `ingest`"), "{said}");
    assert!(data.lock("watch").is_ok());
    drop(held);
    assert!(data.lock("ingest").is_ok());
}
