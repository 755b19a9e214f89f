//! What the open pushes of a batch add to a table as it is at one head.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ulid::Ulid;

use super::share::rows_of;
use super::{Committer, Outcome, Progress, Share, open};
use crate::error::Error;
use crate::ledger::{Id, Kept, Ledger};
use crate::offload;
use crate::packed::Parcel;
use crate::rows::Part;
use crate::snapshot::Refused;

/// The new rows of pushes, and what is known of their paths with them.
#[derive(Debug, Default)]
pub(super) struct Pushes {
    /// The new rows of a share, by its place in the batch.
    new: BTreeMap<usize, Vec<Parcel>>,
    refused: Vec<(usize, String)>,
    paths: BTreeMap<Id, Kept>,
}

impl Pushes {
    /// The rows of a share that are for the table.
    pub(super) fn parts<'a>(&'a self, at: usize, share: &'a Share) -> &'a [Parcel] {
        self.new.get(&at).map_or(&share.parts, Vec::as_slice)
    }

    /// The objects that this commit takes out of force.
    pub(super) fn replaced(&self) -> Vec<String> {
        self.paths.values().flat_map(|kept| kept.keys.iter().cloned()).collect()
    }
}

impl Committer {
    /// Holds the open pushes against what is known of their paths, in the order in which they landed.
    pub(super) async fn pushes(&self, ledger: &Ledger, shares: &Arc<[Share]>, progress: &mut Progress) -> Result<Pushes, Error> {
        let mut order: Vec<_> =
            open(shares, progress).into_iter().filter_map(|(at, share)| Some((share.push?, share.upload.as_str(), at))).collect();
        order.sort_unstable_by_key(|(push, upload, at)| (push.landed, *upload, *at));
        if order.is_empty() {
            return Ok(Pushes::default());
        }
        let mut paths = BTreeMap::new();
        for place in order.iter().map(|(push, ..)| push.place).collect::<BTreeSet<_>>() {
            paths.insert(place, self.ledgers.state(ledger, &place).await?);
        }
        let order: Vec<usize> = order.into_iter().map(|(.., at)| at).collect();
        let (all, remembered) = (shares.clone(), self.remembered);
        let pushes = offload::run("compare pushes", move || hold(&all, &order, paths, remembered)).await??;
        for (at, reason) in &pushes.refused {
            progress.set(*at, Outcome::Refused(reason.clone()));
        }
        for (at, parts) in &pushes.new {
            progress.added.insert(*at, rows_of(parts));
        }
        Ok(pushes)
    }

    /// Writes down what is known of the paths from this commit on. Returns the ids that bring it into force.
    pub(super) async fn store(&self, ledger: &Ledger, pushes: &Pushes, batch: Ulid, attempt: u32) -> Result<Vec<Id>, Error> {
        let mut ids = Vec::with_capacity(pushes.paths.len());
        for (place, kept) in &pushes.paths {
            ids.push(self.ledgers.store_state(ledger, place, &kept.state, batch, attempt).await?);
        }
        Ok(ids)
    }

    /// How many rows those pushes added that an earlier commit has brought.
    pub(super) async fn recall(&self, ledger: &Ledger, shares: &[Share], progress: &mut Progress) -> Result<(), Error> {
        for (at, share) in shares.iter().enumerate() {
            let Some(push) = share.push else { continue };
            if let Some(Some(Outcome::Known(_))) = progress.outcomes.get(at) {
                let added = self.ledgers.state(ledger, &push.place).await?.state.added_by(&share.source);
                progress.set(at, Outcome::Known(added.unwrap_or_default()));
            }
        }
        Ok(())
    }
}

fn hold(shares: &[Share], order: &[usize], mut paths: BTreeMap<Id, Kept>, remembered: Duration) -> Result<Pushes, Error> {
    let mut pushes = Pushes::default();
    for (at, share) in order.iter().filter_map(|at| Some((*at, shares.get(*at)?))) {
        let Some(push) = share.push else { continue };
        let state = &mut paths.entry(push.place).or_default().state;
        let table = share.parts.first().map(|part| part.table().to_owned()).unwrap_or_default();
        let parts: Result<Vec<Part>, _> = share.parts.iter().map(|part| part.open().map(|part| part.unpack())).collect();
        let parts = parts.map_err(|source| Error::Rows { table: table.clone(), source })?;
        match state.take(share.source, push, &parts, remembered) {
            Ok(new) => {
                pushes.new.insert(at, new.into_iter().map(Parcel::from).collect());
            }
            Err(Refused::Because(reason)) => pushes.refused.push((at, reason)),
            Err(Refused::Pick(source)) => return Err(Error::Rows { table, source }),
        }
    }
    for kept in paths.values_mut() {
        kept.state.seq += 1;
    }
    pushes.paths = paths;
    Ok(pushes)
}
