//! Receipts: what we owe others, and what theirs say of our messages.

use std::collections::BTreeMap;

use super::ctx::Ctx;
use super::lane::Other;
use super::node::State;
use super::seam::{CommandError, Event, Misbehaviour, Outcome, Reply};
use super::timer::Timer;
use crate::types::limits::{FRAME_IDS_MAX, RECEIPT_DELAY_MS};
use crate::types::{AccountId, DeviceId, MessageId, RoomId, Scan, Table};
use crate::wire::card;
use crate::wire::content::Body;
use crate::wire::row::{self, Cargo, ContactState, RoomKind, Series};

impl State {
    /// Owes a sender the receipt that its message is durable here.
    pub(super) fn owe_delivered(&mut self, ctx: &mut Ctx, account: &AccountId, room: &RoomId, message: &MessageId) {
        let key = [&account.0[..], &message.0[..]].concat();
        if ctx.get(Table::Owed, &key).is_none() {
            ctx.put(Table::Owed, key, &row::Owed { room: *room, read: false });
            self.timers.sooner(Timer::Receipts, ctx.now.mono + RECEIPT_DELAY_MS);
        }
    }

    /// The person has seen these messages; their senders are told.
    pub(super) fn read(&mut self, ctx: &mut Ctx, room: &RoomId, messages: &[MessageId]) -> Result<Reply, CommandError> {
        let me = ctx.keys.account_id();
        for message in messages {
            let Some(index) = ctx.row::<row::Index>(Table::Index, &message.0) else { continue };
            let sender = index.place.sender;
            if index.place.room != *room || sender == me || index.read_at.is_some() {
                continue;
            }
            ctx.put(Table::Index, message.0, &row::Index { read_at: Some(ctx.now.wall), ..index });
            ctx.put(Table::Owed, [&sender.0[..], &message.0[..]].concat(), &row::Owed { room: *room, read: true });
            self.timers.sooner(Timer::Receipts, ctx.now.mono);
        }
        Ok(Reply::Done)
    }

    /// Sends receipts that were gathered, a bounded number for each sender and room at a time.
    pub(super) fn send_receipts(&mut self, ctx: &mut Ctx) {
        let mut rows = Vec::new();
        let mut scan = Scan::prefix(Table::Owed, []).limit(1);
        while let Some(account) = ctx.scan(&scan).first().and_then(|(key, _)| AccountId::from_slice(key.get(..32)?)) {
            // Who is owed many already gets these when there is room.
            if self.outbox.takes_aside(&account) {
                let limit = FRAME_IDS_MAX - rows.len();
                rows.extend(ctx.scan(&Scan::prefix(Table::Owed, account.0).limit(limit)));
                if rows.len() == FRAME_IDS_MAX {
                    self.timers.sooner(Timer::Receipts, ctx.now.mono);
                    break;
                }
            }
            scan = scan.after([&account.0[..], &[0xff; 17]].concat());
        }
        let mut gathered: BTreeMap<(AccountId, RoomId), (Vec<MessageId>, Vec<MessageId>)> = BTreeMap::new();
        for (key, value) in rows {
            let parts = key.split_at_checked(32).and_then(|(a, m)| Some((AccountId::from_slice(a)?, MessageId::from_slice(m)?)));
            if let (Some((account, message)), Ok(owed)) = (parts, row::decode::<row::Owed>(&value)) {
                let (delivered, read) = gathered.entry((account, owed.room)).or_default();
                if owed.read { read.push(message) } else { delivered.push(message) }
            }
            ctx.delete(Table::Owed, key);
        }
        for ((account, room), (delivered, read)) in gathered {
            if self.contacts.is_reachable(&account) {
                self.send_aside(ctx, &room, &account, &Body::Receipt { delivered, read });
            }
        }
    }

    /// A content that is no message: it concerns the two devices, not the people.
    pub(super) fn handle_aside(&mut self, ctx: &mut Ctx, room: &RoomId, sender: &AccountId, device: &DeviceId, body: Body) -> Outcome {
        match body {
            Body::Receipt { delivered, read } => {
                for message in &delivered {
                    self.on_receipt(ctx, room, sender, device, message, false);
                }
                for message in &read {
                    self.on_receipt(ctx, room, sender, device, message, true);
                }
                self.pump(ctx, sender);
                Outcome::Accepted
            }
            Body::Card { card, grants, key_packages } => {
                let Ok(opened) = card::Signed::open(&card) else { return Outcome::Misbehaved(Misbehaviour::Signature) };
                if opened.account != *sender {
                    return Outcome::Misbehaved(Misbehaviour::Right);
                }
                let is_good = |kp: &Vec<u8>| self.rooms.check_key_package(sender, kp, opened.number).is_ok();
                let key_packages = key_packages.into_iter().filter(is_good).collect();
                self.update_card(ctx, sender, &card, opened, grants, Some(key_packages));
                Outcome::Accepted
            }
            Body::Ask { account, device, numbers } => self.handle_ask(ctx, &Series { room: *room, account, device }, sender, &numbers),
            Body::Gone { account, device, numbers } => self.handle_gone(ctx, &Series { room: *room, account, device }, sender, &numbers),
            Body::Heads { heads, card, asks } => {
                self.hear_heads(ctx, room, sender, &heads);
                if let Some(card) = card {
                    self.take_own_card(ctx, &card);
                }
                if asks {
                    self.tell_heads(ctx, room, sender, None, false);
                    if self.rooms.info(room).is_some_and(|info| info.kind == RoomKind::Group) {
                        self.introduce_again(ctx, room, sender);
                    }
                }
                Outcome::Accepted
            }
            Body::Copy { content } => self.handle_copy(ctx, room, sender, device, &content),
            Body::Cards { cards } => self.handle_cards(ctx, room, sender, cards),
            Body::Lost { envelopes } => self.hear_lost(ctx, sender, &envelopes),
            Body::Had { messages } => {
                self.handle_had(ctx, sender, &messages);
                Outcome::Accepted
            }
            Body::Text { .. } | Body::Reaction { .. } | Body::Edit { .. } | Body::Recall { .. } | Body::Media(_) => {
                Outcome::Misbehaved(Misbehaviour::Unexpected)
            }
        }
    }

    pub(super) fn on_receipt(
        &mut self,
        ctx: &mut Ctx,
        room: &RoomId,
        account: &AccountId,
        device: &DeviceId,
        message: &MessageId,
        is_read: bool,
    ) {
        let Some(mut index) = ctx.row::<row::Index>(Table::Index, &message.0).filter(|index| index.place.room == *room) else { return };
        let Some((_, custody)) = index.custody.iter_mut().find(|(other, _)| other == account) else { return };
        let order = custody.order;
        let now = ctx.now.wall;
        custody.delivered.get_or_insert(now);
        custody.expired = false;
        if is_read {
            custody.read.get_or_insert(now);
        }
        ctx.put(Table::Index, message.0, &index);
        ctx.emit(Event::Custody { room: *room, message: *message });
        let is_owed = self.owed_row(ctx, account, order).is_some_and(|row| row.cargo == Cargo::Message { room: *room, message: *message });
        if is_owed {
            self.settle_delivered(ctx, account, order, *device, None);
        }
    }

    /// Contacts that lack our newest card get it soon.
    pub(super) fn queue_cards(&mut self, ctx: &Ctx) {
        self.timers.sooner(Timer::Cards, ctx.now.mono + crate::types::limits::CARD_DELAY_MS);
    }

    /// Sends our newest card to those who lack it, some at a time; renews requests that carry an older one.
    pub(super) fn send_cards(&mut self, ctx: &mut Ctx) {
        let number = self.account.card.number;
        let lacking = self.contacts.iter().filter(|(_, known)| {
            known.row.card_sent < number
                && match known.row.state {
                    ContactState::Accepted => self.rooms.has(&self.room_with(ctx, &known.card.account)),
                    ContactState::Requested => true,
                    ContactState::Pending | ContactState::Declined | ContactState::Blocked => false,
                }
        });
        let accounts: Vec<(AccountId, ContactState)> =
            lacking.map(|(account, known)| (*account, known.row.state)).take(crate::types::limits::OUTBOX_PAGE).collect();
        if accounts.len() == crate::types::limits::OUTBOX_PAGE {
            self.timers.sooner(Timer::Cards, ctx.now.mono);
        }
        for (account, state) in accounts {
            let room = self.room_with(ctx, &account);
            if state == ContactState::Requested {
                self.request(ctx, &account);
            } else {
                self.drop_such(ctx, &account, |other| *other == Other::Card);
                let round = self.contacts.get(&account).map_or(0, |known| known.row.grant_round);
                let (grants, key_packages) = (self.grants_for(ctx, &account.0, round), vec![self.rooms.key_package(ctx)]);
                let card = self.account.signed.clone();
                if self.send_aside(ctx, &room, &account, &Body::Card { card, grants, key_packages }).is_some() {
                    self.change_contact(ctx, &account, |row| row.card_sent = number);
                }
            }
        }
    }
}
