use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, Int64Type};

use super::*;
use crate::extra::Rare;
use crate::rows::Kind;
use crate::zone::Zone;

/// A row: name, kind and value of each entry, kinds open to what the file shows.
type Given<'g> = &'g [(&'g str, Kind, &'g str)];

fn fill(rows: &[Given<'_>]) -> (Vec<Part>, Vec<String>) {
    let zone = Zone::named("UTC").unwrap();
    let mut local = Local::new(&zone);
    let rare = Rare::new(&["rare_*".to_owned()]).unwrap();
    let (parts, refused) = read(Room::new(4, &rare), &TimeFormat::Iso, |sheets| {
        let mut refused = Vec::new();
        for (given, number) in rows.iter().zip(1..) {
            let entries: Vec<Entry<'_>> = given
                .iter()
                .map(|(name, kind, value)| Entry { declared: false, ..Entry::declared(Role::Field, name, *kind, value) })
                .collect();
            let row = Row { number, device: "d".to_owned(), time: 0 };
            match sheets.add("t", row, &entries, &mut local) {
                Ok(()) => {}
                Err(Unusable::Row(reason)) => refused.push(Refused { member: None, row: number, bytes: 0..1, reason }),
                Err(Unusable::File(refusal)) => return Err(refusal),
            }
        }
        Ok(refused)
    })
    .unwrap();
    (parts, refused.into_iter().map(|refused| format!("{}: {}", refused.row, refused.reason)).collect())
}

#[track_caller]
fn check(rows: &[Given<'_>], columns: &[(&str, Kind)], numbers: &[i64], refused: &[&str]) -> Vec<Part> {
    let (parts, reasons) = fill(rows);
    let told: Vec<_> =
        parts.iter().flat_map(|part| &part.columns).map(|(column, _)| (column.name.as_str(), column.kind)).collect();
    assert_eq!(told, columns);
    assert_eq!(parts.iter().flat_map(|part| part.row.values().to_vec()).collect::<Vec<_>>(), numbers);
    assert_eq!(reasons, refused);
    parts
}

const N: Kind = Kind::Double;
const T: Kind = Kind::Text;
const B: Kind = Kind::Boolean;

#[test]
fn columns_come_and_go() {
    let parts = check(&[&[("a", N, "1")], &[], &[("b", T, "x"), ("a", N, "3")]], &[("a", N), ("b", T)], &[1, 2, 3], &[]);
    let values = |at: usize| parts[0].columns[at].1.clone();
    assert_eq!(values(0).as_primitive::<Float64Type>().iter().collect::<Vec<_>>(), [Some(1.0), None, Some(3.0)]);
    assert_eq!(values(1).as_string::<i32>().iter().collect::<Vec<_>>(), [None, None, Some("x")]);
}

#[test]
fn most_values_say_what_a_column_is() {
    check(&[&[("a", T, "x")], &[("a", N, "1")], &[("a", N, "2")]], &[("a", N)], &[2, 3], &["1: a: \"x\" is not a number"]);
    check(&[&[("a", N, "1")], &[("a", T, "x")], &[("a", T, "y")]], &[("a", T)], &[1, 2, 3], &[]);
    check(
        &[&[("a", N, "1")], &[("a", B, "true")], &[("a", B, "false")]],
        &[("a", B)],
        &[2, 3],
        &["1: a: \"1\" is neither true nor false"],
    );
    // An integer that no double holds is not made another one.
    let parts = check(&[&[("a", N, "1")], &[("a", N, "9007199254740993")]], &[("a", T)], &[1, 2], &[]);
    assert_eq!(parts[0].columns[0].1.as_string::<i32>().value(1), "9007199254740993");
}

#[test]
fn a_row_is_taken_wholly_or_not_at_all() {
    let rows: &[Given<'_>] = &[
        &[("a", N, "1")],
        &[("b", N, "1"), ("a", N, "2"), ("a", N, "3")],
        &[("b", N, "1"), ("c", N, "1"), ("b", N, "1")],
        &[("x", N, "4")],
    ];
    check(rows, &[("a", N), ("x", N)], &[1, 4], &["2: a: twice", "3: b: twice"]);
}

#[test]
fn rare_columns_and_those_behind_the_last_place_are_extra() {
    let rows: &[Given<'_>] = &[
        &[("rare_1", N, "007"), ("a", N, "1"), ("b", N, "1"), ("c", N, "1")],
        &[("d", N, "1"), ("e", N, "1e3"), ("rare_1", T, "x"), ("e", N, "2")],
        &[("d", N, "1"), ("f", B, "true"), ("e", N, "1e3")],
    ];
    let columns = [("rare_1", Kind::Extra), ("a", N), ("b", N), ("c", N), ("d", N), ("f", Kind::Extra), ("e", Kind::Extra)];
    let parts = check(rows, &columns, &[1, 3], &["2: e: twice"]);
    let text = |at: usize, row: usize| parts[0].columns[at].1.as_string::<i32>().value(row).to_owned();
    assert_eq!([text(0, 0), text(5, 1), text(6, 1)], ["007", "true", "1e3"]);
}

#[test]
fn declared_types_are_held_to() {
    let zone = Zone::named("UTC").unwrap();
    let mut local = Local::new(&zone);
    let (parts, refused) = read(Room::ENDLESS, &TimeFormat::Iso, |sheets| {
        let mut reasons = Vec::new();
        for (value, number) in ["9007199254740993", "1.5", "2"].into_iter().zip(1..) {
            let row = Row { number, device: "d".to_owned(), time: 0 };
            let added = sheets.add("t", row, &[Entry::declared(Role::Tag, "a", Kind::Long, value)], &mut local);
            if let Err(Unusable::Row(reason)) = added {
                reasons.push(Refused { member: None, row: number, bytes: 0..1, reason });
            }
        }
        Ok(reasons)
    })
    .unwrap();
    assert_eq!(parts[0].columns[0].1.as_primitive::<Int64Type>().values().to_vec(), [9_007_199_254_740_993, 2]);
    assert_eq!(refused[0].reason, "a: \"1.5\" is not a whole number");
}

#[test]
fn a_file_is_not_a_table_a_row() {
    let zone = Zone::named("UTC").unwrap();
    let mut local = Local::new(&zone);
    let refusal = read(Room::ENDLESS, &TimeFormat::Iso, |sheets| {
        for number in 0..1000 {
            let row = Row { number, device: "d".to_owned(), time: 0 };
            if let Err(Unusable::File(refusal)) = sheets.add(&format!("t{number}"), row, &[], &mut local) {
                return Err(refusal);
            }
        }
        Ok(Vec::new())
    });
    assert_eq!(refusal.unwrap_err().reason, "rows for more than 256 tables");
}
