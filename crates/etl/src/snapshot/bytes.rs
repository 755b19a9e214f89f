//! A state as an object in the lake: numbers, one after the other, little end first.

use bytes::Bytes;

use super::{Known, State};
use crate::binary::Reader;
use crate::ledger::Id;

/// The form of these bytes.
const VERSION: u32 = 1;

impl State {
    pub(crate) fn to_bytes(&self) -> Bytes {
        let mut to = Vec::with_capacity(64 + self.rows.len() * 36);
        let count = |to: &mut Vec<u8>, items: usize| to.extend(u64::try_from(items).unwrap_or(u64::MAX).to_le_bytes());
        to.extend(VERSION.to_le_bytes());
        to.extend(self.seq.to_le_bytes());
        to.extend(self.newest.to_le_bytes());
        count(&mut to, self.forgotten.len());
        for (first, last) in &self.forgotten {
            to.extend(first.to_le_bytes());
            to.extend(last.to_le_bytes());
        }
        count(&mut to, self.pushes.len());
        for (source, rows) in &self.pushes {
            to.extend(source.as_bytes());
            to.extend(rows.to_le_bytes());
        }
        count(&mut to, self.rows.len());
        for row in &self.rows {
            to.extend(row.ts.to_le_bytes());
            to.extend(row.device.to_le_bytes());
            to.extend(row.value.to_le_bytes());
            to.extend(row.landed.to_le_bytes());
            to.extend(row.revision.to_le_bytes());
        }
        to.into()
    }

    /// Reads what [`State::to_bytes`] wrote; anything else is an error that says what is wrong.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut from = Reader(bytes);
        if from.u32() != Some(VERSION) {
            return Err("its version is not known");
        }
        let state = state(&mut from).ok_or("it is too short")?;
        if from.0.is_empty() { Ok(state) } else { Err("it is too long") }
    }
}

fn state(from: &mut Reader<'_>) -> Option<State> {
    let mut state = State { seq: from.u64()?, newest: from.i64()?, ..State::default() };
    for _ in 0..from.u64()? {
        state.forgotten.push((from.i32()?, from.i32()?));
    }
    for _ in 0..from.u64()? {
        state.pushes.push((Id::from_bytes(from.take()?), from.u64()?));
    }
    for _ in 0..from.u64()? {
        let (ts, device, value, landed) = (from.i64()?, from.u64()?, from.u64()?, from.i64()?);
        state.rows.push(Known { ts, device, value, landed, revision: from.u32()? });
    }
    Some(state)
}
