//! FTP in, durable uploads out.
//!
//! device ⇄ edge (control line, data connections) ⇄ loopback ⇄ libunftp ⇄ landing → outbox
//!
//! [`Server::bind`] listens, [`Server::run`] serves. The [edge](mod@edge) owns every socket that faces a device; libunftp
//! knows FTP's files and folders; landing makes 226 mean safe.

mod config;
mod edge;
mod error;
mod metrics;
mod server;
mod session;

pub use config::{Active, Config, Limits, Passive};
pub use edge::{Advertised, PortRange};
pub use error::Error;
pub use server::{Parts, Server};
