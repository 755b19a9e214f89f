//! The embedded default: a lake of plain files and a queue in SQLite, for one process and its data directory.
//!
//! Both keep the promises of the services that they stand in for; `tests/contract.rs` holds them to it.

mod lake;
mod queue;

pub use lake::{LocalBucket, LocalLake};
pub use queue::{DeadLetter, DeadLetters, Depth, SqliteQueue};
