use arrow::array::{Int64Array, StringArray, TimestampMicrosecondArray};

use super::*;
use crate::packed::Packed;
use crate::rows::Part;

fn part(device: &str, times: &[i64]) -> Packed {
    part_of(&times.iter().map(|ts| (device, *ts)).collect::<Vec<_>>())
}

fn part_of(rows: &[(&str, i64)]) -> Packed {
    Packed::from(Part {
        table: "t".into(),
        member: None,
        device: StringArray::from_iter_values(rows.iter().map(|row| row.0)),
        ts: TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.1)).with_timezone_utc(),
        row: Int64Array::from_iter_values(1..=rows.len() as i64),
        columns: Vec::new(),
    })
}

/// The runs of each day, as `part:first row..end`.
fn order(parts: &[Packed]) -> Vec<String> {
    let parts: Vec<_> = parts.iter().map(|of| Rows { upload: "U", of, rows: 0..of.rows() }).collect();
    let ranks = HashMap::from([("a", 0), ("b", 1)]);
    let told = |run: &Run| format!("{}:{}..{}", run.part, run.rows.start, run.rows.end);
    spans(Partition::Day, &parts, &ranks)
        .unwrap()
        .iter()
        .map(|span| format!("{} {}", span.number, span.runs.iter().map(told).collect::<Vec<_>>().join(" ")))
        .collect()
}

#[test]
fn files_in_order_are_runs_as_they_are() {
    let tomorrow = 86_400_000_000;
    assert_eq!(order(&[part("b", &[1, 2, 2]), part("a", &[6, 9]), part("a", &[1, 5])]), ["0 2:0..2 1:0..2 0:0..3"]);
    assert_eq!(order(&[part("a", &[-1, 0, tomorrow - 1, tomorrow])]), ["-1 0:0..1", "0 0:1..3", "1 0:3..4"]);
}

#[test]
fn rows_that_overlap_stand_by_time_and_then_as_they_came() {
    assert_eq!(order(&[part("a", &[1, 5, 7]), part("a", &[2, 5, 6])]), ["0 0:0..1 1:0..1 0:1..2 1:1..3 0:2..3"]);
    assert_eq!(order(&[part("a", &[3, 1, 2])]), ["0 0:1..3 0:0..1"]);
    assert_eq!(order(&[part("a", &[5, 9]), part("a", &[1, 5])]), ["0 1:0..1 0:0..1 1:1..2 0:1..2"]);
}

#[test]
fn a_run_is_of_one_device() {
    let mixed = part_of(&[("b", 9), ("a", 1), ("b", 5), ("b", 9)]);
    assert_eq!(order(&[mixed]), ["0 0:1..2 0:2..3 0:0..1 0:3..4"]);
}

#[test]
fn slices_hold_every_row_once_and_no_more_than_fit() {
    let runs = [Run { part: 0, rows: 0..5 }, Run { part: 1, rows: 3..4 }, Run { part: 2, rows: 0..3 }];
    for rows_max in 1..12 {
        let slices: Vec<_> = slices(&runs, rows_max).collect();
        let rows = |runs: &[Run]| runs.iter().flat_map(|run| run.rows.clone().map(|row| (run.part, row))).collect::<Vec<_>>();
        assert_eq!(rows(&slices.concat()), rows(&runs));
        assert!(slices[..slices.len() - 1].iter().all(|slice| rows(slice).len() == rows_max));
        assert!(rows(slices.last().unwrap()).len() <= rows_max);
    }
}
