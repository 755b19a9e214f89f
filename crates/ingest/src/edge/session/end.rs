//! Why a session is over, and what the device is told of it.

use std::io;

use crate::edge::reply::Reply;
use crate::edge::tls::HandshakeError;
use crate::limits::Refused;

/// Why a session is over.
#[derive(Debug, thiserror::Error)]
pub(in crate::edge) enum End {
    #[error("quit")]
    Quit,
    #[error("control connection lost")]
    Lost,
    #[error("not logged in in time")]
    LoginTimeout,
    #[error("idle for too long")]
    Idle,
    #[error("control line too long")]
    LineTooLong,
    #[error("server stopping")]
    Stopping,
    #[error("too few descriptors left")]
    Full,
    #[error("too many sessions of the account")]
    AccountFull,
    #[error("login not looked at: {}", .0.reason.as_str())]
    LoginRefused(Refused),
    #[error("no TLS")]
    Handshake(#[source] HandshakeError),
    #[error("libunftp failed")]
    Upstream(#[source] io::Error),
}

impl End {
    /// What the device is told before its connection is closed.
    pub(super) fn last_word(&self) -> Option<Reply> {
        Some(match self {
            Self::Quit => Reply::new(221, "Goodbye"),
            // After a handshake that failed there is nothing left to say it on.
            Self::Lost | Self::Handshake(_) => return None,
            Self::LoginTimeout => Reply::new(421, "Not logged in in time, closing the control connection"),
            Self::Idle => Reply::new(421, "Idle for too long, closing the control connection"),
            Self::LineTooLong => Reply::new(500, "The line is too long, closing the control connection"),
            Self::Stopping => Reply::new(421, "The server is stopping, closing the control connection"),
            Self::Full => Reply::new(421, "Too many sessions, try again later"),
            Self::AccountFull => Reply::new(421, "Too many sessions of this account, try again later"),
            Self::LoginRefused(refused) => Reply::new(421, refused.text()),
            Self::Upstream(_) => Reply::new(421, "Internal failure, closing the control connection"),
        })
    }

    /// As metrics name it.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Quit => "quit",
            Self::Lost => "lost",
            Self::LoginTimeout => "login_timeout",
            Self::Idle => "idle",
            Self::LineTooLong => "line_too_long",
            Self::Stopping => "stopping",
            Self::Full => "full",
            Self::AccountFull => "account_full",
            Self::LoginRefused(_) => "login_refused",
            Self::Handshake(_) => "no_tls",
            Self::Upstream(_) => "failed",
        }
    }
}
