//! What every part of the node works with while one input is handled: the time, the store as it will be, chance, the keys,
//! and the two queues that keep *persist, then speak* true without anyone thinking of it.

use std::collections::VecDeque;

use super::seam::{Event, Output};
use crate::crypto::keys::Keys;
use crate::types::{Batch, Now, PeerId, Rng, Row, Scan, Table, View, batch::scan_over};
use crate::wire::frame::Frame;

/// One input being handled. All writes become one batch; everything said waits behind it.
pub struct Ctx<'a> {
    /// The time.
    pub now: Now,
    /// Chance.
    pub rng: &'a mut Rng,
    /// Whose node this is.
    pub keys: &'a Keys,
    view: &'a dyn View,
    batch: Batch,
    speech: Vec<Output>,
}

impl<'a> Ctx<'a> {
    /// At the start of an input.
    pub fn new(now: Now, rng: &'a mut Rng, keys: &'a Keys, view: &'a dyn View) -> Self {
        Self { now, rng, keys, view, batch: Batch::default(), speech: Vec::new() }
    }

    /// The value of a key, the writes of this input included.
    pub fn get(&self, table: Table, key: &[u8]) -> Option<Vec<u8>> {
        match self.batch.peek(table, key) {
            Some(written) => written.map(<[u8]>::to_vec),
            None => self.view.get(table, key),
        }
    }

    /// The rows of a range, the writes of this input included.
    pub fn scan(&self, scan: &Scan) -> Vec<Row> {
        scan_over(self.view, &self.batch, scan)
    }

    /// A stored row, decoded; a row that does not decode counts as absent (the scrub reports it).
    pub fn row<T: bincode::Decode<()>>(&self, table: Table, key: &[u8]) -> Option<T> {
        self.get(table, key).and_then(|bytes| crate::wire::row::decode(&bytes).ok())
    }

    /// Writes a row.
    pub fn put<T: bincode::Encode>(&mut self, table: Table, key: impl Into<Vec<u8>>, value: &T) {
        self.batch.put(table, key, crate::wire::row::encode(value));
    }

    /// Writes raw bytes (envelopes, MLS values).
    pub fn put_raw(&mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.batch.put(table, key, value);
    }

    /// Forgets a row.
    pub fn delete(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        self.batch.delete(table, key);
    }

    /// Says something after the writes of this input are durable.
    pub fn speak(&mut self, output: Output) {
        self.speech.push(output);
    }

    /// Sends a frame after the writes of this input are durable.
    pub fn transmit(&mut self, to: PeerId, frame: Frame) {
        self.speech.push(Output::Transmit { to, frame });
    }

    /// Hints at a change.
    pub fn emit(&mut self, event: Event) {
        self.speech.push(Output::Emit(event));
    }

    /// At the end of an input: one batch, then what is said.
    pub fn finish(self, out: &mut VecDeque<Output>) {
        if !self.batch.is_empty() {
            out.push_back(Output::Persist(self.batch));
        }
        out.extend(self.speech);
    }
}
