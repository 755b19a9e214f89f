//! Names that devices choose: where a path leads within a home, and which names say "not finished yet".

use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// The longest path that is taken, in bytes, so that an upload's facts fit into the 2 KB of metadata that S3 gives an object.
const PATH_BYTES_MAX: usize = 384;

/// The longest component that Linux file systems take, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// A path within an account's home: absolute, without `.` and `..`, bounded, and fit to be shown in a line of text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HomePath(String);

/// Why a path is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum BadName {
    /// libunftp has put U+FFFD where bytes were not UTF-8; two names may have become one, so neither can be kept apart.
    #[error("the name is not UTF-8")]
    Encoding,
    /// A control character would break lists and logs.
    #[error("the name holds a control character")]
    Control,
    /// A component that no file system takes.
    #[error("a part of the name is longer than {NAME_BYTES_MAX} bytes")]
    Long,
    /// More than an object's metadata holds.
    #[error("the path is longer than {PATH_BYTES_MAX} bytes")]
    Deep,
    /// The home itself is neither a file nor to be moved or removed.
    #[error("the path names the home directory itself")]
    Home,
}

impl HomePath {
    /// Resolves `.` and `..` as a server in a chroot does: `..` of the home is the home.
    pub(crate) fn parse(path: &Path) -> Result<Self, BadName> {
        let path = path.to_str().ok_or(BadName::Encoding)?;
        let mut parts: Vec<&str> = Vec::new();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                part if part.contains(char::REPLACEMENT_CHARACTER) => return Err(BadName::Encoding),
                part if part.chars().any(char::is_control) => return Err(BadName::Control),
                part if part.len() > NAME_BYTES_MAX => return Err(BadName::Long),
                part => parts.push(part),
            }
        }
        let path = format!("/{}", parts.join("/"));
        if path.len() > PATH_BYTES_MAX { Err(BadName::Deep) } else { Ok(Self(path)) }
    }

    /// As `parse`, for a path that must name something within the home.
    pub(crate) fn parse_entry(path: &Path) -> Result<Self, BadName> {
        let path = Self::parse(path)?;
        if path.name().is_empty() { Err(BadName::Home) } else { Ok(path) }
    }

    /// As devices and the upload's record see it: `/data/x.dat`.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Relative to the home, for directory handles: `data/x.dat`, or `.` for the home itself.
    pub(crate) fn relative(&self) -> &str {
        or_dot(self.0.trim_start_matches('/'))
    }

    /// The directory that holds it, relative to the home.
    pub(crate) fn folder(&self) -> &str {
        or_dot(self.0.rsplit_once('/').map_or("", |(folder, _)| folder).trim_start_matches('/'))
    }

    /// The last component; empty for the home itself.
    pub(crate) fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(_, name)| name)
    }
}

fn or_dot(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}

/// The file names under which devices upload before they rename: `*.tmp`, `*.part` and the like, in any case of letters.
#[derive(Debug, Clone)]
pub struct Temporary(GlobSet);

/// A pattern that is not a glob.
#[derive(Debug, thiserror::Error)]
#[error("{pattern:?} is not a pattern for file names")]
pub struct BadPattern {
    /// As it stands in the configuration.
    pub pattern: String,
    /// What is wrong with it.
    #[source]
    pub source: globset::Error,
}

impl Temporary {
    /// Takes globs (`*`, `?`, `[a-z]`, `{a,b}`) that are matched against the last component of a path.
    pub fn new<P: AsRef<str>>(patterns: &[P]) -> Result<Self, BadPattern> {
        let mut globs = GlobSetBuilder::new();
        for pattern in patterns.iter().map(AsRef::as_ref) {
            let bad = |source| BadPattern { pattern: pattern.to_owned(), source };
            globs.add(GlobBuilder::new(pattern).case_insensitive(true).build().map_err(bad)?);
        }
        let all = || patterns.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
        globs.build().map(Self).map_err(|source| BadPattern { pattern: all(), source })
    }

    /// Whether a file of this name is not finished yet.
    pub(crate) fn holds(&self, path: &HomePath) -> bool {
        self.0.is_match(path.name())
    }
}

#[cfg(test)]
mod tests;
