//! What the edge knows of one session, and landing must know: who, from where, and how a transfer ended.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use ulid::Ulid;

/// How a data connection was made (RFC 959 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The server dialled the device: PORT or EPRT.
    Active,
    /// The device dialled the server: PASV or EPSV.
    Passive,
}

impl Mode {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Active, Self::Passive];

    /// As logs and metrics name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
        }
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|mode| mode.as_str() == text);
        named.ok_or_else(|| format!("{text:?} is neither \"active\" nor \"passive\""))
    }
}

/// The command that an upload's record names (RFC 959 section 4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    /// Store, replacing what was there.
    Stor,
    /// Append.
    Appe,
    /// Store under a name that the server chooses.
    Stou,
    /// A temporary name renamed to a final one. It has no data connection, so no transfer begins with it.
    Rnto,
    /// No command: a file whose last line has no end gets no more bytes, so that line is whole.
    Close,
}

impl Verb {
    /// The command as it is sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stor => "STOR",
            Self::Appe => "APPE",
            Self::Stou => "STOU",
            Self::Rnto => "RNTO",
            Self::Close => "CLOSE",
        }
    }
}

/// How the device's side of a data connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// An orderly end of file, with the control connection still open.
    Complete,
    /// A reset, a time-out, an ABOR, or a control connection that was lost first.
    Broken,
}

/// One session as the edge and landing share it.
#[derive(Debug)]
pub struct Session {
    /// Names the session in logs and in the upload's record.
    pub id: Ulid,
    /// The device's own address, as a balancer's PROXY header or the socket tells it.
    pub client: SocketAddr,
    upload: Mutex<Option<(Mode, Verb)>>,
    refusal: Mutex<Option<String>>,
    fate: watch::Sender<Option<Fate>>,
}

impl Session {
    /// A session that has had no transfer yet.
    pub fn new(id: Ulid, client: SocketAddr) -> Self {
        Self { id, client, upload: Mutex::new(None), refusal: Mutex::new(None), fate: watch::Sender::new(None) }
    }

    /// The edge says that an upload starts, and by which command, before libunftp hears of it.
    pub fn begin(&self, mode: Mode, verb: Verb) {
        *self.upload.lock().unwrap_or_else(PoisonError::into_inner) = Some((mode, verb));
        self.fate.send_replace(None);
    }

    /// The edge says how the transfer ended, before it closes its side towards libunftp. It may say `Broken` after
    /// `Complete` when it finds only then that the control connection was lost first: landing looks again before it lands.
    pub fn end(&self, fate: Fate) {
        self.fate.send_replace(Some(fate));
    }

    /// Landing says in words why it refuses what was asked of it last. libunftp has one text for each kind of error, "File not
    /// found" for most, so the edge says this instead.
    pub fn refuse(&self, cause: String) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause);
    }

    /// Takes the cause of the last refusal, if there was one since the last time.
    pub fn take_refusal(&self) -> Option<String> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The mode and the command of the upload that began last.
    pub fn upload(&self) -> Option<(Mode, Verb)> {
        *self.upload.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the upload under way is known to be broken off.
    pub fn is_broken(&self) -> bool {
        *self.fate.borrow() == Some(Fate::Broken)
    }

    /// Waits until the upload under way is known to be broken off.
    pub(crate) async fn broken(&self) {
        // The sender is this session's own, and so outlives the wait.
        let _ = self.fate.subscribe().wait_for(|fate| *fate == Some(Fate::Broken)).await;
    }

    /// Waits until the edge has said how the transfer ended. Landing asks after it has read to the end.
    pub async fn fate(&self) -> Fate {
        let mut fate = self.fate.subscribe();
        match fate.wait_for(Option::is_some).await {
            Ok(said) => said.unwrap_or(Fate::Broken),
            Err(_) => Fate::Broken,
        }
    }
}
