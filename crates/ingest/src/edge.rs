//! The edge: everything between a device and libunftp, in the order in which a session meets it.
//!
//! device ⇄ control (lines) → command (parsed) → session (decides) → transfer (data) ⇄ upstream (libunftp on loopback)
mod active;
mod address;
mod ascii;
mod command;
mod control;
mod facts;
mod features;
#[cfg(any(fuzzing, test))]
pub mod fuzz;
mod listen;
mod loopback;
mod modify;
mod passive;
mod proxy_protocol;
mod relay;
mod reply;
mod security;
mod session;
mod sessions;
mod stream;
mod tls;
mod transfer;
mod upstream;
mod watch;

pub use active::{Policy, SourcePort};
pub use address::{Address, Advertised};
pub use passive::PortRange;

pub(crate) use active::probe;
pub(crate) use address::Addresses;
pub(crate) use control::tune;
pub(crate) use listen::{Doors, Rests, listen};
pub(crate) use loopback::Loopback;
pub(crate) use passive::Pool;
pub(crate) use proxy_protocol::{Ends, ends};
pub(crate) use reply::Reply;
pub(crate) use session::Connection;
pub(crate) use sessions::Shared;
pub(crate) use tls::{Identity, Keys};
