use super::Config;

/// A complete section, with one line replaced or added.
fn section(key: &str, line: &str) -> Result<Config, toml::de::Error> {
    let lines = [
        ("listen", "listen = \"127.0.0.1:2121\""),
        ("drain_notice", "drain_notice = \"0s\""),
        ("durability", "durability = \"disk\""),
        ("lake_timeout", "lake_timeout = \"30s\""),
        ("drain", "drain = \"30s\""),
        ("retention", "retention = \"24h\""),
        ("append", "append = { wait = \"1h\", wait_stored = \"20s\", retention = \"35days\" }"),
        ("hang_up", "hang_up = \"discard\""),
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
        ("require", "tls.require = \"none\""),
        ("min_version", "tls.min_version = \"1.2\""),
        ("resumption", "tls.resumption = \"optional\""),
        ("close_notify", "tls.close_notify = \"required\""),
        ("client_certificate", "tls.client_certificate = \"none\""),
        ("handshake", "tls.handshake = \"10s\""),
        ("sessions", "limits.sessions = 100"),
        ("login", "limits.login = \"30s\""),
        ("idle", "limits.idle = \"5m\""),
        ("stall", "limits.stall = \"1m\""),
        ("logins_per_address", "limits.logins_per_address = 60"),
        ("logins_per_account", "limits.logins_per_account = 60"),
        ("failed_logins_per_address", "limits.failed_logins_per_address = 60"),
        ("failed_logins_per_account", "limits.failed_logins_per_account = 10"),
        ("upload_bytes", "limits.upload_bytes = \"1 GiB\""),
        ("home_bytes", "limits.home_bytes = \"10 GiB\""),
        ("disk_free", "limits.disk_free = \"1 GiB\""),
        ("lockout", "limits.lockout = \"5m\""),
        ("exempt", "limits.exempt = []"),
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
    check("append", "append = { wait = \"0s\", wait_stored = \"20s\", retention = \"35days\" }", &["append.wait"]);
    check("durability", "durability = \"lake\"", &[]);
    check("lake_timeout", "lake_timeout = \"51s\"", &["lake_timeout"]);
    check("lake_timeout", "lake_timeout = \"0s\"", &["lake_timeout"]);
    check("wait", "passive.wait = \"0s\"", &["passive.wait"]);
    check("header", "proxy.header = \"0s\"", &["proxy.header"]);
    check("stall", "limits.stall = \"0s\"", &["limits.stall"]);
    check("sessions", "limits.sessions = 0", &["limits.sessions"]);
    check("", "limits.sessions_per_address = 0", &["limits.sessions_per_address"]);
    check("", "limits.sessions_per_account = 0", &["limits.sessions_per_account"]);
    check("failed_logins_per_account", "limits.failed_logins_per_account = 0", &["limits.failed_logins_per_account"]);
    check("upload_bytes", "limits.upload_bytes = 0", &["limits.upload_bytes"]);
    check("home_bytes", "limits.home_bytes = \"0 B\"", &["limits.home_bytes"]);
    check("lockout", "limits.lockout = \"0s\"", &["limits.lockout"]);
    check("temporary", "temporary = [\"[\"]", &["temporary"]);
    check("handshake", "tls.handshake = \"0s\"", &["tls.handshake"]);
}

#[test]
fn keys_of_tls_that_do_not_go_together_are_named() {
    let pair = "tls.certificate = \"a.pem\"\ntls.key = \"a.key\"\n";
    check("", pair, &[]);
    check("", "tls.certificate = \"a.pem\"", &["tls.key"]);
    for (key, line) in [
        ("", "tls.key = \"a.key\""),
        ("", "tls.listen_implicit = \"127.0.0.1:990\""),
        ("require", "tls.require = \"login\""),
        ("client_certificate", "tls.client_certificate = \"request\""),
    ] {
        check(key, line, &["tls.certificate"]);
        check(key, &format!("{pair}{}", line.replace("tls.key = \"a.key\"", "")), &[]);
    }
    check("", &format!("{pair}tls.client_ca = \"ca.pem\""), &["tls.client_ca"]);
    check("", &format!("{pair}tls.listen_implicit = \"127.0.0.1:2121\""), &["tls.listen_implicit"]);
    check("", &format!("{pair}tls.listen_implicit = \"127.0.0.1:2122\""), &["passive.ports"]);
}

#[test]
fn a_section_that_is_mistyped_or_not_complete_is_refused() {
    for (key, line) in [
        ("", "lisen = \"127.0.0.1:2121\""),
        ("", "passive.port = 1"),
        ("append", "append = { wait = \"1h\" }"),
        ("listen", ""),
        ("listen", "listen = \"localhost\""),
        ("ports", "passive.ports = \"2221-2122\""),
        ("address", "passive.address = \"::1\""),
        ("policy", "active.policy = \"lax\""),
        ("", "active.bind = \"localhost\""),
        ("trusted", "proxy.trusted = [\"10.0.0.0/33\"]"),
        ("drain", "drain = \"30\""),
        ("hang_up", "hang_up = \"forget\""),
        ("require", "tls.require = \"all\""),
        ("min_version", "tls.min_version = \"1.1\""),
        ("resumption", "tls.resumption = true"),
        ("durability", "durability = \"s3\""),
    ] {
        assert!(section(key, line).is_err(), "{line:?} for {key:?} was taken");
    }
}
