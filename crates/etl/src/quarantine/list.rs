//! Everything in quarantine.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt, TryStreamExt};

use super::{Entry, REASON, ROOT, entry, numbered};
use crate::error::Error;
use crate::lake::{self, Address, Lake};

const ENTRIES_AT_ONCE: usize = 16;

/// Everything in quarantine, by date and upload, messages last; what was released is marked so. Of an upload that was released in part
/// the entry is what is left of it, with those before. An entry that cannot be read is listed with its problem.
pub async fn list(lake: &dyn Lake, bucket: &str) -> Result<Vec<Entry>, Error> {
    let under = Address { bucket: bucket.to_owned(), key: ROOT.to_owned() };
    let keys = lake::all_keys(lake, &under).await.map_err(Error::lake("list quarantine"))?;
    let dirs: Vec<&str> = keys.iter().filter_map(|key| key.strip_suffix(REASON).filter(|dir| dir.ends_with('/'))).collect();
    let entries = stream::iter(dirs).map(|dir| async move { entry(lake, bucket, dir).await });
    let entries: Vec<Option<Entry>> = entries.buffered(ENTRIES_AT_ONCE).try_collect().await?;
    let mut uploads: BTreeMap<String, BTreeMap<u32, Entry>> = BTreeMap::new();
    for entry in entries.into_iter().flatten() {
        let (first, number) = numbered(&entry.at);
        uploads.entry(first).or_default().insert(number, entry);
    }
    let last = |entries: BTreeMap<u32, Entry>| {
        let mut before: Vec<Entry> = entries.into_values().collect();
        before.pop().map(|entry| Entry { before, ..entry })
    };
    Ok(uploads.into_values().filter_map(last).collect())
}
