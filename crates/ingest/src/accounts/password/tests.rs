use super::*;

#[test]
fn a_password_matches_its_hash_and_no_other_does() {
    let hash = Hash::of("grün secret").unwrap();
    assert!(hash.is_argon2id() && hash.matches("grün secret"));
    assert!(!hash.matches("grün secret ") && !hash.matches(""));
    assert_ne!(hash.as_str(), Hash::of("grün secret").unwrap().as_str());
}

#[test]
fn nobody_costs_what_somebody_costs() {
    let cost = |hash: &Hash| {
        let parts: Vec<_> = hash.as_str().split('$').collect();
        (parts[1].to_owned(), parts[2].to_owned(), parts[3].to_owned(), parts[5].len())
    };
    let nobody = Hash::of_nobody();
    assert!(nobody.is_argon2id() && !nobody.matches("") && !nobody.matches("nobody"));
    assert_eq!(cost(&nobody), cost(&Hash::of("x").unwrap()));
}

#[test]
fn what_cannot_be_sent_as_a_password_is_refused() {
    assert!(["", "a\nb", "a\r", "\0"].iter().all(|password| Hash::of(password).is_err()));
}

#[test]
fn a_hash_is_not_shown() {
    let hash = Hash::of("secret").unwrap();
    assert_eq!(format!("{hash:?}"), "Hash(…)");
    assert!(!Hash("$2y$10$abcdefghijklmnopqrstuv".to_owned()).is_argon2id());
}
