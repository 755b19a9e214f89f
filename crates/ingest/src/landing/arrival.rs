//! Who brings what, when and how: what is known of an upload before its bytes are.

use std::error::Error;
use std::time::Instant;

use jiff::Timestamp;
use tracing::{error, info, warn};
use ulid::Ulid;

use super::error::Failure;
use super::{Landing, metrics};
use crate::accounts::Account;
use crate::names::HomePath;
use crate::outbox::{self, Entry, Previous};
use crate::session::{Mode, Verb};

/// One upload, or one temporary name on its way to a final one.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) upload: Ulid,
    pub(super) account: Account,
    pub(super) path: HomePath,
    pub(super) verb: Verb,
    /// Whether it lands under a name that says "not finished yet".
    pub(super) temporary: bool,
    session: Ulid,
    client: std::net::SocketAddr,
    mode: Option<Mode>,
    received_at: Timestamp,
    began: Instant,
}

/// Where an upload's bytes stand in its file.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// How long the file was before them.
    pub(super) offset: u64,
    /// Whose bytes those are.
    pub(super) previous: Option<Previous>,
    /// Whether the file ends within a line after them.
    pub(super) open: bool,
}

impl Arrival {
    /// It begins now.
    pub(super) fn now(landing: &Landing, account: &Account, path: HomePath, mode: Option<Mode>, verb: Verb) -> Self {
        Self {
            upload: Ulid::generate(),
            account: account.clone(),
            temporary: landing.temporary.holds(&path),
            path,
            verb,
            session: landing.session.id,
            client: landing.session.client,
            mode,
            received_at: Timestamp::now(),
            began: Instant::now(),
        }
    }

    /// The record, once the bytes are known. It lands now.
    pub(super) fn entry(&self, Place { offset, previous, open }: Place, bytes: u64, sha256: Option<String>) -> Entry {
        Entry {
            version: outbox::VERSION,
            upload: self.upload,
            session: self.session,
            account: self.account.name.clone(),
            device: self.account.device.clone(),
            path: self.path.as_str().to_owned(),
            verb: self.verb,
            mode: self.mode,
            client: self.client,
            offset,
            previous,
            open,
            bytes,
            sha256,
            zone: self.account.zone.clone(),
            received_at: self.received_at,
            landed_at: Timestamp::now(),
        }
    }

    /// Says once that it landed.
    pub(super) fn tell(&self, bytes: u64) {
        let took = self.began.elapsed();
        if self.verb != Verb::Rnto {
            metrics::landed(bytes, took);
        }
        let said = if self.temporary { "landed under a temporary name" } else { "landed" };
        info!(
            upload = %self.upload,
            session = %self.session,
            account = self.account.name,
            device = self.account.device,
            path = self.path.as_str(),
            bytes,
            verb = self.verb.as_str(),
            mode = self.mode.map(Mode::as_str),
            millis = took.as_millis(),
            "{said}"
        );
    }

    /// Says once that it did not land, and why.
    pub(super) fn tell_failure(&self, failure: &Failure) {
        let (upload, account, path) = (self.upload, &self.account.name, self.path.as_str());
        let error = failure as &dyn Error;
        match failure {
            Failure::Broken(_) => info!(%upload, account, path, error, "upload broken off"),
            // Nothing is wrong with this machine, and the watcher says what is with the lake.
            Failure::Undelivered(_) => warn!(%upload, account, path, error, "upload not delivered in time, taken back"),
            ours if ours.is_ours() => {
                metrics::failed();
                error!(%upload, account, path, error, "upload failed");
            }
            over => {
                match over {
                    Failure::Long(_) => metrics::refused("size"),
                    Failure::Quota(_) => metrics::refused("quota"),
                    _ => {}
                }
                info!(%upload, account, path, error, "upload refused");
            }
        }
    }
}
