use std::sync::Arc;

use arrow::array::{Float64Array, Int64Array};
use proptest::prelude::*;

use super::*;
use crate::Kind;
use crate::packed::Values;

fn whole(values: &[Option<f64>]) -> Whole {
    let packed = Values::of(Arc::new(Float64Array::from(values.to_vec())), Kind::Double, &mut 0);
    let Values::Whole(whole) = packed else { panic!("{values:?} cannot be packed") };
    whole
}

/// The values that the places stand for, bit by bit.
fn back(dictionary: &Dictionary) -> Vec<Option<u64>> {
    let distinct: Vec<f64> = dictionary.doubles().collect();
    assert!(distinct.is_sorted_by(|a, b| a < b), "{distinct:?}");
    let place = |place: &u16| (*place != Dictionary::NULL).then(|| distinct[usize::from(*place)].to_bits());
    dictionary.places().iter().map(place).collect()
}

#[test]
fn parts_of_other_decimal_places_and_parts_without_the_column_share_a_dictionary() {
    let (coarse, fine) = (whole(&[Some(21.0), None, Some(-3.0)]), whole(&[Some(21.0), Some(20.75)]));
    let stretches = [(Some(&coarse), 0..3), (None, 0..2), (Some(&fine), 1..2), (Some(&fine), 0..1)];
    let dictionary = Dictionary::of(&stretches).unwrap();
    assert_eq!(dictionary.doubles().collect::<Vec<_>>(), [-3.0, 20.75, 21.0]);
    let null = Dictionary::NULL;
    assert_eq!(dictionary.places(), [2, null, 0, null, null, 1, 2]);
}

#[test]
fn nothing_but_nulls_has_an_empty_dictionary() {
    let nulls = whole(&[None, None]);
    for stretches in [vec![], vec![(None, 0..2)], vec![(Some(&nulls), 0..2)]] {
        let dictionary = Dictionary::of(&stretches).unwrap();
        assert_eq!(dictionary.doubles().count(), 0);
        assert!(dictionary.places().iter().all(|place| *place == Dictionary::NULL));
    }
}

#[test]
fn a_few_numbers_far_away_do_no_harm_and_many_do() {
    let error = whole(&[Some(-7999.0), Some(21.0625), Some(20.5), Some(6999.0)]);
    let dictionary = Dictionary::of(&[(Some(&error), 0..4)]).unwrap();
    assert_eq!(dictionary.doubles().collect::<Vec<_>>(), [-7999.0, 20.5, 21.0625, 6999.0]);
    assert_eq!(dictionary.places(), [0, 2, 1, 3]);

    let scattered = |rows: usize| {
        let values: Vec<_> = (0..rows).map(|row| Some((row * 10_000) as f64)).collect();
        Dictionary::of(&[(Some(&whole(&values)), 0..rows)]).is_some()
    };
    assert!(scattered(60));
    assert!(!scattered(70), "more cells than pay");
    assert_eq!(Dictionary::of(&[(Some(&whole(&[Some(0.0), Some(3e9)])), 0..2)]), None, "too far");
    // Side by side, but in hundredths no double would hold them exactly.
    let (large, fine) = (whole(&[Some(2_251_799_813_685_247.0)]), whole(&[Some(0.25)]));
    assert_eq!(Dictionary::of(&[(Some(&large), 0..1), (Some(&fine), 0..1)]), None);
}

#[test]
fn places_are_numbers_of_two_bytes() {
    let all = |rows: usize| {
        let values: Vec<_> = (0..rows).map(|row| Some(row as f64)).collect();
        Dictionary::of(&[(Some(&whole(&values)), 0..rows)])
    };
    assert!(all(Dictionary::DISTINCT_MAX).is_some_and(|dictionary| dictionary.places().last() == Some(&(Dictionary::NULL - 1))));
    assert_eq!(all(Dictionary::DISTINCT_MAX + 1), None);
    assert_eq!(all(2 * Dictionary::DISTINCT_MAX), None);
}

#[test]
fn whole_numbers_come_as_such() {
    let Values::Whole(longs) =
        Values::of(Arc::new(Int64Array::from(vec![Some(1 << 60), None, Some(1 << 60)])), Kind::Long, &mut 0)
    else {
        panic!("not packed")
    };
    // Beyond what a double holds: the parquet crate writes them.
    assert_eq!(Dictionary::of(&[(Some(&longs), 0..3)]), None);
    let Values::Whole(longs) = Values::of(Arc::new(Int64Array::from(vec![Some(-7), None, Some(9)])), Kind::Long, &mut 0) else {
        panic!("not packed")
    };
    let dictionary = Dictionary::of(&[(Some(&longs), 0..3)]).unwrap();
    assert_eq!((dictionary.longs().collect::<Vec<_>>(), dictionary.places()), (vec![-7, 9], &[0, Dictionary::NULL, 1][..]));
}

proptest! {
    #[test]
    fn every_number_comes_back(parts in prop::collection::vec(
        (0i32..4, prop::collection::vec(prop::option::of(-9000i32..9000), 1..30)),
        1..6,
    )) {
        let values: Vec<Vec<Option<f64>>> = parts
            .iter()
            .map(|(places, numbers)| numbers.iter().map(|n| n.map(|n| f64::from(n) / 10f64.powi(*places))).collect())
            .collect();
        let wholes: Vec<Whole> = values.iter().map(|values| whole(values)).collect();
        let stretches: Vec<Stretch<'_>> = wholes.iter().zip(&values).map(|(whole, values)| (Some(whole), 0..values.len())).collect();
        let dictionary = Dictionary::of(&stretches).unwrap();
        let sent: Vec<_> = values.iter().flatten().map(|value| value.map(|value| (value + 0.0).to_bits())).collect();
        prop_assert_eq!(back(&dictionary), sent);
    }
}
