//! Why something failed, and which reply the device gets for it (RFC 959 section 4.2).

use std::io;
use std::time::Duration;

use bytesize::ByteSize;
use unftp_core::storage::{Error, ErrorKind};

use crate::descriptors::is_shortage;
use crate::names::BadName;

/// A step that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The name is one that is not taken.
    #[error("the name is not allowed")]
    Name(#[source] BadName),
    /// The device's side of the data connection did not end in order.
    #[error("the transfer was broken off")]
    Broken(#[source] Option<io::Error>),
    /// An upload would go on behind the end of its file.
    #[error("the upload would go on at {offset}, and the file has {bytes} bytes")]
    Offset { offset: u64, bytes: u64 },
    /// More bytes than an upload may have.
    #[error("the upload is longer than {0}")]
    Long(ByteSize),
    /// More bytes than the home may hold.
    #[error("the home would hold more than {0}")]
    Quota(ByteSize),
    /// Another append to the same file is on its way to the lake.
    #[error("another append to the file is under way")]
    Busy,
    /// The lake has not confirmed the upload in time, and it was taken back.
    #[error("not in the lake within {}", humantime_serde::re::humantime::format_duration(*.0))]
    Undelivered(Duration),
    /// The file cannot be made under its name: no such directory, or a directory of this name.
    #[error("the file cannot be made")]
    Place(#[source] io::Error),
    /// Something that should be there cannot be had.
    #[error("the file is not available")]
    Sought(#[source] io::Error),
    /// Ours to mend, not the device's.
    #[error("the disk failed")]
    Disk(#[source] io::Error),
}

impl Failure {
    /// What libunftp's own storage said of a name. It keeps the system's error where there is more than one cause.
    pub(super) fn served(error: Error) -> Self {
        let cause = error.get_io_error();
        let number = cause.and_then(io::Error::raw_os_error).map(io::Error::from_raw_os_error);
        Self::Sought(number.unwrap_or_else(|| cause.map_or(io::ErrorKind::NotFound, io::Error::kind).into()))
    }

    /// The kind that libunftp turns into a reply: 426, 452, 550, 552, 553, and 451 for the rest.
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Name(_) => ErrorKind::FileNameNotAllowedError,
            Self::Broken(_) => ErrorKind::ConnectionClosed,
            Self::Long(_) | Self::Quota(_) => ErrorKind::ExceededStorageAllocationError,
            Self::Busy => ErrorKind::TransientFileNotAvailable,
            Self::Undelivered(_) => ErrorKind::LocalError,
            Self::Offset { .. } => ErrorKind::PermanentFileNotAvailable,
            Self::Place(error) | Self::Sought(error) | Self::Disk(error) => match (error.kind(), self) {
                (io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded, _) => ErrorKind::InsufficientStorageSpaceError,
                (io::ErrorKind::FileTooLarge, _) => ErrorKind::ExceededStorageAllocationError,
                (_, Self::Disk(_)) => ErrorKind::LocalError,
                (io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem, _) => ErrorKind::PermissionDenied,
                // vsftpd answers "553 Could not create file." to an upload into a directory that is not there.
                (io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory, Self::Place(_)) => {
                    ErrorKind::FileNameNotAllowedError
                }
                (io::ErrorKind::DirectoryNotEmpty, _) => ErrorKind::PermanentDirectoryNotEmpty,
                (
                    io::ErrorKind::NotFound
                    | io::ErrorKind::AlreadyExists
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::IsADirectory
                    | io::ErrorKind::InvalidInput,
                    _,
                ) => ErrorKind::PermanentFileNotAvailable,
                _ => ErrorKind::LocalError,
            },
        }
    }

    /// The reply's code, as libunftp has it for that kind.
    pub(crate) fn code(&self) -> u16 {
        match self.kind() {
            ErrorKind::ConnectionClosed => 426,
            ErrorKind::TransientFileNotAvailable => 450,
            ErrorKind::LocalError => 451,
            ErrorKind::InsufficientStorageSpaceError => 452,
            ErrorKind::ExceededStorageAllocationError => 552,
            ErrorKind::FileNameNotAllowedError => 553,
            _ => 550,
        }
    }

    /// The cause in words, for the device.
    pub(crate) fn said(&self) -> String {
        let text = match self {
            Self::Name(bad) => return format!("Not accepted: {bad}"),
            Self::Broken(_) => "The transfer was broken off",
            Self::Long(max) => return format!("The upload is longer than {max}, the most that is taken"),
            Self::Quota(max) => return format!("The upload would fill your home with more than {max}"),
            Self::Busy => "Another append to this file is under way, try again later",
            Self::Undelivered(_) => "The data lake has not confirmed the upload in time, send it again",
            Self::Offset { offset, bytes } => return format!("The file has {bytes} bytes, nothing can start at {offset}"),
            Self::Place(error) | Self::Sought(error) | Self::Disk(error) => match (error.kind(), self) {
                _ if is_shortage(error) => "The server has too many files open, try again later",
                (io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded, _) => "No space left",
                (io::ErrorKind::FileTooLarge, _) => "The file is too large",
                (_, Self::Disk(_)) => "The server's disk failed",
                (io::ErrorKind::NotFound | io::ErrorKind::NotADirectory, Self::Place(_)) => "No such directory",
                (io::ErrorKind::NotFound, _) => "No such file or directory",
                (io::ErrorKind::AlreadyExists, _) => "It exists already",
                (io::ErrorKind::NotADirectory, _) => "Not a directory",
                (io::ErrorKind::IsADirectory, _) => "It is a directory",
                (io::ErrorKind::DirectoryNotEmpty, _) => "The directory is not empty",
                (io::ErrorKind::InvalidInput, _) => "Not possible with this name",
                (io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem, _) => "Permission denied",
                _ => "The server's disk failed",
            },
        };
        text.to_owned()
    }

    /// Whether a person must look at the machine.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self.kind(), ErrorKind::LocalError | ErrorKind::InsufficientStorageSpaceError)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::new(failure.kind(), failure)
    }
}
