//! The catalog: which tables there are, and which metadata file each is at.
//!
//! Three kinds, all over [`Lake`](crate::Lake) for the tables' files: a SQL database, an Iceberg REST service, and Amazon S3 Tables.
//! What exactly-once rests on is the same in each: `update_table` moves a table on only from the metadata that the commit was built on.

mod rest;
mod s3tables;
mod sql;

pub use rest::{Rest, rest};
pub use s3tables::s3tables;
pub use sql::sql;

/// The catalog's own name. A SQL catalog keeps its tables under it, and pyiceberg finds them so.
const NAME: &str = "inlet";
