//! FTP in, durable uploads out.
//!
//! device ⇄ edge (control line, data connections) → accounts                          logins
//!                                                → landing → outbox                  uploads
//!                                                ⇄ loopback ⇄ libunftp ⇄ landing     navigation, lists, downloads, renames
//!
//! [`Server::bind`] listens, [`Server::run`] serves. The edge owns every socket that faces a device, libunftp knows FTP's
//! files and folders, and landing makes 226 mean safe; of a file that a rename gives its final name, 250.

mod accounts;
mod certificate;
mod chain;
mod closing;
mod config;
mod delivery;
mod descriptors;
mod edge;
mod error;
#[cfg(test)]
mod harness;
mod landing;
mod limits;
mod metadata;
mod metrics;
mod names;
mod network;
mod outbox;
pub mod retention;
mod server;
mod session;
mod spool;
mod stamp;

pub use accounts::{Account, Accounts, AccountsError, NewAccount};
pub use certificate::{Certificate, CertificateError, Fingerprint};
pub use config::{
    Active, Append, ClientCertificate, CloseNotify, Config, HangUp, Passive, Proxy, Require, Resumption, Tls, Version,
};
pub use delivery::Durability;
#[cfg(any(fuzzing, test))]
pub use edge::fuzz;
pub use edge::{Address, Advertised, Policy, PortRange, SourcePort};
pub use error::{Error, TlsProblem};
pub use landing::{Facts, Landing};
pub use limits::Limits;
pub use names::{BadPattern, Temporary};
pub use network::Network;
pub use server::{Parts, Server};
pub use session::{Fate, Mode, Session, Verb};
pub use spool::Spool;
