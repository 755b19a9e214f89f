//! The values of a column, appended one by one, each row able to be taken back.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, BooleanBufferBuilder, Float64Array, Int64Array, NullArray, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::error::ArrowError;

use super::CellFault;
use crate::rows::Kind;

/// Values of one type.
#[derive(Debug)]
pub(crate) enum Cells {
    /// So many nulls, and no value yet.
    Undecided(usize),
    Double(Values<f64>),
    Long(Values<i64>),
    Boolean(Values<bool>),
    Text(Texts),
    Timestamp(Values<i64>),
}

impl Cells {
    /// An empty column of a type, with `nulls` nulls ahead and room for about `rows` rows.
    pub(super) fn of(kind: Kind, rows: usize, nulls: usize) -> Self {
        match kind {
            Kind::Double => Self::Double(Values::new(rows, nulls)),
            Kind::Long => Self::Long(Values::new(rows, nulls)),
            Kind::Boolean => Self::Boolean(Values::new(rows, nulls)),
            Kind::Text | Kind::Extra => Self::Text(Texts::new(rows, nulls)),
            Kind::Timestamp => Self::Timestamp(Values::new(rows, nulls)),
            Kind::Unknown => Self::Undecided(nulls),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Undecided(_) => Kind::Unknown,
            Self::Double(_) => Kind::Double,
            Self::Long(_) => Kind::Long,
            Self::Boolean(_) => Kind::Boolean,
            Self::Text(_) => Kind::Text,
            Self::Timestamp(_) => Kind::Timestamp,
        }
    }

    pub(super) fn push_null(&mut self) {
        match self {
            Self::Undecided(nulls) => *nulls += 1,
            Self::Double(values) => values.push_null(),
            Self::Long(values) | Self::Timestamp(values) => values.push_null(),
            Self::Boolean(values) => values.push_null(),
            Self::Text(text) => text.push_null(),
        }
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        match self {
            Self::Undecided(nulls) => *nulls = rows.min(*nulls),
            Self::Double(values) => values.truncate(rows),
            Self::Long(values) | Self::Timestamp(values) => values.truncate(rows),
            Self::Boolean(values) => values.truncate(rows),
            Self::Text(text) => text.truncate(rows),
        }
    }

    pub(super) fn finish(self) -> Result<(Kind, ArrayRef), ArrowError> {
        Ok(match self {
            Self::Undecided(nulls) => (Kind::Unknown, Arc::new(NullArray::new(nulls)) as ArrayRef),
            Self::Double(Values { values, nulls }) => {
                (Kind::Double, Arc::new(Float64Array::try_new(ScalarBuffer::from(values), nulls.finish())?))
            }
            Self::Long(Values { values, nulls }) => {
                (Kind::Long, Arc::new(Int64Array::try_new(ScalarBuffer::from(values), nulls.finish())?))
            }
            Self::Boolean(Values { values, nulls }) => {
                (Kind::Boolean, Arc::new(BooleanArray::new(values.into(), nulls.finish())))
            }
            Self::Text(Texts { offsets, text, nulls }) => {
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                (Kind::Text, Arc::new(StringArray::try_new(offsets, Buffer::from_vec(text.into_bytes()), nulls.finish())?))
            }
            Self::Timestamp(Values { values, nulls }) => {
                let array = TimestampMicrosecondArray::try_new(ScalarBuffer::from(values), nulls.finish())?;
                (Kind::Timestamp, Arc::new(array.with_timezone("+00:00")))
            }
        })
    }
}

/// Values of a fixed width; a null leaves a default in its place.
#[derive(Debug)]
pub(crate) struct Values<T> {
    values: Vec<T>,
    nulls: Nulls,
}

impl<T: Copy + Default> Values<T> {
    fn new(rows: usize, nulls: usize) -> Self {
        let mut values = Vec::with_capacity(rows.max(nulls));
        values.resize(nulls, T::default());
        Self { values, nulls: Nulls::new(nulls) }
    }

    #[inline]
    pub(super) fn push(&mut self, value: T) {
        self.nulls.push_valid();
        self.values.push(value);
    }

    pub(super) fn push_null(&mut self) {
        self.nulls.push_null(self.values.len());
        self.values.push(T::default());
    }

    fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        self.nulls.truncate(rows);
    }
}

impl Values<f64> {
    /// Appends a number; what is not a number is no value.
    #[inline]
    pub(super) fn push_number(&mut self, value: f64) {
        if value.is_nan() {
            self.push_null();
        } else {
            self.push(value);
        }
    }
}

/// Texts one behind the other.
#[derive(Debug)]
pub(crate) struct Texts {
    offsets: Vec<i32>,
    text: String,
    nulls: Nulls,
}

impl Texts {
    fn new(rows: usize, nulls: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows.max(nulls) + 1);
        offsets.resize(nulls + 1, 0);
        Self { offsets, text: String::new(), nulls: Nulls::new(nulls) }
    }

    pub(super) fn push(&mut self, text: &str) -> Result<(), CellFault> {
        let end = i32::try_from(self.text.len() + text.len()).map_err(|_| CellFault::Full)?;
        self.nulls.push_valid();
        self.text.push_str(text);
        self.offsets.push(end);
        Ok(())
    }

    fn push_null(&mut self) {
        self.nulls.push_null(self.rows());
        self.offsets.push(self.offsets.last().copied().unwrap_or_default());
    }

    fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    fn truncate(&mut self, rows: usize) {
        self.offsets.truncate(rows + 1);
        self.text.truncate(self.offsets.last().and_then(|end| usize::try_from(*end).ok()).unwrap_or_default());
        self.nulls.truncate(rows);
    }
}

/// Which rows are null; nothing is stored until one is.
#[derive(Debug)]
struct Nulls {
    valid: Option<BooleanBufferBuilder>,
}

impl Nulls {
    fn new(nulls: usize) -> Self {
        let mut valid = (nulls > 0).then(|| BooleanBufferBuilder::new(nulls));
        if let Some(valid) = &mut valid {
            valid.append_n(nulls, false);
        }
        Self { valid }
    }

    #[inline]
    fn push_valid(&mut self) {
        if let Some(valid) = &mut self.valid {
            valid.append(true);
        }
    }

    fn push_null(&mut self, rows: usize) {
        let valid = self.valid.get_or_insert_with(|| {
            let mut valid = BooleanBufferBuilder::new(rows + 1);
            valid.append_n(rows, true);
            valid
        });
        valid.append(false);
    }

    fn truncate(&mut self, rows: usize) {
        if let Some(valid) = &mut self.valid {
            valid.truncate(rows);
        }
    }

    fn finish(self) -> Option<NullBuffer> {
        self.valid.map(|mut valid| NullBuffer::new(valid.finish())).filter(|nulls| nulls.null_count() > 0)
    }
}
