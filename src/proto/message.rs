//! Messages: sending, storing in the room's one order, and reading back what was stored.

use std::collections::BTreeSet;

use super::ctx::Ctx;
use super::lane::Other;
use super::node::State;
use super::seam::{CommandError, Event, Output, Reply, Topic};
use crate::crypto::keys::direct_room;
use crate::types::limits::{CLOCK_DRIFT_MS_MAX, GOSSIP_BYTES_MAX, GOSSIP_ROOM_DEVICES_MIN, LATE_MS, REACTION_BYTES_MAX, TEXT_BYTES_MAX};
use crate::types::{AccountId, DeviceId, MessageId, RoomId, Scan, Table};
use crate::wire::codec;
use crate::wire::content::{Body, Clock, Content};
use crate::wire::row::{self, Cargo, ContactState, Custody, Place, RoomKind};

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
        let message = MessageId(ctx.rng.bytes());
        row.clock = tick(row.clock, ctx.now.wall);
        row.number += 1;
        let content = Content { message, number: row.number, clock: row.clock, body };
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
        let device = ctx.keys.device_id();
        self.store_message(ctx, (room, me, device), content, custody, Vec::new());
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
            Body::Receipt { .. } | Body::Card { .. } | Body::Cards { .. } | Body::Ask { .. } | Body::Gone { .. } => {
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
    pub(super) fn send_aside(&mut self, ctx: &mut Ctx, room: &RoomId, account: &AccountId, body: Body) -> Option<u64> {
        // A new card takes the place of an older one; of all else there is so much at a time. Who is out of the room could not open it.
        if !self.rooms.has_member(room, account) || !(matches!(body, Body::Card { .. }) || self.outbox.takes_aside(account)) {
            return None;
        }
        let clock = Clock { ms: ctx.now.wall, count: 0 };
        let content = codec::encode(&Content { message: MessageId(ctx.rng.bytes()), number: 0, clock, body });
        let sealed = self.rooms.seal(ctx, room, &content).ok()?;
        let cargo = Cargo::Content { room: *room, content };
        let order = self.owe(ctx, account, cargo, Some(&sealed.envelope), sealed.epoch, false);
        self.pump(ctx, account);
        Some(order)
    }

    /// The same for several members, sealed once. Who is owed too much already does without. Whether it was sealed.
    pub(super) fn send_shared(&mut self, ctx: &mut Ctx, room: &RoomId, accounts: &[AccountId], body: Body) -> bool {
        let subject = if let Body::Cards { cards } = &body { super::lane::subject(cards) } else { None };
        let clock = Clock { ms: ctx.now.wall, count: 0 };
        let content = codec::encode(&Content { message: MessageId(ctx.rng.bytes()), number: 0, clock, body });
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
        (room, sender, device): (RoomId, AccountId, DeviceId),
        content: Content,
        custody: Vec<(AccountId, Custody)>,
        envelope: Vec<u8>,
    ) {
        let Content { message, number, clock, body } = content;
        let place = Place { room, clock, sender, message };
        let target = match &body {
            Body::Reaction { target, .. } | Body::Edit { target, .. } | Body::Recall { target } => Some(*target),
            _ => None,
        };
        let mut late = false;
        if sender != ctx.keys.account_id()
            && let Some(mut row) = ctx.row::<row::Room>(Table::Room, &room.0)
        {
            late = clock < row.clock && clock.ms + LATE_MS < ctx.now.wall;
            // Another's clock moves ours, but not far beyond what this machine believes.
            if clock > row.clock && clock.ms <= ctx.now.wall + CLOCK_DRIFT_MS_MAX {
                row.clock = clock;
                ctx.put(Table::Room, room.0, &row);
            }
        }
        ctx.put(Table::Index, message.0, &row::Index { place, target, custody, read_at: None });
        ctx.put(Table::Numbered, numbered_key(&room, &device, number), &row::Numbered { message, envelope });
        match target {
            Some(target) => {
                let mark = row::Mark { message, sender, device, number, clock, body };
                ctx.put(Table::Mark, mark.key(&target), &mark);
            }
            None => {
                let stored = row::Message { device, number, body, arrived: ctx.now.wall, late };
                ctx.put(Table::Message, place.key(), &stored);
            }
        }
    }

    /// A new device counts its messages from the start, those that an earlier one still owed included.
    pub(super) fn renumber(&mut self, ctx: &mut Ctx) {
        let device = ctx.keys.device_id();
        for (key, value) in ctx.scan(&Scan::prefix(Table::Room, [])) {
            if let Ok(row) = row::decode::<row::Room>(&value) {
                ctx.put(Table::Room, key, &row::Room { number: 0, ..row });
            }
        }
        let mut numbered = BTreeSet::new();
        for (_, value) in ctx.scan(&Scan::prefix(Table::Outbox, [])) {
            let Ok(row::Outbox { cargo: Cargo::Message { room, message }, .. }) = row::decode(&value) else { continue };
            let index = ctx.row::<row::Index>(Table::Index, &message.0).filter(|_| numbered.insert(message));
            let (Some(index), Some(mut row)) = (index, ctx.row::<row::Room>(Table::Room, &room.0)) else { continue };
            row.number += 1;
            let number = row.number;
            ctx.put(Table::Room, room.0, &row);
            ctx.put(Table::Numbered, numbered_key(&room, &device, number), &row::Numbered { message, envelope: Vec::new() });
            let Place { clock, sender, .. } = index.place;
            match index.target {
                Some(target) => {
                    let key = row::mark_key(&target, &clock, &sender, &message);
                    if let Some(mark) = ctx.row::<row::Mark>(Table::Mark, &key) {
                        ctx.put(Table::Mark, key, &row::Mark { device, number, ..mark });
                    }
                }
                None => {
                    if let Some(stored) = ctx.row::<row::Message>(Table::Message, &index.place.key()) {
                        ctx.put(Table::Message, index.place.key(), &row::Message { device, number, ..stored });
                    }
                }
            }
        }
    }

    /// A stored message as it was sealed, to seal it again.
    pub(super) fn stored_content(&self, ctx: &Ctx, message: &MessageId) -> Option<Content> {
        let index: row::Index = ctx.row(Table::Index, &message.0)?;
        let Place { clock, sender, .. } = index.place;
        let (number, body) = match index.target {
            Some(target) => {
                let key = row::mark_key(&target, &clock, &sender, message);
                let mark: row::Mark = ctx.row(Table::Mark, &key)?;
                (mark.number, mark.body)
            }
            None => {
                let stored: row::Message = ctx.row(Table::Message, &index.place.key())?;
                (stored.number, stored.body)
            }
        };
        Some(Content { message: *message, number, clock, body })
    }

    /// The room that an account shares with us alone.
    pub(super) fn room_with(&self, ctx: &Ctx, account: &AccountId) -> RoomId {
        direct_room(&ctx.keys.account_id(), account)
    }
}

/// The next moment of a room's clock.
fn tick(clock: Clock, wall: u64) -> Clock {
    if wall > clock.ms { Clock { ms: wall, count: 0 } } else { Clock { ms: clock.ms, count: clock.count.saturating_add(1) } }
}

/// `room | device | number`.
pub(super) fn numbered_key(room: &RoomId, device: &DeviceId, number: u64) -> Vec<u8> {
    [&room.0[..], &device.0[..], &number.to_be_bytes()].concat()
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
