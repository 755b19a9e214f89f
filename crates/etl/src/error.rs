//! What can go wrong between an event and its acknowledgement, and what to do about it.

use std::error::Error as _;

use crate::lake::LakeError;
use crate::queue::QueueError;

/// Why a step of the ETL did not work. What is wrong with a file is no such error: that is a [`crate::Refusal`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The lake did not do what it was asked.
    #[error("{doing}")]
    Lake {
        /// What was going on, as a verb and its object: `read upload`.
        doing: &'static str,
        /// What the lake said.
        #[source]
        source: LakeError,
    },
    /// The queue did not do what it was asked.
    #[error("use the queue of upload events")]
    Queue(#[from] QueueError),
    /// The catalog could not be opened.
    #[error("open catalog {uri}")]
    Catalog {
        /// The catalog's address, without credentials.
        uri: String,
        /// What the database said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The catalog or a file of a table.
    #[error("{doing} {table}")]
    Table {
        /// What was going on, as a plain verb: `load`, `create`, `commit`.
        doing: &'static str,
        /// The table's name.
        table: String,
        /// What iceberg said.
        #[source]
        source: Box<iceberg::Error>,
    },
    /// Rows that do not fit their table although they were checked: a fault of ours.
    #[error("arrange rows of {table}")]
    Rows {
        /// The table's name.
        table: String,
        /// What arrow said.
        #[source]
        source: arrow::error::ArrowError,
    },
    /// Rows that wait on this machine's disk to be written could not be put there or read from there.
    #[error("keep rows on disk until they are written")]
    Spool {
        /// What the system said.
        #[source]
        source: arrow::error::ArrowError,
    },
    /// An object of ours, of the ledger or the quarantine, that is not what was written.
    #[error("object {key} is damaged: {problem}")]
    Damaged {
        /// The object's key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A commit, or the record of it, did not come about; why is in the log.
    #[error("{uploads} uploads were not committed")]
    Undone {
        /// How many.
        uploads: usize,
    },
    /// A segment whose file's earlier bytes are not in the lake yet.
    #[error("the upload before it is not in the lake yet: {folder}")]
    Early {
        /// Where its raw object will be.
        folder: String,
    },
    /// A task of ours ended before its time, by a panic or because the runtime stopped.
    #[error("{doing}: a task ended early")]
    Task {
        /// What it was doing.
        doing: &'static str,
        /// How it ended.
        #[source]
        source: tokio::task::JoinError,
    },
}

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The same call may succeed later.
    Retry,
    /// Repeating it now is of no use. The messages are left in the queue, which delivers them again or sets them aside.
    Abandon,
}

impl Error {
    pub(crate) fn fate(&self) -> Fate {
        match self {
            Self::Lake { source: LakeError::Unavailable { .. }, .. } | Self::Queue(_) | Self::Spool { .. } => Fate::Retry,
            Self::Table { source, .. } => match source.kind() {
                iceberg::ErrorKind::DataInvalid | iceberg::ErrorKind::FeatureUnsupported => Fate::Abandon,
                _ => Fate::Retry,
            },
            Self::Lake { .. }
            | Self::Catalog { .. }
            | Self::Rows { .. }
            | Self::Damaged { .. }
            | Self::Undone { .. }
            | Self::Early { .. }
            | Self::Task { .. } => Fate::Abandon,
        }
    }

    /// The error and all its sources in one line, for a log.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    pub(crate) fn table(doing: &'static str, table: &str) -> impl Fn(iceberg::Error) -> Self {
        let table = table.to_owned();
        move |source| Self::Table { doing, table: table.clone(), source: Box::new(source) }
    }

    pub(crate) fn lake(doing: &'static str) -> impl Fn(LakeError) -> Self {
        move |source| Self::Lake { doing, source }
    }
}
