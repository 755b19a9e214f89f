use super::*;

fn hash() -> Hash {
    Hash::of_nobody()
}

#[test]
fn a_login_is_remembered_for_a_minute() {
    let (mut cache, now) = (Cache::default(), Instant::now());
    let key = cache.key("demo", "secret", &hash());
    assert!(!cache.holds(&key, now));
    cache.keep(key, now);
    assert!(cache.holds(&key, now + Duration::from_secs(59)));
    assert!(!cache.holds(&key, now + Duration::from_secs(60)));
}

#[test]
fn a_key_tells_name_password_and_hash_apart_and_nothing_to_others() {
    let cache = Cache::default();
    let key = cache.key("demo", "secret", &hash());
    assert_ne!(key, cache.key("demos", "ecret", &hash()));
    assert_ne!(key, cache.key("demo", "secret ", &hash()));
    assert_ne!(key, cache.key("demo", "secret", &Hash::of("secret").unwrap()));
    assert_ne!(key, Cache::default().key("demo", "secret", &hash()));
}

#[test]
fn the_oldest_login_is_forgotten_when_there_are_too_many() {
    let (mut cache, now) = (Cache::default(), Instant::now());
    let keys: Vec<_> = (0..=LOGINS_MAX).map(|n| cache.key(&n.to_string(), "", &hash())).collect();
    keys.iter().for_each(|key| cache.keep(*key, now));
    assert_eq!(cache.since.len(), LOGINS_MAX);
    assert!(!cache.holds(&keys[0], now) && cache.holds(&keys[1], now) && cache.holds(&keys[LOGINS_MAX], now));
}

#[test]
fn what_has_expired_is_forgotten_and_what_was_renewed_is_not() {
    let (mut cache, now) = (Cache::default(), Instant::now());
    let [old, renewed, new] = ["old", "renewed", "new"].map(|name| cache.key(name, "", &hash()));
    cache.keep(old, now);
    cache.keep(renewed, now);
    cache.keep(renewed, now + Duration::from_secs(30));
    cache.keep(new, now + Duration::from_secs(61));
    assert_eq!((cache.since.len(), cache.oldest_first.len()), (2, 2));
    assert!(cache.holds(&renewed, now + Duration::from_secs(61)));
}
