use super::*;

fn entry(name: &str, problem: Option<&str>) -> Entry {
    let entry = serde_json::json!({
        "version": 1,
        "at": format!("quarantine/dt=2026-11-21/{name}/"),
        "upload": null,
        "format": null,
        "tables": [],
        "reason": "because",
        "rows_refused": 1,
        "whole": false,
    });
    Entry { problem: problem.map(str::to_owned), ..serde_json::from_value(entry).unwrap() }
}

#[test]
fn what_cannot_be_read_is_shown_and_not_released() {
    let entries = [entry("U1", None), entry("U2", Some("it is damaged")), entry("U3", None)];
    assert_eq!(releasable(&entries).unwrap(), [&entries[0], &entries[2]]);
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert_eq!(released_once(&entries, &ids(&["U3", "U1"])).unwrap(), [&entries[2], &entries[0]]);
    let failure = released_once(&entries, &ids(&["U1", "U2"])).unwrap_err();
    assert_eq!(failure.to_string(), "quarantine/dt=2026-11-21/U2/ cannot be released: it is damaged");
    show(find(&entries, "U2").unwrap(), &[]).unwrap();
}
