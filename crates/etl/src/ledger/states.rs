//! What is known of the rows of paths that are pushed whole: one object for each path and commit, `ledger/<table uuid>/p/<place>/…`.
//!
//! Such an object counts when its own id is in the ledger. That id gets there with the commit that the object belongs to, so a state is
//! in force exactly when the rows that it speaks of are in the table; and as commits follow one another, there is one in force for each
//! path. It is forgotten with the ids of its time.

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use tracing::warn;
use ulid::Ulid;

use super::{
    Id, KEYS_AT_ONCE, Ledger, Ledgers, OBJECTS_AT_ONCE, ROOT, SEGMENT_BYTES_MAX, UNREACHABLE_FOR, damaged, written_before,
};
use crate::error::Error;
use crate::lake::{self, Address, LakeError};
use crate::snapshot::State;

/// The state of one path, and the objects that it takes the place of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    pub(crate) state: State,
    /// All objects of this path that were there.
    pub(crate) keys: Vec<String>,
}

impl Ledgers {
    /// The state in force of a path; the empty one when there is none.
    pub(crate) async fn state(&self, ledger: &Ledger, place: &Id) -> Result<Kept, Error> {
        let under = self.at(format!("{ROOT}{}/p/{place}/", ledger.table));
        // While no commit succeeds each attempt leaves one behind, and the one in force may be the last of thousands.
        let keys = lake::all_keys(self.lake.as_ref(), &under).await.map_err(Error::lake("list states"))?;
        let in_force = keys.iter().filter(|key| ledger.knows(&Id::of_state(key))).max_by_key(|key| seq_of(key));
        let Some(key) = in_force else { return Ok(Kept { state: State::default(), keys }) };
        let at = self.at(key.clone());
        let read = self.lake.get(&at, SEGMENT_BYTES_MAX).await.map_err(|error| match error {
            // Somebody has committed a newer one and removed it: what we know of the table is out of date.
            LakeError::NotFound(_) => {
                LakeError::Unavailable { operation: "get", at: key.clone(), source: "it was replaced meanwhile".into() }
            }
            error => error,
        });
        let (_, bytes) = read.map_err(Error::lake("read a state"))?;
        let state = State::from_bytes(&bytes).map_err(|problem| damaged(key, problem))?;
        Ok(Kept { state, keys })
    }

    /// Writes a state that will be in force with a commit which has the returned id in its ledger.
    pub(crate) async fn store_state(
        &self,
        ledger: &Ledger,
        place: &Id,
        state: &State,
        batch: Ulid,
        attempt: u32,
    ) -> Result<Id, Error> {
        let key = format!("{ROOT}{}/p/{place}/{batch}-{attempt}-{}.bin", ledger.table, state.seq);
        let id = Id::of_state(&key);
        self.create(self.at(key), state.to_bytes()).await?;
        Ok(id)
    }

    /// Removes objects that a commit has taken out of force. What stays is removed later.
    pub(crate) async fn drop_states(&self, keys: Vec<String>) {
        let deletes = stream::iter(keys).for_each_concurrent(OBJECTS_AT_ONCE, |key| async move {
            if let Err(error) = self.lake.delete(&self.at(key)).await.map_err(Error::lake("delete a state")) {
                warn!(error = error.chain(), "a state that is not in force stays");
            }
        });
        deletes.await;
    }

    /// Removes the states that are not in force, once they are old enough. Returns how many.
    pub(super) async fn sweep_states(&self, ledger: &Ledger, now: Timestamp) -> Result<usize, Error> {
        let under = self.at(format!("{ROOT}{}/p/", ledger.table));
        let (mut removed, mut after) = (0, None::<String>);
        loop {
            let keys = self.lake.list(&under, after.as_deref(), KEYS_AT_ONCE).await.map_err(Error::lake("list states"))?;
            let Some(last) = keys.last() else { return Ok(removed) };
            after = Some(last.clone());
            let is_old = |key: &String| written_before(key, now, UNREACHABLE_FOR) && !ledger.knows(&Id::of_state(key));
            let old: Vec<Address> = keys.into_iter().filter(is_old).map(|key| self.at(key)).collect();
            removed += old.len();
            let deletes =
                stream::iter(old).map(|at| async move { self.lake.delete(&at).await.map_err(Error::lake("delete a state")) });
            deletes.buffer_unordered(OBJECTS_AT_ONCE).try_for_each(|()| std::future::ready(Ok(()))).await?;
        }
    }
}

/// The number of commits that a state has seen, which its name ends with.
fn seq_of(key: &str) -> Option<u64> {
    key.strip_suffix(".bin")?.rsplit('-').next()?.parse().ok()
}
