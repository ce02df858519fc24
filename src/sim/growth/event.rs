//! What travels between machines, and the order in which it happens.

use std::sync::Arc;

use super::Who;
use super::measure::Away;
use crate::proto::Command;
use crate::types::{MessageId, Millis};

/// Something that happens at a machine. What happens at one moment happens in an order that only those it comes from decide.
pub(super) struct Event {
    pub(super) at: Millis,
    pub(super) source: Who,
    /// Counts what the source sent off.
    pub(super) number: u32,
    pub(super) to: Who,
    pub(super) what: What,
}

/// What happens.
pub(super) enum What {
    Connect(u64),
    Answer(u64),
    NoAnswer(u64),
    Close(u64),
    End(Who, u64),
    Frame(u64, Vec<u8>),
    Gossip(Arc<[u8]>),
    Worked(Box<(Vec<u8>, u64)>),
    Wake(u32),
    /// Somebody does what they meant to.
    Step(Step),
    /// Somebody does what somebody else told them to, by word of mouth.
    Told(Box<Command>),
    /// No part of the day, but of the counting: a message to them was sent.
    Sent(Box<(MessageId, Away)>),
}

/// What people do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Come,
    Say,
    Read,
    Ask,
    Go,
}

impl Event {
    fn order(&self) -> (Millis, Who, u32) {
        (self.at, self.source, self.number)
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}
