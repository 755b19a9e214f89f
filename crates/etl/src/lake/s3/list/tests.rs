use super::*;

fn first(keys_max: usize, offered: &[&str]) -> Vec<String> {
    let mut first = First { keys: BTreeSet::new(), keys_max };
    for key in offered {
        first.offer((*key).to_owned());
    }
    first.keys.into_iter().collect()
}

#[test]
fn the_smallest_keys_stay_in_whatever_order_they_come() {
    assert_eq!(first(2, &["a/1", "a-b", "a", "z"]), ["a", "a-b"]);
    assert_eq!(first(3, &["c", "b", "a"]), ["a", "b", "c"]);
}

#[test]
fn a_key_listed_twice_counts_once_and_pushes_none_out() {
    assert_eq!(first(2, &["b", "a", "a", "a"]), ["a", "b"]);
}
