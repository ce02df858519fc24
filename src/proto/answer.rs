//! What others say of what they were sent: held, delivered, not now, never, no.

use std::collections::BTreeSet;

use super::account::receiver_at;
use super::ctx::Ctx;
use super::node::State;
use super::outbox::sealed;
use super::room::RoomError;
use super::seam::{Misbehaviour, Outcome, Refusal};
use super::timer::Timer;
use crate::types::limits::{COPY_MS_MAX, FRAME_IDS_MAX, RETRY_MS_MAX};
use crate::types::time::{DAY, MINUTE};
use crate::types::{AccountId, DeviceId, EnvelopeId, InboxId, PeerId, RoomId, Table};
use crate::wire::codec;
use crate::wire::envelope::Envelope;
use crate::wire::frame::Delivered;
use crate::wire::mailbox::{Held, Reason, Refused};
use crate::wire::row::{self, Cargo, ContactState};

impl State {
    /// A mailbox says what it holds.
    /// `via` is our own mailbox, when it passed the envelope on and tells of it: it keeps no copy of its own.
    pub(super) fn handle_held(&mut self, ctx: &mut Ctx, by: PeerId, held: &Held, via: Option<PeerId>) -> Outcome {
        if held.entries.len() > FRAME_IDS_MAX {
            return Outcome::Misbehaved(Misbehaviour::Malformed);
        }
        if !held.is_signed_by(&by) {
            return Outcome::Misbehaved(Misbehaviour::Signature);
        }
        let mut touched = Vec::new();
        for (envelope, inbox) in &held.entries {
            let receivers = self.receivers(ctx, &by, inbox, envelope);
            if receivers.is_empty() {
                // On its way to our own mailbox while it was sealed anew, or arrived.
                self.withdraw_at(ctx, &by, *envelope, *inbox);
            }
            for (account, order) in receivers {
                self.land(ctx, &account, &by, envelope);
                let is_control = self.owed_row(ctx, &account, order).is_none_or(|row| Self::is_control(&row.cargo));
                // Commits and knocks have a place of their own, which says nothing of that of messages.
                let way = self.outbox.way(&account, &by).filter(|way| !is_control || way.chat_until <= ctx.now.mono);
                way.into_iter().for_each(|way| way.is_trial = false);
                self.settle_held(ctx, &account, order, (by, held.until), via);
                touched.push(account);
            }
        }
        touched.sort();
        touched.dedup();
        for account in touched {
            self.pump(ctx, &account);
        }
        Outcome::Accepted
    }

    /// For whom an envelope is at this inbox of a mailbox, with its order there; at our own, what stands for them.
    pub(super) fn receivers(&self, ctx: &Ctx, at: &PeerId, inbox: &InboxId, envelope: &EnvelopeId) -> Vec<(AccountId, u64)> {
        let owners = self.contacts.owners_of(at, inbox);
        let owed = owners.into_iter().filter_map(|account| Some((account, self.order_in(ctx, &account, envelope)?)));
        let mut found: Vec<(AccountId, u64)> = owed.collect();
        if found.is_empty() && self.mailboxes.rows.contains_key(at) {
            found = self.sharers(ctx, envelope);
            found.retain(|(account, _)| receiver_at(ctx.keys, at, account) == *inbox);
        }
        found
    }

    fn land(&mut self, ctx: &Ctx, account: &AccountId, peer: &PeerId, envelope: &EnvelopeId) -> Option<u64> {
        self.outbox.way(account, peer)?.land(envelope, ctx.now.mono)
    }

    /// A device says what is durable there. The signature counts, not who passed it on; `via` is our own mailbox, when it did.
    pub(super) fn handle_delivered(&mut self, ctx: &mut Ctx, delivered: &Delivered, via: Option<PeerId>) -> Outcome {
        if delivered.envelopes.len() > FRAME_IDS_MAX {
            return Outcome::Misbehaved(Misbehaviour::Malformed);
        }
        let claims = self.contacts.by_device(&delivered.device);
        if claims.is_empty() {
            return Outcome::Refused(Refusal::Unknown);
        }
        if !delivered.is_signed() {
            return Outcome::Misbehaved(Misbehaviour::Signature);
        }
        for (account, peer) in claims {
            for envelope in &delivered.envelopes {
                let landed = self.outbox.way(&account, &peer).and_then(|way| {
                    way.accept();
                    way.land(envelope, ctx.now.mono)
                });
                if let Some(order) = landed.or_else(|| self.order_in(ctx, &account, envelope)) {
                    self.settle_delivered(ctx, &account, order, delivered.device, via);
                }
            }
            self.pump(ctx, &account);
        }
        Outcome::Accepted
    }

    /// A device keeps nothing of what it cannot open yet: it goes again after a while, and the window goes on.
    pub(super) fn handle_deferred(&mut self, ctx: &mut Ctx, from: PeerId, envelopes: &[EnvelopeId]) -> Outcome {
        for account in self.contacts.claimants(&from) {
            let (mut stuck, mut landed) = (BTreeSet::new(), Vec::new());
            for envelope in envelopes {
                let Some(way) = self.outbox.way(&account, &from) else { break };
                if let Some(order) = way.land(envelope, ctx.now.mono) {
                    let (again, is_stuck) = way.defer(ctx.now.mono, ctx.rng);
                    self.timers.sooner(Timer::Lane(account), again);
                    stuck.extend(is_stuck.then(|| self.owed_row(ctx, &account, order)).flatten().and_then(|row| row.cargo.room()));
                    let is_long = self.outbox.way(&account, &from).is_some_and(|way| way.is_long_deferred());
                    self.give_up_deferred(ctx, &account, order, is_long);
                    landed.push(order);
                }
            }
            if !stuck.is_empty() {
                self.give_up_outside(ctx, &account, &landed);
            }
            let is_theirs = self.contact_at(&from).is_some_and(|(owner, _)| owner == account);
            for room in stuck.into_iter().filter(|room| is_theirs && self.rooms.has_member(room, &account)).collect::<Vec<_>>() {
                self.send_heads(ctx, from, &account, &room);
            }
        }
        Outcome::Accepted
    }

    /// What was passed on, and still waits for its epoch after so long, was sealed when they were not in the room. A commit on a branch
    /// that the room has left means nothing to whoever is not on it by now, and none means anything to new devices of somebody who was
    /// taken out.
    fn give_up_deferred(&mut self, ctx: &mut Ctx, account: &AccountId, order: u64, is_long: bool) {
        let clock = self.service.clock(ctx.now);
        let Some(row) = self.owed_row(ctx, account, order) else { return };
        let is_over = match row.cargo {
            Cargo::Copy => row.since.saturating_add(COPY_MS_MAX) <= clock,
            Cargo::Commit { room } if is_long => self.is_in_vain(ctx, account, &room, &row),
            _ => false,
        };
        if is_over {
            self.withdraw(ctx, account, &row);
            self.settle(ctx, account, order, &row);
        }
    }

    /// Whether what an account defers is sealed on a branch that the room has left, or, when it was taken out, in an epoch in which none of
    /// its devices was, as far as that is known.
    fn is_in_vain(&mut self, ctx: &mut Ctx, account: &AccountId, room: &RoomId, row: &row::Outbox) -> bool {
        let bytes = row.envelope.and_then(|envelope| sealed(ctx, &envelope)).unwrap_or_default();
        let Ok(envelope) = Envelope::decode(&bytes) else { return false };
        let devices = self.contacts.devices(account);
        let is_theirs = |_: &AccountId, device: &DeviceId| devices.iter().any(|(other, _)| other == device);
        self.rooms.is_left(envelope.body)
            || (!self.rooms.has_member(room, account) && self.rooms.could_open(ctx, envelope.body, is_theirs) == Some(false))
    }

    /// Who was taken out of a room, and still waits after so long for an epoch of it in which none of their devices was or which everybody
    /// left, never gets there. Who was in it may only have no room on the disk.
    fn give_up_outside(&mut self, ctx: &mut Ctx, account: &AccountId, orders: &[u64]) {
        for order in orders {
            let row = self.owed_row(ctx, account, *order).filter(|row| matches!(row.cargo, Cargo::Message { .. } | Cargo::Content { .. }));
            let Some((row, room)) = row.and_then(|row| row.cargo.room().map(|room| (row, room))) else { continue };
            let is_outside = self.rooms.has(&room) && !self.rooms.has_member(&room, account);
            if is_outside && self.is_in_vain(ctx, account, &room, &row) {
                self.give_up(ctx, account, *order, &row);
            }
        }
    }

    /// A device will never open these: what they carry is sealed anew.
    pub(super) fn handle_lost(&mut self, ctx: &mut Ctx, from: PeerId, envelopes: &[EnvelopeId]) -> Outcome {
        let mut claimants = self.contacts.claimants(&from);
        claimants.retain(|account| self.contacts.is_reachable(account));
        if claimants.is_empty() {
            return Outcome::Refused(Refusal::Unwanted);
        }
        for account in claimants {
            if self.ask_anew(ctx, &account, envelopes) {
                continue;
            }
            for envelope in envelopes {
                let landed = self.land(ctx, &account, &from, envelope);
                if let Some(order) = landed.or_else(|| self.order_in(ctx, &account, envelope)) {
                    self.renew_lost(ctx, &account, order, Some(&from), envelope);
                }
            }
            self.pump(ctx, &account);
        }
        Outcome::Accepted
    }

    /// A request by an invite that is over, or used by somebody else: it is made again as a stranger makes it. Whether that was so.
    fn ask_anew(&mut self, ctx: &mut Ctx, account: &AccountId, envelopes: &[EnvelopeId]) -> bool {
        let known = self.contacts.get(account).filter(|known| known.row.state == ContactState::Requested);
        let has_secret = known.is_some_and(|known| known.row.secret.is_some());
        if !has_secret || !envelopes.iter().any(|envelope| self.order_in(ctx, account, envelope).is_some()) {
            return false;
        }
        self.change_contact(ctx, account, |row| row.secret = None);
        self.request(ctx, account);
        true
    }

    /// An envelope that its receiver cannot open ever, as this peer says, or (for all of its ways) it itself: what it carries is sealed
    /// anew; the peer gets it at once, and later each further time.
    pub(super) fn renew_lost(&mut self, ctx: &mut Ctx, account: &AccountId, order: u64, by: Option<&PeerId>, envelope: &EnvelopeId) {
        let Some(row) = self.owed_row(ctx, account, order).filter(|row| row.envelope == Some(*envelope)) else { return };
        match &row.cargo {
            // The group is lost here, and its members are asked to bring this device back.
            Cargo::Message { room, .. } | Cargo::Content { room, .. } if self.is_awaited(ctx, room, account) => {
                self.unseal(ctx, account, order, row);
            }
            Cargo::Message { room, .. } | Cargo::Content { room, .. } => {
                let content = self.content_of(ctx, &row.cargo).filter(|_| self.rooms.has_member(room, account));
                match content.map(|content| codec::encode(&content)).map(|content| self.rooms.seal(ctx, room, &content)) {
                    Some(Ok(sealed)) => {
                        self.replace(ctx, account, order, row, &sealed.envelope, sealed.epoch);
                        self.outbox.rewind_to(account, order);
                        let now = ctx.now.mono;
                        match by {
                            Some(peer) => self.outbox.way(account, peer).into_iter().for_each(|way| way.hold_back_more(order, now)),
                            None => self.outbox.ways(account).for_each(|way| way.hold_back_more(order, now)),
                        }
                    }
                    // They are no longer in the room, or we are not.
                    Some(Err(RoomError::NoGroup)) | None => self.give_up(ctx, account, order, &row),
                    Some(Err(error)) => tracing::error!(?error, "a message could not be sealed again; it stays in the outbox"),
                }
            }
            // Nothing else can be made anew; what it was good for is asked for again by whoever lacks it.
            Cargo::Commit { .. } | Cargo::Knock | Cargo::Copy | Cargo::Welcome { .. } | Cargo::Rejoin { .. } => {
                self.settle(ctx, account, order, &row);
            }
        }
    }

    /// Whether a room has no group here, though this account and another are in it.
    fn is_awaited(&self, ctx: &Ctx, room: &RoomId, account: &AccountId) -> bool {
        let members = ctx.row::<row::Room>(Table::Room, &room.0).map(|row| row.members).unwrap_or_default();
        !self.rooms.has(room) && members.contains(account) && members.contains(&ctx.keys.account_id())
    }

    /// A mailbox does not take something: waits, longer the less it helps to try again. Only what it is about waits: one envelope, or
    /// messages, or all.
    pub(super) fn handle_refused(&mut self, ctx: &mut Ctx, from: PeerId, refused: &Refused) -> Outcome {
        let Some(envelope) = refused.envelope else {
            // A token for somebody else's inbox there says nothing about ours.
            if self.mailboxes.rows.get(&from).is_some_and(|row| row.inbox == refused.inbox) {
                self.on_own_refused(ctx, from, refused.reason);
            } else {
                self.on_parted(ctx, &from, refused);
            }
            return Outcome::Accepted;
        };
        let is_without_place = matches!(refused.reason, Reason::Disk | Reason::Full | Reason::TooLarge);
        if let Some(peer) = self.peers.get_mut(&from).filter(|_| !is_without_place) {
            peer.tokens.remove(&refused.inbox);
        }
        for (account, order) in self.receivers(ctx, &from, &refused.inbox, &envelope) {
            let is_control = self.owed_row(ctx, &account, order).is_some_and(|row| Self::is_control(&row.cargo));
            if self.land(ctx, &account, &from, &envelope).is_none() {
                continue;
            }
            let now = ctx.now.mono;
            let Some(way) = self.outbox.way(&account, &from) else { continue };
            way.is_trial |= !matches!(refused.reason, Reason::TooLarge | Reason::Work);
            match refused.reason {
                Reason::TooLarge => way.hold_back(order, now + DAY),
                // A full disk is a matter of minutes, and one envelope is enough to ask.
                Reason::Disk if is_control => way.paused_until = now + MINUTE / 2,
                Reason::Disk => way.chat_until = now + MINUTE / 2,
                Reason::Full if !is_control => way.chat_until = now + RETRY_MS_MAX,
                Reason::Full | Reason::UnknownInbox | Reason::NotServed | Reason::Signature => {
                    way.paused_until = now + RETRY_MS_MAX;
                }
                Reason::NoToken | Reason::Work => way.paused_until = now + MINUTE,
            }
            way.cursor = way.cursor.min(order.saturating_sub(1));
            self.pump(ctx, &account);
        }
        Outcome::Accepted
    }
}
