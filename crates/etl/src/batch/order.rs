//! The order of rows: by partition, device and time, and then as they came.

use std::collections::HashMap;
use std::ops::Range;

use arrow::error::ArrowError;

use super::Rows;
use crate::table::Partition;

/// The rows of one partition, in their order.
#[derive(Debug)]
pub(crate) struct Span {
    /// Days or months since the Unix epoch.
    pub(crate) number: i32,
    pub(super) runs: Vec<Run>,
}

impl Span {
    /// How many rows it has.
    pub(crate) fn rows(&self) -> usize {
        self.runs.iter().map(|run| run.rows.len()).sum()
    }
}

/// Rows of one part, one behind the other: of one device in one partition, none before the row that precedes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) part: usize,
    pub(super) rows: Range<usize>,
}

/// A run, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    span: i32,
    /// The device's place among the names of all devices.
    device: u32,
    first: i64,
    part: usize,
    start: usize,
    end: usize,
    last: i64,
    /// Where the span ends.
    until: i64,
}

/// The partitions of all rows, ascending. `ranks` has the place of each device among them.
pub(super) fn spans(by: Partition, parts: &[Rows<'_>], ranks: &HashMap<&str, u32>) -> Result<Vec<Span>, ArrowError> {
    let mut pieces = Vec::with_capacity(parts.len());
    for (number, part) in parts.iter().enumerate() {
        cut(by, number, part, ranks, &mut pieces)?;
    }
    pieces.sort_unstable();
    let mut spans: Vec<Span> = Vec::new();
    for of_device in pieces.chunk_by(|a, b| (a.span, a.device) == (b.span, b.device)) {
        let Some(number) = of_device.first().map(|piece| piece.span) else { continue };
        if spans.last().is_none_or(|last| last.number != number) {
            spans.push(Span { number, runs: Vec::new() });
        }
        let Some(Span { runs, .. }) = spans.last_mut() else { continue };
        if of_device.is_sorted_by(|a, b| (a.last, a.part, a.start) <= (b.first, b.part, b.start)) {
            runs.extend(of_device.iter().map(|piece| Run { part: piece.part, rows: piece.start..piece.end }));
        } else {
            interleave(parts, of_device, runs);
        }
    }
    Ok(spans)
}

/// Cuts a part into pieces.
fn cut(
    by: Partition,
    number: usize,
    Rows { of: part, rows, .. }: &Rows<'_>,
    ranks: &HashMap<&str, u32>,
    pieces: &mut Vec<Piece>,
) -> Result<(), ArrowError> {
    let mut device = part.device(rows.start);
    let mut rank = rank_of(device, ranks);
    let mut open: Option<Piece> = None;
    for (row, ts) in rows.clone().zip(part.ts.some(rows.clone())) {
        if !part.is_of_one_device() && part.device(row) != device {
            device = part.device(row);
            rank = rank_of(device, ranks);
        }
        if let Some(piece) = &mut open
            && piece.device == rank
            && piece.last <= ts
            && ts < piece.until
        {
            (piece.end, piece.last) = (row + 1, ts);
            continue;
        }
        let (span, within) =
            by.span(ts).ok_or_else(|| ArrowError::ComputeError("a time beyond the years that tables can hold".to_owned()))?;
        let (start, until) = (row, within.end);
        let piece = Piece { span, device: rank, first: ts, part: number, start, end: row + 1, last: ts, until };
        pieces.extend(open.replace(piece));
    }
    pieces.extend(open);
    Ok(())
}

fn rank_of(device: Option<&str>, ranks: &HashMap<&str, u32>) -> u32 {
    device.and_then(|device| ranks.get(device)).copied().unwrap_or_default()
}

/// The rows of pieces that overlap in time, one by one.
fn interleave(parts: &[Rows<'_>], pieces: &[Piece], runs: &mut Vec<Run>) {
    let mut rows = Vec::new();
    for piece in pieces {
        let Some(part) = parts.get(piece.part) else { continue };
        let times = (piece.start..piece.end).zip(part.of.ts.some(piece.start..piece.end));
        rows.extend(times.map(|(row, ts)| (ts, piece.part, row)));
    }
    rows.sort_unstable();
    // The runs that are there are of other devices.
    let before = runs.len();
    for (_, part, row) in rows {
        match runs.get_mut(before..).and_then(<[Run]>::last_mut) {
            Some(run) if run.part == part && run.rows.end == row => run.rows.end += 1,
            _ => runs.push(Run { part, rows: row..row + 1 }),
        }
    }
}

/// Runs in groups of so many rows at most; a run that reaches over the end of its group is divided.
pub(super) fn slices(runs: &[Run], rows_max: usize) -> impl Iterator<Item = Vec<Run>> {
    let mut runs = runs.iter().cloned();
    let mut rest: Option<Run> = None;
    std::iter::from_fn(move || {
        let mut slice = Vec::new();
        let mut room = rows_max;
        while let Some(mut run) = rest.take().filter(|_| room > 0).or_else(|| runs.next()) {
            let end = run.rows.end.min(run.rows.start.saturating_add(room));
            room -= end - run.rows.start;
            let start = run.rows.start;
            run.rows.start = end;
            slice.push(Run { part: run.part, rows: start..end });
            if !run.rows.is_empty() {
                rest = Some(run);
            }
            if room == 0 {
                break;
            }
        }
        (!slice.is_empty()).then_some(slice)
    })
}

#[cfg(test)]
mod tests;
