//! What arrives: an envelope is looked at once, and answered only when what is in it is in the batch.

use std::collections::BTreeSet;

use super::contact::Known;
use super::ctx::Ctx;
use super::lane::Other;
use super::node::State;
use super::outbox::id_of;
use super::room::{Effect, Opened};
use super::seam::{Event, Misbehaviour, Outcome, Output, Refusal, Topic};
use super::timer::Timer;
use crate::crypto::keys::{direct_room, message_id};
use crate::types::limits::{DEFERRED_BYTES_MAX, DEFERRED_MAX, ENVELOPE_BYTES_MAX, GOSSIP_ROOM_DEVICES_MIN, JUNK_MAX, JUNK_MS, SEEN_TTL_MS};
use crate::types::{AccountId, DeviceId, EnvelopeId, InboxId, MessageId, Millis, PeerId, RoomId, Table};
use crate::wire::codec::{self, DecodeError};
use crate::wire::content::{Body, Content, Knock};
use crate::wire::envelope::{Envelope, Kind};
use crate::wire::frame::Frame;
use crate::wire::row::{self, Cargo, Series};

/// Where an envelope came from, and so who is told that it is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A stream.
    Direct(PeerId),
    /// One of our mailboxes.
    Mail {
        /// Which.
        mailbox: PeerId,
        /// Our inbox there.
        inbox: InboxId,
        /// The place in it.
        sequence: u64,
    },
    /// A room's gossip topic: nobody is told.
    Gossip,
}

/// Envelopes of an epoch that is not here yet. In memory only: whoever sent them keeps them.
#[derive(Debug, Default)]
pub(super) struct Deferred {
    waiting: Vec<(EnvelopeId, Source, Vec<u8>)>,
    bytes: usize,
    /// Mailboxes with something that was not taken and is not kept here either.
    spilt: BTreeSet<PeerId>,
}

impl State {
    /// Takes an envelope in.
    pub(super) fn receive(&mut self, ctx: &mut Ctx, source: Source, bytes: Vec<u8>) -> Outcome {
        if bytes.len() > ENVELOPE_BYTES_MAX {
            return Outcome::Misbehaved(Misbehaviour::Malformed);
        }
        let id = id_of(&bytes);
        if self.disk_full {
            return self.conclude(ctx, source, id, bytes, Outcome::Refused(Refusal::Disk));
        }
        if let Some(seen) = ctx.row::<row::Seen>(Table::Seen, &id.0) {
            // Whoever has the bytes could ask for receipts without end; an honest bearer only needs our word on the stream.
            let is_ours = self.is_contact(source) || matches!(source, Source::Mail { .. });
            if let (true, Some((room, message, account))) = (is_ours, seen.about) {
                self.owe_receipt(ctx, source, &account, &room, &message);
            }
            self.answer(ctx, source, id);
            return Outcome::Duplicate;
        }
        let outcome = match Envelope::decode(&bytes) {
            Ok(Envelope { kind: Kind::Room, body }) => self.receive_room(ctx, source, id, body),
            Ok(Envelope { kind: Kind::Sealed, body }) => {
                let outcome = self.handle_sealed(ctx, source, body);
                if outcome == Outcome::Accepted {
                    self.mark_seen(ctx, id, None);
                }
                outcome
            }
            Err(DecodeError::Version(_) | DecodeError::Kind(_)) => Outcome::Refused(Refusal::Newer),
            Err(_) => Outcome::Misbehaved(Misbehaviour::Malformed),
        };
        self.conclude(ctx, source, id, bytes, outcome)
    }

    /// Tells the source what became of it.
    fn conclude(&mut self, ctx: &mut Ctx, source: Source, id: EnvelopeId, bytes: Vec<u8>, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Accepted | Outcome::Duplicate => {
                self.answer(ctx, source, id);
                outcome
            }
            Outcome::Deferred => {
                self.defer(source, id, bytes);
                match source {
                    Source::Direct(peer) => ctx.transmit(peer, Frame::Deferred(vec![id])),
                    Source::Mail { mailbox, .. } => ctx.transmit(mailbox, Frame::Deferred(vec![id])),
                    Source::Gossip => {}
                }
                outcome
            }
            // A later release of this node may take it, or it may when it has room: who keeps it goes on doing so.
            Outcome::Refused(Refusal::Newer | Refusal::Disk | Refusal::Limit) => {
                match source {
                    Source::Mail { mailbox, .. } => {
                        self.deferred.spilt.insert(mailbox);
                        ctx.transmit(mailbox, Frame::Deferred(vec![id]));
                    }
                    Source::Direct(peer) if self.is_bearer(source) => ctx.transmit(peer, Frame::Deferred(vec![id])),
                    Source::Direct(_) | Source::Gossip => {}
                }
                outcome
            }
            // Its key is gone here for ever, or it is about what never was here. Its sender seals it anew or forgets it: told on the
            // stream (or by the mailbox that tries for the sender), or asked for by number later.
            Outcome::Refused(Refusal::Expired | Refusal::Unknown) if self.is_bearer(source) => {
                if let Source::Direct(peer) = source {
                    ctx.transmit(peer, Frame::Lost(vec![id]));
                }
                if self.is_contact(source) { outcome } else { self.count_junk(ctx.now.mono, source, outcome) }
            }
            // They could not know that work is asked of them, and ask as a stranger once they do.
            Outcome::Refused(Refusal::Late) if matches!(source, Source::Direct(_)) => {
                if let Source::Direct(peer) = source {
                    ctx.transmit(peer, Frame::Lost(vec![id]));
                }
                self.count_junk(ctx.now.mono, source, outcome)
            }
            // Nothing that waits in a mailbox becomes better by waiting longer; the one who put it there may not be its bearer.
            Outcome::Refused(_) | Outcome::Misbehaved(_) => {
                if let Source::Mail { mailbox, sequence, .. } = source {
                    self.acknowledge(ctx, mailbox, sequence);
                    return Outcome::Refused(Refusal::Unwanted);
                }
                self.count_junk(ctx.now.mono, source, outcome)
            }
        }
    }

    /// A stranger's or a relay's envelope may be junk without their fault; a flood of it is theirs.
    fn count_junk(&mut self, now: Millis, source: Source, outcome: Outcome) -> Outcome {
        let Source::Direct(peer) = source else { return outcome };
        // A contact's node may not know that it is blocked, or that we begin anew; nor may the mailbox that delivers for it.
        let is_mailbox = |known: &Known| known.card.mailboxes.iter().any(|mailbox| mailbox.peer == peer);
        let is_known = self.contacts.by_peer(&peer).is_some() || self.contacts.iter().any(|(_, known)| is_mailbox(known));
        if is_known && matches!(outcome, Outcome::Refused(_)) {
            return outcome;
        }
        let Some(there) = self.peers.get_mut(&peer) else { return outcome };
        let (since, junk) = there.junk;
        let is_over = now.saturating_sub(since) >= JUNK_MS;
        there.junk = if is_over { (now, 1) } else { (since, junk.saturating_add(1)) };
        if there.junk.1 > JUNK_MAX { Outcome::Misbehaved(Misbehaviour::Unexpected) } else { outcome }
    }

    /// It is durable (once this input's batch is): whoever kept it for us may let go.
    fn answer(&mut self, ctx: &mut Ctx, source: Source, id: EnvelopeId) {
        match source {
            Source::Direct(peer) => self.note_delivered(ctx, &peer, id),
            Source::Mail { mailbox, sequence, .. } => self.acknowledge(ctx, mailbox, sequence),
            Source::Gossip => {}
        }
    }

    fn defer(&mut self, source: Source, id: EnvelopeId, bytes: Vec<u8>) {
        // Only what contacts and our mailboxes send is worth memory.
        let is_known = self.is_contact(source) || matches!(source, Source::Mail { .. });
        let fits = self.deferred.waiting.len() < DEFERRED_MAX && self.deferred.bytes + bytes.len() <= DEFERRED_BYTES_MAX;
        if is_known && fits && !self.deferred.waiting.iter().any(|(other, from, _)| *other == id && *from == source) {
            self.deferred.bytes += bytes.len();
            self.deferred.waiting.push((id, source, bytes));
        } else if let (Source::Mail { mailbox, .. }, false) = (source, fits) {
            self.deferred.spilt.insert(mailbox);
        }
    }

    fn is_contact(&self, source: Source) -> bool {
        matches!(source, Source::Direct(peer) if self.contact_at(&peer).is_some())
    }

    /// A contact, a member of a shared group, or a node that may be the mailbox of one; who was blocked is told nothing.
    fn is_bearer(&self, source: Source) -> bool {
        let Source::Direct(peer) = source else { return false };
        self.contacts.by_peer(&peer).is_none_or(|(account, _)| self.contacts.is_reachable(&account))
    }

    /// Whether something that a peer sent on the stream waits for its epoch.
    pub(super) fn is_deferred_of(&self, peer: &PeerId) -> bool {
        self.deferred.waiting.iter().any(|(_, source, _)| *source == Source::Direct(*peer))
    }

    /// The peer will send them again when it is back.
    pub(super) fn forget_deferred_of(&mut self, peer: &PeerId) {
        let is_of = |source: &Source| match source {
            Source::Direct(from) => from == peer,
            Source::Mail { mailbox, .. } => mailbox == peer,
            Source::Gossip => false,
        };
        self.deferred.waiting.retain(|(_, source, _)| !is_of(source));
        self.deferred.spilt.remove(peer);
        self.deferred.bytes = self.deferred.waiting.iter().map(|(_, _, bytes)| bytes.len()).sum();
    }

    fn receive_room(&mut self, ctx: &mut Ctx, source: Source, id: EnvelopeId, body: &[u8]) -> Outcome {
        let (opened, effects) = self.rooms.open_envelope(ctx, body);
        let outcome = match opened {
            Opened::Content { room, sender, device, content, is_present } => {
                if is_present {
                    self.on_there(ctx, &sender, &room);
                }
                let blocked = sender != ctx.keys.account_id() && !self.contacts.is_accepted(&sender);
                if blocked && room == direct_room(&ctx.keys.account_id(), &sender) {
                    Outcome::Refused(Refusal::Unwanted)
                } else {
                    match codec::open::<Content>(&content) {
                        Ok(content) => self.handle_content(ctx, source, id, (room, sender, device), &content, body),
                        Err(_) => Outcome::Misbehaved(Misbehaviour::Malformed),
                    }
                }
            }
            Opened::Commit(_) => {
                self.mark_seen(ctx, id, None);
                Outcome::Accepted
            }
            Opened::Own => Outcome::Duplicate,
            // Opened before, and yet not among what was seen: it was refused then (its sender was blocked), or that is long ago. A
            // receipt could be a lie; sealed anew, it is told apart by its message.
            Opened::Duplicate(room) | Opened::Expired(room) => {
                self.note_lost(ctx, source, &room, id);
                Outcome::Refused(Refusal::Expired)
            }
            Opened::Deferred => Outcome::Deferred,
            Opened::Misbehaved(_) => Outcome::Misbehaved(Misbehaviour::Right),
        };
        self.apply_effects(ctx, effects);
        outcome
    }

    /// An account is known to be in the same epoch of a room as this device: what was to bring it there has done so. (What it said in an
    /// earlier one proves nothing: it may have been taken out since, and welcomed again.)
    pub(super) fn on_there(&mut self, ctx: &mut Ctx, account: &AccountId, room: &RoomId) {
        let is_direct = *room == direct_room(&ctx.keys.account_id(), account);
        self.drop_such(ctx, account, |other| match other {
            Other::Welcome(of) | Other::Commit(of) => of == room,
            Other::Knock => is_direct,
            _ => false,
        });
    }

    /// Remembers an envelope for as long as a copy can come.
    pub(super) fn mark_seen(&mut self, ctx: &mut Ctx, id: EnvelopeId, about: Option<(RoomId, MessageId, AccountId)>) {
        let until = self.service.clock(ctx.now) + SEEN_TTL_MS;
        ctx.put(Table::Seen, id.0, &row::Seen { until, about });
    }

    /// Owes a receipt for what did not come straight from its sender (who gets a device's receipt on the stream).
    fn owe_receipt(&mut self, ctx: &mut Ctx, source: Source, account: &AccountId, room: &RoomId, message: &MessageId) {
        let is_straight = match source {
            Source::Direct(peer) => self.contact_at(&peer).is_some_and(|(owner, _)| owner == *account),
            Source::Mail { .. } | Source::Gossip => false,
        };
        if !is_straight {
            self.owe_delivered(ctx, account, room, message);
        }
    }

    fn handle_content(
        &mut self,
        ctx: &mut Ctx,
        source: Source,
        id: EnvelopeId,
        (room, account, leaf): (RoomId, AccountId, DeviceId),
        content: &Content,
        envelope: &[u8],
    ) -> Outcome {
        let body = match Body::open(&content.body) {
            Ok(body) => Some(body),
            // Kept as it is, until a release is here that knows it.
            Err(DecodeError::Kind(_)) => None,
            Err(_) => return Outcome::Misbehaved(Misbehaviour::Malformed),
        };
        if content.number == 0 {
            self.mark_seen(ctx, id, None);
            return body.map_or(Outcome::Accepted, |body| self.handle_aside(ctx, &room, &account, &leaf, body));
        }
        if body.as_ref().is_some_and(|body| !is_message(body)) {
            return Outcome::Misbehaved(Misbehaviour::Unexpected);
        }
        let series = Series { room, account, device: content.device.unwrap_or(leaf) };
        let message = message_id(&room, &account, &content.proof);
        self.mark_seen(ctx, id, Some((room, message, account)));
        self.note_number(ctx, &series, content.number);
        if account != ctx.keys.account_id() {
            self.owe_receipt(ctx, source, &account, &room, &message);
        }
        if ctx.get(Table::Index, &message.0).is_some() {
            return Outcome::Duplicate;
        }
        let keeps = if self.rooms.devices(&room).len() > 2 { Envelope::encode(Kind::Room, envelope) } else { Vec::new() };
        self.store_message(ctx, &series, content, Vec::new(), keeps);
        if let Some(Body::Media(media)) = &body
            && account != ctx.keys.account_id()
        {
            self.note_media(ctx, &room, message, media);
        }
        self.note_belated(ctx, &series, &leaf);
        ctx.emit(Event::Message { room, message });
        Outcome::Accepted
    }

    /// Does what follows from a change of a room, and opens what waited for it.
    pub(super) fn apply_effects(&mut self, ctx: &mut Ctx, effects: Vec<Effect>) {
        let mut has_new_epoch = false;
        for effect in effects {
            match effect {
                Effect::Commit { room, to, envelope } => self.owe_commit(ctx, &room, &to, &envelope),
                Effect::Welcome { room, to, group, generation, welcome, devices } => {
                    let round = self.contacts.get(&to).map_or(0, |known| known.row.grant_round);
                    let grants = self.grants_for(ctx, &to.0, round);
                    self.send_knock(ctx, &to, &Knock::Welcome { room, group, generation, welcome, grants });
                    // When none of their devices was there before, nobody can open what was sealed then.
                    let theirs = self.contacts.devices(&to);
                    if theirs.iter().all(|(device, _)| devices.contains(device)) {
                        self.reseal_to(ctx, &room, &[to], None);
                    }
                }
                Effect::Rejoin { room, to, key_package, generation } => {
                    for account in to {
                        let knock = Knock::Rejoin { room, key_package: key_package.clone(), generation };
                        self.send_knock(ctx, &account, &knock);
                    }
                }
                Effect::Abandoned { room, epochs } => self.reseal(ctx, &room, Some(&epochs)),
                Effect::Fresh { room, accounts } => self.reseal_to(ctx, &room, &accounts, None),
                Effect::Epoch { room } => {
                    has_new_epoch = true;
                    self.follow_topic(ctx, &room);
                }
                Effect::Members { room, members } => {
                    let mut is_left = false;
                    if let Some(row) = ctx.row::<row::Room>(Table::Room, &room.0) {
                        is_left = row.members.iter().any(|account| !members.contains(account));
                        ctx.put(Table::Room, room.0, &row::Room { members, ..row });
                        ctx.emit(Event::Room(room));
                    }
                    self.on_members(ctx, &room, is_left);
                }
                Effect::Removed { room } => {
                    self.follow_topic(ctx, &room);
                    if let Some(mut row) = ctx.row::<row::Room>(Table::Room, &room.0) {
                        row.members.retain(|account| *account != ctx.keys.account_id());
                        ctx.put(Table::Room, room.0, &row);
                    }
                    self.lack_nothing(ctx, &room);
                    self.on_members(ctx, &room, true);
                    ctx.emit(Event::Room(room));
                }
            }
        }
        if has_new_epoch {
            self.retry_deferred(ctx);
        }
    }

    fn owe_commit(&mut self, ctx: &mut Ctx, room: &RoomId, to: &[AccountId], envelope: &[u8]) {
        let me = ctx.keys.account_id();
        let others: Vec<AccountId> = to.iter().filter(|account| **account != me).copied().collect();
        for account in &others {
            // Who lacks this many finds out on meeting, and is added again.
            if self.outbox.takes_commit(account) {
                self.owe(ctx, account, Cargo::Commit { room: *room }, Some(envelope), [0; 16], others.len() > 1);
            }
        }
        for account in &others {
            self.pump(ctx, account);
        }
    }

    fn retry_deferred(&mut self, ctx: &mut Ctx) {
        let Deferred { waiting, spilt, .. } = std::mem::take(&mut self.deferred);
        for (_, source, bytes) in waiting {
            // Whether it is taken, refused or deferred again, its source hears of it.
            self.receive(ctx, source, bytes);
        }
        self.reopen(ctx, spilt);
    }

    /// There is room on the disk again: what was refused for want of it is asked for.
    pub(super) fn on_disk_free(&mut self, ctx: &mut Ctx) {
        let spilt = std::mem::take(&mut self.deferred.spilt);
        self.reopen(ctx, spilt);
        self.timers.sooner(Timer::Ask, ctx.now.mono);
    }

    fn reopen(&mut self, ctx: &mut Ctx, mailboxes: BTreeSet<PeerId>) {
        for mailbox in mailboxes {
            self.open_inbox(ctx, mailbox);
        }
    }

    /// Rooms of many devices also travel by gossip, on a topic that changes with the epoch.
    pub(super) fn follow_topic(&mut self, ctx: &mut Ctx, room: &RoomId) {
        let is_large = self.rooms.devices(room).len() > GOSSIP_ROOM_DEVICES_MIN;
        let topic = self.rooms.topic(room).filter(|_| is_large);
        if self.topics.get(room) == topic.as_ref() {
            return;
        }
        if let Some(old) = self.topics.remove(room) {
            ctx.speak(Output::Subscribe { topic: Topic::Room(old), on: false });
        }
        if let Some(topic) = topic {
            self.topics.insert(*room, topic);
            ctx.speak(Output::Subscribe { topic: Topic::Room(topic), on: true });
        }
    }
}

/// Whether a body is something that a person says: it is numbered, and stored.
fn is_message(body: &Body) -> bool {
    matches!(body, Body::Text { .. } | Body::Reaction { .. } | Body::Edit { .. } | Body::Recall { .. } | Body::Media(_))
}
