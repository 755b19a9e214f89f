use super::*;

const WHOLE: &str = r#"
    default_zone = "Europe/Berlin"
    formats = ["more.toml"]
    namespace = "inlet"
    concurrency = 32
    retry_max = "30s"
    drain = "30s"
    batch = { max_age = "5s", max_rows = 1000000, max_bytes = "128 MiB" }
    table = { partition = "day", history = "36h" }
    limits = { file_bytes = "512 MiB", unwrapped_bytes = "1 GiB", ratio = 200, depth = 2, members = 10000, line_bytes = "1 MiB", columns = 4096, year_min = 1990, year_max = 2099 }
    queue = { visibility = "2m" }
    ledger = { snapshots = "14days" }
"#;

#[test]
fn a_configuration_is_read_with_its_units() {
    let config: Config = toml::from_str(WHOLE).unwrap();
    assert_eq!(config.problems(), []);
    assert_eq!(config.batch.max_bytes, ByteSize::mib(128));
    assert_eq!(config.queue.visibility, Duration::from_secs(120));
    assert_eq!(config.table.history, Duration::from_hours(36));
    assert_eq!((config.threads, config.ledger.window), (None, None));
    let with_window: Config = toml::from_str(&WHOLE.replace("{ snapshots", "{ window = \"60days\", snapshots")).unwrap();
    assert_eq!(with_window.ledger.window, Some(Duration::from_hours(60 * 24)));
    assert!(toml::from_str::<Config>(&format!("{WHOLE}\nbatchs = 1")).is_err());
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let wrong =
        WHOLE.replace("Europe/Berlin", "Mars/Dust").replace("1000000", "0").replace("\"2m\"", "\"13h\"").replace("= 200", "= 0");
    let config: Config = toml::from_str(&wrong).unwrap();
    let keys: Vec<_> = config.problems().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["default_zone", "batch.max_rows", "queue.visibility", "limits.ratio"]);
}
