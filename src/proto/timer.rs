//! What the node wants to be woken for.

use std::collections::{BTreeMap, BTreeSet};

use crate::types::{AccountId, Millis, PeerId};

/// A reason to wake up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// Receipts for peers and mailboxes that can leave together.
    Acks,
    /// Receipts sealed for senders.
    Receipts,
    /// Contacts that should have our newer card.
    Cards,
    /// Groups whose members should have newer cards.
    Members,
    /// Holes to ask for.
    Ask,
    /// Expired rows to forget.
    Sweep,
    /// Bodies of media to ask for, offer, or tell of.
    Bodies,
    /// Owed contents to seal again.
    Reseal,
    /// Mailboxes that were given up, and are still shown as holders.
    Partings,
    /// An account to which something is owed.
    Lane(AccountId),
    /// A peer to dial.
    Dial(PeerId),
}

/// One moment for each reason, on the monotonic clock.
#[derive(Debug, Default)]
pub(super) struct Timers {
    at: BTreeMap<Timer, Millis>,
    order: BTreeSet<(Millis, Timer)>,
}

impl Timers {
    /// Wakes then, whatever was set before.
    pub(super) fn set(&mut self, timer: Timer, at: Millis) {
        self.cancel(timer);
        self.at.insert(timer, at);
        self.order.insert((at, timer));
    }

    /// Wakes then, or earlier if that was set already.
    pub(super) fn sooner(&mut self, timer: Timer, at: Millis) {
        if self.at.get(&timer).is_none_or(|before| at < *before) {
            self.set(timer, at);
        }
    }

    /// Does not wake for this.
    pub(super) fn cancel(&mut self, timer: Timer) {
        if let Some(at) = self.at.remove(&timer) {
            self.order.remove(&(at, timer));
        }
    }

    /// Takes one that is due.
    pub(super) fn take_due(&mut self, now: Millis) -> Option<Timer> {
        let (at, timer) = self.order.first().copied()?;
        if at > now {
            return None;
        }
        self.cancel(timer);
        Some(timer)
    }

    /// The earliest moment.
    pub(super) fn next(&self) -> Option<Millis> {
        self.order.first().map(|(at, _)| *at)
    }
}
