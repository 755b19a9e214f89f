use super::*;

fn check(key: &str, file: &str) {
    let path = of_key(key).unwrap();
    assert_eq!(path.as_ref(), file);
    assert_eq!(key_of(file).as_deref(), Some(key));
}

#[test]
fn a_key_is_its_own_path() {
    for key in [
        "raw/dt=2026-11-21/device=a/01KAKXQ6W0M3Y2T9GQ4V8R5ZJA/Messung Süd+1.dat",
        "inlet/toa5_met/data/ts_day=2026-11-21/00000-7.parquet",
        "a/100%",
        "a/%2F",
        "a/..b",
        "a/~x",
        "a/b\\c",
        "a/C|",
        "a/?x=1",
        "a#b/c",
        "a/b#c",
        "a/x#1y",
        "a/#",
    ] {
        check(key, key);
    }
}

#[test]
fn names_that_are_taken_are_moved_aside_and_come_back() {
    check("a/log#1", "a/log#%1");
    check("a/log#%1", "a/log#%%1");
    check("a/x#facts", "a/x#%facts");
    check("a/x#%facts", "a/x#%%facts");
    check("a/b#c#12", "a/b#c#%12");
}

#[test]
fn what_is_not_an_object_has_no_key() {
    for file in ["a/log#1", "a/x#facts", "#staging/x", ""] {
        assert_eq!(key_of(file), None, "{file}");
    }
    assert_eq!(of_facts(&of_key("a/x").unwrap()).unwrap().as_ref(), "a/x#facts");
}

#[test]
fn keys_that_leave_the_bucket_or_share_a_file_are_refused() {
    for key in ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", ".", "..", "a\0b", "a\nb", "#staging/x"] {
        assert!(matches!(of_key(key), Err(LakeError::Address(_))), "{key:?}");
    }
}
