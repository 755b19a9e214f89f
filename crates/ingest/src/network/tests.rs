use super::Network;

fn check(network: &str, ip: &str, expected: bool) {
    let contains = network.parse::<Network>().unwrap().contains(ip.parse().unwrap());
    assert_eq!(contains, expected, "{ip} in {network}");
}

#[test]
fn a_network_contains_its_own_addresses_only() {
    check("10.0.0.0/8", "10.255.0.1", true);
    check("10.0.0.0/8", "11.0.0.1", false);
    check("10.0.0.0/8", "::ffff:10.0.0.1", true);
    check("0.0.0.0/0", "203.0.113.9", true);
    check("0.0.0.0/0", "2001:db8::1", false);
    check("192.0.2.7", "192.0.2.7", true);
    check("192.0.2.7", "192.0.2.6", false);
    check("192.0.2.7/32", "192.0.2.7", true);
    check("2001:db8::/32", "2001:db8:ffff::1", true);
    check("2001:db8::/32", "2001:db9::1", false);
    check("::/0", "2001:db8::1", true);
}

#[test]
fn what_is_no_network_is_refused_with_its_text() {
    for text in ["", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::/129", "10.0.0.1/8", "2001:db8::1/32", "ten"] {
        let refusal = text.parse::<Network>().unwrap_err();
        assert!(refusal.contains(&format!("{text:?}")), "{refusal}");
    }
}
