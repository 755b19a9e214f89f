//! Tickets that say which session they belong to.
//!
//! Each ticket, and each session remembered for devices without tickets, carries the id of the control connection that it began
//! with. A data connection resumes one of its own session or none: that a ticket is ours would only say that it comes from some
//! device that has been here before.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use rustls::server::{ProducesTickets, StoresServerSessions};
use ulid::Ulid;

/// The tickets of one connection.
#[derive(Debug)]
pub(super) struct Tickets {
    tickets: Arc<dyn ProducesTickets>,
    remembered: Arc<dyn StoresServerSessions>,
    /// What tickets given out on this connection belong to.
    session: Ulid,
    /// The sessions whose tickets are taken; all when there is none.
    taken: Option<[Ulid; 2]>,
    /// The session of the ticket that was taken last.
    resumed: Mutex<Option<Ulid>>,
}

impl Tickets {
    /// A configuration for one connection, and its tickets.
    pub(super) fn label(config: &ServerConfig, session: Ulid, taken: Option<[Ulid; 2]>) -> (Arc<ServerConfig>, Arc<Self>) {
        let labelled = Arc::new(Self {
            tickets: Arc::clone(&config.ticketer),
            remembered: Arc::clone(&config.session_storage),
            session,
            taken,
            resumed: Mutex::new(None),
        });
        let mut config = config.clone();
        config.ticketer = Arc::<Self>::clone(&labelled);
        config.session_storage = Arc::<Self>::clone(&labelled);
        (Arc::new(config), labelled)
    }

    /// The session whose ticket was taken, once the connection is known to be resumed.
    pub(super) fn resumed(&self) -> Option<Ulid> {
        *self.resumed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_label(&self, value: &[u8]) -> Vec<u8> {
        [&self.session.to_bytes()[..], value].concat()
    }

    fn without_label(&self, labelled: &[u8]) -> Option<Vec<u8>> {
        let (label, value) = labelled.split_first_chunk()?;
        let session = Ulid::from_bytes(*label);
        if self.taken.is_some_and(|taken| !taken.contains(&session)) {
            return None;
        }
        *self.resumed.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
        Some(value.to_vec())
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        self.tickets.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.tickets.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.tickets.encrypt(&self.with_label(plain))
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.without_label(&self.tickets.decrypt(cipher)?)
    }
}

impl StoresServerSessions for Tickets {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.remembered.put(key, self.with_label(&value))
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.without_label(&self.remembered.get(key)?)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.without_label(&self.remembered.take(key)?)
    }

    fn can_cache(&self) -> bool {
        self.remembered.can_cache()
    }
}
