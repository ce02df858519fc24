//! What a mailbox held for us and we can never open. The mailbox forgets it, so who sent it must hear of that: they show that mailbox as a
//! holder. It is told inside the room, since who put it there is not known.

use std::collections::BTreeMap;

use super::ctx::Ctx;
use super::node::State;
use super::receive::Source;
use super::seam::Outcome;
use super::timer::Timer;
use crate::types::limits::{FRAME_IDS_MAX, GROUP_CARDS_MAX, RECEIPT_DELAY_MS};
use crate::types::{AccountId, EnvelopeId, RoomId, Scan, Table};
use crate::wire::content::Body;

/// `Table::Meta`: `lost/ | room | envelope`: to be told.
const PREFIX: &[u8] = b"lost/";

fn lost_key(room: &RoomId, envelope: &EnvelopeId) -> Vec<u8> {
    [PREFIX, &room.0[..], &envelope.0[..]].concat()
}

fn lost_of(key: &[u8]) -> Option<(RoomId, EnvelopeId)> {
    let (room, envelope) = key.strip_prefix(PREFIX)?.split_at_checked(32)?;
    Some((RoomId::from_slice(room)?, EnvelopeId(envelope.try_into().ok()?)))
}

impl State {
    /// Notes what one of our mailboxes is about to forget, in the batch after which it may. What is too much at a time is found
    /// missing by its number.
    pub(super) fn note_lost(&mut self, ctx: &mut Ctx, source: Source, room: &RoomId, envelope: EnvelopeId) {
        let of_room = Scan::prefix(Table::Meta, [PREFIX, &room.0[..]].concat()).limit(FRAME_IDS_MAX);
        if matches!(source, Source::Mail { .. }) && ctx.scan(&of_room).len() < FRAME_IDS_MAX {
            ctx.put_raw(Table::Meta, lost_key(room, &envelope), []);
            self.timers.sooner(Timer::Receipts, ctx.now.mono + RECEIPT_DELAY_MS);
        }
    }

    /// Tells the others in each room what of theirs is lost, some of it at a time.
    pub(super) fn tell_lost(&mut self, ctx: &mut Ctx) {
        let mut rooms: BTreeMap<RoomId, Vec<EnvelopeId>> = BTreeMap::new();
        let rows = ctx.scan(&Scan::prefix(Table::Meta, PREFIX).limit(FRAME_IDS_MAX));
        let is_full = rows.len() == FRAME_IDS_MAX;
        for (room, envelope) in rows.iter().filter_map(|(key, _)| lost_of(key)) {
            rooms.entry(room).or_default().push(envelope);
        }
        for (room, envelopes) in rooms {
            let whom = self.to_be_told(ctx, &room);
            // Who is owed too much already is told when there is room.
            if !whom.iter().all(|account| self.outbox.takes_aside(account)) {
                continue;
            }
            for envelope in &envelopes {
                ctx.delete(Table::Meta, lost_key(&room, envelope));
            }
            if !whom.is_empty() {
                self.send_shared(ctx, &room, &whom, &Body::Lost { envelopes });
            }
            if is_full {
                self.timers.sooner(Timer::Receipts, ctx.now.mono + RECEIPT_DELAY_MS);
            }
        }
    }

    /// The others in a room; not whom the person blocked. Nobody where the group is lost, whose members seal all of it anew; nor in a large
    /// one, where it would cost more than it helps.
    fn to_be_told(&self, ctx: &Ctx, room: &RoomId) -> Vec<AccountId> {
        let me = ctx.keys.account_id();
        let mut members = if self.rooms.has(room) { self.rooms.members(room) } else { Vec::new() };
        if members.len() > GROUP_CARDS_MAX {
            members.clear();
        }
        members.retain(|account| *account != me && self.contacts.is_reachable(account));
        members
    }

    /// A member can never open these, and the mailbox that held them does so no more: what they carry is sealed anew.
    pub(super) fn hear_lost(&mut self, ctx: &mut Ctx, account: &AccountId, envelopes: &[EnvelopeId]) -> Outcome {
        for envelope in envelopes {
            if let Some(order) = self.order_in(ctx, account, envelope) {
                self.renew_lost(ctx, account, order, None, envelope);
            }
        }
        self.pump(ctx, account);
        Outcome::Accepted
    }
}
