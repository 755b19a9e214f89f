use std::fs;

use cap_std::ambient_authority;
use tempfile::TempDir;

use super::*;

const QUOTA: u64 = 100;

/// A home with a file of 30 bytes and, in a folder, one of 20.
fn home() -> (TempDir, Dir) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("a"), [0; 30]).unwrap();
    fs::write(folder.path().join("data/b"), [0; 20]).unwrap();
    let home = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
    (folder, home)
}

#[test]
fn an_upload_may_grow_until_the_home_is_full() {
    let (_folder, home) = home();
    let usage = Usage::default();
    let mut claim = usage.claim("demo", &home, QUOTA, 0).unwrap();
    assert!(claim.grow(30) && claim.grow(20) && !claim.grow(1));
    // Another account's home is its own affair, and another upload's bytes count while it is under way.
    assert!(usage.claim("other", &home, QUOTA, 0).unwrap().grow(50));
    assert!(!usage.claim("demo", &home, QUOTA, 0).unwrap().grow(1));
    drop(claim);
    assert!(usage.claim("demo", &home, QUOTA, 0).unwrap().grow(50));
}

#[test]
fn a_file_that_is_replaced_makes_room_for_the_new_one() {
    let (_folder, home) = home();
    let usage = Usage::default();
    let mut claim = usage.claim("demo", &home, QUOTA, 30).unwrap();
    assert!(claim.grow(80) && !claim.grow(1));
    claim.keep(30);
    assert_eq!(usage.before("demo"), Some(100));
    usage.freed("demo", 80);
    assert!(usage.claim("demo", &home, QUOTA, 0).unwrap().grow(80));
}

#[test]
fn a_recount_sets_right_what_others_changed_and_keeps_what_came_meanwhile() {
    let (folder, home) = home();
    let usage = Usage::default();
    assert!(usage.claim("demo", &home, QUOTA, 0).unwrap().grow(50));
    fs::remove_file(folder.path().join("a")).unwrap();
    let before = usage.before("demo");
    let mut claim = usage.claim("demo", &home, QUOTA, 0).unwrap();
    assert!(claim.grow(10));
    claim.keep(0);
    usage.recounted("demo", before, 20);
    assert_eq!(usage.before("demo"), Some(30));
    let before = usage.before("demo");
    usage.freed("demo", 5);
    usage.recounted("demo", before, 30);
    assert_eq!(usage.before("demo"), Some(25));
    usage.recounted("new", None, 7);
    assert_eq!(usage.before("new"), Some(7));
}
