//! Which sources a table already holds: an immutable ledger in the lake, whose head is a property of the table that moves in the
//! same commit as the rows.
//!
//! `ledger/<table uuid>/p/` has what is known of paths that are pushed whole (`states.rs`);
//! `ledger/<table uuid>/s/<ulid>.bin` are segments (sorted ids), `ledger/<table uuid>/m/<batch>-<attempt>.json` manifests (the
//! segments in force). Every object is written once under a name of its own, so nothing here can race: an object counts only when
//! the table's head leads to it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use iceberg::table::Table;
use jiff::Timestamp;
use ulid::Ulid;

use crate::chance;
use crate::error::Error;
use crate::lake::{Address, Lake, LakeError};

mod id;
mod manifest;
mod segment;
mod states;

pub(crate) use id::Id;
pub(crate) use segment::Segment;
pub(crate) use states::Kept;

use manifest::Manifest;

/// Where ledgers are in their bucket.
pub(crate) const ROOT: &str = "ledger/";
/// The table property that names the manifest in force.
pub(crate) const HEAD: &str = "inlet.ledger.head";

const OBJECTS_AT_ONCE: usize = 16;
/// Ids kept in memory over all tables. A ledger that exceeds this is read again whenever its turn comes.
const CACHED_IDS_MAX: usize = 8 << 20;
const KEYS_AT_ONCE: usize = 1000;
const MANIFEST_BYTES_MAX: u64 = 16 << 20;
const SEGMENT_BYTES_MAX: u64 = 1 << 30;
/// How long an object that no head leads to is left alone: a commit under way may still need it.
const UNREACHABLE_FOR: Duration = Duration::from_hours(7 * 24);
/// A ledger is swept no more often than this.
const SWEPT_EVERY: Duration = Duration::from_hours(6);

/// The ledger of one table as of one head.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    /// The table's id, which survives a rename.
    table: String,
    head: Option<String>,
    manifest: Manifest,
    segments: HashMap<String, Arc<Segment>>,
}

impl Ledger {
    /// The head that a commit on top of this ledger must find.
    pub(crate) fn head(&self) -> Option<&str> {
        self.head.as_deref()
    }

    pub(crate) fn knows(&self, id: &Id) -> bool {
        self.segments.values().any(|segment| segment.contains(id))
    }

    /// Whether segments of `base` were merged or forgotten on the way here.
    fn leaves_some_of(&self, base: &Self) -> bool {
        base.segments.keys().any(|name| !self.segments.contains_key(name))
    }

    fn ids(&self) -> usize {
        self.segments.values().map(|segment| segment.len()).sum()
    }
}

/// The ledgers of all tables, with what was read of them.
#[derive(Debug)]
pub(crate) struct Ledgers {
    lake: Arc<dyn Lake>,
    bucket: String,
    /// How long an id is kept; for ever without one.
    window: Option<Duration>,
    /// The last ledger of each table, the one used last at the end.
    cache: Mutex<Vec<Ledger>>,
    /// When the ledger of each table was swept here.
    swept: Mutex<HashMap<String, Timestamp>>,
}

impl Ledgers {
    pub(crate) fn new(lake: Arc<dyn Lake>, bucket: String, window: Option<Duration>) -> Self {
        Self { lake, bucket, window, cache: Mutex::default(), swept: Mutex::default() }
    }

    /// From when on all ids are remembered, the moment itself included; `None` when nothing is ever forgotten.
    pub(crate) fn remembered_since(&self, now: Timestamp) -> Option<Timestamp> {
        // A window that reaches back further than time does forgets nothing.
        now.checked_sub(self.window?).ok()
    }

    /// The ledger that a table's head leads to; only segments not seen before are fetched.
    pub(crate) async fn load(&self, table: &Table) -> Result<Ledger, Error> {
        let uuid = table.metadata().uuid().to_string();
        let head = table.metadata().properties().get(HEAD).cloned();
        let cached = self.cached(&uuid);
        if let Some(ledger) = cached.as_ref().filter(|ledger| ledger.head == head) {
            return Ok(ledger.clone());
        }
        let manifest = match &head {
            Some(head) => self.manifest(&uuid, head).await?,
            None => Manifest::default(),
        };
        let seen = cached.map(|ledger| ledger.segments).unwrap_or_default();
        let segments = stream::iter(manifest.segments.clone()).map(|entry| {
            let seen = seen.get(&entry.name).cloned();
            let uuid = &uuid;
            async move {
                let segment = match seen {
                    Some(segment) => segment,
                    None => Arc::new(self.segment(uuid, &entry.name, entry.ids).await?),
                };
                Ok::<_, Error>((entry.name, segment))
            }
        });
        let segments = segments.buffer_unordered(OBJECTS_AT_ONCE).try_collect().await?;
        let ledger = Ledger { table: uuid, head, manifest, segments };
        self.remember(ledger.clone());
        Ok(ledger)
    }

    /// Writes a ledger that adds a batch's ids to `base`. It is in force once the table's head is moved to it.
    pub(crate) async fn extend(
        &self,
        base: &Ledger,
        batch: Ulid,
        attempt: u32,
        ids: Vec<Id>,
        now: Timestamp,
    ) -> Result<Ledger, Error> {
        let mut next = base.clone();
        if let Some(window) = self.window {
            next.manifest.forget(window, now);
        }
        for group in next.manifest.to_merge(now) {
            let parts: Vec<_> = group.iter().filter_map(|entry| next.segments.get(&entry.name)).map(Arc::as_ref).collect();
            let merged = Segment::merge(parts);
            let name = self.store(&next.table, &merged, now).await?;
            next.manifest.replace(&group, name.clone(), &merged);
            next.segments.insert(name, Arc::new(merged));
        }
        let segment = Segment::of(ids);
        let name = self.store(&next.table, &segment, now).await?;
        next.manifest.add(name.clone(), &segment, now);
        next.segments.insert(name, Arc::new(segment));
        let in_force: HashSet<_> = next.manifest.segments.iter().map(|entry| entry.name.as_str()).collect();
        next.segments.retain(|name, _| in_force.contains(name.as_str()));

        let head = format!("{batch}-{attempt}");
        let text = serde_json::to_vec(&next.manifest).map_err(|error| damaged(&head, error))?;
        self.create(self.manifest_at(&next.table, &head), text.into()).await?;
        next.head = Some(head);
        Ok(next)
    }

    /// Keeps a ledger in memory for the next batch.
    pub(crate) fn remember(&self, ledger: Ledger) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.retain(|cached| cached.table != ledger.table);
        cache.push(ledger);
        while cache.iter().map(Ledger::ids).sum::<usize>() > CACHED_IDS_MAX && !cache.is_empty() {
            cache.remove(0);
        }
    }

    /// Whether to sweep now that `next` is in force in place of `base`: when it left segments behind, and not all the time.
    pub(crate) fn is_sweep_due(&self, base: &Ledger, next: &Ledger, now: Timestamp) -> bool {
        let swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner).get(&next.table).copied();
        next.leaves_some_of(base) && swept.is_none_or(|swept| now.duration_since(swept).unsigned_abs() >= SWEPT_EVERY)
    }

    /// Removes the objects of a table's ledger that its head no longer leads to, once they are old enough. Returns how many.
    pub(crate) async fn sweep(&self, ledger: &Ledger, now: Timestamp) -> Result<usize, Error> {
        let segments = ledger.manifest.segments.iter().map(|entry| self.segment_at(&ledger.table, &entry.name).key);
        let head = ledger.head().map(|head| self.manifest_at(&ledger.table, head).key);
        let reachable: HashSet<_> = segments.chain(head).collect();
        let mut removed = 0;
        for kind in ["m", "s"] {
            let under = self.at(format!("{ROOT}{}/{kind}/", ledger.table));
            let mut after: Option<String> = None;
            loop {
                let keys = self.lake.list(&under, after.as_deref(), KEYS_AT_ONCE).await.map_err(Error::lake("list ledger"))?;
                // Names begin with their time: after the first young one there are no old ones.
                let old: Vec<_> = keys.iter().take_while(|key| written_before(key, now, UNREACHABLE_FOR)).collect();
                let unreachable: Vec<_> =
                    old.iter().filter(|key| !reachable.contains(**key)).map(|key| self.at((*key).clone())).collect();
                removed += unreachable.len();
                let deletes = stream::iter(unreachable)
                    .map(|at| async move { self.lake.delete(&at).await.map_err(Error::lake("delete ledger object")) });
                deletes.buffer_unordered(OBJECTS_AT_ONCE).try_for_each(|()| std::future::ready(Ok(()))).await?;
                after = keys.last().filter(|_| old.len() == KEYS_AT_ONCE).cloned();
                if after.is_none() {
                    break;
                }
            }
        }
        removed += self.sweep_states(ledger, now).await?;
        self.swept.lock().unwrap_or_else(PoisonError::into_inner).insert(ledger.table.clone(), now);
        Ok(removed)
    }

    fn cached(&self, uuid: &str) -> Option<Ledger> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.iter().find(|ledger| ledger.table == uuid).cloned()
    }

    async fn manifest(&self, uuid: &str, head: &str) -> Result<Manifest, Error> {
        let at = self.manifest_at(uuid, head);
        let (_, bytes) = self.lake.get(&at, MANIFEST_BYTES_MAX).await.map_err(Error::lake("read ledger manifest"))?;
        let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| damaged(&at.key, error))?;
        match manifest.version {
            Manifest::VERSION => Ok(manifest),
            other => Err(damaged(&at.key, format!("version {other} is not known"))),
        }
    }

    async fn segment(&self, uuid: &str, name: &str, ids: usize) -> Result<Segment, Error> {
        let at = self.segment_at(uuid, name);
        let (_, bytes) = self.lake.get(&at, SEGMENT_BYTES_MAX).await.map_err(Error::lake("read ledger segment"))?;
        let segment = Segment::from_bytes(&bytes).map_err(|problem| damaged(&at.key, problem))?;
        match segment.len() {
            found if found == ids => Ok(segment),
            found => Err(damaged(&at.key, format!("{found} ids instead of {ids}"))),
        }
    }

    async fn store(&self, uuid: &str, segment: &Segment, now: Timestamp) -> Result<String, Error> {
        let name = new_name(now).to_string();
        self.create(self.segment_at(uuid, &name), segment.to_bytes()).await?;
        Ok(name)
    }

    async fn create(&self, at: Address, bytes: Bytes) -> Result<(), Error> {
        match self.lake.create(&at, bytes).await {
            // The name is ours alone: what is there is what we wrote, by a call whose answer was lost.
            Ok(()) | Err(LakeError::Exists(_)) => Ok(()),
            Err(error) => Err(Error::lake("write ledger")(error)),
        }
    }

    fn manifest_at(&self, uuid: &str, head: &str) -> Address {
        self.at(format!("{ROOT}{uuid}/m/{head}.json"))
    }

    fn segment_at(&self, uuid: &str, name: &str) -> Address {
        self.at(format!("{ROOT}{uuid}/s/{name}.bin"))
    }

    fn at(&self, key: String) -> Address {
        Address { bucket: self.bucket.clone(), key }
    }
}

/// A name that nobody else gives, and that tells when it was given.
pub(crate) fn new_name(now: Timestamp) -> Ulid {
    let millisecond = u64::try_from(now.as_millisecond()).unwrap_or_default();
    Ulid::from_parts(millisecond, chance::unique())
}

/// Whether an object of the ledger was written longer ago than `age`, as its name tells.
fn written_before(key: &str, now: Timestamp, age: Duration) -> bool {
    let name = key.rsplit('/').next().and_then(|file| file.get(..ulid::ULID_LEN));
    let Some(Ok(name)) = name.map(Ulid::from_string) else { return false };
    let written = i64::try_from(name.timestamp_ms()).unwrap_or(i64::MAX);
    let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    written.saturating_add(age) < now.as_millisecond()
}

fn damaged(key: &str, problem: impl ToString) -> Error {
    Error::Damaged { key: key.to_owned(), problem: problem.to_string() }
}

#[cfg(test)]
mod tests;
