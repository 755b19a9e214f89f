use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use proptest::prelude::*;

use super::*;
use crate::Kind;
use crate::testing::column_of;

fn lines(ranges: &[(u64, u64)]) -> Vec<Lines> {
    ranges.iter().map(|(first, last)| Lines { member: None, first: *first, last: *last }).collect()
}

fn part(rows: &[i64]) -> Part {
    let values: ArrayRef = Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| *row as f64)));
    Part {
        table: "t".into(),
        member: Some("a".into()),
        device: StringArray::from_iter_values(rows.iter().map(|row| format!("d{row}"))),
        ts: TimestampMicrosecondArray::from_iter_values(rows.iter().copied()).with_timezone("+00:00"),
        row: Int64Array::from(rows.to_vec()),
        columns: vec![(column_of("v", None, Kind::Double), values)],
    }
}

proptest! {
    #[test]
    fn sets_of_lines_are_merged_and_taken_away(
        inside in prop::collection::btree_set(0_u64..60, 0..40),
        away in prop::collection::btree_set(0_u64..60, 0..40),
    ) {
        let each = |set: &BTreeSet<u64>| set.iter().map(|line| Lines::one(None, *line)).collect::<Vec<_>>();
        let whole = merged(each(&inside));
        let left = without(whole.clone(), &merged(each(&away)));
        prop_assert_eq!(&left, &without(whole.clone(), &each(&away)), "neighbours apart or together");
        for line in 0..60 {
            prop_assert_eq!(has(&whole, None, line), inside.contains(&line));
            prop_assert_eq!(has(&left, None, line), inside.contains(&line) && !away.contains(&line));
            prop_assert!(!has(&whole, Some("a"), line));
        }
        prop_assert!(whole.windows(2).all(|two| two[0].last + 1 < two[1].first));
    }
}

#[test]
fn a_whole_member_is_all_of_its_lines() {
    let refused =
        |member: Option<&str>, row, bytes| Refused { member: member.map(str::to_owned), row, bytes, reason: String::new() };
    let found = of_refused(&[refused(None, 4, 1..2), refused(Some("a"), 1, 0..0), refused(None, 5, 3..3)]);
    assert_eq!(found[0], lines(&[(4, 5)])[0]);
    assert!(has(&found, Some("a"), 1_000_000) && !has(&found, Some("b"), 1));
}

#[test]
fn lines_of_one_member_are_not_those_of_another() {
    let of = |member: Option<&str>, first, last| Lines { member: member.map(str::to_owned), first, last };
    let found = [of(None, 4, 5), of(Some("a"), 2, 3), of(Some("a"), 8, 9), of(Some("b"), 1, u64::MAX)];
    for (member, line, is_there) in [
        (None, 3, false),
        (None, 5, true),
        (None, 8, false),
        (Some("a"), 1, false),
        (Some("a"), 3, true),
        (Some("a"), 4, false),
        (Some("a"), 8, true),
        (Some("a"), 10, false),
        (Some("aa"), 2, false),
        (Some("b"), 0, false),
        (Some("b"), u64::MAX, true),
        (Some("c"), 1, false),
    ] {
        assert_eq!(has(&found, member, line), is_there, "{member:?} {line}");
    }
    let away = [of(None, 0, 4), of(Some("a"), 3, 8), of(Some("b"), 7, 7)];
    let left = [of(None, 5, 5), of(Some("a"), 2, 2), of(Some("a"), 9, 9), of(Some("b"), 1, 6), of(Some("b"), 8, u64::MAX)];
    assert_eq!(without(found.to_vec(), &away), left);
}

/// Compared line by line these would take minutes.
#[test]
fn many_scattered_lines_are_found() {
    let scattered: Vec<Lines> = (0..100_000).map(|line| Lines::one(None, line * 2)).collect();
    let others: Vec<Lines> = scattered.iter().step_by(2).cloned().collect();
    assert_eq!((0..200_000).filter(|line| has(&scattered, None, *line)).count(), 100_000);
    assert_eq!(without(scattered, &others).len(), 50_000);
}

#[test]
fn rows_are_picked_by_their_lines() {
    let numbers = [2, 3, 3, 9];
    assert_eq!(of_parts(&[part(&numbers).into()]).unwrap().len(), 2);
    let part = part(&numbers);
    let wanted = vec![Lines { member: Some("a".into()), first: 3, last: 8 }];
    let picked = only(&part, &wanted).unwrap();
    assert_eq!((picked.row.values().to_vec(), picked.device.value(0)), (vec![3, 3], "d3"));
    assert_eq!((picked.ts.data_type(), picked.columns[0].1.len()), (part.ts.data_type(), 2));
    assert_eq!(only(&part, &lines(&[(3, 8)])).unwrap().ts.len(), 0, "of another member");
    let apart: Vec<_> = apart(&part).unwrap().iter().map(|part| part.row.values().to_vec()).collect();
    assert_eq!(apart, [vec![2], vec![3, 3], vec![9]]);
}
