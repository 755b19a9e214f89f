//! The facts of files that MLST and MLSD tell, and which of them a device wants (RFC 3659 section 7).

use super::reply::Reply;
use super::session::{Connection, End};

/// The facts there are, as libunftp writes them.
const NAMES: [&str; 3] = ["type", "size", "modify"];

/// Which facts a device is told: all of them until it says OPTS MLST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts([bool; NAMES.len()]);

impl Default for Facts {
    fn default() -> Self {
        Self([true; NAMES.len()])
    }
}

impl Facts {
    /// Those of a list such as `size;modify;`. Others are passed over (section 7.9).
    pub(crate) fn of(list: &str) -> Self {
        Self(NAMES.map(|name| list.split(';').any(|wanted| wanted.eq_ignore_ascii_case(name))))
    }

    /// As FEAT names them, those that are told with a star (section 7.8).
    pub(super) fn starred(self) -> String {
        NAMES.iter().zip(self.0).map(|(name, is_told)| format!("{name}{};", if is_told { "*" } else { "" })).collect()
    }

    /// Those that are told.
    pub(super) fn told(self) -> String {
        NAMES.iter().zip(self.0).filter(|(_, is_told)| *is_told).map(|(name, _)| format!("{name};")).collect()
    }

    /// How a list must be changed, if it must.
    pub(super) fn chosen(self) -> Option<Chosen> {
        (self != Self::default()).then(|| Chosen { facts: self, held: Vec::new() })
    }

    /// The reply to MLST, whose entries begin with a space (section 7.2).
    pub(super) fn chosen_of_reply(self, reply: &[u8]) -> Vec<u8> {
        let mut changed = Vec::with_capacity(reply.len());
        for line in reply.split_inclusive(|&byte| byte == b'\n') {
            match line.strip_prefix(b" ") {
                Some(entry) => {
                    changed.push(b' ');
                    self.write(entry, &mut changed);
                }
                None => changed.extend_from_slice(line),
            }
        }
        changed
    }

    /// `fact=value;fact=value; name`, with the facts that are told. A name may hold what looks like facts.
    fn write(self, entry: &[u8], changed: &mut Vec<u8>) {
        let (facts, name) = entry.split_at(entry.iter().position(|&byte| byte == b' ').unwrap_or(0));
        for fact in facts.split_inclusive(|&byte| byte == b';') {
            let is_told = |(name, is_told): (&&str, bool)| {
                is_told && fact.strip_prefix(name.as_bytes()).is_some_and(|value| value.starts_with(b"="))
            };
            if NAMES.iter().zip(self.0).any(is_told) {
                changed.extend_from_slice(fact);
            }
        }
        changed.extend_from_slice(name);
    }
}

impl Connection {
    /// libunftp takes MLST's path from the root, so that one relative to the working directory must be made whole first.
    pub(super) async fn mlst(&mut self, path: Option<&str>) -> Result<(), End> {
        let path = path.map(|path| self.whole(path)).unwrap_or_default();
        let mut answer = self.ask("MLST", &path).await?;
        answer.raw = self.facts.chosen_of_reply(&answer.raw).into();
        self.pass_on(&answer).await
    }

    /// libunftp tells how long a directory is, too, and a device that asks whether its file is there would take it for that (section 4).
    pub(super) async fn size(&mut self, path: &str) -> Result<(), End> {
        let answer = self.ask("SIZE", path).await?;
        if answer.code == 213 && self.is_a("dir", path).await? {
            return self.reply(&Reply::new(550, "It is a directory")).await;
        }
        self.pass_on(&answer).await
    }

    /// Whether something is there that has this type (section 7.5.1).
    pub(super) async fn is_a(&mut self, kind: &str, path: &str) -> Result<bool, End> {
        let entry = format!(" type={kind};");
        let told = self.ask("MLST", &self.whole(path)).await?;
        Ok(told.code == 250 && told.raw.split(|&byte| byte == b'\n').any(|line| line.starts_with(entry.as_bytes())))
    }
}

/// A list of MLSD's on its way out, with the facts that are told.
#[derive(Debug)]
pub(super) struct Chosen {
    facts: Facts,
    /// An entry of which only the beginning has come.
    held: Vec<u8>,
}

impl Chosen {
    /// What the next piece completes.
    pub(super) fn convert(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut changed = Vec::with_capacity(self.held.len() + piece.len());
        for line in piece.split_inclusive(|&byte| byte == b'\n') {
            self.held.extend_from_slice(line);
            if line.ends_with(b"\n") {
                self.facts.write(&self.held, &mut changed);
                self.held.clear();
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests;
