//! Repair: asking members for messages that are missing, and giving them what they miss.
//!
//! Every question is answered: with the message, or with the word that the one who was asked cannot give it. A message can no longer
//! come when everybody who could have it has said so. Nobody is believed about somebody else's message: its author seals it again, a
//! member passes on the envelope as it came, and its own account knows it by its proof.

use std::collections::BTreeMap;

use super::ctx::Ctx;
use super::lane::Other;
use super::node::State;
use super::outbox::id_of;
use super::seam::{Event, Misbehaviour, Outcome};
use super::sync::{Ranges, put, take};
use super::timer::Timer;
use crate::crypto::keys::message_id;
use crate::types::limits::{ASK_AFTER_MS, ASK_MS_MAX, COPY_BYTES_MAX, FRAME_IDS_MAX, HOLES_MAX, RETRY_MS_MAX};
use crate::types::{AccountId, DeviceId, Millis, RoomId, Table};
use crate::wire::codec;
use crate::wire::content::{Body, Content};
use crate::wire::envelope::{Envelope, Kind};
use crate::wire::row::{self, Cargo, Custody, Series};

/// The search for what is missing of one device.
#[derive(Clone, Debug, Default)]
pub(super) struct Asking {
    /// When to ask next (monotonic clock).
    pub(super) at: Millis,
    /// How often was asked.
    times: u32,
    /// The highest number that was asked for.
    asked: u64,
    /// What members said they cannot give. In memory: after a start they are asked once more.
    lacking: BTreeMap<AccountId, Ranges>,
}

impl Asking {
    /// A search that begins then.
    pub(super) fn begin(at: Millis) -> Self {
        Self { at, ..Self::default() }
    }

    /// Whether only numbers are left that were not asked for yet.
    pub(super) fn is_past(&self, holes: &[(u64, u64)]) -> bool {
        self.asked > 0 && holes.first().is_some_and(|(first, _)| *first > self.asked)
    }

    fn lacks(&self, account: &AccountId, number: u64) -> bool {
        self.lacking.get(account).is_some_and(|ranges| ranges.iter().any(|(first, last)| (*first..=*last).contains(&number)))
    }
}

impl State {
    /// Asks for holes whose time has come: the author first, then other members in turn.
    pub(super) fn ask(&mut self, ctx: &mut Ctx) {
        let now = ctx.now.mono;
        // What was asked for would be refused, each time in a new seal, until none of them can be opened.
        if self.disk_full {
            return;
        }
        let due: Vec<Series> = self.sync.holes.iter().filter(|(_, asking)| asking.at <= now).map(|(series, _)| *series).collect();
        for series in due {
            self.ask_one(ctx, &series);
        }
        if let Some(next) = self.sync.holes.values().map(|asking| asking.at).min() {
            self.timers.set(Timer::Ask, next.max(now + 1));
        }
    }

    fn ask_one(&mut self, ctx: &mut Ctx, series: &Series) {
        let heads: row::Heads = ctx.row(Table::Heads, &series.key()).unwrap_or_default();
        let helpers = self.helpers(ctx, series);
        let Some(asking) = self.sync.holes.get_mut(series) else { return };
        asking.times = asking.times.saturating_add(1);
        asking.at = ctx.now.mono + (ASK_AFTER_MS << asking.times.min(16)).min(ASK_MS_MAX);
        let numbers: Vec<u64> = heads.holes.iter().flat_map(|(first, last)| *first..=*last).take(FRAME_IDS_MAX).collect();
        let asks: Vec<(AccountId, Vec<u64>)> = helpers
            .iter()
            .map(|helper| (*helper, numbers.iter().copied().filter(|number| !asking.lacks(helper, *number)).collect::<Vec<u64>>()))
            .filter(|(_, numbers)| !numbers.is_empty())
            .collect();
        let turn = (asking.times as usize - 1) % asks.len().max(1);
        if let Some((helper, numbers)) = asks.into_iter().nth(turn) {
            asking.asked = asking.asked.max(numbers.last().copied().unwrap_or(0));
            self.ask_for(ctx, series, &helper, numbers);
        } else if !helpers.is_empty() {
            // Somebody who had not answered has left the room.
            self.end_search(ctx, series, &numbers);
        }
    }

    /// Asks a member for numbers, once at a time.
    pub(super) fn ask_for(&mut self, ctx: &mut Ctx, series: &Series, helper: &AccountId, numbers: Vec<u64>) {
        if !self.outbox.owes(helper, Other::Ask(*series)) {
            let Series { room, account, device } = *series;
            self.send_aside(ctx, &room, helper, &Body::Ask { account, device, numbers });
        }
    }

    /// Who may have what is missing: the author, then the others in the room.
    fn helpers(&self, ctx: &Ctx, series: &Series) -> Vec<AccountId> {
        let me = ctx.keys.account_id();
        let mut members: Vec<AccountId> = self.rooms.members(&series.room).into_iter().filter(|account| *account != me).collect();
        members.sort_by_key(|account| (*account != series.account, *account));
        members
    }

    /// A member is there: what it may have is asked for now.
    pub(super) fn ask_on_meeting(&mut self, ctx: &Ctx, account: &AccountId) {
        let rooms = &self.rooms;
        for (series, asking) in &mut self.sync.holes {
            // Not again and again on a connection that comes and goes.
            let is_long_ago = asking.at > ctx.now.mono + RETRY_MS_MAX;
            if is_long_ago && rooms.members(&series.room).contains(account) {
                asking.at = ctx.now.mono + ASK_AFTER_MS;
                self.timers.sooner(Timer::Ask, asking.at);
            }
        }
    }

    /// A member lacks numbered messages.
    pub(super) fn handle_ask(&mut self, ctx: &mut Ctx, series: &Series, from: &AccountId, numbers: &[u64]) -> Outcome {
        // Who is out of the room could open nothing.
        if !self.rooms.has_member(&series.room, from) {
            return Outcome::Accepted;
        }
        let me = ctx.keys.account_id();
        let mut gone = Vec::new();
        for number in numbers.iter().take(FRAME_IDS_MAX) {
            // Who is owed too much already gets no answer, and asks again later.
            if !self.outbox.takes_message(from) || !self.outbox.takes_aside(from) {
                break;
            }
            let numbered: Option<row::Numbered> = ctx.row(Table::Numbered, &series.numbered(*number));
            let is_served = numbered.is_some_and(|numbered| {
                if series.account == me {
                    self.serve_own(ctx, &series.room, from, &numbered)
                } else if series.account == *from {
                    self.give_back(ctx, series, *number, &numbered)
                } else {
                    self.pass_on(ctx, from, &numbered);
                    false
                }
            });
            if !is_served {
                gone.push(*number);
            }
        }
        if !gone.is_empty() {
            let Series { room, account, device } = *series;
            self.send_aside(ctx, &room, from, &Body::Gone { account, device, numbers: gone });
        }
        self.pump(ctx, from);
        Outcome::Accepted
    }

    /// An own message is sealed again.
    fn serve_own(&mut self, ctx: &mut Ctx, room: &RoomId, to: &AccountId, numbered: &row::Numbered) -> bool {
        let Some(mut index) = ctx.row::<row::Index>(Table::Index, &numbered.message.0) else { return false };
        let Some((_, custody)) = index.custody.iter_mut().find(|(account, _)| account == to) else { return false };
        let cargo = Cargo::Message { room: *room, message: numbered.message };
        let order = custody.order;
        let Some(content) = self.stored_content(ctx, &numbered.message) else { return false };
        // It is here, and asked for again.
        let Ok(sealed) = self.rooms.seal(ctx, room, &codec::encode(&content)) else { return true };
        // They may have had the envelope and be unable to open it, so never the same one again.
        if let Some(row) = self.owed_row(ctx, to, order).filter(|row| row.cargo == cargo) {
            self.replace(ctx, to, order, row, &sealed.envelope, sealed.epoch);
            self.outbox.rewind(to);
            return true;
        }
        custody.order = self.owe(ctx, to, cargo, Some(&sealed.envelope), sealed.epoch, false);
        ctx.put(Table::Index, numbered.message.0, &index);
        true
    }

    /// A message of the account that asks, given back to it.
    fn give_back(&mut self, ctx: &mut Ctx, series: &Series, number: u64, numbered: &row::Numbered) -> bool {
        if self.outbox.owes(&series.account, Other::Copy(*series, number)) {
            return true;
        }
        let Some(content) = self.stored_content(ctx, &numbered.message) else { return false };
        let content = codec::encode(&content);
        let fits = content.len() <= COPY_BYTES_MAX;
        if fits {
            self.send_aside(ctx, &series.room, &series.account, &Body::Copy { content });
        }
        fits
    }

    /// Somebody else's message, as it came: only who was in the room when it was sealed can open it. Where that is no longer known
    /// here, it is the best there is.
    fn pass_on(&mut self, ctx: &mut Ctx, to: &AccountId, numbered: &row::Numbered) {
        let room = Envelope::decode(&numbered.envelope).ok().filter(|envelope| envelope.kind == Kind::Room);
        if room.is_none_or(|envelope| self.rooms.could_open(ctx, envelope.body, |account, _| account == to) == Some(false)) {
            return;
        }
        // Asked again while the first copy is on its way: two rows would share, and drop, the same bytes.
        if self.order_in(ctx, to, &id_of(&numbered.envelope)).is_none() {
            self.owe(ctx, to, Cargo::Copy, Some(&numbered.envelope), [0; 16], true);
        }
    }

    /// A member cannot give these.
    pub(super) fn handle_gone(&mut self, ctx: &mut Ctx, series: &Series, from: &AccountId, numbers: &[u64]) -> Outcome {
        let Some(asking) = self.sync.holes.get_mut(series) else { return Outcome::Accepted };
        let lacking = asking.lacking.entry(*from).or_default();
        for number in numbers {
            put(lacking, *number);
        }
        self.end_search(ctx, series, numbers);
        // More than can be remembered: asked for once more later.
        if let Some(asking) = self.sync.holes.get_mut(series) {
            asking.lacking.retain(|_, ranges| ranges.len() <= HOLES_MAX);
        }
        Outcome::Accepted
    }

    /// Numbers that nobody can give can no longer come.
    fn end_search(&mut self, ctx: &mut Ctx, series: &Series, numbers: &[u64]) {
        let helpers = self.helpers(ctx, series);
        let Some(mut heads) = ctx.row::<row::Heads>(Table::Heads, &series.key()) else { return };
        let Some(asking) = self.sync.holes.get(series) else { return };
        for number in numbers {
            let is_lost = !helpers.is_empty() && helpers.iter().all(|helper| asking.lacks(helper, *number));
            if is_lost && take(&mut heads.holes, *number) {
                put(&mut heads.gone, *number);
            }
        }
        self.put_gone(ctx, series, heads);
    }

    /// Writes what is known, with as many ranges of what can no longer come as are kept.
    pub(super) fn put_gone(&mut self, ctx: &mut Ctx, series: &Series, mut heads: row::Heads) {
        while heads.gone.len() > HOLES_MAX {
            let (first, last) = heads.gone.remove(0);
            heads.gone_more += last - first + 1;
        }
        self.put_heads(ctx, series, &heads);
    }

    /// A message of this account comes back from a member who has it. Its proof shows that it is what this account sent.
    pub(super) fn handle_copy(&mut self, ctx: &mut Ctx, room: &RoomId, from: &AccountId, at: &DeviceId, bytes: &[u8]) -> Outcome {
        let me = ctx.keys.account_id();
        let Ok(content) = codec::open::<Content>(bytes) else { return Outcome::Misbehaved(Misbehaviour::Malformed) };
        let Some(device) = content.device.filter(|_| content.number > 0) else { return Outcome::Misbehaved(Misbehaviour::Malformed) };
        let series = Series { room: *room, account: me, device };
        if !content.is_proven(room, &device, ctx.keys) {
            return Outcome::Misbehaved(Misbehaviour::Signature);
        }
        let message = message_id(room, &me, &content.proof);
        if device != ctx.keys.device_id() {
            self.note_number(ctx, &series, content.number);
        }
        if ctx.get(Table::Index, &message.0).is_none() {
            // Who gives it back has it; of others nothing is known.
            let custody = Custody { delivered: Some(ctx.now.wall), ..Custody::default() };
            self.store_message(ctx, &series, &content, vec![(*from, custody)], Vec::new());
            self.note_returned(ctx, room, from);
            ctx.emit(Event::Message { room: *room, message });
            return Outcome::Accepted;
        }
        self.on_receipt(ctx, room, from, at, &message, false);
        Outcome::Duplicate
    }
}
