use super::*;

fn problems(json: &str) -> Vec<String> {
    serde_json::from_str::<Config>(json).unwrap().problems().into_iter().map(|(key, _)| key).collect()
}

#[test]
fn every_problem_is_told_at_once() {
    assert_eq!(problems(r#"{"concurrency": 8, "rescan": "30s", "retry_max": "30s"}"#), Vec::<String>::new());
    assert_eq!(problems(r#"{"concurrency": 0, "rescan": "0s", "retry_max": "10ms"}"#), ["concurrency", "rescan", "retry_max"]);
}

#[test]
fn a_mistyped_key_is_refused() {
    let json = r#"{"concurrency": 8, "rescan": "30s", "retry_max": "30s", "rescann": "30s"}"#;
    assert!(serde_json::from_str::<Config>(json).unwrap_err().to_string().contains("rescann"));
}
