//! A lake, a queue and a catalog that fail when told to, and what tests of the whole road need besides.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use bytesize::ByteSize;
use futures::TryStreamExt;
use iceberg::memory::{MEMORY_CATALOG_WAREHOUSE, MemoryCatalogBuilder};
use iceberg::{Catalog, CatalogBuilder};
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::Upkeep;
use crate::job::{Job, Task};
use crate::limits::Limits;
use crate::load::{Parse, Read};
use crate::table::Tables;
use crate::{
    Address, BatchConfig, Column, Config, Kind, Lake, LakeStorage, LedgerConfig, Parsed, Part, Partition, QueueConfig, Refusal,
    Refused, Seams, TableConfig, catalog,
};

mod faults;
mod faulty_catalog;
pub(crate) mod simulator;
mod test_lake;
mod test_queue;

pub(crate) use faults::{Faults, Strike, Trace};
pub(crate) use faulty_catalog::FaultyCatalog;
pub(crate) use test_lake::TestLake;
pub(crate) use test_queue::TestQueue;

pub(crate) const LAKE: &str = "lake";
pub(crate) const NAMESPACE: &str = "inlet";

/// One world: a directory with lake, warehouse and catalog, and a queue.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) lake: TestLake,
    pub(crate) queue: TestQueue,
    /// Whether the format was mended, see [`parse`].
    pub(crate) mended: Arc<AtomicBool>,
    /// The one catalog of a simulation, where no database goes by the real clock.
    simulated: Option<Arc<dyn Catalog>>,
    reader: OnceCell<Tables>,
}

/// A piece of a file, as the watcher carries it.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) id: String,
    pub(crate) path: String,
    pub(crate) verb: &'static str,
    pub(crate) previous: Option<String>,
    pub(crate) offset: usize,
    pub(crate) open: bool,
    pub(crate) bytes: Vec<u8>,
}

impl Piece {
    fn folder(id: &str) -> String {
        format!("raw/dt=2026-11-21/device=a/{id}/")
    }

    fn key(&self) -> String {
        format!("{}file.csv", Self::folder(&self.id))
    }
}

impl World {
    /// Puts a piece's raw object into the lake.
    pub(crate) fn store_piece(&self, piece: &Piece) {
        let mut facts = BTreeMap::from(
            [
                ("inlet-upload", piece.id.as_str()),
                ("inlet-device", "a"),
                ("inlet-path", &piece.path),
                ("inlet-verb", piece.verb),
                ("inlet-offset", &piece.offset.to_string()),
                ("inlet-landed-at", "2026-11-21T21:08:01.375Z"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        facts.extend(piece.previous.as_deref().map(|id| ("inlet-previous".to_owned(), Piece::folder(id))));
        facts.extend(piece.open.then(|| ("inlet-open".to_owned(), "true".to_owned())));
        self.lake.put(&Address { bucket: LAKE.into(), key: piece.key() }, piece.bytes.clone().into(), facts);
    }

    /// Sends the event of a piece.
    pub(crate) fn announce(&self, piece: &Piece) {
        self.queue.send(&event(&piece.key(), piece.bytes.len()));
    }

    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            lake: TestLake::new(dir.path()),
            queue: TestQueue::default(),
            mended: Arc::default(),
            simulated: None,
            reader: OnceCell::new(),
            dir,
        }
    }

    /// A world within a simulation. Iceberg's own files go through `faults`, the same for all workers.
    pub(crate) async fn simulated(faults: &Arc<Faults>) -> Self {
        let world = Self::new();
        let storage = LakeStorage::new(Arc::new(world.lake.with(faults)));
        let builder = MemoryCatalogBuilder::default().with_storage_factory(Arc::new(storage));
        let warehouse = format!("file://{}/warehouse", world.dir.path().display());
        let properties = HashMap::from([(MEMORY_CATALOG_WAREHOUSE.to_owned(), warehouse)]);
        let catalog = builder.load("inlet", properties).await.unwrap();
        Self { simulated: Some(Arc::new(catalog)), ..world }
    }

    /// The catalog as one process has it open.
    pub(crate) async fn catalog(&self, lake: Arc<dyn Lake>) -> Arc<dyn Catalog> {
        if let Some(catalog) = &self.simulated {
            return catalog.clone();
        }
        let uri = format!("sqlite://{}/catalog.db", self.dir.path().display());
        let warehouse = format!("file://{}/warehouse", self.dir.path().display());
        catalog::sql(&uri, &warehouse, lake).await.unwrap()
    }

    /// What a worker works with, everything going through `faults`.
    pub(crate) async fn seams(&self, faults: &Arc<Faults>) -> Seams {
        let lake: Arc<dyn Lake> = Arc::new(self.lake.with(faults));
        Seams {
            lake: lake.clone(),
            bucket: LAKE.to_owned(),
            queue: Arc::new(self.queue.with(faults)),
            catalog: Arc::new(FaultyCatalog::new(self.catalog(lake).await, faults)),
            // Snapshots go by the time, which a simulation cannot repeat.
            upkeep: if self.simulated.is_some() { Upkeep::Service } else { Upkeep::Whole },
            parse: parse(&self.mended),
            pasts: None,
            pieces: None,
            now: || "2026-11-21T22:00:00Z".parse().unwrap(),
        }
    }

    /// Uploads a file as the watcher does and sends its event.
    pub(crate) fn upload(&self, id: &str, device: &str, path: &str, text: &str) {
        let key = self.store(id, device, path, text);
        self.queue.send(&event(&key, text.len()));
    }

    /// The same without the event. Returns the raw object's key.
    pub(crate) fn store(&self, id: &str, device: &str, path: &str, text: &str) -> String {
        self.store_at("2026-11-21T21:08:01.375Z", id, device, path, text)
    }

    /// The same, landed at another moment of that day.
    pub(crate) fn store_at(&self, landed_at: &str, id: &str, device: &str, path: &str, text: &str) -> String {
        let key = format!("raw/dt=2026-11-21/device={device}/{id}/file.csv");
        let facts = BTreeMap::from(
            [("inlet-upload", id), ("inlet-device", device), ("inlet-path", path), ("inlet-landed-at", landed_at)]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        self.lake.put(&Address { bucket: LAKE.into(), key: key.clone() }, Bytes::copy_from_slice(text.as_bytes()), facts);
        key
    }

    /// Sends a job.
    pub(crate) fn ask(&self, task: Task) -> Job {
        let job = Job::new(task, now());
        self.queue.send(&job.body().unwrap());
        job
    }

    /// The rows of a table, each as `upload:row`, in order; none when there is no table.
    pub(crate) async fn rows(&self, table: &str) -> Vec<String> {
        let mut rows = Vec::new();
        for batch in self.scan(table).await {
            let upload = column::<StringArray>(&batch, "_upload");
            let row = column::<Int64Array>(&batch, "_row");
            rows.extend((0..batch.num_rows()).map(|at| format!("{}:{}", upload.value(at), row.value(at))));
        }
        rows.sort();
        rows
    }

    /// The tables, nothing in the way.
    pub(crate) async fn tables(&self) -> &Tables {
        let open = async || Tables::new(self.catalog(Arc::new(self.lake.clone())).await, NAMESPACE);
        self.reader.get_or_init(open).await
    }

    pub(crate) async fn scan(&self, table: &str) -> Vec<RecordBatch> {
        let Some(table) = self.tables().await.load(table).await.unwrap() else { return Vec::new() };
        table.scan().select_all().build().unwrap().to_arrow().await.unwrap().try_collect().await.unwrap()
    }

    /// The record of uploads: `upload outcome rows refused`, in order.
    pub(crate) async fn records(&self) -> Vec<String> {
        let mut records = Vec::new();
        for batch in self.scan("uploads").await {
            let (upload, outcome) = (column::<StringArray>(&batch, "upload"), column::<StringArray>(&batch, "outcome"));
            let (rows, refused) = (column::<Int64Array>(&batch, "rows"), column::<Int64Array>(&batch, "rows_refused"));
            records.extend(
                (0..batch.num_rows())
                    .map(|at| format!("{} {} {} {}", upload.value(at), outcome.value(at), rows.value(at), refused.value(at))),
            );
        }
        records.sort();
        records
    }
}

pub(crate) fn column<'a, T: Array + 'static>(batch: &'a RecordBatch, name: &str) -> &'a T {
    batch.column_by_name(name).unwrap().as_any().downcast_ref().unwrap()
}

pub(crate) fn event(key: &str, bytes: usize) -> String {
    let golden = include_str!("../../../tests/golden/upload-event.json");
    let mut event: serde_json::Value = serde_json::from_str(golden).unwrap();
    event["Records"][0]["s3"]["object"]["key"] = key.into();
    event["Records"][0]["s3"]["object"]["size"] = bytes.into();
    event.to_string()
}

pub(crate) fn config() -> Config {
    Config {
        default_zone: "UTC".into(),
        formats: Vec::new(),
        namespace: NAMESPACE.into(),
        concurrency: 16,
        threads: Some(2),
        retry_max: Duration::from_millis(20),
        drain: Duration::from_secs(60),
        batch: BatchConfig { max_age: Duration::from_millis(20), max_rows: 1 << 20, max_bytes: ByteSize::mib(64) },
        table: TableConfig { partition: Partition::Day, history: Duration::from_hours(24) },
        limits: Limits::for_tests(),
        queue: QueueConfig { visibility: Duration::from_secs(60) },
        ledger: LedgerConfig { window: None, snapshots: Duration::from_hours(24 * 14) },
    }
}

/// A little format of its own. Each line is `table,second,value`; a line `bad` is refused; a file that begins with `!` is refused
/// whole. A `value` that ends in a letter has a unit: `1.5C`. Once it is mended, cells may be parted by `;` too, and `!` does no harm.
pub(crate) fn parse(mended: &Arc<AtomicBool>) -> Arc<Parse> {
    let mended = mended.clone();
    Arc::new(move |upload, bytes| {
        let mended = mended.load(Ordering::Relaxed);
        let text = std::str::from_utf8(bytes).unwrap();
        assert!(!text.starts_with("panic"), "a fault of the parser's own");
        let text = if mended { text.trim_start_matches('!') } else { text };
        if text.starts_with('!') {
            return Err(Refusal { reason: "it begins with !".into() });
        }
        let mut tables: BTreeMap<String, Vec<_>> = BTreeMap::new();
        let (mut refused, mut offset) = (Vec::new(), 0);
        for (line, number) in text.lines().zip(1..) {
            let cells: Vec<_> = line.split(|part| part == ',' || (mended && part == ';')).collect();
            if let [table, second, value] = cells[..] {
                let digits = value.trim_end_matches(char::is_alphabetic);
                let unit = value.strip_prefix(digits).filter(|unit| !unit.is_empty()).map(str::to_owned);
                let (second, value): (i64, f64) = (second.parse().unwrap(), digits.parse().unwrap());
                let row = (second, number, value, unit);
                tables.entry(table.to_owned()).or_default().push(row);
            } else {
                let row = u64::try_from(number).unwrap();
                refused.push(Refused { member: None, row, bytes: offset..offset + line.len(), reason: "no three cells".into() });
            }
            offset += line.len() + 1;
        }
        let parts = tables.into_iter().map(|(table, rows)| {
            let values: ArrayRef = Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.2)));
            let unit = rows[0].3.clone();
            Part {
                table,
                member: None,
                device: StringArray::from_iter_values(rows.iter().map(|_| &upload.device)),
                ts: TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.0 * 1_000_000)).with_timezone_utc(),
                row: Int64Array::from_iter_values(rows.iter().map(|row| row.1)),
                columns: vec![(column_of("value", unit.as_deref(), Kind::Double), values)],
            }
        });
        let parts: Vec<Part> = parts.collect();
        // Tables that begin with `s` are of files that are sent whole again and again.
        let snapshots = parts.iter().map(|part| part.table.clone()).filter(|table| table.starts_with('s')).collect();
        let parsed = Parsed { format: "lines".into(), snapshots, parts, refused, ..Parsed::default() };
        Ok(Read { parsed, unwrapped: bytes.to_vec().into() })
    })
}

pub(crate) fn column_of(name: &str, unit: Option<&str>, kind: Kind) -> Column {
    Column { name: name.into(), original: name.to_uppercase(), unit: unit.map(str::to_owned), process: None, kind }
}

pub(crate) fn now() -> Timestamp {
    "2026-11-21T22:00:00Z".parse().unwrap()
}
