//! Events in, rows of Iceberg tables out.
mod lake;
mod queue;
mod rows;
pub use lake::{Address, Head, Lake, LakeError, S3Lake, Write};
pub use queue::{Message, Queue, QueueError, SqsQueue};
