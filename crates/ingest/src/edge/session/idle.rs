//! What a session holds while its device asks for nothing: its control connection and little else.
//!
//! Fleets of loggers stay logged in from one upload to the next. Such a session gives its libunftp back, and with it three of its
//! four descriptors. The next command that needs one starts another, which goes on where the last one was: the edge knows
//! who is logged in and where it stands, and everything else that lasts from command to command is the edge's own.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Connection, End};
use crate::descriptors::is_shortage;
use crate::edge::control::LineError;
use crate::edge::sessions::Shared;
use crate::edge::upstream::Upstream;
use crate::metrics;

/// How long a session does nothing before it gives libunftp back: longer than a device takes between two commands of one upload.
const REST_AFTER: Duration = Duration::from_secs(2);

impl Connection {
    pub(super) async fn next_line(&mut self) -> Result<Vec<u8>, End> {
        // When descriptors are scarce they go round among the sessions that need one now.
        let are_scarce = self.upstream.as_ref().is_some_and(|upstream| upstream.is_near(self.shared.reserve));
        let rests_at = Instant::now() + if are_scarce { Duration::ZERO } else { REST_AFTER };
        loop {
            let Shared { stopping, dismissed, .. } = &*self.shared;
            let leave = if self.account.is_none() || self.was_last { stopping } else { dismissed };
            let until = if self.may_rest() { self.deadline.min(rests_at) } else { self.deadline };
            tokio::select! {
                biased;
                () = leave.cancelled() => return Err(End::Stopping),
                // Before the line: a device that is busy all the time without logging in has its time, too.
                () = sleep_until(until) => match &self.account {
                    _ if until < self.deadline => self.upstream = None,
                    Some(_) => return Err(End::Idle),
                    None => return Err(End::LoginTimeout),
                },
                line = self.control.line() => return line.map_err(|error| match error {
                    LineError::TooLong => End::LineTooLong,
                    LineError::Lost => End::Lost,
                }),
            }
        }
    }

    /// Whether libunftp knows nothing that the edge does not: after RNFR it alone knows which file is meant.
    fn may_rest(&self) -> bool {
        self.upstream.is_some() && !self.renames
    }

    /// This session's libunftp, started by whoever needs it first.
    pub(super) async fn upstream(&mut self) -> Result<&mut Upstream, End> {
        let upstream = self.take_upstream().await?;
        Ok(self.upstream.insert(upstream))
    }

    /// This session's libunftp for the length of a transfer, while the control connection is needed beside it.
    pub(in crate::edge) async fn take_upstream(&mut self) -> Result<Upstream, End> {
        if let Some(upstream) = self.upstream.take() {
            return Ok(upstream);
        }
        let Some(account) = self.account.clone() else { return Err(End::Upstream(io::ErrorKind::PermissionDenied.into())) };
        let started = Upstream::start(&self.shared, &self.session, account, &self.folder).await;
        started.map_err(|error| if is_shortage(&error) { self.full() } else { End::Upstream(error) })
    }

    pub(in crate::edge) fn put_back(&mut self, upstream: Upstream) {
        self.upstream = Some(upstream);
    }

    fn full(&self) -> End {
        metrics::session_refused("descriptors");
        End::Full
    }
}
