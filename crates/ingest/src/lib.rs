//! FTP in, durable uploads out.
mod accounts;
mod landing;
mod names;
mod outbox;
pub mod retention;
mod session;
mod spool;

pub use accounts::{Account, Accounts, AccountsError, Login, NewAccount};
pub use landing::{Facts, Landing};
pub use names::{BadPattern, Temporary};
pub use session::{Fate, Mode, Session, Verb};
pub use spool::Spool;
