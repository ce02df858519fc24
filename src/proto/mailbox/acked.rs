//! What one reader has acknowledged of an inbox: everything below a place, and runs beyond it.

use bincode::{Decode, Encode};

use crate::types::limits::ACKED_RUNS_MAX;

/// A set of sequences, compact when they come roughly in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Acked {
    below: u64,
    runs: Vec<(u64, u64)>,
}

impl Acked {
    /// Whether this place is in it.
    pub fn has(&self, sequence: u64) -> bool {
        self.end_of(sequence).is_some()
    }

    /// The last place of the run that this one is in.
    pub(super) fn end_of(&self, sequence: u64) -> Option<u64> {
        if sequence < self.below {
            return Some(self.below - 1);
        }
        let at = self.runs.partition_point(|(first, _)| *first <= sequence);
        at.checked_sub(1).and_then(|at| self.runs.get(at)).map(|(_, last)| *last).filter(|last| sequence <= *last)
    }

    /// Adds a place; `false` when that needs one run too many.
    pub(super) fn insert(&mut self, sequence: u64) -> bool {
        if self.has(sequence) {
            return true;
        }
        let at = self.runs.partition_point(|(first, _)| *first <= sequence);
        let joins_left = at > 0 && self.runs[at - 1].1 + 1 == sequence;
        let joins_right = self.runs.get(at).is_some_and(|(first, _)| *first == sequence + 1);
        match (joins_left, joins_right) {
            (true, true) => {
                self.runs[at - 1].1 = self.runs[at].1;
                self.runs.remove(at);
            }
            (true, false) => self.runs[at - 1].1 = sequence,
            (false, true) => self.runs[at].0 = sequence,
            (false, false) if self.runs.len() >= ACKED_RUNS_MAX => return false,
            (false, false) => self.runs.insert(at, (sequence, sequence)),
        }
        true
    }

    /// Nothing is held below this place any more, so all of that may count as acknowledged.
    pub(super) fn cut(&mut self, below: u64) {
        self.below = self.below.max(below);
        while let Some((first, last)) = self.runs.first().copied() {
            if first > self.below {
                break;
            }
            self.below = self.below.max(last + 1);
            self.runs.remove(0);
        }
    }
}
