use super::*;

#[test]
fn uploads_that_could_not_be_read_are_in_the_line_on_a_job() {
    let task = Task::Rebuild { table: "t".into(), into: "t_2".into() };
    let job = Job { version: 1, job: "J1".into(), task };
    let report = serde_json::json!({
        "version": 1,
        "job": "J1",
        "done": true,
        "at": "2026-11-21T21:08:01Z",
        "uploads": 3,
        "duplicates": 0,
        "quarantined": 1,
        "unread": 2,
        "rows_added": { "t_2": 40 },
        "rows_known": 0,
        "rows_refused": 0,
        "problem": null,
    });
    let mut report: Report = serde_json::from_value(report).unwrap();
    let all_read = "job J1 is done: 3 uploads read, 40 rows added (t_2 40), 0 rows were there before, 0 rows refused, 1 uploads still in \
                    quarantine, 0 duplicates";
    assert_eq!(line(&job, Some(&report)), format!("{all_read}, 2 uploads unread"));
    report.unread = 0;
    assert_eq!(line(&job, Some(&report)), all_read);
}
