//! Messages: sending, storing in the room's one order, and reading back what was stored.

use super::ctx::Ctx;
use super::lane::Other;
use super::node::State;
use super::order::tick;
use super::seam::{CommandError, Event, Output, Reply, Topic};
use crate::crypto::keys::{direct_room, message_id};
use crate::types::limits::{CLOCK_DRIFT_MS_MAX, GOSSIP_BYTES_MAX, GOSSIP_ROOM_DEVICES_MIN, LATE_MS, REACTION_BYTES_MAX, TEXT_BYTES_MAX};
use crate::types::{AccountId, DeviceId, MessageId, RoomId, Scan, Table};
use crate::wire::codec;
use crate::wire::content::{Body, Clock, Content};
use crate::wire::row::{self, Cargo, ContactState, Custody, Place, RoomKind, Series};

impl State {
    /// Writes a message and owes it to every other member; returns once it is in the batch.
    pub(super) fn send(&mut self, ctx: &mut Ctx, room: RoomId, body: Body) -> Result<Reply, CommandError> {
        let me = ctx.keys.account_id();
        let mut row = ctx.row::<row::Room>(Table::Room, &room.0).ok_or(CommandError::NoRoom)?;
        self.check_sendable(ctx, &room, &row, &body)?;
        let to: Vec<AccountId> = row.members.iter().filter(|account| **account != me).copied().collect();
        if !to.iter().all(|account| self.outbox.takes_message(account)) {
            return Err(CommandError::TooMany("messages waiting for this contact"));
        }
        let series = Series { room, account: me, device: ctx.keys.device_id() };
        let (clock, is_back) = tick(row.clock, ctx.now.wall);
        row.clock = clock;
        row.number += 1;
        let content = Content { proof: [0; 16], device: None, number: row.number, clock, is_back, body: codec::encode(&body) };
        let content = content.prove(&room, &series.device, ctx.keys);
        let message = message_id(&room, &me, &content.proof);
        let sealed = if self.rooms.has(&room) && !to.is_empty() && !self.is_resealing(&room) {
            let sealed = self.rooms.seal(ctx, &room, &codec::encode(&content));
            Some(sealed.map_err(|error| {
                tracing::error!(?error, "a message could not be sealed");
                CommandError::Internal
            })?)
        } else {
            None
        };
        ctx.put(Table::Room, room.0, &row);
        let (bytes, epoch) = sealed.as_ref().map_or((None, [0; 16]), |sealed| (Some(sealed.envelope.as_slice()), sealed.epoch));
        let mut custody = Vec::with_capacity(to.len());
        for account in &to {
            let order = self.owe(ctx, account, Cargo::Message { room, message }, bytes, epoch, to.len() > 1);
            custody.push((*account, Custody { order, ..Custody::default() }));
        }
        self.store_message(ctx, &series, &content, custody, Vec::new());
        ctx.emit(Event::Message { room, message });
        for account in &to {
            self.pump(ctx, account);
        }
        if let Some(bytes) = bytes {
            self.publish(ctx, &room, bytes);
        }
        Ok(Reply::Sent { message, room })
    }

    fn check_sendable(&self, ctx: &Ctx, room: &RoomId, row: &row::Room, body: &Body) -> Result<(), CommandError> {
        let me = ctx.keys.account_id();
        if !row.members.contains(&me) {
            return Err(CommandError::NoRoom);
        }
        if row.kind == RoomKind::Direct {
            let contact = row.members.iter().find(|account| **account != me).ok_or(CommandError::NoContact)?;
            match self.contacts.state(contact) {
                Some(ContactState::Accepted | ContactState::Requested) => {}
                Some(ContactState::Pending) | None => return Err(CommandError::NoContact),
                Some(ContactState::Declined | ContactState::Blocked) => return Err(CommandError::Blocked),
            }
        }
        check_body(body)?;
        match body {
            Body::Text { reply: Some(target), .. } | Body::Reaction { target, .. } => {
                self.target(ctx, room, target)?;
            }
            Body::Edit { target, .. } | Body::Recall { target } => {
                if self.target(ctx, room, target)?.place.sender != me {
                    return Err(CommandError::NotYours);
                }
            }
            Body::Text { reply: None, .. } => {}
            Body::Receipt { .. }
            | Body::Card { .. }
            | Body::Cards { .. }
            | Body::Ask { .. }
            | Body::Gone { .. }
            | Body::Heads { .. }
            | Body::Copy { .. }
            | Body::Lost { .. } => {
                return Err(CommandError::Internal);
            }
        }
        Ok(())
    }

    fn target(&self, ctx: &Ctx, room: &RoomId, target: &MessageId) -> Result<row::Index, CommandError> {
        let index = ctx.row::<row::Index>(Table::Index, &target.0);
        index.filter(|index| index.place.room == *room && index.target.is_none()).ok_or(CommandError::NoMessage)
    }

    /// Seals something that is no message for one member, and owes it.
    pub(super) fn send_aside(&mut self, ctx: &mut Ctx, room: &RoomId, account: &AccountId, body: &Body) -> Option<u64> {
        // A new card takes the place of an older one; of all else there is so much at a time. Who is out of the room could not open it.
        if !self.rooms.has_member(room, account) || !(matches!(body, Body::Card { .. }) || self.outbox.takes_aside(account)) {
            return None;
        }
        let clock = Clock { ms: ctx.now.wall, count: 0 };
        let (proof, body) = (ctx.rng.bytes(), codec::encode(body));
        let content = codec::encode(&Content { proof, device: None, number: 0, clock, is_back: false, body });
        let sealed = self.rooms.seal(ctx, room, &content).ok()?;
        let cargo = Cargo::Content { room: *room, content };
        let order = self.owe(ctx, account, cargo, Some(&sealed.envelope), sealed.epoch, false);
        self.pump(ctx, account);
        Some(order)
    }

    /// The same for several members, sealed once. Who is owed too much already does without. Whether it was sealed.
    pub(super) fn send_shared(&mut self, ctx: &mut Ctx, room: &RoomId, accounts: &[AccountId], body: &Body) -> bool {
        let subject = if let Body::Cards { cards } = body { super::lane::subject(cards) } else { None };
        let clock = Clock { ms: ctx.now.wall, count: 0 };
        let (proof, body) = (ctx.rng.bytes(), codec::encode(body));
        let content = codec::encode(&Content { proof, device: None, number: 0, clock, is_back: false, body });
        let Ok(sealed) = self.rooms.seal(ctx, room, &content) else { return false };
        for account in accounts {
            if let Some(subject) = subject {
                self.drop_such(ctx, account, |other| *other == Other::Cards(*room, subject));
            }
            if self.outbox.takes_aside(account) {
                let cargo = Cargo::Content { room: *room, content: content.clone() };
                self.owe(ctx, account, cargo, Some(&sealed.envelope), sealed.epoch, accounts.len() > 1);
                self.pump(ctx, account);
            }
        }
        true
    }

    /// A small envelope of a room of many devices also goes by gossip; receipts still decide what is owed.
    fn publish(&mut self, ctx: &mut Ctx, room: &RoomId, bytes: &[u8]) {
        if bytes.len() < GOSSIP_BYTES_MAX
            && self.rooms.devices(room).len() > GOSSIP_ROOM_DEVICES_MIN
            && let Some(topic) = self.rooms.topic(room)
        {
            ctx.speak(Output::Publish { topic: Topic::Room(topic), bytes: bytes.to_vec() });
        }
    }

    /// Puts a numbered content where it belongs.
    pub(super) fn store_message(
        &mut self,
        ctx: &mut Ctx,
        series: &Series,
        content: &Content,
        custody: Vec<(AccountId, Custody)>,
        envelope: Vec<u8>,
    ) {
        let Series { room, account: sender, device } = *series;
        let message = message_id(&room, &sender, &content.proof);
        let place = Place { room, clock: self.place_of(ctx, series, content), sender, message };
        let Content { proof, number, clock, is_back, .. } = *content;
        let mut late = false;
        if let Some(mut row) = ctx.row::<row::Room>(Table::Room, &room.0) {
            late = sender != ctx.keys.account_id() && clock < row.clock && clock.ms + LATE_MS < ctx.now.wall;
            // Another's clock moves ours, and so does that of a former device of this account; but not far beyond what this machine believes.
            if clock > row.clock && clock.ms <= ctx.now.wall + CLOCK_DRIFT_MS_MAX {
                row.clock = clock;
                ctx.put(Table::Room, room.0, &row);
            }
        }
        let stamp = (place.clock != clock).then_some(clock);
        ctx.put(Table::Numbered, series.numbered(number), &row::Numbered { message, proof, stamp, is_back, envelope });
        let body = Body::open(&content.body).ok();
        let target = body.as_ref().and_then(about);
        ctx.put(Table::Index, message.0, &row::Index { place, target, custody, read_at: None });
        match target {
            Some(target) => {
                let mark = row::Mark { message, sender, device, number, clock: place.clock, body: content.body.clone() };
                ctx.put(Table::Mark, row::mark_key(&target, &place), &mark);
            }
            None => {
                let stored = row::Message { device, number, body: content.body.clone(), arrived: ctx.now.wall, late };
                ctx.put(Table::Message, place.key(), &stored);
            }
        }
        if body.is_none() {
            ctx.put_raw(Table::Meta, [row::META_LATER, &place.key()].concat(), []);
        }
        if is_back {
            self.note_back(ctx, series, content);
        }
    }

    /// At start: a release that knows more kinds looks again at what its forerunner did not understand. What is about another
    /// message then goes to that one; the rest is where it belongs.
    pub(super) fn read_later(&self, ctx: &mut Ctx) {
        let known = ctx.get(Table::Meta, KINDS_KEY);
        if known.as_deref() == Some(&Body::KINDS.to_be_bytes()) {
            return;
        }
        ctx.put_raw(Table::Meta, KINDS_KEY, Body::KINDS.to_be_bytes());
        for (name, _) in ctx.scan(&Scan::prefix(Table::Meta, row::META_LATER)) {
            let key = &name[row::META_LATER.len()..];
            let row = Place::from_key(key).and_then(|place| Some((place, ctx.row::<row::Message>(Table::Message, key)?)));
            let Some((place, row)) = row else {
                ctx.delete(Table::Meta, name);
                continue;
            };
            let Some(body) = row.body() else { continue };
            let (Some(target), Some(index)) = (about(&body), ctx.row::<row::Index>(Table::Index, &place.message.0)) else {
                ctx.delete(Table::Meta, name);
                continue;
            };
            let Place { clock, sender, message, .. } = place;
            let mark = row::Mark { message, sender, device: row.device, number: row.number, clock, body: row.body };
            ctx.put(Table::Mark, row::mark_key(&target, &place), &mark);
            ctx.put(Table::Index, message.0, &row::Index { target: Some(target), ..index });
            ctx.delete(Table::Message, key);
            ctx.delete(Table::Meta, name);
        }
    }

    /// A new device goes on where another one of the account was: it counts its messages from the start, and what the other one
    /// numbered stays as it is.
    pub(super) fn retire(&mut self, ctx: &mut Ctx, device: &DeviceId) {
        let account = ctx.keys.account_id();
        for (key, value) in ctx.scan(&Scan::prefix(Table::Room, [])) {
            let (Some(room), Ok(row)) = (RoomId::from_slice(&key), row::decode::<row::Room>(&value)) else { continue };
            if row.number > 0 {
                let series = Series { room, account, device: *device };
                let heads: row::Heads = ctx.row(Table::Heads, &series.key()).unwrap_or_default();
                ctx.put(Table::Heads, series.key(), &row::Heads { high: row.number, ..heads });
                ctx.put(Table::Room, key, &row::Room { number: 0, ..row });
            }
        }
    }

    /// A stored message as it was sealed, to seal it again.
    pub(super) fn stored_content(&self, ctx: &Ctx, message: &MessageId) -> Option<Content> {
        let index: row::Index = ctx.row(Table::Index, &message.0)?;
        let Place { room, clock, sender, .. } = index.place;
        let (device, number, body) = match index.target {
            Some(target) => {
                let mark: row::Mark = ctx.row(Table::Mark, &row::mark_key(&target, &index.place))?;
                (mark.device, mark.number, mark.body)
            }
            None => {
                let stored: row::Message = ctx.row(Table::Message, &index.place.key())?;
                (stored.device, stored.number, stored.body)
            }
        };
        let series = Series { room, account: sender, device };
        let numbered: row::Numbered = ctx.row(Table::Numbered, &series.numbered(number))?;
        let device = (device != ctx.keys.device_id()).then_some(device);
        let clock = numbered.stamp.unwrap_or(clock);
        Some(Content { proof: numbered.proof, device, number, clock, is_back: numbered.is_back, body })
    }

    /// The room that an account shares with us alone.
    pub(super) fn room_with(&self, ctx: &Ctx, account: &AccountId) -> RoomId {
        direct_room(&ctx.keys.account_id(), account)
    }
}

/// Where the number of kinds stands in `Table::Meta` that the rows were last looked at with.
const KINDS_KEY: &[u8] = b"kinds";

/// The message that a reaction, edit or recall is about.
fn about(body: &Body) -> Option<MessageId> {
    match body {
        Body::Reaction { target, .. } | Body::Edit { target, .. } | Body::Recall { target } => Some(*target),
        _ => None,
    }
}

/// Whether a person may send this.
fn check_body(body: &Body) -> Result<(), CommandError> {
    let too_long = |has: usize, max: usize| CommandError::TooLong { has: has as u64, max: max as u64 };
    match body {
        Body::Text { text, .. } | Body::Edit { text, .. } if text.len() > TEXT_BYTES_MAX => Err(too_long(text.len(), TEXT_BYTES_MAX)),
        Body::Text { text, .. } | Body::Edit { text, .. } if text.trim().is_empty() => Err(CommandError::Empty),
        Body::Reaction { emoji, .. } if emoji.len() > REACTION_BYTES_MAX => Err(too_long(emoji.len(), REACTION_BYTES_MAX)),
        _ => Ok(()),
    }
}
