//! A state as an object in the lake: numbers, one after the other, little end first.

use bytes::Bytes;

use super::{Known, State};
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
        let state = from.state().ok_or("it is too short")?;
        if from.0.is_empty() { Ok(state) } else { Err("it is too long") }
    }
}

struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn state(&mut self) -> Option<State> {
        let mut state = State { seq: self.u64()?, newest: self.i64()?, ..State::default() };
        for _ in 0..self.u64()? {
            state.forgotten.push((self.i32()?, self.i32()?));
        }
        for _ in 0..self.u64()? {
            state.pushes.push((Id::from_bytes(self.take()?), self.u64()?));
        }
        for _ in 0..self.u64()? {
            let (ts, device, value, landed) = (self.i64()?, self.u64()?, self.u64()?, self.i64()?);
            state.rows.push(Known { ts, device, value, landed, revision: self.u32()? });
        }
        Some(state)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.take().map(i32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }
}
