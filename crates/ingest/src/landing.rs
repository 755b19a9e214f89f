//! Where uploads land: libunftp's storage for one session, in which 226 means safe.
//!
//! An account sees its own directory under `homes/` as `/`. Every path is first resolved by itself ([`HomePath`]) and then
//! beneath the directory's handle by the kernel, so that neither `..` nor a symbolic link leads out of the home.
//!
//! What concerns one name and moves no bytes is left to libunftp's own [`Filesystem`]. Bytes and lists are handled here: that storage
//! never fsyncs, moves 4 KiB a hop between threads, and fails a whole LIST when one file goes away meanwhile.

mod arrival;
mod error;
mod lake;
mod metrics;
mod rename;
mod steps;
mod upload;
mod view;
mod waiting;

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use cap_std::fs::Dir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, BufReader};
use unftp_core::storage::{Error, FEATURE_RESTART, Fileinfo, Result, StorageBackend};
use unftp_sbe_fs::Filesystem;

pub(crate) use self::error::Failure;
pub(crate) use self::lake::Lake;
use self::rename::Rename;
pub(crate) use self::upload::{Receiving, STEP_BYTES};
pub use self::view::Facts;
use crate::accounts::Account;
use crate::closing;
use crate::limits::Limits;
use crate::names::{HomePath, Temporary};
use crate::session::Session;
use crate::spool::{Spool, make_folder};

/// So much of a file is read at once when a device fetches it.
const READ_BYTES: usize = 256 * 1024;

/// A result whose failure is known by its cause.
type Known<T> = std::result::Result<T, Failure>;

/// The storage of one session.
#[derive(Debug)]
pub struct Landing {
    spool: Arc<Spool>,
    session: Arc<Session>,
    temporary: Arc<Temporary>,
    upload_bytes_max: u64,
    /// For accounts that have no quota of their own.
    home_bytes_max: u64,
    /// With `durability = "lake"`.
    lake: Option<Arc<Lake>>,
    /// There is none before the login.
    home: Option<Arc<Dir>>,
    /// Whether the session only goes back to the working directory that it has.
    goes_back: AtomicBool,
}

impl Landing {
    /// Storage for a session that has not logged in yet; `enter` makes it that of an account.
    pub(crate) fn new(
        spool: Arc<Spool>,
        session: Arc<Session>,
        temporary: Arc<Temporary>,
        limits: &Limits,
        lake: Option<Arc<Lake>>,
    ) -> Self {
        let (upload_bytes_max, home_bytes_max) = (limits.upload_bytes.as_u64(), limits.home_bytes.as_u64());
        Self { spool, session, temporary, upload_bytes_max, home_bytes_max, lake, home: None, goes_back: AtomicBool::new(false) }
    }

    /// For a session that has a working directory: libunftp is told it first, and is not in doubt if another session has removed it.
    pub(crate) fn going_back(self) -> Self {
        Self { goes_back: AtomicBool::new(true), ..self }
    }

    /// An upload as the session has announced it, for the edge, which hands its bytes over by itself.
    pub(crate) fn receive(mut self, account: &Account, path: &Path, start: u64) -> Known<Receiving> {
        self.enter(account).map_err(Failure::Disk)?;
        Receiving::begin(&self, account, path, start)
    }

    /// The same for libunftp, which has bytes that are read to their end.
    async fn store<R: AsyncRead + Unpin>(&self, account: &Account, mut input: R, path: &Path, start: u64) -> Known<u64> {
        let mut upload = Receiving::begin(self, account, path, start)?;
        loop {
            let mut step = Vec::new();
            match (&mut input).take(STEP_BYTES as u64).read_to_end(&mut step).await {
                Ok(STEP_BYTES) => upload.go_on(step.into()).await?,
                Ok(_) => return upload.finish(step.into()).await,
                Err(error) => return Err(upload.break_off(Some(error)).await),
            }
        }
    }

    fn home(&self) -> Known<Arc<Dir>> {
        self.home.clone().ok_or_else(|| Failure::Sought(io::ErrorKind::PermissionDenied.into()))
    }

    /// The same home as libunftp's own storage serves it.
    fn served(&self, account: &Account) -> Known<Filesystem> {
        self.home()?;
        self.spool.served(&account.name).map_err(Failure::Disk)
    }

    /// Notes the cause for the edge to tell the device, and gives libunftp the kind, which is the reply's code.
    fn refuse(&self, failure: Failure) -> Error {
        self.session.refuse(failure.said());
        failure.into()
    }

    /// A file that a device fetches, from this position on.
    async fn open(&self, path: impl AsRef<Path>, start: u64) -> Result<BufReader<tokio::fs::File>> {
        let open = move |home: &Dir, path: HomePath| view::open(home, &path, start).map_err(Failure::Sought);
        let file = self.in_home(sought(path), open).await?;
        Ok(BufReader::with_capacity(READ_BYTES, tokio::fs::File::from_std(file)))
    }

    /// Runs steps that wait for the disk on a thread that may wait, with what they are about.
    async fn in_home<W: Send + 'static, T: Send + 'static>(
        &self,
        what: Known<W>,
        steps: impl FnOnce(&Dir, W) -> Known<T> + Send + 'static,
    ) -> Result<T> {
        let work = async {
            let (home, what) = (self.home()?, what?);
            blocking(move || steps(&home, what)).await
        };
        work.await.map_err(|failure| self.refuse(failure))
    }
}

/// Runs steps that wait for the disk on a thread that may wait.
async fn blocking<T: Send + 'static>(steps: impl FnOnce() -> Known<T> + Send + 'static) -> Known<T> {
    match tokio::task::spawn_blocking(steps).await {
        Ok(done) => done,
        Err(panicked) => Err(Failure::Disk(io::Error::other(panicked))),
    }
}

#[async_trait]
impl StorageBackend<Account> for Landing {
    type Metadata = Facts;

    fn enter(&mut self, account: &Account) -> io::Result<()> {
        self.home = Some(Arc::new(self.spool.home(&account.name)?));
        Ok(())
    }

    fn supported_features(&self) -> u32 {
        FEATURE_RESTART
    }

    async fn metadata<P: AsRef<Path> + Send + Debug>(&self, account: &Account, path: P) -> Result<Facts> {
        let path = sought(path);
        if let (Ok(path), Ok(served)) = (&path, self.served(account))
            && let Ok(meta) = served.metadata(account, path.relative()).await
        {
            return Ok(Facts::served(meta));
        }
        // That storage does not say why it cannot tell of a file, and a device could take its file for lost: the kernel says it.
        self.in_home(path, |home, path| view::facts(home, &path).map_err(Failure::Sought)).await
    }

    async fn list<P: AsRef<Path> + Send + Debug>(&self, _account: &Account, path: P) -> Result<Vec<Fileinfo<PathBuf, Facts>>> {
        self.in_home(sought(path), |home, path| view::list(home, &path).map_err(Failure::Sought)).await
    }

    async fn get<P: AsRef<Path> + Send + Debug>(
        &self,
        _account: &Account,
        path: P,
        start_pos: u64,
    ) -> Result<Box<dyn AsyncRead + Send + Sync + Unpin>> {
        Ok(Box::new(self.open(path, start_pos).await?))
    }

    /// In large pieces: what libunftp does without this method is 8 KiB at a time.
    async fn get_into<'a, P: AsRef<Path> + Send + Debug, W: AsyncWrite + Unpin + Sync + Send + ?Sized>(
        &self,
        _account: &Account,
        path: P,
        start_pos: u64,
        output: &'a mut W,
    ) -> Result<u64> {
        let mut file = self.open(path, start_pos).await?;
        Ok(tokio::io::copy_buf(&mut file, output).await?)
    }

    async fn put<P: AsRef<Path> + Send + Debug, R: AsyncRead + Send + Sync + Unpin + 'static>(
        &self,
        account: &Account,
        input: R,
        path: P,
        start_pos: u64,
    ) -> Result<u64> {
        self.store(account, input, path.as_ref(), start_pos).await.map_err(|failure| self.refuse(failure))
    }

    async fn del<P: AsRef<Path> + Send + Debug>(&self, account: &Account, path: P) -> Result<()> {
        let (spool, account) = (Arc::clone(&self.spool), account.name.clone());
        let remove = move |home: &Dir, path: HomePath| {
            let _held = spool.lock(&account, &path);
            closing::before_removal(&spool, &account, home, &path).map_err(Failure::Disk)?;
            let bytes = steps::file_bytes(home, path.relative());
            home.remove_file(path.relative()).map_err(Failure::Sought)?;
            spool.usage.freed(&account, bytes);
            Ok(())
        };
        self.in_home(sought(path), remove).await
    }

    async fn mkd<P: AsRef<Path> + Send + Debug>(&self, _account: &Account, path: P) -> Result<()> {
        let make = |home: &Dir, path: HomePath| {
            let folder = home.open_dir(path.folder()).map_err(Failure::Sought)?;
            make_folder(&folder, path.name()).map_err(Failure::Sought)
        };
        self.in_home(chosen(path), make).await
    }

    async fn rename<P: AsRef<Path> + Send + Debug>(&self, account: &Account, from: P, to: P) -> Result<()> {
        let rename = sought(from).and_then(|from| Ok(Rename::new(self, account, from, chosen(to)?)));
        match &self.lake {
            Some(lake) => {
                let renamed = async { lake.rename(self, rename?).await };
                renamed.await.map_err(|failure| self.refuse(failure))
            }
            None => self.in_home(rename, |home, rename| rename.run(home)).await,
        }
    }

    async fn rmd<P: AsRef<Path> + Send + Debug>(&self, account: &Account, path: P) -> Result<()> {
        let removed = async move {
            let path =
                HomePath::parse_entry(path.as_ref()).map_err(|_| Failure::Sought(io::ErrorKind::PermissionDenied.into()))?;
            self.served(account)?.rmd(account, path.relative()).await.map_err(Failure::served)
        };
        removed.await.map_err(|failure| self.refuse(failure))
    }

    /// Unlike libunftp's own storage this does not list the directory, which may hold tens of thousands of files.
    async fn cwd<P: AsRef<Path> + Send + Debug>(&self, _account: &Account, path: P) -> Result<()> {
        if self.goes_back.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        self.in_home(sought(path), |home, path| home.open_dir(path.relative()).map(drop).map_err(Failure::Sought)).await
    }
}

/// A path that should be there already: one that cannot be is not found.
fn sought(path: impl AsRef<Path>) -> Known<HomePath> {
    HomePath::parse(path.as_ref()).map_err(|_| Failure::Sought(io::ErrorKind::NotFound.into()))
}

/// A path under which something is to be made.
fn chosen(path: impl AsRef<Path>) -> Known<HomePath> {
    HomePath::parse_entry(path.as_ref()).map_err(Failure::Name)
}

#[cfg(test)]
mod tests;
