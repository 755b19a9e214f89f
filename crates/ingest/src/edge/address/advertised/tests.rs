use serde::Deserialize;

use super::{Address, Advertised};

/// A key as TOML has it.
#[derive(Deserialize)]
struct Section {
    address: Advertised,
}

fn written(value: &str) -> Result<Advertised, String> {
    toml::from_str::<Section>(&format!("address = {value}")).map(|section| section.address).map_err(|error| error.to_string())
}

#[test]
fn an_address_is_read_and_written_alike() {
    for text in ["auto", "203.0.113.9", "0.0.0.0", "ftp.example.org", "inlet."] {
        assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
    }
}

#[test]
fn anything_else_is_refused_with_its_text() {
    for text in ["Auto", "", "::1", "192.0.2", "192.0.2.256", "ftp..org", "-a.org", "a b.org", ".", "2001:db8::1"] {
        let refusal = text.parse::<Address>().unwrap_err();
        assert!(refusal.contains(&format!("{text:?}")), "{refusal}");
    }
}

#[test]
fn a_list_ends_with_an_address_for_all() {
    assert!(written("['10.0.0.0/8=auto', 'eu-central-1a = 203.0.113.9', 'ftp.example.org']").unwrap().names_zones());
    assert!(!written("['10.0.0.0/8=auto', 'auto']").unwrap().names_zones());
    assert_eq!(written("['auto']"), written("'auto'"));
    for (list, says) in [
        ("[]", "needs an address for all others"),
        ("['10.0.0.0/8=auto']", "needs an address for all others"),
        ("['auto', '10.0.0.0/8=203.0.113.9']", "at the end"),
        ("['10.0.0.0/99=auto', 'auto']", "10.0.0.0/99"),
        ("['lan=auto', 'auto']", "lan"),
        ("['10.0.0.0/8=Auto', 'auto']", "Auto"),
    ] {
        let refusal = written(list).unwrap_err();
        assert!(refusal.contains(says), "{list}: {refusal}");
    }
}
