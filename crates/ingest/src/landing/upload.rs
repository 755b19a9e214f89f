//! One upload from its first byte to its 226.

use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use bytesize::ByteSize;
use cap_std::fs::Dir;
use tokio::task::JoinHandle;
use tracing::info;

use super::arrival::Arrival;
use super::error::Failure;
use super::lake::Lake;
use super::steps::Goal;
use super::waiting::{Waiting, Writer};
use super::{Landing, blocking, steps};
use crate::accounts::Account;
use crate::names::HomePath;
use crate::session::{Fate, Session, Verb};
use crate::spool::{Claim, DIRECT_FROM, Incoming, Sealed, Spool, length};

/// So much is read before it is written: few visits to blocking threads. Most uploads are far shorter, so that 10,000 at once fit into
/// memory; one that is longer than [`DIRECT_FROM`] may hold eight or nine of these: some wait, some are being written, one is read.
pub(crate) const STEP_BYTES: usize = 512 * 1024;
/// So many steps of an upload of more than [`DIRECT_FROM`] may wait while others are written, and then go together: the disk's pauses do
/// not hold the device up. Of shorter ones, which are many, one waits.
const WAITING_STEPS: usize = 4;
/// After so many turns a thread leaves an upload, since others may be in want of it.
const TURNS: usize = 8;

/// One upload.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) arrival: Arrival,
    pub(super) spool: Arc<Spool>,
    pub(super) home: Arc<Dir>,
    pub(super) session: Arc<Session>,
    /// With `durability = "lake"`.
    lake: Option<Arc<Lake>>,
    /// Where it goes on with a file that is there already (REST); 0 for a new one.
    start: u64,
    bytes_max: u64,
    /// Of the whole home.
    home_bytes_max: u64,
}

/// An upload whose bytes are still coming. While some of its steps are written the next ones may be read; of one that is given up
/// nothing is left.
#[derive(Debug)]
pub(crate) struct Receiving {
    upload: Arc<Upload>,
    /// So long is the file with the bytes that have come.
    bytes: u64,
    /// The steps that nobody writes yet.
    waiting: Arc<Waiting>,
    /// The steps before, and with them all that is written.
    writing: Option<JoinHandle<Result<Taken, Failure>>>,
}

/// The bytes of an upload that are written, and their part of the home.
#[derive(Debug)]
struct Taken {
    incoming: Incoming,
    claim: Claim,
}

impl Receiving {
    /// The edge has said which command this is; libunftp gives the path and, after REST, the offset.
    pub(super) fn begin(landing: &Landing, account: &Account, path: &Path, start: u64) -> Result<Self, Failure> {
        let upload = Arc::new(Upload::begin(landing, account, path, start)?);
        Ok(Self { bytes: upload.start, upload, waiting: Arc::default(), writing: None })
    }

    /// Takes a step that is not the last one. Returns when there is room for the next one.
    pub(crate) async fn go_on(&mut self, step: Bytes) -> Result<(), Failure> {
        let begun = self.begin_to_write(step).await;
        begun.inspect_err(|failure| self.upload.arrival.tell_failure(failure))
    }

    async fn begin_to_write(&mut self, step: Bytes) -> Result<(), Failure> {
        self.admit(step)?;
        self.waiting.room(if self.bytes > DIRECT_FROM { WAITING_STEPS } else { 1 }).await;
        if let Some(writer) = self.waiting.writer() {
            let taken = self.written().await?;
            let upload = Arc::clone(&self.upload);
            self.writing = Some(tokio::task::spawn_blocking(move || upload.write_on(taken, &writer)));
        }
        Ok(())
    }

    /// Lands the upload with its last step, and says how long the file is. A small upload is written and landed in a single visit
    /// to a thread.
    pub(crate) async fn finish(mut self, last: Bytes) -> Result<u64, Failure> {
        let landed = self.land(last).await;
        match &landed {
            Ok(bytes) => self.upload.arrival.tell(*bytes),
            Err(failure) => self.upload.arrival.tell_failure(failure),
        }
        landed
    }

    async fn land(&mut self, last: Bytes) -> Result<u64, Failure> {
        self.admit(last)?;
        let taken = self.written().await?;
        Arc::clone(&self.upload).land(taken, self.waiting.take()).await
    }

    /// Gives up an upload whose end will not come. Returns when nothing is left of it.
    pub(crate) async fn break_off(mut self, cause: Option<io::Error>) -> Failure {
        drop(self.waiting.take());
        // Whatever became of the steps before, they are removed.
        drop(self.written().await);
        let failure = Failure::Broken(cause);
        self.upload.arrival.tell_failure(&failure);
        failure
    }

    /// Has a step wait, if there may be so many bytes more.
    fn admit(&mut self, step: Bytes) -> Result<(), Failure> {
        self.bytes = self.bytes.saturating_add(length(&step));
        if self.bytes > self.upload.bytes_max {
            return Err(Failure::Long(ByteSize::b(self.upload.bytes_max)));
        }
        self.waiting.add(step);
        Ok(())
    }

    async fn written(&mut self) -> Result<Option<Taken>, Failure> {
        // The handle stays where it is until the step is written: whoever gives up meanwhile can still wait for it.
        let Some(writing) = &mut self.writing else { return Ok(None) };
        let written = writing.await;
        self.writing = None;
        written.unwrap_or_else(|panicked| Err(Failure::Disk(io::Error::other(panicked)))).map(Some)
    }
}

impl Drop for Receiving {
    /// However the upload ends, what still waits is written no more.
    fn drop(&mut self) {
        self.waiting.take();
    }
}

impl Upload {
    fn begin(landing: &Landing, account: &Account, path: &Path, start: u64) -> Result<Self, Failure> {
        let path = HomePath::parse_entry(path).map_err(|bad| {
            // Shown with its control characters escaped.
            info!(account = account.name, ?path, error = %bad, "upload refused");
            Failure::Name(bad)
        })?;
        let announced = landing.session.upload();
        let (mode, verb) = announced.ok_or_else(|| Failure::Disk(io::Error::other("no upload was announced")))?;
        let home = landing.home.clone().ok_or_else(|| Failure::Sought(io::ErrorKind::PermissionDenied.into()))?;
        Ok(Self {
            arrival: Arrival::now(landing, account, path, Some(mode), verb),
            spool: Arc::clone(&landing.spool),
            home,
            session: Arc::clone(&landing.session),
            lake: landing.lake.clone(),
            // For APPE libunftp gives the length that it saw before the transfer; the one that counts is seen under a lock.
            bytes_max: landing.upload_bytes_max,
            home_bytes_max: account.quota.map_or(landing.home_bytes_max, |quota| quota.as_u64()),
            start: if verb == Verb::Appe { 0 } else { start },
        })
    }

    /// Writes the last bytes and lands them all.
    async fn land(self: Arc<Self>, taken: Option<Taken>, rest: Vec<Bytes>) -> Result<u64, Failure> {
        if self.session.fate().await == Fate::Broken {
            return Err(Failure::Broken(None));
        }
        let seal = move |upload: &Self| {
            let Taken { incoming, claim } = upload.write(taken, &rest)?;
            let sealed = incoming.seal().map_err(Failure::Disk)?;
            upload.spool.at("sealed");
            // A device that hangs up loses both connections, and the loss of the control connection may be seen a little
            // later than the end of the data. Writing to the disk takes long enough for that: this second look is what
            // tells an upload that was cut off from one that is whole.
            if upload.session.is_broken() { Err(Failure::Broken(None)) } else { Ok((sealed, claim)) }
        };
        let Some(lake) = self.lake.clone().filter(|_| !self.arrival.temporary) else {
            return blocking(move || {
                let (sealed, claim) = seal(&self)?;
                steps::land(&self, &sealed, claim, &self.goal())
            })
            .await;
        };
        let upload = Arc::clone(&self);
        let (sealed, claim) = blocking(move || seal(&upload)).await?;
        lake.land(self, sealed, claim).await
    }

    /// Whether it adds to the file that is there: by APPE, or by REST to its very end.
    pub(super) fn grows(&self, sealed: &Sealed) -> bool {
        self.arrival.verb == Verb::Appe || sealed.continues.is_some()
    }

    /// Temporary names concern the home alone.
    fn goal(&self) -> Goal {
        if self.arrival.temporary { Goal::Home } else { Goal::Outbox }
    }

    /// Writes the steps that wait, and those that come meanwhile.
    fn write_on(&self, taken: Option<Taken>, writer: &Writer) -> Result<Taken, Failure> {
        let mut taken = taken.map_or_else(|| self.create(), Ok)?;
        for _ in 0..TURNS {
            let Some(steps) = writer.next() else { break };
            taken = self.write(Some(taken), &steps)?;
        }
        Ok(taken)
    }

    fn write(&self, taken: Option<Taken>, steps: &[Bytes]) -> Result<Taken, Failure> {
        let mut taken = taken.map_or_else(|| self.create(), Ok)?;
        self.grow(&mut taken.claim, steps.iter().map(|step| length(step)).sum())?;
        let mut pieces: Vec<_> = steps.iter().map(|step| IoSlice::new(step)).collect();
        taken.incoming.write(&mut pieces).map_err(Failure::Disk)?;
        Ok(taken)
    }

    /// Refuses what could not land before any byte of it is written.
    fn create(&self) -> Result<Taken, Failure> {
        let (folder, there) = steps::place(&self.home, &self.arrival.path)?;
        // What is added to stays; what a whole file replaces makes room for it.
        let adds = self.arrival.verb == Verb::Appe || self.start > 0 && self.start == there;
        let replaced = if adds { 0 } else { there };
        let claim = self.spool.usage.claim(&self.arrival.account.name, &self.home, self.home_bytes_max, replaced);
        let mut claim = claim.map_err(Failure::Disk)?;
        let mut incoming = Incoming::create(&self.spool, self.arrival.upload).map_err(Failure::Disk)?;
        if self.start > 0 {
            let file = match folder.open(self.arrival.path.name()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Failure::Offset { offset: self.start, bytes: 0 }),
                opened => opened.map_err(Failure::Place),
            }?;
            let bytes = file.metadata().map_err(Failure::Disk)?.len();
            if self.start > bytes {
                return Err(Failure::Offset { offset: self.start, bytes });
            }
            if self.start == bytes {
                incoming.continue_from(bytes);
            } else {
                self.grow(&mut claim, self.start)?;
                incoming.write_from(file.into_std(), self.start).map_err(Failure::Disk)?;
            }
        }
        Ok(Taken { incoming, claim })
    }

    fn grow(&self, claim: &mut Claim, more: u64) -> Result<(), Failure> {
        if claim.grow(more) { Ok(()) } else { Err(Failure::Quota(ByteSize::b(self.home_bytes_max))) }
    }
}
