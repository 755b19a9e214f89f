use arrow::array::{Float64Array, Int64Array, NullArray, StringArray, TimestampMicrosecondArray};

use super::*;
use crate::rows::Kind;
use crate::testing::column_of;

fn part(device: &str, rows: i64) -> Part {
    let values: ArrayRef = Arc::new(Float64Array::from_iter((0..rows).map(|row| (row % 3 > 0).then_some(0.1))));
    let nulls: ArrayRef = Arc::new(NullArray::new(values.len()));
    Part {
        table: "t".into(),
        member: None,
        device: StringArray::from_iter_values((0..rows).map(|_| device)),
        ts: TimestampMicrosecondArray::from_iter_values(0..rows).with_timezone_utc(),
        row: Int64Array::from_iter_values(1..=rows),
        columns: vec![(column_of("v", None, Kind::Double), values), (column_of("w", None, Kind::Unknown), nulls)],
    }
}

#[test]
fn parts_come_back_as_they_went() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = Spool::create(&directory.path().join("below")).unwrap();
    let parts = [part("a", 5), part("b", 70_000)];
    let write = |part: &Part| spool.write(part, part.columns.iter().map(|(column, _)| column.clone()).collect()).unwrap();
    let spooled: Vec<Spooled> = parts.iter().map(write).collect();
    drop(spool);
    assert_eq!(std::fs::read_dir(directory.path().join("below")).unwrap().count(), 0, "it has no name");
    for (part, spooled) in parts.iter().zip(&spooled).rev() {
        let back = spooled.read().unwrap();
        assert_eq!((&back.device, &back.ts, &back.row), (&part.device, &part.ts, &part.row));
        assert_eq!(back.columns, part.columns);
        assert_eq!(spooled.rows, part.ts.len());
    }
}
