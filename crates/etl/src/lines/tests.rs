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
        let left = without(whole.clone(), &each(&away));
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
