//! What a row says, in a number: rows with the same number say the same.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};
use sha2::{Digest, Sha256};

use crate::rows::Part;

/// Each row of a part: its time and device, its place, and what it says. Columns without a value say nothing, whether they are there
/// or not; nor does their order.
pub(super) fn rows(part: &Part) -> impl Iterator<Item = ((i64, u64), u32, u64)> + '_ {
    let mut columns: Vec<_> = part.columns.iter().collect();
    columns.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    let member = part.member.as_deref().unwrap_or_default();
    part.device.iter().zip(part.ts.values()).zip(0_u32..).map(move |((device, ts), row)| {
        let device = number(|hash| {
            text(hash, member);
            text(hash, device.unwrap_or_default());
        });
        let value = number(|hash| {
            for (column, values) in &columns {
                cell(hash, &column.name, values.as_ref(), usize::try_from(row).unwrap_or(usize::MAX));
            }
        });
        ((*ts, device), row, value)
    })
}

fn cell(hash: &mut Sha256, name: &str, values: &dyn Array, row: usize) {
    if values.is_null(row) || *values.data_type() == DataType::Null {
        return;
    }
    text(hash, name);
    match values.data_type() {
        DataType::Float64 => {
            let value = values.as_primitive::<Float64Type>().value(row);
            // Zero has two signs, and what is no number many forms.
            let plain = if value.is_nan() { f64::NAN } else { value + 0.0 };
            hash.update(plain.to_bits().to_be_bytes());
        }
        DataType::Int64 => hash.update(values.as_primitive::<Int64Type>().value(row).to_be_bytes()),
        DataType::Boolean => hash.update([u8::from(values.as_boolean().value(row))]),
        DataType::Timestamp(..) => hash.update(values.as_primitive::<TimestampMicrosecondType>().value(row).to_be_bytes()),
        _ => text(hash, values.as_string::<i32>().value(row)),
    }
}

/// A text with its length, so that no two lists of texts run together to the same bytes.
fn text(hash: &mut Sha256, text: &str) {
    hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(text);
}

fn number(fill: impl FnOnce(&mut Sha256)) -> u64 {
    let mut hash = Sha256::new();
    fill(&mut hash);
    let digest: [u8; 32] = hash.finalize().into();
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
