use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use ::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use ::parquet::file::properties::WriterProperties;
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use arrow::compute::concat;
use arrow::datatypes::{Field, Float64Type, Schema};
use arrow::record_batch::RecordBatch;
use proptest::prelude::*;

use super::*;
use crate::Kind;
use crate::packed::Values as Packed;

fn file(values: &ArrayRef) -> ArrowWriter<Vec<u8>> {
    let schema = Schema::new(vec![Field::new("v", values.data_type().clone(), true)]);
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    ArrowWriter::try_new(Vec::new(), Arc::new(schema), Some(properties)).unwrap()
}

/// A file with one column, made here.
fn ours(values: &ArrayRef, kind: Kind) -> Bytes {
    let Packed::Whole(whole) = Packed::of(values.clone(), kind, &mut 0) else { panic!("not packed") };
    let dictionary = Dictionary::of(&[(Some(&whole), 0..values.len())]).unwrap();
    let (mut file, _) = file(values).into_serialized_writer().unwrap();
    let column = file.schema_descr().column(0);
    let (bytes, close) = Chunks::new(ZstdLevel::default()).unwrap().make(&dictionary, &column).unwrap();
    let mut group = file.next_row_group().unwrap();
    group.append_column(&bytes, close).unwrap();
    group.close().unwrap();
    file.into_inner().unwrap().into()
}

/// The same, made by the parquet crate.
fn theirs(values: &ArrayRef) -> Bytes {
    let mut file = file(values);
    file.write(&RecordBatch::try_from_iter_with_nullable([("v", values.clone(), true)]).unwrap()).unwrap();
    file.into_inner().unwrap().into()
}

fn read(file: Bytes) -> (ArrayRef, Arc<ParquetMetaData>) {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
    let metadata = reader.metadata().clone();
    let arrays: Vec<ArrayRef> = reader.build().unwrap().map(|rows| rows.unwrap().column(0).clone()).collect();
    (concat(&arrays.iter().map(AsRef::as_ref).collect::<Vec<_>>()).unwrap(), metadata)
}

/// Reads what is made here, and compares what it says of itself with what the parquet crate would say.
fn check(values: ArrayRef, kind: Kind) {
    let (back, told) = read(ours(&values, kind));
    assert_eq!(&back, &values);
    if let Some(doubles) = back.as_primitive_opt::<Float64Type>() {
        let bits = |doubles: &Float64Array| doubles.iter().map(|value| value.map(f64::to_bits)).collect::<Vec<_>>();
        assert_eq!(bits(doubles), bits(values.as_primitive::<Float64Type>()));
    }
    let (_, expected) = read(theirs(&values));
    let (chunk, of_theirs) = (told.row_group(0).column(0), expected.row_group(0).column(0));
    let statistics = chunk.statistics().unwrap();
    let bounds = |of: &::parquet::file::statistics::Statistics| {
        (of.min_bytes_opt().map(<[u8]>::to_vec), of.max_bytes_opt().map(<[u8]>::to_vec), of.null_count_opt())
    };
    assert_eq!(bounds(statistics), bounds(of_theirs.statistics().unwrap()));
    assert_eq!(chunk.definition_level_histogram(), of_theirs.definition_level_histogram());
    assert_eq!(chunk.num_values(), of_theirs.num_values());
    assert_eq!(told.row_group(0).num_rows(), i64::try_from(values.len()).unwrap());
    assert_eq!(format!("{:?}", told.column_index()), format!("{:?}", expected.column_index()));
    let first_rows = |of: &ParquetMetaData| {
        let pages = of.offset_index().unwrap()[0][0].page_locations();
        pages.iter().map(|page| page.first_row_index).collect::<Vec<_>>()
    };
    assert_eq!(first_rows(&told), first_rows(&expected));
}

fn doubles(values: impl IntoIterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(Float64Array::from_iter(values))
}

#[test]
fn doubles_read_back_with_the_parquet_crates_own_statistics() {
    check(doubles([Some(21.06), None, Some(-40.0), Some(21.06)]), Kind::Double);
    check(doubles([Some(0.0), Some(5.5)]), Kind::Double);
    check(doubles([Some(0.0), Some(-5.5), None]), Kind::Double);
    check(doubles(vec![Some(7.25); 3]), Kind::Double);
    check(doubles(vec![None; 30]), Kind::Double);
}

#[test]
fn whole_numbers_read_back_too() {
    check(Arc::new(Int64Array::from(vec![Some(-3), None, Some(i64::from(u16::MAX))])), Kind::Long);
}

#[test]
fn pages_say_what_is_in_them() {
    let rows = PAGE_ROWS * 2 + 500;
    let climbs = |row: usize| (row / 100) as f64 / 10.0;
    check(doubles((0..rows).map(|row| Some(climbs(row)))), Kind::Double);
    check(doubles((0..rows).map(|row| Some(-climbs(row)).filter(|value| *value < 0.0))), Kind::Double);
    check(doubles((0..rows).map(|row| Some((row * 7919 % 1000) as f64 / 10.0).filter(|_| row % 3 > 0))), Kind::Double);
    // A page of nulls in the middle.
    check(doubles((0..rows).map(|row| Some(climbs(row)).filter(|_| !(PAGE_ROWS..PAGE_ROWS * 2).contains(&row)))), Kind::Double);
}

#[test]
fn other_columns_are_refused() {
    let dictionary = Dictionary::of(&[]).unwrap();
    let texts: ArrayRef = Arc::new(arrow::array::StringArray::from(vec!["a"]));
    let (file, _) = file(&texts).into_serialized_writer().unwrap();
    let refused = Chunks::new(ZstdLevel::default()).unwrap().make(&dictionary, &file.schema_descr().column(0));
    assert!(refused.unwrap_err().to_string().contains("BYTE_ARRAY"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn runs_nulls_and_numbers_of_any_width_read_back(pieces in prop::collection::vec(
        (prop::option::of(0i32..30_000), 1usize..40, 0i32..100),
        1..60,
    )) {
        let piece = |(first, times, step): &(Option<i32>, usize, i32)| {
            let (first, step) = (*first, step % 3 * step);
            (0..*times).map(move |at| first.map(|first| f64::from(first + at as i32 * step) / 100.0)).collect::<Vec<_>>()
        };
        check(doubles(pieces.iter().flat_map(piece)), Kind::Double);
    }
}
