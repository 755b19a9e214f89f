use super::Advertised;

fn check(setting: &str, local: &str, expected: Option<&str>) {
    let told = setting.parse::<Advertised>().unwrap().to(local.parse().unwrap());
    assert_eq!(told.map(|ip| ip.to_string()).as_deref(), expected, "{setting} at {local}");
}

#[test]
fn a_device_is_told_an_address_that_pasv_can_name() {
    check("auto", "192.0.2.1", Some("192.0.2.1"));
    check("203.0.113.9", "192.0.2.1", Some("203.0.113.9"));
    check("auto", "2001:db8::1", None);
    check("203.0.113.9", "2001:db8::1", None);
}

#[test]
fn anything_else_is_refused_with_its_text() {
    for text in ["Auto", "", "::1", "example.org", "192.0.2"] {
        let refusal = text.parse::<Advertised>().unwrap_err();
        assert!(refusal.contains(&format!("{text:?}")), "{refusal}");
    }
}
