//! Jobs: what a person asks of the ETL. A job is a message on the queue of upload events, so that whoever has the queue, the lake and
//! the catalog open does it, with the ledger as for every upload; what came of it is told in `jobs/<job>.json` in the lake.
//!
//! Delivered twice, or taken over from a worker that died, a job is done again from its beginning, and adds what is still missing.

mod release;
mod replay;
mod report;
mod runner;

use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

pub use report::{Report, read_report};
pub(crate) use runner::Runner;

/// Where reports are in their bucket.
pub(crate) const ROOT: &str = "jobs/";
const VERSION: u32 = 1;
/// How many entries one release names at most; the message stays far below what a queue takes.
pub const ENTRIES_MAX: usize = 1000;

/// A message that asks for something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The form of this message; 1.
    pub version: u32,
    /// Names the job and its report.
    pub job: String,
    /// What is to be done.
    #[serde(flatten)]
    pub task: Task,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// To read again what is in quarantine, with the formats of today.
    Release {
        /// The entries, by where they are.
        entries: Vec<String>,
        /// Only those that this format claimed, or claims now.
        format: Option<String>,
    },
    /// To read raw objects again and add what is missing in the tables.
    Replay {
        /// The device whose uploads they are, as their keys name it.
        device: String,
        /// When the first of them landed.
        #[serde(with = "crate::facts::text")]
        from: Timestamp,
        /// Before when the last of them landed.
        #[serde(with = "crate::facts::text")]
        to: Timestamp,
        /// The only table to add to.
        table: Option<String>,
    },
    /// To make a table anew from all raw objects.
    Rebuild {
        /// The table, as the formats name it.
        table: String,
        /// The name of the new one.
        into: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    inlet: Job,
}

impl Job {
    /// A job with a name of its own.
    pub fn new(task: Task, now: Timestamp) -> Self {
        Self { version: VERSION, job: crate::ledger::new_name(now).to_string(), task }
    }

    /// The message's body.
    pub fn body(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Envelope { inlet: self.clone() })
    }

    /// The job in a message's body, or what is wrong with it; `None` for messages of other kinds.
    pub(crate) fn read(body: &str) -> Option<Result<Self, String>> {
        /// Nearly all messages are of other kinds, of which nothing needs to be kept.
        #[derive(Deserialize)]
        struct Kind {
            #[serde(rename = "inlet")]
            _job: IgnoredAny,
        }
        serde_json::from_str::<Kind>(body).ok().filter(|_| body.trim_start().starts_with('{'))?;
        let job = serde_json::from_str(body).map_err(|error| error.to_string()).and_then(|Envelope { inlet: job }| {
            match (job.version, Ulid::from_string(&job.job)) {
                (VERSION, Ok(_)) => Ok(job),
                (VERSION, Err(_)) => Err(format!("{:?} is no name of a job", job.job)),
                (other, _) => Err(format!("version {other} is not known")),
            }
        });
        Some(job.map_err(|problem| format!("no job: {problem}")))
    }
}

#[cfg(test)]
mod tests;
