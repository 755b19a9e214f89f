//! A past as an object in the lake: the version, what it consists of, and a sum over all that and the object's key.
//!
//! The sum is what tells a checkpoint from anything else: one that is cut short, has a bit turned over or stands under another key is
//! not read.

use bytes::Bytes;

use super::VERSION;
use crate::append::{End, Past};
use crate::ledger::Id;

impl Past {
    pub(super) fn to_bytes(&self, key: &str) -> Bytes {
        let Self { head, held, end, kept, whole } = self;
        let mut to = Vec::with_capacity(64 + self.bytes());
        to.extend(VERSION.to_le_bytes());
        to.push(match end {
            End::Line => 0,
            End::CarriageReturn => 1,
            End::Cut => 2,
        });
        to.extend([u8::from(*kept), u8::from(whole.is_some())]);
        for text in [whole.as_deref().unwrap_or_default().as_bytes(), head, held] {
            to.extend(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
            to.extend(text);
        }
        to.extend(sum(key, &to).as_bytes());
        to.into()
    }

    /// Reads what [`Past::to_bytes`] wrote for this key; anything else is an error that says what is wrong.
    pub(super) fn from_bytes(bytes: &[u8], key: &str) -> Result<Self, &'static str> {
        let (bytes, expected) = bytes.split_last_chunk::<{ Id::BYTES }>().ok_or("it is too short")?;
        if sum(key, bytes).as_bytes() != expected {
            return Err("it is not what was written there");
        }
        let mut from = Reader(bytes);
        if from.take() != Some(VERSION.to_le_bytes()) {
            return Err("its version is not known");
        }
        let past = from.past().ok_or("it is in no form that is known")?;
        if from.0.is_empty() { Ok(past) } else { Err("it is too long") }
    }
}

pub(super) fn sum(key: &str, bytes: &[u8]) -> Id {
    Id::hash("past", &[key.as_bytes(), bytes])
}

struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn past(&mut self) -> Option<Past> {
        let end = match self.take()? {
            [0] => End::Line,
            [1] => End::CarriageReturn,
            [2] => End::Cut,
            _ => return None,
        };
        let (kept, is_whole) = (self.bool()?, self.bool()?);
        let whole = Some(String::from_utf8(self.text()?).ok()?).filter(|whole| is_whole || !whole.is_empty());
        let past = Past { head: self.text()?, held: self.text()?, end, kept, whole };
        (past.whole.is_some() == is_whole).then_some(past)
    }

    fn bool(&mut self) -> Option<bool> {
        match self.take()? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<Vec<u8>> {
        let length = usize::try_from(u64::from_le_bytes(self.take()?)).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(text.to_vec())
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }
}
