//! The rows of one part, held small until they are written: a batch is as large as memory allows, and the larger it is, the fewer
//! and the better compressed are the files that it makes.
//!
//! Sensors give rounded numbers. A column of them is kept as whole numbers of its last decimal place, counted from its smallest
//! value, in two or four bytes each. What does not come back from that bit by bit is kept as it came; a zero may lose its sign.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray, new_null_array};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::batch::data_type;
use crate::rows::{Column, Kind, Part};
use crate::spool::Spooled;

mod dictionary;
mod sequence;
mod whole;

pub(crate) use dictionary::{Dictionary, Stretch};
pub(crate) use sequence::Sequence;
pub(crate) use whole::{Whole, nulls};

/// Rows for one table, under one header, wherever they wait to be written.
#[derive(Debug)]
pub(crate) enum Parcel {
    /// In memory.
    Packed(Packed),
    /// Some of those that were packed together for many uploads.
    Shared(Arc<Packed>, Range<usize>),
    /// On disk, as part of a file too long for memory.
    Spooled(Spooled),
}

/// Rows for one table, under one header.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    pub(crate) table: String,
    /// The member of the archive that they stand in.
    pub(crate) member: Option<String>,
    pub(crate) devices: Devices,
    /// Microseconds since the Unix epoch.
    pub(crate) ts: Sequence,
    /// The 1-based line on which each row begins.
    pub(crate) row: Sequence,
    /// What the columns are; files with the same header share it.
    pub(crate) columns: Arc<[Column]>,
    /// One for each of the columns.
    pub(crate) values: Vec<Values>,
}

/// Rows of a parcel, in memory.
#[derive(Debug)]
pub(crate) struct Opened<'p> {
    pub(crate) of: Cow<'p, Packed>,
    /// Which of its rows.
    pub(crate) rows: Range<usize>,
}

/// Which device measured a row.
#[derive(Clone, Debug)]
pub(crate) enum Devices {
    /// The same for all.
    One(Box<str>),
    /// As many as rows.
    Each(StringArray),
}

/// The values of a column.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    Whole(Whole),
    Array(ArrayRef),
}

impl Parcel {
    pub(crate) fn table(&self) -> &str {
        match self {
            Self::Packed(packed) => &packed.table,
            Self::Shared(packed, _) => &packed.table,
            Self::Spooled(spooled) => &spooled.table,
        }
    }

    pub(crate) fn table_mut(&mut self) -> &mut String {
        match self {
            Self::Packed(packed) => &mut packed.table,
            Self::Shared(packed, _) => &mut Arc::make_mut(packed).table,
            Self::Spooled(spooled) => &mut spooled.table,
        }
    }

    /// The member of the archive that the rows stand in.
    pub(crate) fn member(&self) -> Option<&str> {
        match self {
            Self::Packed(packed) => packed.member.as_deref(),
            Self::Shared(packed, _) => packed.member.as_deref(),
            Self::Spooled(_) => None,
        }
    }

    pub(crate) fn columns(&self) -> &Arc<[Column]> {
        match self {
            Self::Packed(packed) => &packed.columns,
            Self::Shared(packed, _) => &packed.columns,
            Self::Spooled(spooled) => &spooled.columns,
        }
    }

    /// The line of its first row.
    pub(crate) fn line(&self) -> i64 {
        match self {
            Self::Packed(packed) => packed.row.get(0).unwrap_or_default(),
            Self::Shared(packed, rows) => packed.row.get(rows.start).unwrap_or_default(),
            Self::Spooled(spooled) => spooled.line,
        }
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.rows(),
            Self::Shared(_, rows) => rows.len(),
            Self::Spooled(spooled) => spooled.rows,
        }
    }

    /// About how many bytes of memory they take.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.bytes(),
            Self::Shared(..) | Self::Spooled(_) => size_of::<Self>(),
        }
    }

    /// The rows in memory.
    pub(crate) fn open(&self) -> Result<Opened<'_>, ArrowError> {
        let (of, rows) = match self {
            Self::Packed(packed) => (Cow::Borrowed(packed), 0..packed.rows()),
            Self::Shared(packed, rows) => (Cow::Borrowed(&**packed), rows.clone()),
            Self::Spooled(spooled) => return Ok(Packed::under(spooled.columns.clone(), spooled.read()?).into()),
        };
        Ok(Opened { of, rows })
    }
}

impl From<Packed> for Opened<'_> {
    fn from(packed: Packed) -> Self {
        let rows = 0..packed.rows();
        Self { of: Cow::Owned(packed), rows }
    }
}

impl Opened<'_> {
    /// The 1-based line on which each row begins.
    pub(crate) fn lines(&self) -> impl Iterator<Item = i64> {
        self.of.row.some(self.rows.clone())
    }

    /// The rows as they were before they were packed.
    pub(crate) fn unpack(&self) -> Part {
        self.of.unpack(self.rows.clone())
    }
}

impl From<Packed> for Parcel {
    fn from(packed: Packed) -> Self {
        Self::Packed(packed)
    }
}

impl From<Part> for Parcel {
    fn from(part: Part) -> Self {
        Packed::from(part).into()
    }
}

impl Packed {
    /// Packs a part without flaw (see [`crate::batch::flaw`]), whose columns these are.
    fn under(columns: Arc<[Column]>, part: Part) -> Self {
        let mut decimals = 0;
        let values = part.columns.into_iter().map(|(column, array)| Values::of(array, column.kind, &mut decimals));
        Self {
            values: values.collect(),
            table: part.table,
            member: part.member,
            devices: Devices::of(part.device),
            ts: Sequence::of(part.ts.values()),
            row: Sequence::of(part.row.values()),
            columns,
        }
    }

    /// Some of the rows as they were before they were packed.
    fn unpack(&self, rows: Range<usize>) -> Part {
        let columns = self.columns.iter().zip(&self.values);
        let some = |values: &Sequence| values.some(rows.clone()).collect::<Vec<i64>>();
        Part {
            table: self.table.clone(),
            member: self.member.clone(),
            device: rows.clone().map(|row| self.device(row)).collect(),
            ts: TimestampMicrosecondArray::from(some(&self.ts)).with_timezone_utc(),
            row: Int64Array::from(some(&self.row)),
            columns: columns
                .map(|(column, values)| (column.clone(), values.array(&data_type(column.kind), rows.clone())))
                .collect(),
        }
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.ts.len()
    }

    /// About how many bytes of memory they take.
    pub(crate) fn bytes(&self) -> usize {
        const COLUMN_BYTES: usize = size_of::<Values>() + 16;
        let values = |values: &Values| match values {
            Values::Whole(whole) => whole.bytes(),
            Values::Array(array) => array.get_array_memory_size(),
        };
        let devices = match &self.devices {
            Devices::One(device) => device.len(),
            Devices::Each(devices) => devices.get_array_memory_size(),
        };
        let own = size_of::<Self>() + self.table.len() + devices + self.ts.bytes() + self.row.bytes();
        own + self.values.iter().map(|of| values(of) + COLUMN_BYTES).sum::<usize>()
    }

    /// Whether all rows are of one device.
    pub(crate) fn is_of_one_device(&self) -> bool {
        matches!(self.devices, Devices::One(_))
    }

    /// The devices of some of its rows, some of them more than once.
    pub(crate) fn names(&self, rows: Range<usize>) -> impl Iterator<Item = &str> {
        let rows = if self.is_of_one_device() { rows.start..rows.end.min(rows.start + 1) } else { rows };
        rows.filter_map(|row| self.device(row))
    }

    /// The device of a row; `None` where there is no such row.
    pub(crate) fn device(&self, row: usize) -> Option<&str> {
        match &self.devices {
            Devices::One(device) => Some(device),
            Devices::Each(devices) => (row < devices.len()).then(|| devices.value(row)),
        }
    }
}

/// The headers seen last, so that files under the same one share it.
#[derive(Debug, Default)]
pub(crate) struct Headers(Mutex<Vec<Arc<[Column]>>>);

impl Headers {
    const KEPT: usize = 64;

    /// The columns of a part.
    pub(crate) fn of(&self, part: &Part) -> Arc<[Column]> {
        let columns = || part.columns.iter().map(|(column, _)| column);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = kept.iter().position(|known| known.iter().eq(columns())) {
            // Devices of one kind come one after the other: the header seen last is looked at first.
            let known = kept.remove(at);
            kept.insert(0, known.clone());
            return known;
        }
        let columns: Arc<[Column]> = columns().cloned().collect();
        kept.truncate(Self::KEPT - 1);
        kept.insert(0, columns.clone());
        columns
    }

    /// Packs a part without flaw (see [`crate::batch::flaw`]).
    pub(crate) fn pack(&self, part: Part) -> Packed {
        Packed::under(self.of(&part), part)
    }
}

impl From<Part> for Packed {
    fn from(part: Part) -> Self {
        Headers::default().pack(part)
    }
}

impl Devices {
    fn of(devices: StringArray) -> Self {
        let mut names = devices.iter().flatten();
        match names.next() {
            Some(first) if names.all(|name| name == first) => Self::One(first.into()),
            _ => Self::Each(devices),
        }
    }
}

impl Values {
    /// Packs a column. `decimals` is how many decimal places the column before had, for a start, and becomes what this one has.
    pub(crate) fn of(array: ArrayRef, kind: Kind, decimals: &mut u8) -> Self {
        let any: &dyn std::any::Any = array.as_any();
        let whole = match kind {
            Kind::Double => any.downcast_ref::<Float64Array>().and_then(|array| Whole::of_doubles(array, decimals)),
            Kind::Long => any.downcast_ref::<Int64Array>().and_then(Whole::of_longs),
            _ => None,
        };
        whole.map_or(Self::Array(array), Self::Whole)
    }

    /// Some of the values as an array of that type, which theirs must be unless they are all null.
    pub(crate) fn array(&self, of: &DataType, rows: Range<usize>) -> ArrayRef {
        match self {
            Self::Whole(whole) if *of == DataType::Int64 => Arc::new(whole.longs(rows)),
            Self::Whole(whole) => Arc::new(whole.doubles(rows)),
            Self::Array(array) if array.data_type() == &DataType::Null => new_null_array(of, rows.len()),
            Self::Array(array) => array.slice(rows.start, rows.len()),
        }
    }
}

#[cfg(test)]
mod tests;
