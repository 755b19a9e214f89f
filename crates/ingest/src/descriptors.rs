//! The last descriptors of the process, kept for the sessions that it has already: whoever opens connections until no more can be
//! opened gets no further, and devices that are logged in go on uploading. An idle session has one of them: so three in four of all
//! may be sessions that stay logged in, and the last quarter is for those of them that do something.

use std::io;
use std::os::fd::AsRawFd;

use rustix::io::Errno;

/// One in so many descriptors is kept.
const KEPT_ONE_IN: u64 = 4;

/// When one in so many is in use, they are scarce.
const SCARCE_ONE_IN: u64 = 2;

/// The descriptors that no new session is given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reserve {
    first: u64,
    scarce: u64,
}

impl Reserve {
    /// The last ones of so many.
    pub(crate) fn of(files_max: u64) -> Self {
        Self { first: files_max - files_max / KEPT_ONE_IN, scarce: files_max / SCARCE_ONE_IN }
    }

    /// Whether so many were in use when this one was opened that sessions should hold none that they do not need now.
    pub(crate) fn is_near(self, opened: &impl AsRawFd) -> bool {
        Self { first: self.scarce, ..self }.holds(opened)
    }

    /// Whether a descriptor that was opened just now is among them. The kernel gives the lowest number that is free, so all below
    /// it are in use.
    pub(crate) fn holds(self, opened: &impl AsRawFd) -> bool {
        u64::try_from(opened.as_raw_fd()).is_ok_and(|number| number >= self.first)
    }
}

/// Whether the process, or the system, has no descriptor left.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    let number = error.raw_os_error();
    [Errno::MFILE, Errno::NFILE].iter().any(|shortage| number == Some(shortage.raw_os_error()))
}

#[cfg(test)]
mod tests;
