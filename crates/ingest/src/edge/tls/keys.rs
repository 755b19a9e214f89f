//! The certificate in force: read at start, and again when its files have changed.

use std::error::Error;
use std::sync::{Arc, PoisonError, RwLock};

use tracing::{error, info};

use super::Identity;
use crate::config;
use crate::error::TlsProblem;
use crate::metrics;
use crate::stamp::{Stamp, stamp};

/// The certificate in force.
#[derive(Debug)]
pub(crate) struct Keys {
    config: config::Tls,
    current: RwLock<Current>,
}

/// The files as they were when they were read last, and what they came to when they were right last.
#[derive(Debug)]
struct Current {
    stamps: [Option<Stamp>; 3],
    identity: Arc<Identity>,
}

impl Keys {
    /// Reads the files; nothing when there is no certificate.
    ///
    /// # Errors
    /// The key whose file is at fault.
    pub(crate) fn open(config: &config::Tls) -> Result<Option<Self>, TlsProblem> {
        let stamps = stamps(config);
        let Some(identity) = Identity::load(config)? else { return Ok(None) };
        metrics::certificate(identity.expires);
        Ok(Some(Self { config: config.clone(), current: RwLock::new(Current { stamps, identity: Arc::new(identity) }) }))
    }

    /// What is in force for a session that starts now. One look at the files' facts; they are read again when those have changed,
    /// and a pair that is broken, or half replaced, leaves the one before in force.
    pub(crate) async fn current(&self) -> Arc<Identity> {
        let stamps = stamps(&self.config);
        if self.changed(stamps) {
            let config = self.config.clone();
            let read = tokio::task::spawn_blocking(move || Identity::load(&config)).await;
            match read {
                Ok(Ok(Some(identity))) => {
                    metrics::certificate(identity.expires);
                    self.write().identity = Arc::new(identity);
                    info!("the certificate was changed: new sessions use it");
                }
                // The configuration names a certificate, or there would be no `Keys`.
                Ok(Ok(None)) => {}
                // Said once a change.
                Ok(Err(bad)) => {
                    error!(error = &bad as &dyn Error, "the certificate was changed and cannot be used: the one before stays")
                }
                Err(panicked) => error!(error = &panicked as &dyn Error, "the certificate was changed and cannot be read"),
            }
        }
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).identity)
    }

    /// Whether the files have changed since somebody looked. Says so to one caller only, who is to read them.
    fn changed(&self, stamps: [Option<Stamp>; 3]) -> bool {
        if self.current.read().unwrap_or_else(PoisonError::into_inner).stamps == stamps {
            return false;
        }
        std::mem::replace(&mut self.write().stamps, stamps) != stamps
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Current> {
        self.current.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamps(config: &config::Tls) -> [Option<Stamp>; 3] {
    [&config.certificate, &config.key, &config.client_ca].map(|path| path.as_deref().and_then(stamp))
}
