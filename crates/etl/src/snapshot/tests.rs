use std::collections::BTreeMap;

use arrow::array::{AsArray, Float64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::Int64Type;
use proptest::prelude::*;

use super::*;
use crate::testing::column_of;

const LONG: Duration = Duration::from_hours(24 * 14);
const DAY: i64 = DAY_MICROSECONDS;

/// Rows of one device: second and value.
fn part(rows: &[(i64, f64)]) -> Part {
    let values: ArrayRef = Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.1)));
    Part {
        table: "t".into(),
        member: None,
        device: StringArray::from_iter_values(rows.iter().map(|_| "d")),
        ts: TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.0)).with_timezone("+00:00"),
        row: Int64Array::from_iter_values(1..=rows.len() as i64),
        columns: vec![(column_of("v", None, Kind::Double), values)],
    }
}

fn source(number: i64) -> Id {
    Id::of_content("d", "/p", number as u64, "")
}

fn take(state: &mut State, landed: i64, rows: &[(i64, f64)]) -> Vec<(i64, f64, i64)> {
    let push = Push { place: source(0), landed };
    let parts = state.take(source(landed), push, &[part(rows)], LONG).unwrap();
    let row = |part: &Part, at: usize| {
        let revision = part.columns[1].1.as_primitive::<Int64Type>().value(at);
        (part.ts.value(at), part.columns[0].1.as_primitive::<arrow::datatypes::Float64Type>().value(at), revision)
    };
    *state = State::from_bytes(&state.to_bytes()).unwrap();
    parts.iter().flat_map(|part| (0..part.ts.len()).map(move |at| row(part, at))).collect()
}

#[test]
fn a_file_that_grows_adds_its_new_rows_and_revisions_of_changed_ones() {
    let mut state = State::default();
    assert_eq!(take(&mut state, 1, &[(1, 1.0)]), [(1, 1.0, 0)]);
    assert_eq!(take(&mut state, 2, &[(2, 5.0), (1, 1.0)]), [(2, 5.0, 0)]);
    assert_eq!(take(&mut state, 3, &[(3, 0.0), (2, 6.0), (1, 1.0)]), [(3, 0.0, 0), (2, 6.0, 1)]);
    assert_eq!(take(&mut state, 4, &[(3, -0.0), (2, 5.0)]), [(2, 5.0, 2)], "back again is a revision too");
    assert_eq!(take(&mut state, 5, &[(3, 0.0), (2, 5.0), (1, 1.0)]), [], "the same file again adds nothing");
    assert_eq!((state.added_by(&source(3)), state.added_by(&source(9))), (Some(2), None));
}

#[test]
fn an_older_push_that_comes_late_overwrites_nothing() {
    let mut state = State::default();
    assert_eq!(take(&mut state, 3, &[(1, 3.0), (2, 3.0)]), [(1, 3.0, 0), (2, 3.0, 0)]);
    assert_eq!(take(&mut state, 1, &[(0, 1.0), (1, 1.0)]), [(0, 1.0, 0)], "only what nobody knew");
    // The newest push said the same as the first: what lies between them is older.
    take(&mut state, 5, &[(1, 3.0)]);
    assert_eq!(take(&mut state, 4, &[(1, 4.0)]), []);
    assert_eq!(take(&mut state, 6, &[(1, 4.0)]), [(1, 4.0, 1)]);
}

#[test]
fn rows_of_the_same_time_are_told_apart_by_their_values() {
    let mut state = State::default();
    assert_eq!(take(&mut state, 1, &[(1, 1.0), (1, 2.0)]), [(1, 1.0, 0), (1, 2.0, 0)]);
    assert_eq!(take(&mut state, 2, &[(1, 2.0), (1, 1.0)]), []);
    assert_eq!(take(&mut state, 3, &[(1, 3.0), (1, 2.0), (1, 1.0)]), [(1, 3.0, 0)]);
    assert_eq!(take(&mut state, 4, &[(1, 3.0), (1, 9.0), (1, 1.0)]), [(1, 9.0, 1)]);
}

#[test]
fn days_that_no_push_has_had_for_long_are_forgotten_and_then_refused() {
    let mut state = State::default();
    for day in 0..40 {
        take(&mut state, day * DAY, &[(day * DAY, 1.0), (day * DAY + 1, 1.0)]);
    }
    assert!(state.rows.len() <= 2 * 15, "{}", state.rows.len());
    assert_eq!(state.forgotten.len(), 1);
    let before = state.clone();
    let push = Push { place: source(0), landed: 39 * DAY };
    let refused = state.take(source(1), push, &[part(&[(39 * DAY + 5, 1.0), (3, 1.0)])], LONG).unwrap_err();
    assert!(refused.to_string().starts_with("a row of 1970-01-01T00:00:00.000003Z, whose day"), "{refused}");
    assert_eq!(state, before);
    // A row of a day that was never sent is new, however old.
    assert_eq!(take(&mut state, 40 * DAY, &[(-DAY, 1.0)]), [(-DAY, 1.0, 0)]);
}

#[test]
fn damaged_states_are_told() {
    let mut state = State::default();
    take(&mut state, 1, &[(1, 1.0), (2, 2.0)]);
    let bytes = state.to_bytes();
    for end in 0..bytes.len() {
        assert!(State::from_bytes(&bytes[..end]).is_err(), "{end}");
    }
    assert!(State::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
}

proptest! {
    /// Whatever the order in which pushes are delivered, and however often: of each row the newest revision is what the newest push that
    /// has it says, and revisions are counted without gaps.
    #[test]
    fn the_newest_revision_is_what_the_newest_push_says(
        pushes in prop::collection::vec(prop::collection::btree_map(0_i64..6, 0_u8..3, 0..5), 1..8),
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..24),
    ) {
        let mut state = State::default();
        let mut table: BTreeMap<i64, Vec<(i64, f64)>> = BTreeMap::new();
        let delivered = order.iter().map(|index| index.index(pushes.len())).chain(0..pushes.len());
        for push in delivered {
            let rows: Vec<_> = pushes[push].iter().map(|(ts, value)| (*ts, f64::from(*value))).collect();
            for (ts, value, revision) in take(&mut state, push as i64, &rows) {
                table.entry(ts).or_default().push((revision, value));
            }
        }
        for (ts, rows) in &table {
            let newest = pushes.iter().rev().find_map(|push| push.get(ts)).map(|value| f64::from(*value));
            prop_assert_eq!(rows.last().map(|row| row.1), newest);
            prop_assert!(rows.iter().zip(0..).all(|((revision, _), number)| *revision == number));
        }
        prop_assert_eq!(table.len(), pushes.iter().flat_map(BTreeMap::keys).collect::<std::collections::BTreeSet<_>>().len());
    }
}
