//! What shares want of a table: which of them fit it, and the columns that it lacks and has room for.

use std::collections::HashSet;
use std::sync::Arc;

use iceberg::spec::Schema;

use super::{Outcome, Progress, Share, open};
use crate::rows::{Column, Kind};
use crate::table::{self, Fit};
use crate::{extra, snapshot};

/// Refuses the shares that do not fit the table, or an earlier share of the batch, and returns the columns that the others need
/// and the table lacks, as many as it has room for.
pub(super) fn fit_all(
    schema: Option<&Arc<Schema>>,
    columns_max: usize,
    shares: &[Share],
    progress: &mut Progress,
) -> Vec<Column> {
    let foreign = schema.and_then(|schema| table::foreign(schema));
    let mut missing: Vec<Column> = Vec::new();
    // Headers that fit what there is so far. Most files have the one that the file before them had.
    let mut fit: HashSet<*const Column> = HashSet::new();
    for (at, share) in open(shares, progress) {
        let mut headers = share.parts.iter().map(|part| part.columns().as_ptr());
        let needed = match &foreign {
            Some(reason) => Err(reason.clone()),
            None if share.push.is_none() && headers.clone().all(|header| fit.contains(&header)) => continue,
            None => fit_share(schema, columns_max, share, &missing),
        };
        match needed {
            Ok(columns) => {
                if !columns.is_empty() {
                    fit.clear();
                    missing.extend(columns);
                }
                fit.extend(&mut headers);
            }
            Err(reason) => progress.set(at, Outcome::Refused(reason)),
        }
    }
    missing
}

/// The columns that this share needs, the table lacks and has room for, and no share before it has asked for; or why it does not fit.
fn fit_share(schema: Option<&Arc<Schema>>, columns_max: usize, share: &Share, missing: &[Column]) -> Result<Vec<Column>, String> {
    let mut needed: Vec<Column> = Vec::new();
    let of_table = schema.map_or(0, |schema| table::metrics(schema.as_struct().fields().iter().map(|field| field.name.as_str())));
    let asked_for = table::metrics(missing.iter().map(|column| column.name.as_str()));
    let mut room = columns_max.saturating_sub(of_table + asked_for);
    let revision = share.push.map(|_| snapshot::column());
    let extra = extra::column();
    let mut is_beyond = false;
    for column in share.parts.iter().flat_map(|part| part.columns().iter()).chain(&revision) {
        let fit = schema.map_or(Fit::Missing, |schema| table::fit(schema, column));
        let asked_for = missing.iter().chain(&needed).find(|other| other.name == column.name);
        match (fit, asked_for) {
            (Fit::Fits, _) => {}
            (Fit::Clash(reason), _) => return Err(reason),
            (Fit::Missing, Some(other)) => match table::fit_new(column, other) {
                Fit::Clash(reason) => return Err(reason),
                Fit::Fits | Fit::Missing => {}
            },
            (Fit::Missing, None) if column.kind == Kind::Unknown => {}
            (Fit::Missing, None) if table::is_metric(&column.name) && room == 0 => is_beyond = true,
            (Fit::Missing, None) => {
                room -= usize::from(table::is_metric(&column.name));
                needed.push(column.clone());
            }
        }
    }
    let has_map = schema.is_some_and(|schema| schema.field_by_name(&extra.name).is_some());
    if is_beyond && !has_map && missing.iter().chain(&needed).all(|column| column.name != extra.name) {
        needed.push(extra);
    }
    Ok(needed)
}
