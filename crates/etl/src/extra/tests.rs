use arrow::array::{Float64Array, Int64Array, TimestampMicrosecondArray};
use arrow::datatypes::{Field as ArrowField, Fields};

use super::*;

fn column(original: &str, unit: Option<&str>, kind: Kind) -> Column {
    Column { name: original.to_lowercase(), original: original.to_owned(), unit: unit.map(str::to_owned), process: None, kind }
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn part(columns: Vec<(Column, ArrayRef)>) -> Part {
    Part {
        table: "t".to_owned(),
        member: None,
        device: StringArray::from(vec!["d", "d"]),
        ts: TimestampMicrosecondArray::from(vec![0, 1]).with_timezone_utc(),
        row: Int64Array::from(vec![1, 2]),
        columns,
    }
}

#[test]
fn extra_columns_become_one_in_the_order_of_their_names() {
    let own: ArrayRef = Arc::new(Float64Array::from(vec![1.5, 2.5]));
    let folded = folded(part(vec![
        (column("Wind", Some("m/s"), Kind::Extra), texts(&[Some("1,5"), None])),
        (column("T", None, Kind::Double), own),
        (column("a \"b\"", None, Kind::Extra), texts(&[Some("x\ny"), None])),
        (column("T", None, Kind::Extra), texts(&[Some("007"), None])),
        (column("Level (m)", Some("m"), Kind::Extra), texts(&[None, None])),
    ]))
    .unwrap();
    let told: Vec<_> = folded.columns.iter().map(|(column, _)| (column.name.as_str(), column.kind)).collect();
    assert_eq!(told, [("t", Kind::Double), ("extra", Kind::Extra)]);
    let extra = folded.columns[1].1.as_string::<i32>();
    assert_eq!(extra.value(0), r#"{"T_2":"007","Wind [m/s]":"1,5","a \"b\"":"x\ny"}"#);
    assert!(extra.is_null(1));
}

#[test]
fn a_part_without_extra_values_has_no_map() {
    let none = folded(part(vec![(column("a", None, Kind::Extra), texts(&[None, None]))])).unwrap();
    assert!(none.columns.is_empty());
    let plain = folded(part(vec![(column("a", None, Kind::Text), texts(&[Some("x"), None]))])).unwrap();
    assert_eq!(plain.columns[0].0.kind, Kind::Text);
}

#[test]
fn maps_come_back_from_their_texts() {
    let fields =
        Fields::from(vec![ArrowField::new("key", DataType::Utf8, false), ArrowField::new("value", DataType::Utf8, true)]);
    let entry = Arc::new(ArrowField::new("key_value", DataType::Struct(fields), false));
    let texts = StringArray::from(vec![Some(r#"{"a":"1","ü \"":"\n"}"#), None, Some(r#"{"b":""}"#)]);
    let maps = maps(&texts, &DataType::Map(entry, false)).unwrap();
    let maps = maps.as_map();
    let row = |at: usize| {
        let (names, values) = (maps.value(at).column(0).clone(), maps.value(at).column(1).clone());
        let pairs = names.as_string::<i32>().iter().zip(values.as_string::<i32>().iter());
        pairs.map(|(name, value)| format!("{}={}", name.unwrap(), value.unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(row(0), ["a=1", "ü \"=\n"]);
    assert!(maps.is_null(1));
    assert_eq!(row(2), ["b="]);
    assert!(super::maps(&texts, &DataType::Utf8).is_err());
}

#[test]
fn rare_columns_are_found_by_globs() {
    let rare = Rare::new(&["diag_*".to_owned(), "CO2/*".to_owned()]).unwrap();
    let room = Room::new(2, &rare);
    assert!(room.is_for("temp", 1) && !room.is_for("temp", 2));
    assert!(!room.is_for("DIAG_x", 0) && !room.is_for("co2/raw/a", 0) && room.is_for("diagnosis", 0));
    assert!(Rare::new(&["[".to_owned()]).is_err());
}

#[test]
fn what_the_table_has_not_joins_the_map() {
    let map = texts(&[Some(r#"{"a":"007","b":"1"}"#), None]);
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.5), None]));
    let longs: ArrayRef = Arc::new(Int64Array::from(vec![7, 8]));
    let part = part(vec![
        (column("T", None, Kind::Double), numbers.clone()),
        (column("a", None, Kind::Double), numbers),
        (column("Level", Some("m"), Kind::Long), longs),
        (column("none", None, Kind::Unknown), Arc::new(arrow::array::NullArray::new(2))),
        (Column { name: EXTRA.to_owned(), ..column("extra", None, Kind::Extra) }, map),
    ]);
    let has = |name: &str| ["t", EXTRA].contains(&name);
    assert!(is_beyond(part.columns.iter().map(|(column, _)| column), has));
    assert!(!is_beyond(part.columns.iter().map(|(column, _)| column), |name| has(name) || ["a", "level"].contains(&name)));
    let [within] = within(&part, has).unwrap().try_into().unwrap();
    let told: Vec<_> = within.columns.iter().map(|(column, _)| (column.name.as_str(), column.kind)).collect();
    assert_eq!(told, [("t", Kind::Double), (EXTRA, Kind::Extra)]);
    let maps: Vec<_> = within.columns[1].1.as_string::<i32>().iter().flatten().collect();
    assert_eq!(maps, [r#"{"Level [m]":"7","a":"007","a_2":"1.5","b":"1"}"#, r#"{"Level [m]":"8"}"#]);
    assert_eq!(within.row.values().to_vec(), [1, 2]);
}
