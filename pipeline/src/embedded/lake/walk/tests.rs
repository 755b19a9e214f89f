use super::*;

/// Names whose order differs with and without the `/` of a folder.
const KEYS: [&str; 9] = ["a!", "a/b!c", "a/b/1", "a/b/2", "a/b/c/3", "a/b0", "a0", "log#1", "raw/x"];

fn bucket() -> tempfile::TempDir {
    let bucket = tempfile::tempdir().unwrap();
    for file in KEYS.iter().map(|key| key.replace("log#1", "log#%1")).chain(["#staging/0".into(), "raw/x#facts".into()]) {
        let file = bucket.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
    }
    bucket
}

#[test]
fn every_page_of_every_prefix_is_what_a_sorted_list_gives() {
    let bucket = bucket();
    let [prefixes, afters] =
        [["", "a", "a/", "a/b", "a/b/", "a/b/c/3", "a/b/1/"], ["", "a", "a/b", "a/b/", "a/b/1", "a/b/c", "z"]];
    for prefix in prefixes {
        for after in afters.iter().chain(&KEYS) {
            for keys_max in [0, 1, 3, 100] {
                let expected: Vec<&str> =
                    KEYS.into_iter().filter(|key| key.starts_with(prefix) && key > after).take(keys_max).collect();
                assert_eq!(keys(bucket.path(), prefix, after, keys_max).unwrap(), expected, "{prefix:?} after {after:?}");
            }
        }
    }
}

#[test]
fn a_folder_that_is_a_link_is_walked_and_a_link_to_nothing_is_not() {
    let (bucket, elsewhere) = (bucket(), tempfile::tempdir().unwrap());
    fs::write(elsewhere.path().join("1"), "").unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), bucket.path().join("moved")).unwrap();
    std::os::unix::fs::symlink("nowhere", bucket.path().join("raw/gone")).unwrap();
    assert_eq!(keys(bucket.path(), "moved/", "", 10).unwrap(), ["moved/1"]);
    assert_eq!(keys(bucket.path(), "raw/", "", 10).unwrap(), ["raw/x"]);
}
