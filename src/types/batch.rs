//! Writes as data, and the read-only view of what was written.
//!
//! The node never touches a disk: it hands out a [`Batch`], which a store applies whole or not at all, and reads through a
//! [`View`], which already includes every batch handed out before, flushed or not.

use std::collections::BTreeMap;

/// The tables. A number is on disk for ever: never used twice, removed ones stay listed as removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Single values by name: own card, counters, settings, schema version.
    Meta = 1,
    /// `account` → contact.
    Contact = 2,
    /// `hash of the secret` → invite we made.
    Invite = 3,
    /// `room` → room.
    Room = 4,
    /// `room` → the epochs and branches of its MLS groups; `packages` → key packages of this device.
    Group = 5,
    /// `group | epoch | key` → OpenMLS value.
    Bag = 6,
    /// `room | order` → message. The key order is the room's one order.
    Message = 7,
    /// `message` → where it stands, and its custody.
    Index = 8,
    /// `message | clock | …` → what was said about a message: reactions, edits, recall.
    Mark = 9,
    /// `room | account | device` → which of its numbered messages we have.
    Heads = 10,
    /// `room | account | device | number` → which message that is, and its envelope where others may ask for it.
    Numbered = 11,
    /// `envelope` → until when a copy of it can still come.
    Seen = 12,
    /// `account | order` → intent: what we owe to whom, in order.
    Outbox = 13,
    /// `envelope` → sealed bytes that the outbox still needs, with the account that is owed them alone; `envelope | account` → their order in
    /// the outbox of each account that shares them.
    Envelope = 14,
    /// `contact or room | …` → control state of rooms: intents to commit, parked commits.
    Intent = 15,
    /// Mailbox service: `inbox` → registration.
    Inbox = 16,
    /// Mailbox service: `inbox | sequence` → what is held for it.
    Held = 17,
    /// Mailbox service: `envelope` → sealed bytes and how many entries hold it.
    Body = 18,
    /// Mailbox service: `expiry | …` → what expires then.
    Expiry = 19,
    /// Mailbox service: hand-overs that this node goes on trying.
    Handover = 20,
    /// Mailboxes we use: `peer` → registration, sequence, tokens.
    Mailbox = 21,
    /// Relays heard of: `peer` → descriptor.
    Relay = 22,
    /// `account | message` → receipts that we owe.
    Owed = 23,
    /// `room | account` → how a member of a group can be reached, contact or not.
    Member = 24,
    /// `blob` → a blob that is here or may be fetched; `blob | 0` → which of its pieces are.
    Blob = 25,
    /// `blob | who` → why it is kept.
    Use = 26,
    /// Mailbox service: bodies held for inboxes, and when they go.
    Lodging = 27,
    /// Where bodies of own messages are, and what is under way with bodies.
    Carriage = 28,
    /// `mailbox | envelope | receiver` → when it is over by itself: hand-overs that our mailbox has not confirmed to try no more.
    Withdrawn = 29,
}

impl Table {
    /// Every table, in order of number.
    pub const ALL: [Self; 29] = [
        Self::Meta,
        Self::Contact,
        Self::Invite,
        Self::Room,
        Self::Group,
        Self::Bag,
        Self::Message,
        Self::Index,
        Self::Mark,
        Self::Heads,
        Self::Numbered,
        Self::Seen,
        Self::Outbox,
        Self::Envelope,
        Self::Intent,
        Self::Inbox,
        Self::Held,
        Self::Body,
        Self::Expiry,
        Self::Handover,
        Self::Mailbox,
        Self::Relay,
        Self::Owed,
        Self::Member,
        Self::Blob,
        Self::Use,
        Self::Lodging,
        Self::Carriage,
        Self::Withdrawn,
    ];

    /// Whether its values are secrets of MLS: they lie under keys that are replaced, and stay out of archives.
    pub fn is_mls(self) -> bool {
        matches!(self, Self::Group | Self::Bag)
    }

    /// The table with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|table| *table as u8 == number)
    }
}

/// One key with its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Writes that a store applies whole or not at all. The last write to a key counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    writes: BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>>,
}

impl Batch {
    /// Sets the value of a key.
    pub fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.writes.insert((table, key.into()), Some(value.into()));
    }

    /// Forgets a key; one that is not there is no error.
    pub fn delete(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        self.writes.insert((table, key.into()), None);
    }

    /// What this batch says of a key: `None` nothing, `Some(None)` deleted, `Some(Some(value))` set.
    pub fn peek(&self, table: Table, key: &[u8]) -> Option<Option<&[u8]>> {
        self.writes.get(&(table, key.to_vec())).map(Option::as_deref)
    }

    /// The writes, in order of table and key; `None` deletes.
    pub fn iter(&self) -> impl Iterator<Item = (Table, &[u8], Option<&[u8]>)> {
        self.writes.iter().map(|((table, key), value)| (*table, key.as_slice(), value.as_deref()))
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Number of writes.
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// Adds the writes of a later batch.
    pub fn append(&mut self, later: Self) {
        self.writes.extend(later.writes);
    }
}

/// A range of one table: the keys that start with `prefix` and lie beyond `after`.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The table to read.
    pub table: Table,
    /// Only keys that start with this.
    pub prefix: Vec<u8>,
    /// Only keys strictly after this one (strictly before it when `reverse`).
    pub after: Option<Vec<u8>>,
    /// From the last key backwards.
    pub reverse: bool,
    /// At most so many rows.
    pub limit: usize,
}

impl Scan {
    /// All rows under a prefix, in order.
    pub fn prefix(table: Table, prefix: impl Into<Vec<u8>>) -> Self {
        Self { table, prefix: prefix.into(), after: None, reverse: false, limit: usize::MAX }
    }

    /// At most so many rows.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Strictly beyond this key, in the direction of the scan.
    #[must_use]
    pub fn after(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.after = Some(key.into());
        self
    }

    /// From the last key backwards.
    #[must_use]
    pub fn reverse(mut self) -> Self {
        self.reverse = true;
        self
    }
}

/// Reading what was written. A read that fails in a real store stops the node before it acts on it (see `store`), so
/// there is no error here to mistake for "not there".
pub trait View {
    /// The value of a key.
    fn get(&self, table: Table, key: &[u8]) -> Option<Vec<u8>>;

    /// The rows of a range, in key order (backwards when asked).
    fn scan(&self, scan: &Scan) -> Vec<Row>;
}

/// A view with the writes of a batch laid over it: what the store will hold once the batch is applied.
pub fn scan_over(view: &dyn View, batch: &Batch, scan: &Scan) -> Vec<Row> {
    let covers = |key: &[u8]| {
        key.starts_with(&scan.prefix) && scan.after.as_deref().is_none_or(|after| if scan.reverse { key < after } else { key > after })
    };
    let low = (scan.table, scan.prefix.clone());
    let laid: BTreeMap<&[u8], Option<&[u8]>> = batch
        .writes
        .range(low..)
        .take_while(|((table, key), _)| *table == scan.table && key.starts_with(&scan.prefix))
        .filter(|((_, key), _)| covers(key))
        .map(|((_, key), value)| (key.as_slice(), value.as_deref()))
        .collect();
    let deleted = laid.values().filter(|value| value.is_none()).count();
    let wider = Scan { limit: scan.limit.saturating_add(deleted), ..scan.clone() };
    let mut rows: BTreeMap<Vec<u8>, Vec<u8>> = view.scan(&wider).into_iter().collect();
    for (key, value) in laid {
        match value {
            Some(value) => rows.insert(key.to_vec(), value.to_vec()),
            None => rows.remove(key),
        };
    }
    if scan.reverse { rows.into_iter().rev().take(scan.limit).collect() } else { rows.into_iter().take(scan.limit).collect() }
}
