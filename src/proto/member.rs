//! Members of groups need not be contacts of each other. Each tells the others its card, and a token for its mailboxes that is the room's; an
//! admin passes on what it was told to those who may not know each other. So any member can reach any other, also one who is rarely there.

use super::account::grant_id;
use super::ctx::Ctx;
use super::node::State;
use super::seam::{Misbehaviour, Outcome};
use super::timer::Timer;
use crate::types::limits::{CARD_DELAY_MS, GROUP_CARDS_MAX, MEMBER_CARDS_BYTES_MAX, MEMBER_CARDS_MAX, MEMBER_ROOMS_PER_TURN_MAX};
use crate::types::{AccountId, PeerId, RoomId, Scan, Table};
use crate::wire::card;
use crate::wire::content::Body;
use crate::wire::mailbox::Grant;
use crate::wire::row::{self, RoomKind};

/// A member's signed card, and the room's tokens for its mailboxes.
pub(super) type MemberCard = (Vec<u8>, Vec<Grant>);

fn member_key(room: &RoomId, account: &AccountId) -> Vec<u8> {
    [&room.0[..], &account.0[..]].concat()
}

/// Room and account of such a key.
pub(super) fn member_of(key: &[u8]) -> Option<(RoomId, AccountId)> {
    let (room, account) = key.split_at_checked(32)?;
    Some((RoomId::from_slice(room)?, AccountId::from_slice(account)?))
}

impl State {
    /// There may be something to tell in all groups.
    pub(super) fn queue_groups(&mut self, ctx: &Ctx) {
        for room in self.rooms.rooms() {
            self.queue_group(ctx, &room);
        }
    }

    fn queue_group(&mut self, ctx: &Ctx, room: &RoomId) {
        if self.rooms.info(room).is_some_and(|info| info.kind == RoomKind::Group) && self.rooms.has(room) {
            self.members_due.insert(*room);
            self.timers.sooner(Timer::Members, ctx.now.mono + CARD_DELAY_MS);
        }
    }

    /// Who is in a group has changed (`is_left`: somebody went), or this device has come into it or is out of it. Who is out loses the
    /// room's tokens, and is known until they have what they were owed: without the commits before it they could not open the one that
    /// tells them.
    pub(super) fn on_members(&mut self, ctx: &mut Ctx, room: &RoomId, is_left: bool) {
        let (me, members) = (ctx.keys.account_id(), self.rooms.members(room));
        let is_left = is_left || !self.rooms.has(room);
        for (key, value) in ctx.scan(&Scan::prefix(Table::Member, room.0)) {
            let Some((_, account)) = member_of(&key).filter(|(_, account)| *account != me && !members.contains(account)) else { continue };
            match row::decode::<row::Member>(&value) {
                Ok(row) if self.outbox.is_busy(&account) => ctx.put(Table::Member, key, &row::Member { told: 0, is_told: false, ..row }),
                _ => self.forget_member(ctx, room, &account),
            }
        }
        if is_left && let Some(own) = ctx.row::<row::Member>(Table::Member, &member_key(room, &me)) {
            let fresh = row::Member { round: own.round + 1, told: 0, ..own };
            ctx.put(Table::Member, member_key(room, &me), &fresh);
            for (mailbox, inbox) in self.mailboxes.registered().collect::<Vec<_>>() {
                if self.peers.is_up(&mailbox) {
                    self.revoke_blocked(ctx, mailbox, inbox);
                }
            }
        }
        self.queue_group(ctx, room);
    }

    fn forget_member(&mut self, ctx: &mut Ctx, room: &RoomId, account: &AccountId) {
        ctx.delete(Table::Member, member_key(room, account));
        self.contacts.forget_member(room, account);
    }

    /// An account is owed nothing any more: groups that it is no longer in, or this account is not, need not know it.
    pub(super) fn forget_former_member(&mut self, ctx: &mut Ctx, account: &AccountId) {
        let me = ctx.keys.account_id();
        for room in self.contacts.groups_with(account) {
            let members = ctx.row::<row::Room>(Table::Room, &room.0).map(|row| row.members).unwrap_or_default();
            if !(members.contains(account) && members.contains(&me)) {
                self.forget_member(ctx, &room, account);
            }
        }
    }

    /// Tokens of groups that are no longer good at a mailbox.
    pub(super) fn revoked_of_groups(&self, ctx: &Ctx, mailbox: &PeerId) -> Vec<[u8; 16]> {
        let me = ctx.keys.account_id();
        let is_group = |room: &RoomId| self.rooms.info(room).is_some_and(|info| info.kind == RoomKind::Group);
        let groups = self.rooms.rooms().into_iter().filter(is_group);
        let own = groups.filter_map(|room| Some((room, ctx.row::<row::Member>(Table::Member, &member_key(&room, &me))?)));
        own.flat_map(|(room, own)| (0..own.round).map(move |round| grant_id(ctx.keys, mailbox, &room.0, round))).collect()
    }

    /// Tells what is new in some groups; the others wait for the next deadline.
    pub(super) fn send_member_cards(&mut self, ctx: &mut Ctx) {
        for _ in 0..MEMBER_ROOMS_PER_TURN_MAX {
            let Some(room) = self.members_due.pop_first() else { return };
            self.tell_own_card(ctx, &room);
            self.pass_cards_on(ctx, &room);
        }
        if !self.members_due.is_empty() {
            self.timers.sooner(Timer::Members, ctx.now.mono);
        }
    }

    /// Large groups have no part in it: there it would cost more than it helps.
    fn others_in(&self, ctx: &Ctx, room: &RoomId) -> Vec<AccountId> {
        let me = ctx.keys.account_id();
        let members = if self.rooms.has(room) { self.rooms.members(room) } else { Vec::new() };
        if members.len() > GROUP_CARDS_MAX { Vec::new() } else { members.into_iter().filter(|account| *account != me).collect() }
    }

    /// This account's card, to those who can be reached.
    fn tell_own_card(&mut self, ctx: &mut Ctx, room: &RoomId) {
        let key = member_key(room, &ctx.keys.account_id());
        let own: row::Member = ctx.row(Table::Member, &key).unwrap_or_default();
        let number = self.account.card.number;
        let mut whom = self.others_in(ctx, room);
        whom.retain(|account| self.contacts.is_reachable(account));
        if own.told >= number || whom.is_empty() {
            return;
        }
        let grants = self.grants_for(ctx, &room.0, own.round);
        let body = Body::Cards { cards: vec![(self.account.signed.clone(), grants)] };
        if self.send_shared(ctx, room, &whom, &body) {
            ctx.put(Table::Member, key, &row::Member { told: number, ..own });
        }
    }

    /// As an admin: what members told, to the others; everything to who is new.
    fn pass_cards_on(&mut self, ctx: &mut Ctx, room: &RoomId) {
        let me = ctx.keys.account_id();
        if !self.rooms.info(room).is_some_and(|info| info.admins.contains(&me)) {
            return;
        }
        let others = self.others_in(ctx, room);
        let row = |account: &AccountId| ctx.row::<row::Member>(Table::Member, &member_key(room, account)).unwrap_or_default();
        let mut known: Vec<(AccountId, row::Member)> = others.iter().map(|account| (*account, row(account))).collect();
        let number = |row: &row::Member| card::Signed::open(&row.card).map_or(0, |card| card.number);
        let news: Vec<MemberCard> =
            known.iter().filter(|(_, row)| number(row) > row.told).map(|(_, row)| (row.card.clone(), row.grants.clone())).collect();
        let mut whom = others.clone();
        whom.retain(|account| self.contacts.is_reachable(account));
        let is_told = in_parts(news).into_iter().all(|cards| self.send_shared(ctx, room, &whom, &Body::Cards { cards }));
        for (account, row) in known.iter_mut() {
            let told = if is_told { number(row) } else { row.told };
            let needs_all = !row.is_told && whom.contains(account);
            let is_given = needs_all && self.tell_all(ctx, room, account);
            if told != row.told || is_given {
                (row.told, row.is_told) = (told, row.is_told || is_given);
                ctx.put(Table::Member, member_key(room, account), row);
            }
        }
    }

    /// All cards that are known, to a member who is new; whether they could be sent.
    fn tell_all(&mut self, ctx: &mut Ctx, room: &RoomId, to: &AccountId) -> bool {
        let rows = ctx.scan(&Scan::prefix(Table::Member, room.0)).into_iter();
        let rows = rows.filter_map(|(key, value)| Some((member_of(&key)?.1, row::decode::<row::Member>(&value).ok()?)));
        let is_in = |account: &AccountId| account != to && self.rooms.has_member(room, account);
        let cards = rows.filter(|(account, row)| is_in(account) && !row.card.is_empty()).map(|(_, row)| (row.card, row.grants)).collect();
        in_parts(cards).into_iter().all(|cards| self.send_aside(ctx, room, to, &Body::Cards { cards }).is_some())
    }

    /// A member's device is new in a group and may know nobody else there: it is told this account's card, and by an admin all that
    /// are known.
    pub(super) fn introduce_again(&mut self, ctx: &mut Ctx, room: &RoomId, to: &AccountId) {
        if !self.others_in(ctx, room).contains(to) {
            return;
        }
        let own: row::Member = ctx.row(Table::Member, &member_key(room, &ctx.keys.account_id())).unwrap_or_default();
        let grants = self.grants_for(ctx, &room.0, own.round);
        self.send_shared(ctx, room, &[*to], &Body::Cards { cards: vec![(self.account.signed.clone(), grants)] });
        let key = member_key(room, to);
        if let Some(row) = ctx.row::<row::Member>(Table::Member, &key) {
            ctx.put(Table::Member, key, &row::Member { is_told: false, ..row });
        }
        self.queue_group(ctx, room);
    }

    /// Members' cards, from themselves or from an admin.
    pub(super) fn handle_cards(&mut self, ctx: &mut Ctx, room: &RoomId, sender: &AccountId, cards: Vec<MemberCard>) -> Outcome {
        let Some(info) = self.rooms.info(room).filter(|info| info.kind == RoomKind::Group).cloned() else {
            return Outcome::Misbehaved(Misbehaviour::Unexpected);
        };
        for (signed, grants) in cards {
            let Ok(card) = card::Signed::open(&signed) else { return Outcome::Misbehaved(Misbehaviour::Signature) };
            let is_own = card.account == *sender;
            let is_wanted = self.rooms.has_member(room, &card.account) && card.account != ctx.keys.account_id();
            if !is_wanted || !(is_own || info.admins.contains(sender)) {
                continue;
            }
            let key = member_key(room, &card.account);
            let known: Option<row::Member> = ctx.row(Table::Member, &key).filter(|known: &row::Member| !known.card.is_empty());
            let number = known.as_ref().and_then(|known| card::Signed::open(&known.card).ok()).map_or(0, |card| card.number);
            // What an admin says of others counts less than what they say themselves.
            let is_same = known.as_ref().is_some_and(|known| known.card == signed && known.grants == grants);
            if is_same || card.number < number || (!is_own && card.number == number) {
                continue;
            }
            let before: row::Member = ctx.row(Table::Member, &key).unwrap_or_default();
            let told = if is_own { 0 } else { card.number };
            ctx.put(Table::Member, key, &row::Member { card: signed.clone(), grants: grants.clone(), told, ..before });
            let account = card.account;
            self.contacts.learn_member(room, card.clone(), grants);
            if self.contacts.get(&account).is_some_and(|known| known.card.number < card.number) {
                self.update_card(ctx, &account, &signed, card, Vec::new(), None);
            }
            self.outbox.rewind(&account);
            self.pump(ctx, &account);
        }
        self.queue_group(ctx, room);
        Outcome::Accepted
    }
}

/// As many contents as it takes.
fn in_parts(cards: Vec<MemberCard>) -> Vec<Vec<MemberCard>> {
    let mut parts: Vec<Vec<MemberCard>> = Vec::new();
    let mut bytes = 0;
    for card in cards {
        let length = card.0.len() + card.1.len() * GRANT_BYTES;
        match parts.last_mut().filter(|part| part.len() < MEMBER_CARDS_MAX && bytes + length <= MEMBER_CARDS_BYTES_MAX) {
            Some(part) => {
                part.push(card);
                bytes += length;
            }
            None => {
                parts.push(vec![card]);
                bytes = length;
            }
        }
    }
    parts
}

/// An encoded grant is shorter.
const GRANT_BYTES: usize = 256;
