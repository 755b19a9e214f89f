use std::path::Path;

use proptest::prelude::*;

/// Tries a property on every seed of its target.
fn check(target: &str, property: fn(&[u8])) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let mut tried = 0;
    for seed in std::fs::read_dir(seeds).unwrap() {
        property(&std::fs::read(seed.unwrap().path()).unwrap());
        tried += 1;
    }
    assert!(tried > 0);
}

#[test]
fn the_seeds_of_control_line_hold() {
    check("control_line", super::control_line);
}

#[test]
fn the_seeds_of_data_address_hold() {
    check("data_address", super::data_address);
}

#[test]
fn the_seeds_of_proxy_header_hold() {
    check("proxy_header", super::proxy_header);
}

proptest! {
    #[test]
    fn lines_of_any_text_hold(verb in "[A-Za-z]{3,4}", argument in "\\PC{0,20}") {
        super::control_line(format!("{verb} {argument}").as_bytes());
    }

    #[test]
    fn ports_of_any_number_hold(device: [u8; 17], named: [u8; 6]) {
        let [h1, h2, h3, h4, p1, p2] = named;
        let line = format!("PORT {h1},{h2},{h3},{h4},{p1},{p2}");
        super::data_address(&[&device[..], line.as_bytes()].concat());
    }
}
