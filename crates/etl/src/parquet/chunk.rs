//! A column chunk of packed numbers, in [dictionary encoding][encodings].
//!
//! The parquet crate finds a dictionary by hashing every value, and that is most of what writing rounded numbers costs. Here it is known
//! already, and in ascending order: the pages are made from it, with the statistics and the [page index][index] of the crate's own, and the
//! number of distinct values beside.
//!
//! [encodings]: https://parquet.apache.org/docs/file-format/data-pages/encodings/
//! [index]: https://parquet.apache.org/docs/file-format/pageindex/

use std::fmt;

use ::parquet::basic::{BoundaryOrder, Compression, Encoding, PageType, ZstdLevel};
use ::parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use ::parquet::column::writer::ColumnCloseResult;
use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, LevelHistogram, OffsetIndexBuilder, PageEncodingStats};
use ::parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use ::parquet::schema::types::ColumnDescPtr;
use bytes::Bytes;
use zstd::bulk::Compressor;

use super::hybrid;
use super::values::{Reach, Values};
use crate::packed::Dictionary;

/// Rows of a data page, as many as the parquet crate's have.
const PAGE_ROWS: usize = 20 << 10;
/// The definition level of a value that is there; 0 is that of a null.
const PRESENT: i16 = 1;

/// Makes column chunks, compressed with zstd.
pub(super) struct Chunks {
    level: ZstdLevel,
    zstd: Compressor<'static>,
}

/// The pages of a chunk on their way, and what is to be said of them.
struct Pages<'a> {
    chunks: &'a mut Chunks,
    values: &'a Values,
    sink: SerializedPageWriter<'a, Vec<u8>>,
    columns: ColumnIndexBuilder,
    offsets: OffsetIndexBuilder,
    order: Order,
    uncompressed_bytes: usize,
    compressed_bytes: usize,
    dictionary_offset: Option<u64>,
    data_offset: Option<u64>,
    data_pages: i32,
    rows: u64,
    nulls: u64,
}

/// A data page before it is compressed.
struct Encoded {
    bytes: Vec<u8>,
    rows: u32,
    nulls: u32,
    reach: Option<Reach>,
}

/// Whether the smallest and the largest values climb or fall from page to page.
struct Order {
    last: Option<Reach>,
    climbs: bool,
    falls: bool,
}

impl Chunks {
    pub(super) fn new(level: ZstdLevel) -> Result<Self> {
        Ok(Self { level, zstd: Compressor::new(level.compression_level())? })
    }

    /// The chunk of a column that is optional, of doubles or of 64-bit whole numbers: its bytes, and what is to be said of them.
    pub(super) fn make(&mut self, dictionary: &Dictionary, column: &ColumnDescPtr) -> Result<(Bytes, ColumnCloseResult)> {
        if (column.max_def_level(), column.max_rep_level()) != (PRESENT, 0) {
            return Err(ParquetError::NYI(format!("a dictionary for the column {}", column.path())));
        }
        let values = Values::of(dictionary, column.physical_type())?;
        let mut sink = TrackedWrite::new(Vec::new());
        let mut pages = Pages {
            chunks: self,
            values: &values,
            sink: SerializedPageWriter::new(&mut sink),
            columns: ColumnIndexBuilder::new(column.physical_type()),
            offsets: OffsetIndexBuilder::new(),
            order: Order { last: None, climbs: true, falls: true },
            uncompressed_bytes: 0,
            compressed_bytes: 0,
            dictionary_offset: None,
            data_offset: None,
            data_pages: 0,
            rows: 0,
            nulls: 0,
        };
        pages.dictionary()?;
        for places in dictionary.places().chunks(PAGE_ROWS) {
            pages.data(encode(places, &values)?)?;
        }
        let close = pages.close(column)?;
        Ok((sink.into_inner()?.into(), close))
    }
}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").field("level", &self.level).finish_non_exhaustive()
    }
}

impl Pages<'_> {
    fn dictionary(&mut self) -> Result<()> {
        let plain = self.values.plain();
        let page = Page::DictionaryPage {
            buf: self.chunks.zstd.compress(&plain)?.into(),
            num_values: counted(self.values.len())?,
            encoding: Encoding::PLAIN,
            is_sorted: self.values.written().is_ascending(),
        };
        self.dictionary_offset = Some(self.write(page, plain.len())?.offset);
        Ok(())
    }

    fn data(&mut self, Encoded { bytes, rows, nulls, reach }: Encoded) -> Result<()> {
        let page = Page::DataPage {
            buf: self.chunks.zstd.compress(&bytes)?.into(),
            num_values: rows,
            encoding: Encoding::RLE_DICTIONARY,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let written = self.write(page, bytes.len())?;
        self.data_offset.get_or_insert(written.offset);
        self.data_pages += 1;
        self.rows += u64::from(rows);
        self.nulls += u64::from(nulls);

        let bounds = reach.map(|reach| self.values.bounds(reach).map(|bound| bound.to_vec()));
        let [smallest, largest] = bounds.unwrap_or_default();
        self.columns.append(reach.is_none(), smallest, largest, i64::from(nulls));
        self.columns.append_histograms(&None, &levels(u64::from(rows), u64::from(nulls))?);
        self.offsets.append_row_count(i64::from(rows));
        self.offsets.append_offset_and_size(counted(written.offset)?, counted(written.compressed_size)?);
        self.order.go_on(reach);
        Ok(())
    }

    fn write(&mut self, page: Page, uncompressed: usize) -> Result<PageWriteSpec> {
        let written = self.sink.write_page(CompressedPage::new(page, uncompressed))?;
        self.uncompressed_bytes += written.uncompressed_size;
        self.compressed_bytes += written.compressed_size;
        Ok(written)
    }

    fn close(mut self, column: &ColumnDescPtr) -> Result<ColumnCloseResult> {
        let pages = |page_type, encoding, count| PageEncodingStats { page_type, encoding, count };
        let metadata = ColumnChunkMetaData::builder(column.clone())
            .set_compression(Compression::ZSTD(self.chunks.level))
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY])
            .set_page_encoding_stats(vec![
                pages(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1),
                pages(PageType::DATA_PAGE, Encoding::RLE_DICTIONARY, self.data_pages),
            ])
            .set_total_uncompressed_size(counted(self.uncompressed_bytes)?)
            .set_total_compressed_size(counted(self.compressed_bytes)?)
            .set_num_values(counted(self.rows)?)
            .set_dictionary_page_offset(self.dictionary_offset.map(counted).transpose()?)
            .set_data_page_offset(counted(self.data_offset.unwrap_or_default())?)
            .set_statistics(self.values.statistics(self.nulls))
            .set_definition_level_histogram(levels(self.rows, self.nulls)?)
            .build()?;
        self.columns.set_boundary_order(self.order.said());
        Ok(ColumnCloseResult {
            bytes_written: counted(self.compressed_bytes)?,
            rows_written: self.rows,
            metadata,
            bloom_filter: None,
            column_index: Some(self.columns.build()?),
            offset_index: Some(self.offsets.build()),
        })
    }
}

impl Order {
    /// Pages of nulls alone stand in no order.
    fn go_on(&mut self, page: Option<Reach>) {
        let Some(page) = page else { return };
        if let Some(last) = self.last.replace(page) {
            self.climbs &= last.smallest <= page.smallest && last.largest <= page.largest;
            self.falls &= last.smallest >= page.smallest && last.largest >= page.largest;
        }
    }

    fn said(&self) -> BoundaryOrder {
        match self {
            Self { climbs: true, .. } => BoundaryOrder::ASCENDING,
            Self { falls: true, .. } => BoundaryOrder::DESCENDING,
            _ => BoundaryOrder::UNORDERED,
        }
    }
}

/// Definition levels with their length before them, and then the places of the values that are there.
fn encode(places: &[u16], values: &Values) -> Result<Encoded> {
    let is_there = |place: &u16| *place != Dictionary::NULL;
    let nulls = places.len() - places.iter().copied().filter(is_there).count();
    let mut bytes = vec![0; size_of::<u32>()];
    let of_levels = hybrid::width(1);
    if nulls == 0 {
        hybrid::run(1, places.len(), of_levels, &mut bytes);
    } else {
        let levels: Vec<u16> = places.iter().map(|place| is_there(place).into()).collect();
        hybrid::encode(&levels, of_levels, &mut bytes);
    }
    let length: u32 = counted(bytes.len() - size_of::<u32>())?;
    bytes.splice(..size_of::<u32>(), length.to_le_bytes());

    let of_places = hybrid::width(counted(values.len().saturating_sub(1))?);
    bytes.push(of_places);
    let written = values.written();
    let mut present = Vec::with_capacity(places.len() - nulls);
    present.extend(places.iter().copied().filter(is_there).map(|place| written.place(place)));
    hybrid::encode(&present, of_places, &mut bytes);
    Ok(Encoded { bytes, rows: counted(places.len())?, nulls: counted(nulls)?, reach: Reach::of(places) })
}

fn levels(rows: u64, nulls: u64) -> Result<Option<LevelHistogram>> {
    let mut levels = LevelHistogram::try_new(PRESENT);
    if let Some(levels) = &mut levels {
        levels.increment_by(0, counted(nulls)?);
        levels.increment_by(PRESENT, counted(rows - nulls)?);
    }
    Ok(levels)
}

/// A count in the width that the format has for it.
fn counted<T, U: TryFrom<T>>(count: T) -> Result<U> {
    U::try_from(count).map_err(|_| ParquetError::General("a column chunk is too long".to_owned()))
}

#[cfg(test)]
mod tests;
