//! *Persist, then speak*: outputs in order, each behind the flush that it has to wait for.
//!
//! A batch is applied at once, so that the node sees it, and durable after the next flush. Whatever is said after a batch waits until
//! a flush that **started after** that batch was applied has finished. One flush runs at a time, off the loop; what is applied
//! meanwhile shares the next one (group commit).

use std::collections::VecDeque;

use crate::types::limits::{UNFLUSHED_BYTES_MAX, UNFLUSHED_OUTPUTS_MAX};

/// What waits for what.
#[derive(Debug)]
pub(super) struct Ledger<T> {
    /// Batches applied so far.
    applied: u64,
    /// Batches that are durable.
    durable: u64,
    /// Batches that will be durable when the running flush ends.
    flying: Option<u64>,
    /// Bytes applied that no finished flush covers.
    bytes: usize,
    /// How many of them no flush covers at all.
    bytes_behind: usize,
    /// Each with the number of batches that must be durable before it.
    waiting: VecDeque<(u64, T)>,
}

impl<T> Default for Ledger<T> {
    fn default() -> Self {
        Self { applied: 0, durable: 0, flying: None, bytes: 0, bytes_behind: 0, waiting: VecDeque::new() }
    }
}

impl<T> Ledger<T> {
    /// A batch of so many bytes was applied.
    pub(super) fn on_applied(&mut self, bytes: usize) {
        self.applied += 1;
        self.bytes += bytes;
        self.bytes_behind += bytes;
    }

    /// Something is to be said after all that was applied.
    pub(super) fn push(&mut self, output: T) {
        self.waiting.push_back((self.applied, output));
    }

    /// The next output that may be performed.
    pub(super) fn pop(&mut self) -> Option<T> {
        self.waiting.pop_front_if(|(needs, _)| *needs <= self.durable).map(|(_, output)| output)
    }

    /// Whether a flush is to start now; if so, it is taken as started.
    pub(super) fn start_flush(&mut self) -> bool {
        let starts = self.flying.is_none() && self.applied > self.durable;
        if starts {
            self.flying = Some(self.applied);
            self.bytes_behind = 0;
        }
        starts
    }

    /// The running flush has finished.
    pub(super) fn on_flushed(&mut self) {
        if let Some(flown) = self.flying.take() {
            self.durable = flown;
            self.bytes = self.bytes_behind;
        }
    }

    /// Whether so much waits that no further input is taken.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= UNFLUSHED_BYTES_MAX || self.waiting.len() >= UNFLUSHED_OUTPUTS_MAX
    }

    /// Whether everything is durable and said.
    pub(super) fn is_settled(&self) -> bool {
        self.applied == self.durable && self.waiting.is_empty()
    }

    /// Batches applied so far.
    pub(super) fn applied(&self) -> u64 {
        self.applied
    }

    /// Outputs that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Bytes applied and not durable.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_waits_for_the_flush_that_started_after_its_batch() {
        let mut ledger = Ledger::default();
        ledger.push("no batch before it");
        assert_eq!(ledger.pop(), Some("no batch before it"));
        ledger.on_applied(10);
        ledger.push("after the first");
        assert!(ledger.start_flush());
        ledger.on_applied(20);
        ledger.push("after the second");
        assert!(!ledger.start_flush(), "one at a time");
        assert_eq!(ledger.pop(), None);
        ledger.on_flushed();
        assert_eq!((ledger.pop(), ledger.pop(), ledger.bytes()), (Some("after the first"), None, 20));
        assert!(ledger.start_flush());
        ledger.on_flushed();
        assert_eq!((ledger.pop(), ledger.bytes(), ledger.is_settled()), (Some("after the second"), 0, true));
        assert!(!ledger.start_flush(), "nothing to flush");
    }

    #[test]
    fn too_much_that_is_not_durable_stops_the_intake() {
        let mut ledger = Ledger::<()>::default();
        ledger.on_applied(UNFLUSHED_BYTES_MAX);
        assert!(ledger.is_full() && ledger.start_flush());
        ledger.on_flushed();
        assert!(!ledger.is_full());
    }
}
