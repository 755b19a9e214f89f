//! The configuration: embedded defaults, then a file, then the environment, each key known by where it came from.
//!
//! `INLET_ETL__BATCH__MAX_AGE=30s` sets `etl.batch.max_age`. Every default stands in `inlet.toml`, which is compiled in.

mod catalog;
mod problem;

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format as _, Toml};
use serde::Deserialize;

pub use catalog::{Catalog, CatalogKind, Secret};
pub use problem::{Problem, Problems};

/// The embedded defaults, as a reader of the repository sees them.
pub const DEFAULTS: &str = include_str!("../inlet.toml");

/// The bucket of the embedded warehouse; tables are plain files in the directory of that name.
pub const WAREHOUSE: &str = "warehouse";

/// The longest object that S3 takes at once: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>
const PUT_BYTES_MAX: u64 = 5 << 30;

/// All that Inlet can be told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where this machine's state is kept: uploads, accounts, and the embedded lake, queue and catalog.
    pub data: PathBuf,
    /// What is logged, and how.
    pub log: Log,
    /// The port for balancers and monitoring.
    pub http: Http,
    /// FTP in.
    pub ingest: ingest::Config,
    /// Outbox to lake and queue.
    pub watcher: watcher::Config,
    /// Queue to tables.
    pub etl: etl::Config,
    /// Where raw objects, the ledger and quarantine are.
    pub lake: Lake,
    /// Where upload events are.
    pub queue: Queue,
    /// Where tables are.
    pub catalog: Catalog,
}

/// What is logged, and how.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Directives of tracing's `EnvFilter`.
    pub filter: String,
    /// How a line is written.
    pub format: LogFormat,
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For a person.
    Text,
    /// One JSON object a line.
    Json,
}

/// The port for balancers and monitoring: `/live`, `/ready`, `/metrics`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address and port; port 0 lets the system choose.
    pub listen: std::net::SocketAddr,
}

/// Where raw objects, the ledger and quarantine are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lake {
    /// Which backend.
    pub kind: LakeKind,
    /// The bucket.
    pub bucket: String,
    /// The AWS region, for S3; the AWS SDK's own settings when absent.
    pub region: Option<String>,
    /// Another S3 endpoint than AWS's.
    pub endpoint: Option<String>,
    /// Whether the bucket stands in the path rather than in the host name, as many S3 servers need it.
    pub path_style: bool,
}

/// The backends of the lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LakeKind {
    /// Plain files under the data directory.
    Local,
    /// Amazon S3, or a server that speaks its protocol.
    S3,
}

/// Where upload events are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// Which backend.
    pub kind: QueueKind,
    /// How often a message is delivered before it goes to the dead letters. SQS has its own setting for that, the queue's redrive policy.
    pub deliveries_max: u32,
    /// The queue's URL, for SQS.
    pub url: Option<String>,
    /// The URL of the queue that its dead letters go to, for SQS and `inlet queue dead`.
    pub dead_letters_url: Option<String>,
    /// The AWS region, for SQS; the AWS SDK's own settings when absent.
    pub region: Option<String>,
    /// Another SQS endpoint than AWS's.
    pub endpoint: Option<String>,
}

/// The backends of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QueueKind {
    /// A SQLite database in the data directory.
    Sqlite,
    /// Amazon SQS, or a server that speaks its protocol.
    Sqs,
}

impl Config {
    /// Reads the defaults, the file if there is one, and the environment, and says all that is wrong at once.
    ///
    /// `data` is the command line's own word, which wins over all others.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        data: Option<&Path>,
    ) -> Result<Self, Problems> {
        let defaults = Figment::from(Toml::string(DEFAULTS));
        let mut keys = match file {
            Some(file) => problem::keys_of_file(file)?,
            None => Vec::new(),
        };
        let mut problems = problem::keys_of_environment(environment, &mut keys);
        if let Some(data) = data {
            keys.push(problem::Key::of_command_line("data", "--data", &data.to_string_lossy()));
        }
        // Keys that are wrong by themselves are set aside, so that they do not hide what is wrong beside them.
        problems.extend(problem::set_aside_bad(&defaults, &mut keys));
        let merged = keys.iter().fold(defaults, |figment, key| figment.merge((key.path.as_str(), key.value.clone())));
        match merged.extract::<Self>() {
            Err(error) => problems.push(Problem::of(&error, &keys)),
            Ok(config) => {
                problems.extend(config.problems().into_iter().map(|(key, message)| Problem::named(key, message, &keys)));
                if problems.is_empty() {
                    return Ok(config);
                }
            }
        }
        Err(Problems(problems))
    }

    /// What is wrong although every key has a value of its type: (key, what is wrong).
    fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let sections = [("ingest", self.ingest.problems()), ("watcher", self.watcher.problems()), ("etl", self.etl.problems())];
        for (section, found) in sections {
            problems.extend(found.into_iter().map(|(key, message)| (format!("{section}.{key}"), message)));
        }
        if self.ingest.passive.ports.contains(self.http.listen.port()) {
            problems.push(("http.listen".into(), "its port is one of ingest.passive.ports".into()));
        }
        if self.http.listen == self.ingest.listen && self.http.listen.port() != 0 {
            problems.push(("http.listen".into(), "is ingest.listen too".into()));
        }
        if self.lake.kind == LakeKind::S3 && self.ingest.limits.upload_bytes.as_u64() > PUT_BYTES_MAX {
            problems.push(("ingest.limits.upload_bytes".into(), "is more than 5 GiB, the most that S3 takes at once".into()));
        }
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if !self.lake.bucket.bytes().all(is_name) || !self.lake.bucket.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            problems.push(("lake.bucket".into(), format!("`{}` is no name of a bucket", self.lake.bucket)));
        }
        if self.lake.kind == LakeKind::Local && self.lake.bucket == WAREHOUSE {
            problems.push(("lake.bucket".into(), format!("`{WAREHOUSE}` is where the embedded tables are")));
        }
        let catalog = self.catalog.problems(self.lake.kind);
        problems.extend(catalog.into_iter().map(|(key, message)| (format!("catalog.{key}"), message)));
        if self.queue.deliveries_max < etl::DELIVERIES_MIN {
            let least = etl::DELIVERIES_MIN;
            let why = "so often a piece of an appended file is delivered before the piece that it follows is taken as lost";
            problems.push(("queue.deliveries_max".into(), format!("must be at least {least}: {why}")));
        }
        if self.queue.kind == QueueKind::Sqs && self.queue.url.is_none() {
            problems.push(("queue.url".into(), "missing: `queue.kind = \"sqs\"` needs the queue's URL".into()));
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.log.filter) {
            problems.push(("log.filter".into(), error.to_string()));
        }
        problems
    }
}

#[cfg(test)]
mod tests;
