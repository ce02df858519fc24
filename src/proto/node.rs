//! The node itself.

use super::seam::{Input, Outcome, Output};
use crate::crypto::keys::Keys;
use crate::types::{Millis, Now, View};

/// What a person decides about their node.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the person calls themselves, when the data directory is new.
    pub name: String,
    /// Serve mailboxes to whoever holds a link of this relay.
    pub relay: bool,
    /// Serve mailboxes to contacts who ask.
    pub neighbour: bool,
    /// Bytes held for each account of a relay.
    pub relay_inbox_bytes: u64,
    /// Bytes held for each neighbour.
    pub neighbour_inbox_bytes: u64,
}

/// A node: given the time and one input, it hands back outputs to perform in order.
///
/// 1. One mutation, then drain: after each [`handle`](Self::handle), call [`poll`](Self::poll) until it gives `None`.
/// 2. Outputs are performed in order, and a `Persist` is durable before anything after it.
/// 3. Inputs may repeat or vanish; a crash may fall between any two outputs.
/// 4. `Emit` is a hint; the store is the truth.
/// 5. The same store, seed and inputs give the same outputs.
pub struct Node {}

impl Node {
    /// A node as the store has it. May itself leave outputs to drain.
    pub fn open(_keys: Keys, _settings: Settings, _view: &dyn View, _seed: [u8; 32], _now: Now) -> Self {
        todo!()
    }

    /// Takes one input. `view` includes every batch handed out before, flushed or not.
    pub fn handle(&mut self, _now: Now, _input: Input, _view: &dyn View) -> Outcome {
        todo!()
    }

    /// The next output; drain to `None` before the next [`handle`](Self::handle).
    pub fn poll(&mut self) -> Option<Output> {
        todo!()
    }

    /// When the node wants [`Input::Deadline`], on the monotonic clock; may be in the past, which means at once, after the
    /// inputs that already wait.
    pub fn next_deadline(&self) -> Option<Millis> {
        todo!()
    }
}
