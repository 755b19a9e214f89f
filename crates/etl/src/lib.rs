//! Events in, rows of Iceberg tables out.
mod container;
mod format;
mod lake;
mod limits;
mod queue;
mod rows;
pub use container::unwrap;
pub use format::{File, FormatError, Formats, Source};
pub use lake::{Address, Head, Lake, LakeError, Write};
pub use limits::Limits;
pub use queue::{Message, Queue, QueueError};
pub use rows::{Column, Kind, Parsed, Part, Refusal, Refused};
