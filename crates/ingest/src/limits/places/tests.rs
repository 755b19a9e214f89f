use super::*;

#[test]
fn each_key_has_so_many_places_and_gives_them_back() {
    let places = Places::new(Some(2));
    let held: Vec<_> = ["a", "a", "b"].into_iter().map(|key| places.take(key).unwrap()).collect();
    assert!(places.take("a").is_none());
    drop(held);
    assert!(places.taken.lock().unwrap().is_empty());
    assert!(places.take("a").is_some());
}

#[test]
fn without_a_bound_there_is_always_one_more() {
    let places = Places::new(None);
    let held: Vec<_> = (0..1000).map(|_| places.take("a")).collect();
    assert!(held.iter().all(Option::is_some));
}
