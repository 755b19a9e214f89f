//! A past as an object in the lake: the version, what it consists of, and a sum over all that and the object's key.
//!
//! The sum is what tells a checkpoint from anything else: one that is cut short, has a bit turned over or stands under another key is
//! not read.

use bytes::Bytes;

use super::VERSION;
use crate::append::{End, Past};
use crate::binary::Reader;
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
        if from.u32() != Some(VERSION) {
            return Err("its version is not known");
        }
        let past = past(&mut from).ok_or("it is in no form that is known")?;
        if from.0.is_empty() { Ok(past) } else { Err("it is too long") }
    }
}

pub(super) fn sum(key: &str, bytes: &[u8]) -> Id {
    Id::hash("past", &[key.as_bytes(), bytes])
}

fn past(from: &mut Reader<'_>) -> Option<Past> {
    let end = match from.take()? {
        [0] => End::Line,
        [1] => End::CarriageReturn,
        [2] => End::Cut,
        _ => return None,
    };
    let (kept, is_whole) = (flag(from)?, flag(from)?);
    let whole = String::from_utf8(from.text()?).ok()?;
    if !is_whole && !whole.is_empty() {
        return None;
    }
    Some(Past { head: from.text()?, held: from.text()?, end, kept, whole: is_whole.then_some(whole) })
}

fn flag(from: &mut Reader<'_>) -> Option<bool> {
    match from.take()? {
        [0] => Some(false),
        [1] => Some(true),
        _ => None,
    }
}
