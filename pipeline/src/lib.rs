//! Joins ingest, watcher and etl into the `inlet` binary. Choice lives here: defaults, formats, backends.

pub mod account;
pub mod aws;
pub mod backends;
pub mod check;
pub mod cli;
pub mod config;
pub mod data;
pub mod demo;
pub mod descriptors;
pub mod embedded;
pub mod format;
pub mod formats;
pub mod http;
pub mod jobs;
pub mod quarantine;
pub mod queue;
pub mod replay;
pub mod run;
pub mod services;
pub mod table;
pub mod telemetry;
