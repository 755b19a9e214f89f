//! Everything in quarantine.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt, TryStreamExt};

use super::{Entry, REASON, ROOT, entry};
use crate::error::Error;
use crate::lake::{Address, Lake};

const KEYS_AT_ONCE: usize = 1000;
const ENTRIES_AT_ONCE: usize = 16;

/// Everything in quarantine, by date and upload, messages last; what was released is marked so.
pub async fn list(lake: &dyn Lake, bucket: &str) -> Result<Vec<Entry>, Error> {
    let under = Address { bucket: bucket.to_owned(), key: ROOT.to_owned() };
    let mut dirs = BTreeSet::new();
    let mut after: Option<String> = None;
    loop {
        let keys = lake.list(&under, after.as_deref(), KEYS_AT_ONCE).await.map_err(Error::lake("list quarantine"))?;
        let Some(last) = keys.last() else { break };
        after = Some(last.clone());
        let of_entry = |key: String| key.strip_suffix(REASON).filter(|dir| dir.ends_with('/')).map(str::to_owned);
        dirs.extend(keys.into_iter().filter_map(of_entry));
    }
    let entries = stream::iter(dirs).map(|dir| async move { entry(lake, bucket, &dir).await });
    let entries: Vec<Option<Entry>> = entries.buffered(ENTRIES_AT_ONCE).try_collect().await?;
    Ok(entries.into_iter().flatten().collect())
}
