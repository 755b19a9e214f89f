use super::*;
use crate::entry::Previous;
use crate::entry::tests::golden;

#[test]
fn the_facts_are_the_golden_ones() {
    let expected: BTreeMap<String, String> =
        serde_json::from_str(include_str!("../../../../tests/golden/object-facts.json")).unwrap();
    assert_eq!(of(&golden()), expected);
}

#[test]
fn what_is_unknown_is_absent() {
    let facts = of(&Entry { zone: None, mode: None, previous: None, open: false, ..golden() });
    assert!(["inlet-zone", "inlet-mode", "inlet-previous", "inlet-open"].iter().all(|name| !facts.contains_key(*name)));
}

/// Amazon S3 counts names and values of all user metadata, and takes 2 KB. To be safe, with the prefix that headers carry.
#[test]
fn the_longest_facts_fit_into_the_metadata_of_an_object() {
    let longest = Entry {
        path: format!("/{}", "ü".repeat(191)),
        account: "x".repeat(64),
        device: "x".repeat(64),
        client: "[1111:2222:3333:4444:5555:6666:7777:8888]:65535".parse().unwrap(),
        offset: u64::MAX,
        previous: golden().previous.map(|previous| Previous { device: "x".repeat(64), ..previous }),
        zone: Some("America/Argentina/ComodRivadavia".to_owned()),
        ..golden()
    };
    let bytes: usize = of(&longest).iter().map(|(name, value)| "x-amz-meta-".len() + name.len() + value.len()).sum();
    assert!(bytes <= 2048, "{bytes}");
}
