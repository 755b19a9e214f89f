//! Room on the disk, looked at before an upload is taken.

use std::os::fd::AsFd;

use rustix::fs::fstatvfs;

/// How many bytes are free on the volume of a directory; nothing when that cannot be told. One system call.
pub(crate) fn free(folder: impl AsFd) -> Option<u64> {
    let volume = fstatvfs(folder).ok()?;
    Some(volume.f_bavail.saturating_mul(volume.f_frsize))
}

#[cfg(test)]
mod tests;
