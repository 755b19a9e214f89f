//! Lines of a file, or of the members of an archive: which of them are meant when not all are.

use std::collections::BTreeMap;

use arrow::array::{AsArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use serde::{Deserialize, Serialize};

use crate::packed::Parcel;
use crate::rows::{Part, Refused};

/// Neighbouring lines, by the numbers that `_row` has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lines {
    /// The member of the archive, when the file is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// The first of them.
    pub first: u64,
    /// The last of them.
    pub last: u64,
}

impl Lines {
    pub(crate) fn one(member: Option<String>, line: u64) -> Self {
        Self { member, first: line, last: line }
    }
}

/// Whether a line is among these, which are [`merged`].
pub(crate) fn has(lines: &[Lines], member: Option<&str>, line: u64) -> bool {
    let begun = lines.partition_point(|run| (run.member.as_deref(), run.first) <= (member, line));
    let last = begun.checked_sub(1).and_then(|at| lines.get(at));
    last.is_some_and(|run| run.member.as_deref() == member && line <= run.last)
}

/// The same lines in order, neighbours together.
pub(crate) fn merged(mut lines: Vec<Lines>) -> Vec<Lines> {
    lines.sort_unstable();
    let mut merged: Vec<Lines> = Vec::with_capacity(lines.len());
    for next in lines {
        match merged.last_mut() {
            Some(last) if last.member == next.member && next.first <= last.last.saturating_add(1) => {
                last.last = last.last.max(next.last);
            }
            _ => merged.push(next),
        }
    }
    merged
}

/// These lines but for the others, both [`merged`].
pub(crate) fn without(lines: Vec<Lines>, others: &[Lines]) -> Vec<Lines> {
    let mut left = Vec::with_capacity(lines.len());
    for run in lines {
        let from = others.partition_point(|other| (&other.member, other.last) < (&run.member, run.first));
        let within = others.iter().skip(from).take_while(|other| other.member == run.member && other.first <= run.last);
        let mut rest = Some(run.first);
        for other in within {
            let Some(first) = rest else { break };
            let before = other.first.checked_sub(1).filter(|last| *last >= first);
            left.extend(before.map(|last| Lines { member: run.member.clone(), first, last }));
            rest = other.last.checked_add(1);
        }
        left.extend(rest.filter(|first| *first <= run.last).map(|first| Lines { first, ..run }));
    }
    left
}

/// The lines that were refused. A whole member is all of its lines.
pub(crate) fn of_refused(refused: &[Refused]) -> Vec<Lines> {
    let of = |row: &Refused| {
        let line = Lines::one(row.member.clone(), row.row);
        if row.is_whole_member() { Lines { first: 0, last: u64::MAX, ..line } } else { line }
    };
    merged(refused.iter().map(of).collect())
}

/// The lines that these rows are on.
pub(crate) fn of_parts(parts: &[Parcel]) -> Result<Vec<Lines>, ArrowError> {
    let mut lines = Vec::new();
    for part in parts {
        let part = part.open()?;
        let mut numbers: Vec<u64> = part.lines().map(|row| u64::try_from(row).unwrap_or_default()).collect();
        numbers.sort_unstable();
        let runs = numbers.chunk_by(|a, b| *b <= a.saturating_add(1)).filter_map(|run| Some((*run.first()?, *run.last()?)));
        lines.extend(runs.map(|(first, last)| Lines { member: part.of.member.clone(), first, last }));
    }
    Ok(merged(lines))
}

/// The rows of a part that are on these lines, which are [`merged`].
pub(crate) fn only(part: &Part, lines: &[Lines]) -> Result<Part, ArrowError> {
    let wanted = numbers(part).zip(0_u32..).filter(|(line, _)| has(lines, part.member.as_deref(), *line));
    pick(part, wanted.map(|(_, at)| at).collect())
}

/// A part as one part for each of its lines.
pub(crate) fn apart(part: &Part) -> Result<Vec<Part>, ArrowError> {
    let mut lines: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for (line, at) in numbers(part).zip(0..) {
        lines.entry(line).or_default().push(at);
    }
    lines.into_values().map(|rows| pick(part, rows)).collect()
}

/// The rows of a part at these places, in this order.
pub(crate) fn pick(part: &Part, rows: Vec<u32>) -> Result<Part, ArrowError> {
    let rows = UInt32Array::from(rows);
    let columns = part.columns.iter().map(|(column, values)| Ok((column.clone(), take(values, &rows, None)?)));
    Ok(Part {
        table: part.table.clone(),
        member: part.member.clone(),
        device: take(&part.device, &rows, None)?.as_string::<i32>().clone(),
        ts: take(&part.ts, &rows, None)?.as_primitive::<TimestampMicrosecondType>().clone(),
        row: take(&part.row, &rows, None)?.as_primitive::<Int64Type>().clone(),
        columns: columns.collect::<Result<_, ArrowError>>()?,
    })
}

fn numbers(part: &Part) -> impl Iterator<Item = u64> + '_ {
    part.row.values().iter().map(|row| u64::try_from(*row).unwrap_or_default())
}

#[cfg(test)]
mod tests;
