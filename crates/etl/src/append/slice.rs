//! A piece's own part of what was read together with its past.

use arrow::array::{Array, BooleanArray, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::compute::filter;

use super::line_ends::LineEnds;
use crate::rows::{Parsed, Part, Refused};

/// Where a piece begins in the text that it was read in.
#[derive(Debug)]
pub(crate) struct Behind {
    /// How many bytes of header stand before it.
    pub(crate) head: usize,
    /// Whether its first line continues one that was taken as whole.
    pub(crate) cut_line: bool,
}

/// The rows of the piece, numbered from its own first line, and its lines that are no rows. The rows of `lines` are all its own,
/// since there are none in the head.
pub(crate) fn own(mut parsed: Parsed, lines: &[u8], behind: &Behind, ends: LineEnds) -> (Parsed, Vec<u8>) {
    let in_head = ends.lines(lines).take_while(|line| line.start < behind.head).count();
    let before = u64::try_from(in_head).unwrap_or(u64::MAX);
    let first = ends.lines(lines).nth(in_head);
    if let Some(first) = first.filter(|_| behind.cut_line)
        && !lines.get(first.start..first.end).unwrap_or_default().trim_ascii().is_empty()
    {
        let reason = "continues a line whose beginning is not known, or was taken as whole when the file was closed";
        let row = before.saturating_add(1);
        parsed.refused.retain(|refused| refused.row != row);
        parsed.parts = parsed.parts.into_iter().filter_map(|part| without(part, row)).collect();
        let refused = Refused { member: None, row, bytes: first.start..first.end, reason: reason.to_owned() };
        parsed.refused.insert(0, refused);
    }
    let rows = rows(&parsed);
    let mut kept = Vec::new();
    for (line, number) in ends.lines(lines).zip(1..).skip(in_head) {
        if rows.binary_search(&number).is_err() {
            kept.extend_from_slice(lines.get(line.start..line.end).unwrap_or_default());
        }
    }
    for part in &mut parsed.parts {
        let before = i64::try_from(before).unwrap_or(i64::MAX);
        part.row = part.row.iter().map(|row| row.map(|row| row.saturating_sub(before))).collect::<Int64Array>();
    }
    for refused in &mut parsed.refused {
        refused.row = refused.row.saturating_sub(before);
    }
    (parsed, kept)
}

/// The lines that are rows, good or refused, in order.
fn rows(parsed: &Parsed) -> Vec<u64> {
    let good = parsed.parts.iter().flat_map(|part| part.row.iter().flatten()).filter_map(|row| u64::try_from(row).ok());
    let mut rows: Vec<u64> = good.chain(parsed.refused.iter().map(|refused| refused.row)).collect();
    rows.sort_unstable();
    rows
}

/// The part without the rows of one line; `None` when nothing is left of it.
fn without(mut part: Part, line: u64) -> Option<Part> {
    let stays: BooleanArray =
        part.row.iter().map(|row| Some(row.and_then(|row| u64::try_from(row).ok()) != Some(line))).collect();
    if stays.true_count() == stays.len() {
        return Some(part);
    }
    let kept = |array: &dyn Array| filter(array, &stays).ok();
    part.device = kept(&part.device)?.as_any().downcast_ref::<StringArray>()?.to_owned();
    part.ts = kept(&part.ts)?.as_any().downcast_ref::<TimestampMicrosecondArray>()?.to_owned();
    part.row = kept(&part.row)?.as_any().downcast_ref::<Int64Array>()?.to_owned();
    for (_, values) in &mut part.columns {
        *values = kept(values)?;
    }
    Some(part).filter(|part| !part.ts.is_empty())
}
