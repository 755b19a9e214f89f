//! Work that would hold up the reactor goes to threads of its own.

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::error::Error;

/// Computes elsewhere.
pub(crate) async fn run<T: Send + 'static>(doing: &'static str, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    #[cfg(test)]
    if crate::testing::simulator::is_on() {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|source| Error::Task { doing, source })
}

/// Computes elsewhere, and waits for storage now and then. When this is dropped, the work ends at its next wait.
pub(crate) async fn drive<T: Send + 'static>(
    doing: &'static str,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Error> {
    #[cfg(test)]
    if crate::testing::simulator::is_on() {
        return Ok(work.await);
    }
    let (_alive, gone) = oneshot::channel::<()>();
    let reactor = Handle::current();
    let driven = move || {
        reactor.block_on(async {
            tokio::select! {
                biased;
                done = work => Some(done),
                // Nobody waits for it any more, and the runtime cannot stop before this thread does.
                _ = gone => None,
            }
        })
    };
    match tokio::task::spawn_blocking(driven).await.map_err(|source| Error::Task { doing, source })? {
        Some(done) => Ok(done),
        // Whoever could have seen this has gone.
        None => std::future::pending().await,
    }
}
