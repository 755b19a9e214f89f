//! Outbox in, raw objects and events out.
mod lake;
mod publish;
pub use lake::{Lake, LakeError, Object, Stored};
pub use publish::{Publish, PublishError};
