use super::*;

#[test]
fn a_volume_has_some_room() {
    let folder = tempfile::tempdir().unwrap();
    assert!(free(std::fs::File::open(folder.path()).unwrap()).is_some_and(|bytes| bytes > 0));
    let folder = cap_std::fs::Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority()).unwrap();
    assert!(free(&folder).is_some());
}
