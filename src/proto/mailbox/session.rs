//! What a connection has proved: tokens it may deposit with, inboxes it reads. Gone with the connection.

use std::collections::{BTreeMap, BTreeSet};

use crate::types::limits::{TOKENS_OPEN_MAX, WINDOW_BYTES_MAX, WINDOW_ENVELOPES_MAX};
use crate::types::{EnvelopeId, InboxId, Millis};

/// One connected peer.
#[derive(Default)]
pub(super) struct Session {
    tokens: BTreeMap<InboxId, Opened>,
    opened: u64,
    /// Inboxes it reads.
    pub(super) readings: BTreeMap<InboxId, Reading>,
}

struct Opened {
    id: [u8; 16],
    until: Millis,
    order: u64,
}

impl Session {
    /// The token with which this peer deposits at an inbox; the one opened last counts.
    pub(super) fn token(&self, inbox: &InboxId, wall: Millis) -> Option<[u8; 16]> {
        self.tokens.get(inbox).filter(|token| wall <= token.until).map(|token| token.id)
    }

    /// Deposits at this inbox come with this token from here on.
    pub(super) fn open_token(&mut self, inbox: InboxId, id: [u8; 16], until: Millis) {
        if self.tokens.len() >= TOKENS_OPEN_MAX && !self.tokens.contains_key(&inbox) {
            let oldest = self.tokens.iter().min_by_key(|(_, token)| token.order).map(|(inbox, _)| *inbox);
            oldest.and_then(|oldest| self.tokens.remove(&oldest));
        }
        self.opened += 1;
        self.tokens.insert(inbox, Opened { id, until, order: self.opened });
    }

    /// These tokens, or any token of this inbox when none are named, are no longer good.
    pub(super) fn close_token(&mut self, inbox: &InboxId, ids: Option<&BTreeSet<[u8; 16]>>) {
        if self.tokens.get(inbox).is_some_and(|token| ids.is_none_or(|ids| ids.contains(&token.id))) {
            self.tokens.remove(inbox);
        }
    }
}

/// How far a reader is with an inbox on this connection.
pub(super) struct Reading {
    /// The key it proved.
    pub(super) reader: [u8; 32],
    /// The first place that was not looked at for it.
    pub(super) next: u64,
    /// Whether it was told that nothing more waits.
    pub(super) ended: bool,
    flight: BTreeMap<u64, (EnvelopeId, u64)>,
    bytes: u64,
}

impl Reading {
    /// From the start.
    pub(super) fn new(reader: [u8; 32]) -> Self {
        Self { reader, next: 1, ended: false, flight: BTreeMap::new(), bytes: 0 }
    }

    /// How many more envelopes may be in flight.
    pub(super) fn room(&self) -> usize {
        WINDOW_ENVELOPES_MAX.saturating_sub(self.flight.len())
    }

    /// Whether one more of this length may be in flight.
    pub(super) fn fits(&self, bytes: u64) -> bool {
        self.room() > 0 && (self.flight.is_empty() || self.bytes + bytes <= WINDOW_BYTES_MAX as u64)
    }

    /// It was sent.
    pub(super) fn sent(&mut self, sequence: u64, envelope: EnvelopeId, bytes: u64) {
        self.next = sequence + 1;
        self.bytes += bytes;
        self.flight.insert(sequence, (envelope, bytes));
    }

    /// It was answered.
    pub(super) fn answered(&mut self, sequence: u64) {
        if let Some((_, bytes)) = self.flight.remove(&sequence) {
            self.bytes -= bytes;
        }
    }

    /// These were deferred: they stay, and no longer take room in flight. Whether any was in flight.
    pub(super) fn defer(&mut self, envelopes: &BTreeSet<EnvelopeId>) -> bool {
        let deferred: Vec<u64> =
            self.flight.iter().filter(|(_, (envelope, _))| envelopes.contains(envelope)).map(|(sequence, _)| *sequence).collect();
        deferred.iter().for_each(|sequence| self.answered(*sequence));
        !deferred.is_empty()
    }
}
