//! Getting an inbox, revoking tokens, leaving.

use std::collections::BTreeSet;

use crate::proto::ctx::Ctx;
use crate::proto::seam::{Misbehaviour, Outcome};
use crate::types::limits::{
    DEVICES_MAX, ENVELOPE_TTL_MS, FRAME_IDS_MAX, NEIGHBOUR_INBOXES_MAX, NEIGHBOURS_MAX, RELAY_INBOXES_MAX, RELAY_INBOXES_OF_PEER_MAX,
    REVOKED_MAX,
};
use crate::types::{AccountId, Address, InboxId, PeerId, Table};
use crate::wire::card::RelayInvite;
use crate::wire::frame::Frame;
use crate::wire::mailbox::{Claim, LeaveInbox, Reason, Register, Registered, Revoke};

use super::inbox::Inbox;
use super::row::{Due, Registration, SECRET, neighbour_key, peer_key, reader_key, revoked_key, task_key};
use super::{Service, refuse};

impl Service {
    pub(super) fn handle_register(&mut self, ctx: &mut Ctx, from: PeerId, contact: Option<AccountId>, register: &Register) -> Outcome {
        let mut readers = register.readers.clone();
        readers.sort_unstable();
        readers.dedup();
        if !(1..=DEVICES_MAX).contains(&register.readers.len()) {
            return Outcome::Misbehaved(Misbehaviour::Malformed);
        }
        let known = self.inboxes.find(ctx, &register.inbox).map(|inbox| inbox.registration.clone());
        let neighbour = match (self.claimed(ctx, &register.claim, contact), &known) {
            (Ok(neighbour), _) => neighbour,
            // Who owns an inbox that a relay serves already shows so by the signature: a device that lost the link comes back.
            (Err(_), Some(Registration { neighbour: None, .. })) if self.settings.relay => None,
            (Err(reason), _) => return refuse(ctx, from, None, register.inbox, reason),
        };
        if !register.is_signed(&ctx.keys.peer_id()) {
            return refuse(ctx, from, None, register.inbox, Reason::Signature);
        }
        let done = match known {
            Some(known) if known.owner != register.owner => {
                refuse(ctx, from, None, register.inbox, Reason::NotServed);
                return Outcome::Misbehaved(Misbehaviour::Right);
            }
            // Its rows are being forgotten: the owner may ask again in a moment.
            Some(known) if known.leaving => return refuse(ctx, from, None, register.inbox, Reason::NotServed),
            Some(known) if known.readers == readers => Outcome::Duplicate,
            Some(known) => self.change_readers(ctx, register.inbox, &known, readers),
            None => match self.admit(ctx, from, register, neighbour, readers) {
                Ok(()) => Outcome::Accepted,
                Err(reason) => return refuse(ctx, from, None, register.inbox, reason),
            },
        };
        self.confirm(ctx, from, register.inbox);
        done
    }

    /// The contact that is to be served, or none for a holder of the relay link.
    fn claimed(&self, ctx: &Ctx, claim: &Claim, contact: Option<AccountId>) -> Result<Option<AccountId>, Reason> {
        match (claim, contact) {
            (Claim::Secret(secret), _) if self.settings.relay => {
                let ours: [u8; 32] = ctx.row(Table::Meta, SECRET).ok_or(Reason::NotServed)?;
                if is_equal(&ours, secret) { Ok(None) } else { Err(Reason::NotServed) }
            }
            (Claim::Contact, Some(contact)) if self.settings.neighbour => Ok(Some(contact)),
            _ => Err(Reason::NotServed),
        }
    }

    /// Writes a new inbox, unless its contact, or the node that registers it, has as many as one needs, or this node as many as it serves.
    fn admit(
        &mut self,
        ctx: &mut Ctx,
        by: PeerId,
        register: &Register,
        neighbour: Option<AccountId>,
        readers: Vec<[u8; 32]>,
    ) -> Result<(), Reason> {
        if self.disk_full {
            return Err(Reason::Disk);
        }
        let counts = &mut self.inboxes.counts;
        let (key, own_max, served, served_max) = match neighbour {
            Some(account) => (neighbour_key(&account), NEIGHBOUR_INBOXES_MAX, &mut counts.neighbours, NEIGHBOURS_MAX),
            None => (peer_key(&by), RELAY_INBOXES_OF_PEER_MAX, &mut counts.relayed, RELAY_INBOXES_MAX),
        };
        let mut own: Vec<InboxId> = ctx.row(Table::Meta, &key).unwrap_or_default();
        if own.len() >= own_max || *served >= served_max as u64 {
            return Err(Reason::Full);
        }
        *served += 1;
        own.push(register.inbox);
        ctx.put(Table::Meta, key, &own);
        self.inboxes.save_counts(ctx);
        let inbox = Inbox::new(register.inbox, Registration { owner: register.owner, readers, neighbour, by, leaving: false });
        inbox.save_registration(ctx);
        inbox.save_tally(ctx);
        self.inboxes.insert(inbox);
        Ok(())
    }

    /// A new reader gets everything that waits. What only a removed reader had not acknowledged is released, step by step.
    fn change_readers(&mut self, ctx: &mut Ctx, id: InboxId, known: &Registration, readers: Vec<[u8; 32]>) -> Outcome {
        let removed: Vec<[u8; 32]> = known.readers.iter().filter(|reader| !readers.contains(reader)).copied().collect();
        for reader in &removed {
            ctx.delete(Table::Inbox, reader_key(&id, reader));
        }
        if !removed.is_empty() {
            ctx.put(Table::Expiry, task_key(&id, 0), &Due::Sweep(0));
            self.expiry.check_at(ctx.now.mono);
            self.close_readings(&id, |reader| removed.contains(reader));
        }
        if let Some(inbox) = self.inboxes.served(ctx, &id) {
            inbox.registration.readers = readers;
            inbox.save_registration(ctx);
        }
        Outcome::Accepted
    }

    fn confirm(&mut self, ctx: &mut Ctx, to: PeerId, id: InboxId) {
        let Some(inbox) = self.inboxes.served(ctx, &id) else { return };
        let quota_bytes = self.settings.quota_bytes(&inbox.registration);
        ctx.transmit(to, Frame::MailLimits(self.limits()));
        ctx.transmit(to, Frame::Registered(Registered { inbox: id, quota_bytes, ttl_ms: ENVELOPE_TTL_MS, wall: ctx.now.wall }));
    }

    /// Only a refusal is answered: an owner says it again after each registration, which does no harm.
    pub(super) fn handle_revoke(&mut self, ctx: &mut Ctx, from: PeerId, revoke: &Revoke) -> Outcome {
        if revoke.tokens.len() > FRAME_IDS_MAX {
            return Outcome::Misbehaved(Misbehaviour::Malformed);
        }
        let Some(inbox) = self.inboxes.served(ctx, &revoke.inbox) else {
            return refuse(ctx, from, None, revoke.inbox, Reason::UnknownInbox);
        };
        if !revoke.is_signed_by(&ctx.keys.peer_id(), &inbox.registration.owner) {
            return refuse(ctx, from, None, revoke.inbox, Reason::Signature);
        }
        let keys = revoke.tokens.iter().map(|token| revoked_key(&revoke.inbox, token));
        let fresh: BTreeSet<Vec<u8>> = keys.filter(|key| ctx.get(Table::Inbox, key).is_none()).collect();
        if inbox.tally.revoked + fresh.len() as u64 > REVOKED_MAX as u64 {
            return refuse(ctx, from, None, revoke.inbox, Reason::Full);
        }
        let is_new = !fresh.is_empty();
        if is_new {
            inbox.tally.revoked += fresh.len() as u64;
            inbox.save_tally(ctx);
            fresh.into_iter().for_each(|key| ctx.put(Table::Inbox, key, &()));
        }
        let revoked: BTreeSet<[u8; 16]> = revoke.tokens.iter().copied().collect();
        self.sessions.values_mut().for_each(|session| session.close_token(&revoke.inbox, Some(&revoked)));
        if is_new { Outcome::Accepted } else { Outcome::Duplicate }
    }

    /// The answer is the same whether the owner leaves for the first time or asks again: there is no such inbox here.
    pub(super) fn handle_leave(&mut self, ctx: &mut Ctx, from: PeerId, leave: &LeaveInbox) -> Outcome {
        let Some(inbox) = self.inboxes.served(ctx, &leave.inbox) else {
            return refuse(ctx, from, None, leave.inbox, Reason::UnknownInbox);
        };
        if !leave.is_signed_by(&ctx.keys.peer_id(), &inbox.registration.owner) {
            return refuse(ctx, from, None, leave.inbox, Reason::Signature);
        }
        inbox.registration.leaving = true;
        inbox.save_registration(ctx);
        let Registration { neighbour, by, .. } = inbox.registration;
        ctx.put(Table::Expiry, task_key(&leave.inbox, 1), &Due::Leave);
        self.expiry.check_at(ctx.now.mono);
        let counts = &mut self.inboxes.counts;
        let (key, served) = match neighbour {
            Some(account) => (neighbour_key(&account), &mut counts.neighbours),
            None => (peer_key(&by), &mut counts.relayed),
        };
        *served = served.saturating_sub(1);
        let mut own: Vec<InboxId> = ctx.row(Table::Meta, &key).unwrap_or_default();
        own.retain(|inbox| *inbox != leave.inbox);
        if own.is_empty() {
            ctx.delete(Table::Meta, key);
        } else {
            ctx.put(Table::Meta, key, &own);
        }
        self.inboxes.save_counts(ctx);
        self.sessions.values_mut().for_each(|session| session.close_token(&leave.inbox, None));
        self.close_readings(&leave.inbox, |_| true);
        self.receipts.forget(&leave.inbox);
        refuse(ctx, from, None, leave.inbox, Reason::UnknownInbox);
        Outcome::Accepted
    }

    fn close_readings(&mut self, id: &InboxId, closes: impl Fn(&[u8; 32]) -> bool) {
        let peers: Vec<PeerId> = self.readers.get(id).map(|peers| peers.iter().copied().collect()).unwrap_or_default();
        for peer in peers {
            let Some(session) = self.sessions.get_mut(&peer) else { continue };
            if session.readings.get(id).is_some_and(|reading| closes(&reading.reader)) {
                session.readings.remove(id);
                self.stop_reading(&peer, id);
            }
        }
    }

    /// A link with which accounts join this relay. The secret in it is made once, and is good as long as the relay is.
    pub fn invite(&mut self, ctx: &mut Ctx, addresses: &[Address]) -> String {
        let secret = ctx.row(Table::Meta, SECRET).unwrap_or_else(|| {
            let secret: [u8; 32] = ctx.rng.bytes();
            ctx.put(Table::Meta, SECRET, &secret);
            secret
        });
        RelayInvite { peer: ctx.keys.peer_id(), addresses: addresses.to_vec(), secret }.to_link()
    }
}

impl crate::proto::node::Settings {
    /// Bytes that an inbox may fill.
    pub(super) fn quota_bytes(&self, registration: &Registration) -> u64 {
        if registration.neighbour.is_some() { self.neighbour_inbox_bytes } else { self.relay_inbox_bytes }
    }
}

/// In constant time, so that the time taken tells nothing about where they differ (as `blake3::Hash` promises of its comparison).
fn is_equal(ours: &[u8; 32], theirs: &[u8; 32]) -> bool {
    blake3::Hash::from(*ours) == blake3::Hash::from(*theirs)
}
