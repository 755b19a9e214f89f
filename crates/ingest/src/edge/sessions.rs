//! What all sessions have in common.

use std::net::IpAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::address::Addresses;
use super::loopback::Loopback;
use super::passive::Pool;
use super::tls::Keys;
use crate::accounts::Accounts;
use crate::config::Config;
use crate::descriptors::Reserve;
use crate::landing::{Lake, Landing};
use crate::limits::{Logins, Places};
use crate::names::Temporary;
use crate::session::Session;
use crate::spool::Spool;

/// What all sessions have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) logins: Arc<Logins>,
    /// Sessions by client address, and by account.
    pub(crate) by_address: Arc<Places<IpAddr>>,
    pub(crate) by_account: Arc<Places<String>>,
    pub(crate) spool: Arc<Spool>,
    /// What no new session is given.
    pub(crate) reserve: Reserve,
    pub(crate) temporary: Arc<Temporary>,
    /// With `durability = "lake"`.
    pub(crate) lake: Option<Arc<Lake>>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) addresses: Addresses,
    pub(crate) loopback: Loopback,
    /// Nothing when no certificate is configured.
    pub(crate) keys: Option<Keys>,
    /// Nobody logs in any more. Whoever has logged in may finish the transfer under way, or make one more.
    pub(crate) stopping: CancellationToken,
    /// Sessions that are not in a transfer end now.
    pub(crate) dismissed: CancellationToken,
    /// Transfers end now, too.
    pub(crate) halted: CancellationToken,
    /// Every transfer under way.
    pub(crate) transfers: TaskTracker,
    /// Every task that belongs to a session.
    pub(crate) tasks: TaskTracker,
}

impl Shared {
    /// The storage of a session, which has no home until an account enters it.
    pub(crate) fn landing(&self, session: &Arc<Session>) -> Landing {
        let (spool, session, temporary) = (Arc::clone(&self.spool), Arc::clone(session), Arc::clone(&self.temporary));
        Landing::new(spool, session, temporary, &self.config.limits, self.lake.clone())
    }
}
