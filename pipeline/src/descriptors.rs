//! How many sockets and files the process may hold.

use rustix::process::{Resource, getrlimit, setrlimit};
use tracing::warn;

/// A session takes up to four descriptors, six while it transfers.
const PER_SESSION: u64 = 6;

/// Raises the limit on open files to what the system lets us have, which is more than the shell's own 1,024 as a rule, warns when
/// `sessions` may still not find place, and gives the limit.
pub fn raise_limit(sessions: usize) -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        warn!(%error, "could not raise the limit on open files");
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let needed = u64::try_from(sessions).unwrap_or(u64::MAX).saturating_mul(PER_SESSION);
    if files < needed {
        warn!(files, needed, "ingest.limits.sessions asks for more open files than the system allows");
    }
    files
}
