use arrow::array::{BooleanArray, StringArray};
use proptest::prelude::*;

use super::*;

fn pack(array: impl Array + 'static, kind: Kind) -> (Values, bool) {
    let mut decimals = 0;
    let values = Values::of(Arc::new(array), kind, &mut decimals);
    let is_whole = matches!(values, Values::Whole(_));
    (values, is_whole)
}

/// Packs doubles, sees them come back bit by bit, and says whether they got smaller.
fn doubles(values: &[Option<f64>]) -> bool {
    let (packed, is_whole) = pack(Float64Array::from(values.to_vec()), Kind::Double);
    let back = packed.array(&DataType::Float64, 0..values.len());
    let back: &Float64Array = back.as_any().downcast_ref().unwrap();
    let bits = |values: &mut dyn Iterator<Item = Option<f64>>| values.map(|value| value.map(f64::to_bits)).collect::<Vec<_>>();
    assert_eq!(bits(&mut back.iter()), bits(&mut values.iter().copied()));
    is_whole
}

#[test]
fn rounded_numbers_are_small_and_come_back() {
    assert!(doubles(&[Some(21.06), Some(-7999.0), None, Some(0.0), Some(0.001)]));
    assert!(doubles(&[Some(1e6), Some(-1e6), Some(0.5)]), "four bytes each");
    assert!(doubles(&[None, None]));
}

#[test]
fn a_column_takes_the_decimals_that_it_needs_itself() {
    let mut decimals = 6;
    let values = Float64Array::from(vec![Some(0.25), None, Some(600.0)]);
    let Values::Whole(whole) = Values::of(Arc::new(values.clone()), Kind::Double, &mut decimals) else { panic!("not packed") };
    assert_eq!((whole.bytes(), decimals), (6, 6), "two bytes each, and the next column tries as many as this one");
    assert_eq!(whole.doubles(0..3), values);
}

#[test]
fn a_zero_without_its_sign_is_no_loss() {
    let (packed, is_whole) = pack(Float64Array::from(vec![-0.0, 0.5]), Kind::Double);
    assert!(is_whole);
    assert_eq!(packed.array(&DataType::Float64, 0..2).as_ref(), &Float64Array::from(vec![0.0, 0.5]) as &dyn Array);
}

#[test]
fn numbers_that_would_not_come_back_stay_as_they_are() {
    for odd in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1.0 / 3.0, 1e300, 5e-324, 9.007_199_254_740_993e15] {
        assert!(!doubles(&[Some(21.06), Some(odd)]), "{odd}");
    }
    assert!(!doubles(&[Some(0.0), Some(5e9)]), "too far apart");
}

#[test]
fn the_largest_code_is_left_for_nulls() {
    for range in [65_534, 65_535, 65_536, i64::from(u32::MAX) - 1, i64::from(u32::MAX)] {
        let longs = Int64Array::from(vec![Some(-5), None, Some(range - 5)]);
        let (packed, is_whole) = pack(longs.clone(), Kind::Long);
        assert_eq!(is_whole, range < i64::from(u32::MAX), "{range}");
        assert_eq!(packed.array(&DataType::Int64, 0..3).as_ref(), &longs as &dyn Array);
    }
    assert!(!pack(Int64Array::from(vec![i64::MIN, i64::MAX]), Kind::Long).1);
}

#[test]
fn even_steps_take_no_room() {
    for even in [&[][..], &[7], &[5, 6, 7], &[-900, 0, 900], &[i64::MIN, -1, i64::MAX - 1], &[3, 3, 3]] {
        let packed = Sequence::of(even);
        assert_eq!((packed.bytes(), packed.len()), (0, even.len()), "{even:?}");
        assert_eq!(packed.some(0..even.len()).collect::<Vec<_>>(), even);
    }
    assert_eq!(Sequence::of(&[1, 2, 4]).bytes(), 24);
    assert_eq!(Sequence::of(&[i64::MIN, i64::MAX]).some(0..2).collect::<Vec<_>>(), [i64::MIN, i64::MAX], "too far for a step");
}

#[test]
fn other_types_stay_as_they_are_and_nulls_take_the_type_of_the_table() {
    let (packed, _) = pack(StringArray::from(vec!["a", "b", "c"]), Kind::Text);
    assert_eq!(packed.array(&DataType::Utf8, 1..3).as_ref(), &StringArray::from(vec!["b", "c"]) as &dyn Array);
    let (packed, _) = pack(arrow::array::NullArray::new(3), Kind::Unknown);
    assert_eq!(packed.array(&DataType::Boolean, 1..3).as_ref(), &BooleanArray::from(vec![None, None]) as &dyn Array);
}

#[test]
fn files_with_the_same_header_share_it() {
    let headers = Headers::default();
    let part = |name: &str| Part {
        table: "t".into(),
        member: None,
        device: StringArray::from(vec!["d"]),
        ts: TimestampMicrosecondArray::from(vec![0]).with_timezone_utc(),
        row: Int64Array::from(vec![1]),
        columns: vec![(crate::testing::column_of(name, None, Kind::Double), Arc::new(Float64Array::from(vec![0.5])) as ArrayRef)],
    };
    let first = headers.of(&part("a"));
    let other = headers.of(&part("b"));
    assert!(Arc::ptr_eq(&first, &headers.of(&part("a"))));
    assert!(!Arc::ptr_eq(&first, &other));
}

#[test]
fn rows_that_were_packed_together_open_apart() {
    let part = |rows: &[(&str, i64, f64)]| Part {
        table: "t".into(),
        member: None,
        device: rows.iter().map(|row| Some(row.0)).collect(),
        ts: TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.1)).with_timezone_utc(),
        row: Int64Array::from_iter_values(rows.iter().map(|row| row.1 + 5)),
        columns: vec![(
            crate::testing::column_of("v", None, Kind::Double),
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.2))),
        )],
    };
    let rows = [("a", 1, 0.5), ("b", 2, 1.25), ("b", 3, 7.0)];
    let together = Arc::new(Packed::from(part(&rows)));
    for range in [0..1, 1..3, 0..3, 2..2] {
        let parcel = Parcel::Shared(together.clone(), range.clone());
        assert_eq!(parcel.rows(), range.len());
        assert_eq!(parcel.line(), rows.get(range.start).map_or(0, |row| row.1 + 5));
        let opened = parcel.open().unwrap();
        assert_eq!(opened.lines().collect::<Vec<_>>(), rows[range.clone()].iter().map(|row| row.1 + 5).collect::<Vec<_>>());
        assert_eq!(format!("{:?}", opened.unpack()), format!("{:?}", part(&rows[range.clone()])));
        assert_eq!(together.names(range.clone()).collect::<Vec<_>>(), rows[range].iter().map(|row| row.0).collect::<Vec<_>>());
    }
}

proptest! {
    #[test]
    fn every_double_comes_back(values in proptest::collection::vec(
        proptest::option::of(prop_oneof![
            any::<f64>().prop_map(|value| value + 0.0),
            (-1_000_000i32..1_000_000, 0i32..10).prop_map(|(whole, places)| f64::from(whole) / 10f64.powi(places)),
        ]),
        0..20,
    )) {
        doubles(&values);
    }

    #[test]
    fn every_sequence_comes_back(
        (first, step, mut values) in (any::<i32>(), -3i64..1000, proptest::collection::vec(any::<i64>(), 0..4)),
        even in 0i64..20,
    ) {
        values.extend((0..even).map(|at| i64::from(first) + at * step));
        let packed = Sequence::of(&values);
        prop_assert_eq!(packed.some(0..values.len()).collect::<Vec<_>>(), values.clone());
        prop_assert_eq!(packed.get(values.len()), None);
    }
}
