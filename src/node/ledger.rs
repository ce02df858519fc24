//! *Persist, then speak*: outputs in order, each behind the flush that it has to wait for.
//!
//! A batch is applied at once, so that the node sees it, and durable after the next flush. Whatever is said after a batch waits until
//! a flush that **started after** that batch was applied has finished. One flush runs at a time, off the loop; what is applied
//! meanwhile shares the next one (group commit). Batches after which nothing is said wait a little for others to share theirs.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::types::limits::{QUIET_FLUSH_MS, SYNC_BYTES_MAX, UNFLUSHED_BYTES_MAX, UNFLUSHED_OUTPUTS_MAX};

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
    /// When the first batch was applied that no flush covers at all.
    since: Option<Instant>,
    /// Each with the number of batches that must be durable before it.
    waiting: VecDeque<(u64, T)>,
}

impl<T> Default for Ledger<T> {
    fn default() -> Self {
        Self { applied: 0, durable: 0, flying: None, bytes: 0, bytes_behind: 0, since: None, waiting: VecDeque::new() }
    }
}

impl<T> Ledger<T> {
    /// A batch of so many bytes was applied.
    pub(super) fn on_applied(&mut self, bytes: usize, now: Instant) {
        self.applied += 1;
        self.since.get_or_insert(now);
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

    /// When a flush is to start that nothing waits for; `None` while one runs, or when all is durable.
    pub(super) fn quiet_until(&self) -> Option<Instant> {
        self.since.filter(|_| self.flying.is_none()).map(|since| since + Duration::from_millis(QUIET_FLUSH_MS))
    }

    /// Whether a flush is to start now; if so, it is taken as started. What may be said has been said.
    pub(super) fn start_flush(&mut self, now: Instant) -> bool {
        let is_due = !self.waiting.is_empty() || self.bytes as u64 >= SYNC_BYTES_MAX;
        let starts = self.quiet_until().is_some_and(|until| is_due || until <= now);
        if starts {
            self.flying = Some(self.applied);
            self.since = None;
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
        let now = Instant::now();
        ledger.push("no batch before it");
        assert_eq!(ledger.pop(), Some("no batch before it"));
        ledger.on_applied(10, now);
        ledger.push("after the first");
        assert!(ledger.start_flush(now));
        ledger.on_applied(20, now);
        ledger.push("after the second");
        assert!(!ledger.start_flush(now), "one at a time");
        assert_eq!(ledger.pop(), None);
        ledger.on_flushed();
        assert_eq!((ledger.pop(), ledger.pop(), ledger.bytes()), (Some("after the first"), None, 20));
        assert!(ledger.start_flush(now));
        ledger.on_flushed();
        assert_eq!((ledger.pop(), ledger.bytes(), ledger.is_settled()), (Some("after the second"), 0, true));
        assert!(!ledger.start_flush(now), "nothing to flush");
    }

    #[test]
    fn a_batch_with_nothing_behind_it_waits_a_little_for_others() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        let later = now + Duration::from_millis(QUIET_FLUSH_MS);
        ledger.on_applied(10, now);
        assert!(!ledger.start_flush(now) && ledger.quiet_until() == Some(later) && !ledger.is_settled());
        ledger.push("what is said goes behind both");
        assert!(ledger.start_flush(now));
        ledger.on_applied(10, now);
        assert_eq!(ledger.quiet_until(), None, "one at a time");
        ledger.on_flushed();
        assert_eq!(ledger.pop(), Some("what is said goes behind both"));
        assert!(!ledger.start_flush(now) && ledger.start_flush(later), "it is not forgotten");
        ledger.on_flushed();
        assert!(ledger.is_settled() && ledger.quiet_until().is_none());
        ledger.on_applied(SYNC_BYTES_MAX as usize, now);
        assert!(ledger.start_flush(now), "much does not wait");
    }

    #[test]
    fn too_much_that_is_not_durable_stops_the_intake() {
        let mut ledger = Ledger::<()>::default();
        let now = Instant::now();
        ledger.on_applied(UNFLUSHED_BYTES_MAX, now);
        assert!(ledger.is_full() && ledger.start_flush(now));
        ledger.on_flushed();
        assert!(!ledger.is_full());
    }
}
