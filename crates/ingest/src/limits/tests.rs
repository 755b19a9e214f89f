use super::*;

#[test]
fn an_ipv6_site_counts_as_one_address() {
    for (client, expected) in [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
    ] {
        assert_eq!(counted(client.parse().unwrap()), expected.parse::<IpAddr>().unwrap());
    }
}
