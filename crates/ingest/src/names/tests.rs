use std::path::Path;

use proptest::prelude::*;

use super::*;

fn check(path: &str, relative: &str, folder: &str, name: &str) {
    let parsed = HomePath::parse(Path::new(path)).unwrap();
    assert_eq!((parsed.relative(), parsed.folder(), parsed.name()), (relative, folder, name), "{path:?}");
}

#[test]
fn a_path_is_resolved_within_the_home() {
    check("/", ".", ".", "");
    check("", ".", ".", "");
    check("x.dat", "x.dat", ".", "x.dat");
    check("/a/b/x.dat", "a/b/x.dat", "a/b", "x.dat");
    check("/a//./b/../x.dat", "a/x.dat", "a", "x.dat");
    check("/../../etc/passwd", "etc/passwd", "etc", "passwd");
    check("/a/../..", ".", ".", "");
    check("/data/Messung Süd+1.dat", "data/Messung Süd+1.dat", "data", "Messung Süd+1.dat");
}

#[test]
fn names_that_no_list_or_store_could_hold_are_refused() {
    let refused = |path: &str| HomePath::parse(Path::new(path)).unwrap_err();
    assert_eq!(refused("/a\tb"), BadName::Control);
    assert_eq!(refused("/a\u{85}b"), BadName::Control);
    assert_eq!(refused("/S\u{fffd}d.dat"), BadName::Encoding);
    assert_eq!(refused(&format!("/{}", "x".repeat(256))), BadName::Long);
    assert_eq!(refused(&format!("/{}", "abcdefg/".repeat(65))), BadName::Deep);
    assert!(HomePath::parse(Path::new(&format!("/{}", "x".repeat(255)))).is_ok());
}

#[test]
fn the_home_itself_is_no_entry() {
    assert_eq!(HomePath::parse_entry(Path::new("/a/..")), Err(BadName::Home));
}

#[test]
fn temporary_names_are_told_by_the_last_component_in_any_case() {
    let temporary = Temporary::new(&["*.tmp", ".*", "*.part"]).unwrap();
    let holds = |path: &str| temporary.holds(&HomePath::parse(Path::new(path)).unwrap());
    assert!(holds("/a/x.tmp") && holds("/X.TMP") && holds("/a/.x.dat.Ab12") && holds("/x.csv.part"));
    assert!(!holds("/x.dat") && !holds("/dir.tmp/x.dat") && !holds("/x.tmpl"));
    assert!(!Temporary::new::<&str>(&[]).unwrap().holds(&HomePath::parse(Path::new("/x.tmp")).unwrap()));
}

#[test]
fn a_bad_pattern_is_named() {
    assert_eq!(Temporary::new(&["*.tmp", "[a"]).unwrap_err().pattern, "[a");
}

proptest! {
    #[test]
    fn what_is_parsed_never_leads_out(path in "(/|\\.|\\.\\.|[a-z .]{0,5}){0,40}") {
        if let Ok(parsed) = HomePath::parse(Path::new(&path)) {
            prop_assert!(parsed.as_str().starts_with('/') && parsed.as_str().len() <= 384);
            prop_assert!(parsed.relative().split('/').all(|part| part != ".." && !part.is_empty()));
            prop_assert_eq!(HomePath::parse(Path::new(parsed.as_str())).unwrap(), parsed);
        }
    }
}
