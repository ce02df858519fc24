//! What must be true at every step: nothing is said that is not durable, nothing is shown that is not so, nothing is let go
//! that somebody still lacks.

use std::collections::{BTreeMap, BTreeSet};

use super::Who;
use super::machine::Machine;
use super::world::World;
use crate::proto::mailbox::body;
use crate::proto::mailbox::row::{self as held, Hold, Part};
use crate::types::limits::PARKED_EPOCHS_MAX;
use crate::types::{AccountId, Batch, EnvelopeId, InboxId, MessageId, RoomId, Table};
use crate::wire::envelope::{Envelope, Kind};
use crate::wire::frame::Frame;
use crate::wire::row;

/// What the world remembers to judge by.
#[derive(Default)]
pub struct Watch {
    /// The first thing that must not be.
    pub fault: Option<String>,
    /// Honest machines that were taken for bad ones, and why.
    pub blames: Vec<String>,
    /// Lines that were broken off because nothing came back on them.
    pub broken: Vec<String>,
    /// What every account once had on a disk.
    pub had: BTreeSet<(AccountId, MessageId)>,
    /// Outputs of the input that had most.
    pub most_outputs: usize,
    /// Who said yes to whom, or asked them.
    pub(super) agreed: BTreeSet<(Who, AccountId)>,
    /// Envelopes that nobody had the right to deposit.
    pub(super) smuggled: BTreeSet<EnvelopeId>,
    /// What need not be true here.
    pub spared: Spared,
    /// Mail that its owner looked at and can never open: its sender seals it anew.
    pub(super) hopeless: BTreeSet<(Who, EnvelopeId)>,
    /// Epochs that each machine was in, with their numbers.
    pub(super) been: BTreeMap<(Who, [u8; 16]), (RoomId, u64)>,
    /// What people read.
    read: BTreeSet<(AccountId, MessageId)>,
    /// What was handed over and is done with, as its owner said last.
    withdrawn: BTreeSet<EnvelopeId>,
    /// Custody receipts that were given.
    signed: BTreeSet<(Who, EnvelopeId)>,
    /// Envelopes from outside a room: known by the contact they make, not by their id.
    knocks: BTreeSet<EnvelopeId>,
    /// Whose inbox it is.
    owners: BTreeMap<InboxId, Who>,
    /// Some frames that were sent, to be sent again by somebody else.
    pub(super) overheard: Vec<Vec<u8>>,
}

/// What a scenario itself makes untrue, from then on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spared {
    /// Machines whose word is nothing: liars, and mailboxes that are gone.
    pub liars: BTreeSet<Who>,
    /// People whose device was replaced, who blocked somebody or left a mailbox: their mail may be let go unread.
    pub absent: BTreeSet<Who>,
    /// Whether bytes were sent that no honest node sends.
    pub junk: bool,
}

/// Frames kept to be repeated.
const OVERHEARD_MAX: usize = 64;

impl Watch {
    /// Remembers the first thing that is not so.
    pub(super) fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds && self.fault.is_none() {
            self.fault = Some(what());
        }
    }

    fn note_knock(&mut self, bytes: &[u8]) {
        if matches!(Envelope::decode(bytes), Ok(Envelope { kind: Kind::Sealed, .. })) {
            self.knocks.insert(EnvelopeId(*blake3::hash(bytes).as_bytes()));
        }
    }

    /// Whose inbox it is.
    pub(super) fn owner(&self, inbox: &InboxId) -> Option<Who> {
        self.owners.get(inbox).copied()
    }

    pub(super) fn overhear(&mut self, bytes: &[u8]) {
        if self.overheard.len() < OVERHEARD_MAX {
            self.overheard.push(bytes.to_vec());
        }
    }
}

impl World {
    /// Right after a batch was applied, durable or not.
    pub(super) fn watch_applied(&mut self, who: Who, batch: &Batch) {
        self.watch_rows(who, batch);
        self.watch_bodies_applied(who, batch);
        for (table, key, value) in batch.iter() {
            match (table, value) {
                (Table::Held, None) => self.watch_release(who, key),
                (Table::Group, Some(_)) => {
                    let room = RoomId::from_slice(key);
                    let epoch = self.machines[who].node.as_ref().zip(room.as_ref()).and_then(|(node, room)| node.epoch(room));
                    if let Some(((number, epoch), room)) = epoch.zip(room) {
                        self.watch.been.insert((who, epoch), (room, number));
                    }
                }
                (Table::Mailbox, Some(value)) => {
                    if let Ok(mailbox) = row::decode::<row::Mailbox>(value) {
                        self.watch.owners.insert(mailbox.inbox, who);
                    }
                }
                _ => {}
            }
        }
    }

    /// An entry of an inbox was let go: everybody it was for has it, or its time is over.
    fn watch_release(&mut self, who: Who, key: &[u8]) {
        let machine = &self.machines[who];
        let Some(hold) = machine.disk.before(Table::Held, key).and_then(|value| row::decode::<Hold>(value).ok()) else { return };
        let Some(inbox) = key.first_chunk::<32>().map(|inbox| InboxId(*inbox)) else { return };
        let Some(owner) = self.watch.owner(&inbox) else { return };
        let is_over = machine.time(self.now).wall >= hold.until || hold.part == Part::Report;
        let spared = &self.watch.spared;
        if is_over || spared.junk || spared.absent.contains(&owner) || spared.liars.contains(&who) {
            return;
        }
        let has = self.machines[owner].disk.durable(Table::Seen, &hold.envelope.0).is_some()
            || self.watch.knocks.contains(&hold.envelope)
            || (self.is_hopeless(who, owner, &hold.envelope) && !self.is_parked(owner, &hold.envelope))
            || !self.is_owed(owner, &hold.envelope);
        let envelope = hold.envelope;
        self.watch.check(has, || format!("{who} lets {envelope:?} go, which {owner} lacks"));
    }

    /// Whether an envelope was sealed in an epoch that its receiver was in lately, and must still have.
    fn is_parked(&self, owner: Who, envelope: &EnvelopeId) -> bool {
        let machine = &self.machines[owner];
        let account = machine.account();
        let owed = self.machines.iter().flat_map(|machine| machine.disk.all::<row::Outbox>(Table::Outbox));
        let mut epochs = owed.filter(|(key, row)| row.envelope == Some(*envelope) && key.starts_with(&account.0)).map(|(_, row)| row.epoch);
        epochs.any(|epoch| {
            let Some((room, number)) = self.watch.been.get(&(owner, epoch)) else { return false };
            let now = machine.node.as_ref().and_then(|node| node.epoch(room)).map_or(0, |(number, _)| number);
            (*number..=number + PARKED_EPOCHS_MAX as u64).contains(&now)
        })
    }

    /// Whether the owner of an inbox lacks the keys of what the mailbox has there, for ever: its sender seals it anew.
    fn is_hopeless(&mut self, mailbox: Who, owner: Who, envelope: &EnvelopeId) -> bool {
        if self.watch.hopeless.contains(&(owner, *envelope)) {
            return true;
        }
        let disk = &self.machines[mailbox].disk;
        let bytes = disk.before(Table::Body, &envelope.0).or_else(|| disk.durable(Table::Body, &envelope.0));
        let bytes = bytes.and_then(|bytes| body::sealed(bytes));
        let is_past = bytes.is_some_and(|bytes| self.machines[owner].node.as_ref().is_some_and(|node| node.is_past(bytes)));
        if is_past {
            self.watch.hopeless.insert((owner, *envelope));
        }
        is_past
    }

    /// Whether anybody still owes somebody an envelope: its author seals a message anew that was asked for, and then the old one is
    /// good for nothing.
    fn is_owed(&self, to: Who, envelope: &EnvelopeId) -> bool {
        let account = self.machines[to].account();
        let key = [&envelope.0[..], &account.0].concat();
        let is_sole = |row: &[u8]| row::sealed(row).and_then(|(sole, _)| sole).is_some_and(|(whose, _)| whose == account);
        self.machines.iter().any(|Machine { disk, .. }| {
            disk.durable(Table::Envelope, &key).is_some() || disk.durable(Table::Envelope, &envelope.0).is_some_and(is_sole)
        })
    }

    /// A batch is durable.
    pub(super) fn watch_durable(&mut self, who: Who, batch: &Batch) {
        self.watch_bodies_durable(who, batch);
        for (table, key, value) in batch.iter() {
            if table != Table::Index {
                continue;
            }
            let Some((message, index)) = MessageId::from_slice(key).zip(value.and_then(|value| row::decode::<row::Index>(value).ok()))
            else {
                continue;
            };
            if self.watch.had.insert((self.machines[who].account(), message)) && index.place.sender != self.machines[who].account() {
                self.tally.deliveries += 1;
            }
            if index.read_at.is_some() {
                self.watch.read.insert((self.machines[who].account(), message));
            }
            // Batches that are flushed together are shown together: only the last word on a message counts.
            if self.machines[who].disk.durable(table, key) == value {
                self.watch_custody(who, message, &index);
            }
        }
    }

    /// What a person is shown about their message is so.
    fn watch_custody(&mut self, who: Who, message: MessageId, index: &row::Index) {
        for (account, custody) in &index.custody {
            let had = self.watch.had.contains(&(*account, message));
            let claims = custody.delivered.is_some() || custody.read.is_some();
            self.watch.check(had || !claims, || format!("{who} is shown that {message:?} arrived at {account:?}, and it never did"));
            let is_read = self.watch.read.contains(&(*account, message));
            let claims = custody.read.is_some();
            self.watch.check(is_read || !claims, || format!("{who} is shown that {account:?} read {message:?}, which is not so"));
            if had || custody.held.is_empty() {
                continue;
            }
            let to = self.machines.iter().position(|machine| machine.account() == *account);
            if to.is_some_and(|to| self.watch.spared.absent.contains(&to)) || self.watch.spared.junk {
                continue;
            }
            let key = [&account.0[..], &custody.order.to_be_bytes()].concat();
            let owed = self.machines[who].disk.durable(Table::Outbox, &key).and_then(|owed| row::decode::<row::Outbox>(owed).ok());
            let Some(envelope) = owed.and_then(|owed| owed.envelope) else { continue };
            // Let go, since it can never be opened there; who cannot tell whose it is cannot tell them.
            if to.is_some_and(|to| self.watch.hopeless.contains(&(to, envelope))) {
                continue;
            }
            for (holder, until) in &custody.held {
                let Some(holder) = self.who(holder) else { continue };
                let is_over = self.machines[holder].time(self.now).wall >= *until;
                // It may have handed it on since it said so.
                let moved =
                    || self.watch.signed.contains(&(holder, envelope)) && (0..self.machines.len()).any(|who| self.holds(who, &envelope));
                let holds = is_over || self.watch.spared.liars.contains(&holder) || self.holds(holder, &envelope) || moved();
                self.watch.check(holds, || format!("{who} is shown {holder} as a holder of {message:?} ({envelope:?}), which it is not"));
            }
        }
    }

    /// Whether a machine durably holds an envelope for somebody.
    fn holds(&self, who: Who, envelope: &EnvelopeId) -> bool {
        let disk = &self.machines[who].disk;
        let hands_over =
            || disk.all::<held::Job>(Table::Handover).iter().any(|(key, _)| held::job_of(key).is_some_and(|job| job.envelope == *envelope));
        disk.durable(Table::Body, &envelope.0).is_some() || hands_over()
    }

    /// Right before a frame is sent: what it says is durable.
    pub(super) fn watch_frame(&mut self, who: Who, frame: &Frame) {
        if self.watch.spared.liars.contains(&who) {
            return;
        }
        match frame {
            // What is thrown back at its sender is durable there, though not as something that came.
            Frame::Delivered(delivered) if !self.watch.spared.junk => {
                for envelope in &delivered.envelopes {
                    let is_there =
                        self.machines[who].disk.durable(Table::Seen, &envelope.0).is_some() || self.watch.knocks.contains(envelope);
                    self.watch.check(is_there, || format!("{who} gives a receipt for {envelope:?}, which is not durable there"));
                }
            }
            Frame::Held(receipt) => {
                for (envelope, _) in &receipt.entries {
                    // Or it was collected, or taken back, while the receipt waited for a slow disk.
                    let came = || self.machines.iter().any(|machine| machine.disk.durable(Table::Seen, &envelope.0).is_some());
                    let is_there = self.holds(who, envelope) || self.watch.withdrawn.contains(envelope) || came();
                    self.watch.signed.insert((who, *envelope));
                    self.watch.check(is_there, || format!("{who} gives a custody receipt for {envelope:?}, which is not durable there"));
                }
            }
            Frame::Deliver(envelope) => self.watch.note_knock(envelope),
            Frame::Deposit(deposit) => self.watch.note_knock(&deposit.envelope),
            Frame::Handover(handover) => {
                self.watch.note_knock(&handover.envelope);
                self.watch.withdrawn.remove(&EnvelopeId(*blake3::hash(&handover.envelope).as_bytes()));
            }
            Frame::Withdraw(withdraw) => self.watch.withdrawn.extend(withdraw.handovers.iter().map(|(envelope, _)| *envelope)),
            _ => {}
        }
    }
}
