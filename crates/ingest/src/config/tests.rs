use super::Config;

/// A complete section, with one line replaced or added.
fn section(key: &str, line: &str) -> Result<Config, toml::de::Error> {
    let lines = [
        ("listen", "listen = \"127.0.0.1:2121\""),
        ("drain", "drain = \"30s\""),
        ("retention", "retention = \"24h\""),
        ("temporary", "temporary = [\"*.tmp\"]"),
        ("ports", "passive.ports = \"2122-2221\""),
        ("address", "passive.address = \"auto\""),
        ("wait", "passive.wait = \"10s\""),
        ("metadata", "passive.metadata = \"169.254.169.254:80\""),
        ("connect", "active.connect = \"10s\""),
        ("policy", "active.policy = \"strict\""),
        ("source_port", "active.source_port = \"ephemeral\""),
        ("trusted", "proxy.trusted = []"),
        ("header", "proxy.header = \"5s\""),
        ("sessions", "limits.sessions = 100"),
        ("login", "limits.login = \"30s\""),
        ("idle", "limits.idle = \"5m\""),
        ("stall", "limits.stall = \"1m\""),
    ];
    let kept = lines.iter().filter(|(name, _)| *name != key).map(|(_, line)| *line);
    toml::from_str(&kept.chain([line]).collect::<Vec<_>>().join("\n"))
}

fn check(key: &str, line: &str, problems: &[&str]) {
    let found: Vec<_> = section(key, line).unwrap().problems().into_iter().map(|(key, _)| key).collect();
    assert_eq!(found, problems, "{line}");
}

#[test]
fn values_that_cannot_work_are_named_with_their_keys() {
    check("", "", &[]);
    check("ports", "passive.ports = \"2100-2200\"", &["passive.ports"]);
    check("wait", "passive.wait = \"0s\"", &["passive.wait"]);
    check("header", "proxy.header = \"0s\"", &["proxy.header"]);
    check("stall", "limits.stall = \"0s\"", &["limits.stall"]);
    check("sessions", "limits.sessions = 0", &["limits.sessions"]);
    check("temporary", "temporary = [\"[\"]", &["temporary"]);
}

#[test]
fn a_section_that_is_mistyped_or_not_complete_is_refused() {
    for (key, line) in [
        ("", "lisen = \"127.0.0.1:2121\""),
        ("", "passive.port = 1"),
        ("listen", ""),
        ("listen", "listen = \"localhost\""),
        ("ports", "passive.ports = \"2221-2122\""),
        ("address", "passive.address = \"::1\""),
        ("policy", "active.policy = \"lax\""),
        ("", "active.bind = \"localhost\""),
        ("trusted", "proxy.trusted = [\"10.0.0.0/33\"]"),
        ("drain", "drain = \"30\""),
    ] {
        assert!(section(key, line).is_err(), "{line:?} for {key:?} was taken");
    }
}
