//! Completeness: every device numbers its messages in a room; members tell each other how far they are, and a hole is noticed.

use std::collections::{BTreeMap, BTreeSet};

use super::ctx::Ctx;
use super::lane::Other;
use super::node::State;
use super::repair::Asking;
use super::seam::{Event, Misbehaviour, Outcome, Refusal};
use super::timer::Timer;
use crate::types::limits::{
    ASK_AFTER_MS, FRAME_IDS_MAX, HEADS_MAX, HOLES_MAX, MEMBERS_ASKED_MAX, RECEIPT_DELAY_MS, REJOINS_OWED_MAX, SERIES_MAX,
};
use crate::types::time::SECOND;
use crate::types::{AccountId, DeviceId, PeerId, RoomId, Scan, Table, View};
use crate::wire::card::Card;
use crate::wire::content::{Body, Head};
use crate::wire::frame::{self, Frame};
use crate::wire::row::{self, Series};

/// Where messages are missing, and what is being done about it.
#[derive(Debug, Default)]
pub(super) struct Sync {
    /// Devices with holes.
    pub(super) holes: BTreeMap<Series, Asking>,
    /// Who is to be told how far their former devices are known to have come: something of one of those came just now. In memory: after
    /// a start they hear it on meeting.
    belated: BTreeSet<(RoomId, AccountId)>,
}

impl Sync {
    /// As the store has it.
    pub(super) fn open(view: &dyn View) -> Self {
        let mut sync = Self::default();
        for (key, value) in view.scan(&Scan::prefix(Table::Heads, [])) {
            let heads = row::decode::<row::Heads>(&value).unwrap_or_default();
            if let (false, Some(series)) = (heads.holes.is_empty(), Series::from_key(&key)) {
                sync.holes.insert(series, Asking::default());
            }
        }
        sync
    }

    pub(super) fn is_complete(&self) -> bool {
        self.holes.is_empty()
    }
}

/// Numbers from the first to the last of each, in order and apart from each other.
pub(super) type Ranges = Vec<(u64, u64)>;

/// Takes numbers up to `high` into account; those not seen become a hole.
fn raise(heads: &mut row::Heads, high: u64) {
    if high > heads.high {
        heads.holes.push((heads.high + 1, high));
        heads.high = high;
    }
    // Beyond the bound the oldest holes become one: asking for something twice does no harm.
    while heads.holes.len() > HOLES_MAX {
        let (_, last) = heads.holes.remove(1);
        heads.holes[0].1 = last;
    }
}

/// Takes a number out of some; whether it was among them.
pub(super) fn take(ranges: &mut Ranges, number: u64) -> bool {
    let Some(at) = ranges.iter().position(|(first, last)| (*first..=*last).contains(&number)) else { return false };
    let (first, last) = ranges.remove(at);
    if number < last {
        ranges.insert(at, (number + 1, last));
    }
    if first < number {
        ranges.insert(at, (first, number - 1));
    }
    true
}

/// Adds a number to some.
pub(super) fn put(ranges: &mut Ranges, number: u64) {
    let at = ranges.partition_point(|(_, last)| last.saturating_add(1) < number);
    match ranges.get_mut(at) {
        Some((first, last)) if *first <= number.saturating_add(1) => {
            (*first, *last) = ((*first).min(number), (*last).max(number));
            if let Some((next, end)) = ranges.get(at + 1).copied()
                && next == number.saturating_add(1)
            {
                ranges[at].1 = end;
                ranges.remove(at + 1);
            }
        }
        _ => ranges.insert(at, (number, number)),
    }
}

/// The highest number that is here.
fn had(heads: &row::Heads) -> u64 {
    let mut top = heads.high;
    while let Some((first, _)) = heads.holes.iter().chain(&heads.gone).find(|(first, last)| (*first..=*last).contains(&top)) {
        top = first.saturating_sub(1);
    }
    top
}

fn is_late(ctx: &Ctx, room: &RoomId) -> bool {
    ctx.row::<row::Room>(Table::Room, &room.0).is_some_and(|row| row.is_late)
}

impl State {
    /// A numbered message of a device is here.
    pub(super) fn note_number(&mut self, ctx: &mut Ctx, series: &Series, number: u64) {
        let Some(mut heads) = self.heads_of(ctx, series, number.saturating_sub(1)) else { return };
        raise(&mut heads, number);
        take(&mut heads.holes, number);
        take(&mut heads.gone, number);
        self.put_heads(ctx, series, &heads);
    }

    /// What is known of a device's numbers; of a new one in a group that this one joined in the middle nothing is owed up to `before`.
    /// `None` for one device too many.
    fn heads_of(&self, ctx: &Ctx, series: &Series, before: u64) -> Option<row::Heads> {
        let stored = ctx.row::<row::Heads>(Table::Heads, &series.key());
        if stored.is_some() {
            return stored;
        }
        let of_account = [&series.room.0[..], &series.account.0].concat();
        if ctx.scan(&Scan::prefix(Table::Heads, of_account).limit(SERIES_MAX)).len() >= SERIES_MAX {
            return None;
        }
        let starts_late = series.account != ctx.keys.account_id() && is_late(ctx, &series.room);
        Some(row::Heads { high: if starts_late { before } else { 0 }, ..row::Heads::default() })
    }

    pub(super) fn put_heads(&mut self, ctx: &mut Ctx, series: &Series, heads: &row::Heads) {
        ctx.put(Table::Heads, series.key(), heads);
        if heads.holes.is_empty() {
            if self.sync.holes.remove(series).is_some() {
                ctx.emit(Event::Room(series.room));
            }
            return;
        }
        let is_new = !self.sync.holes.contains_key(series);
        let asking = self.sync.holes.entry(*series).or_default();
        if is_new {
            asking.at = ctx.now.mono + ASK_AFTER_MS;
            ctx.emit(Event::Room(series.room));
        } else if !asking.is_past(&heads.holes) {
            return;
        } else {
            // What was asked for is settled: on to the rest.
            *asking = Asking::begin(ctx.now.mono + SECOND);
        }
        self.timers.sooner(Timer::Ask, asking.at);
    }

    /// How far this device knows the numbers to be that matter to another account of a room: own ones, theirs, and those of devices
    /// that are no longer there to tell of themselves.
    fn heads_for(&self, ctx: &Ctx, room: &RoomId, to: &AccountId) -> Vec<Head> {
        let (me, own) = (ctx.keys.account_id(), ctx.keys.device_id());
        let number = ctx.row::<row::Room>(Table::Room, &room.0).map_or(0, |row| row.number);
        let devices = self.rooms.devices(room);
        let mut heads = vec![Head { account: me, device: own, number }];
        for (key, value) in ctx.scan(&Scan::prefix(Table::Heads, room.0)) {
            let (Some(Series { account, device, .. }), Ok(known)) = (Series::from_key(&key), row::decode::<row::Heads>(&value)) else {
                continue;
            };
            // Of its own devices an account knows what they sent, of others' what it has.
            let number = if account == me { known.high } else { had(&known) };
            let is_there = account != *to && devices.contains(&(account, device)) && self.names(&account, &device);
            if device != own && !is_there {
                heads.push(Head { account, device, number });
            }
        }
        heads.retain(|head| head.number > 0);
        heads.truncate(FRAME_IDS_MAX);
        heads
    }

    /// The rooms shared with an account: the direct one first, groups up to a bound.
    pub(super) fn rooms_with(&self, ctx: &Ctx, account: &AccountId) -> Vec<RoomId> {
        let direct = self.room_with(ctx, account);
        let groups = self.rooms.rooms().into_iter().filter(|room| *room != direct && self.rooms.members(room).contains(account));
        [direct].into_iter().chain(groups).take(HEADS_MAX).collect()
    }

    /// Tells a member's device on meeting how far we are in a shared room.
    pub(super) fn send_heads(&mut self, ctx: &mut Ctx, to: PeerId, account: &AccountId, room: &RoomId) {
        let Some((epoch, epoch_id)) = self.rooms.epoch(room) else { return };
        let heads = self.heads_for(ctx, room, account);
        ctx.transmit(to, Frame::Heads(frame::Heads { room: *room, epoch, epoch_id, heads }));
    }

    /// Tells a member how far we are in a room, by whatever way: one of us is new there and may have lost something. With the newest
    /// card of theirs that we had.
    pub(super) fn tell_heads(&mut self, ctx: &mut Ctx, room: &RoomId, to: &AccountId, card: Option<Vec<u8>>, asks: bool) {
        let heads = self.heads_for(ctx, room, to);
        if heads.is_empty() && card.is_none() && !asks {
            return;
        }
        self.drop_such(ctx, to, |other| *other == Other::Heads(*room));
        self.send_aside(ctx, room, to, &Body::Heads { heads, card, asks });
    }

    /// Whether an account names a device, as far as its card is here: the room may still have the leaf of one that is no more.
    fn names(&self, account: &AccountId, device: &DeviceId) -> bool {
        let is_it = |card: &Card| card.devices.iter().any(|named| named.device == *device);
        if *account == self.account.card.account { is_it(&self.account.card) } else { self.contacts.card(account).is_none_or(is_it) }
    }

    /// Something came of a device that is no longer in the room: its account may have come back from a backup without it.
    pub(super) fn note_belated(&mut self, ctx: &Ctx, series: &Series, leaf: &DeviceId) {
        let Series { room, account, .. } = *series;
        let is_there = self.names(&account, leaf) && self.rooms.devices(&room).contains(&(account, *leaf));
        if account != ctx.keys.account_id() && !is_there {
            self.sync.belated.insert((room, account));
            self.timers.sooner(Timer::Receipts, ctx.now.mono + RECEIPT_DELAY_MS);
        }
    }

    /// A message of a former device of this account came back from a member: others in the group may lack it, and not know of it.
    pub(super) fn note_returned(&mut self, ctx: &Ctx, room: &RoomId, from: &AccountId) {
        let me = ctx.keys.account_id();
        let others = self.rooms.members(room).into_iter().filter(|account| *account != me && account != from).take(MEMBERS_ASKED_MAX);
        let before = self.sync.belated.len();
        self.sync.belated.extend(others.map(|account| (*room, account)));
        if self.sync.belated.len() > before {
            self.timers.sooner(Timer::Receipts, ctx.now.mono + RECEIPT_DELAY_MS);
        }
    }

    /// Offers what came of former devices to their accounts, and to others who may lack it.
    pub(super) fn tell_belated(&mut self, ctx: &mut Ctx) {
        for (room, account) in std::mem::take(&mut self.sync.belated) {
            self.tell_heads(ctx, &room, &account, None, false);
        }
    }

    /// A former device of this account was in a group of which nothing is known here: what others say they said is asked for from the
    /// beginning. What was not for this account they will not give, and nobody is told that it is lost.
    pub(super) fn lack_all(&mut self, ctx: &mut Ctx, room: &RoomId) {
        let me = ctx.keys.account_id();
        for (account, device) in self.rooms.devices(room).into_iter().filter(|(account, _)| *account != me) {
            ctx.put(Table::Heads, Series { room: *room, account, device }.key(), &row::Heads::default());
        }
    }

    /// This account is out of a room: nobody there gives it anything any more.
    pub(super) fn lack_nothing(&mut self, ctx: &mut Ctx, room: &RoomId) {
        let lacking: Vec<Series> = self.sync.holes.keys().filter(|series| series.room == *room).copied().collect();
        for series in lacking {
            let Some(mut heads) = ctx.row::<row::Heads>(Table::Heads, &series.key()) else { continue };
            heads.gone.append(&mut heads.holes);
            heads.gone.sort_unstable();
            self.put_gone(ctx, &series, heads);
        }
    }

    /// This device is new in a group where it, or a former one, was before.
    pub(super) fn ask_heads(&mut self, ctx: &mut Ctx, room: &RoomId) {
        let me = ctx.keys.account_id();
        let others: Vec<AccountId> =
            self.rooms.members(room).into_iter().filter(|account| *account != me).take(MEMBERS_ASKED_MAX).collect();
        for account in others {
            self.tell_heads(ctx, room, &account, None, true);
        }
    }

    /// A member's device tells how far it is.
    pub(super) fn handle_heads(&mut self, ctx: &mut Ctx, from: PeerId, heads: &frame::Heads) -> Outcome {
        let Some((account, device)) = self.contact_at(&from) else { return Outcome::Refused(Refusal::Unwanted) };
        let me = ctx.keys.account_id();
        if heads.heads.len() > FRAME_IDS_MAX {
            return Outcome::Misbehaved(Misbehaviour::Malformed);
        }
        // Where the group is lost, or the branch that took this device out, others still speak of the room: that is how it comes back.
        let members = if self.rooms.has(&heads.room) {
            self.rooms.members(&heads.room)
        } else if let Some(row) = ctx.row::<row::Room>(Table::Room, &heads.room.0) {
            row.members
        } else if self.outbox.orders(&account, |other| matches!(other, Other::Rejoin(_))).len() < REJOINS_OWED_MAX {
            // A group from after the backup that this device comes from, as it seems; whether that is so shows when it is let in.
            vec![account]
        } else {
            return Outcome::Refused(Refusal::Limit);
        };
        if !members.contains(&account) {
            return Outcome::Refused(Refusal::Unknown);
        }
        if self.rooms.epoch(&heads.room) == Some((heads.epoch, heads.epoch_id)) {
            self.on_there(ctx, &account, &heads.room);
            // What of theirs waits here for another epoch is of a branch that both of us have left: they hear that it is no use.
            if self.is_deferred_of(&from) {
                self.forget_deferred_of(&from);
                self.send_heads(ctx, from, &account, &heads.room);
            }
        }
        // The commits that are missing on a full disk are those that it did not take: they come when it has room.
        if !self.disk_full {
            let effects = match self.rooms.has(&heads.room) {
                true => self.rooms.handle_heads(ctx, &heads.room, &account, &device, heads.epoch, &heads.epoch_id),
                // Not every member may let this device in.
                false => self.rooms.ask_back(ctx, &heads.room, members.iter().copied().filter(|member| *member != me).collect()),
            };
            self.apply_effects(ctx, effects);
        }
        // Who is out of the room is not given what is said there.
        if members.contains(&me) {
            self.hear_heads(ctx, &heads.room, &account, &heads.heads);
        }
        Outcome::Accepted
    }

    /// An account is believed about its own devices. What it says of others' may be a lie: the message with that number is asked for,
    /// and shows by itself that it was there.
    pub(super) fn hear_heads(&mut self, ctx: &mut Ctx, room: &RoomId, from: &AccountId, heads: &[Head]) {
        let (me, own) = (ctx.keys.account_id(), ctx.keys.device_id());
        let mut unproven = Vec::new();
        for head in heads.iter().filter(|head| head.device != own && head.number > 0) {
            let series = Series { room: *room, account: head.account, device: head.device };
            let stored = ctx.row::<row::Heads>(Table::Heads, &series.key());
            if stored.as_ref().is_some_and(|known| head.number <= known.high) {
                continue;
            }
            if head.account != *from {
                // Only a former device of ours can be one that we never heard of.
                if stored.is_some() || head.account == me {
                    unproven.push((series, head.number));
                }
            } else if (stored.is_some() || !is_late(ctx, room))
                && let Some(mut known) = self.heads_of(ctx, &series, 0)
            {
                raise(&mut known, head.number);
                self.put_heads(ctx, &series, &known);
            }
        }
        for (series, number) in unproven.into_iter().take(SERIES_MAX) {
            // What was asked for before shows less than this one would.
            self.drop_such(ctx, from, |other| *other == Other::Ask(series));
            self.ask_for(ctx, &series, from, vec![number]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_open_where_numbers_are_skipped_and_close_where_they_arrive() {
        let mut heads = row::Heads::default();
        for number in [1, 2, 6, 4] {
            raise(&mut heads, number);
            take(&mut heads.holes, number);
        }
        assert_eq!((&heads.holes[..], had(&heads)), (&[(3, 3), (5, 5)][..], 6));
        assert!(take(&mut heads.holes, 3) && !take(&mut heads.holes, 3));
        raise(&mut heads, 8);
        assert_eq!((heads.holes.clone(), had(&heads)), (vec![(5, 5), (7, 8)], 6));
        assert!(take(&mut heads.holes, 5) && take(&mut heads.holes, 7) && take(&mut heads.holes, 8));
        assert_eq!((heads.high, heads.holes.len()), (8, 0));
    }

    #[test]
    fn numbers_that_are_put_together_are_one_range() {
        let mut ranges = Vec::new();
        for number in [5, 1, 3, 9, 4, 2, 5, 8] {
            put(&mut ranges, number);
        }
        assert_eq!(ranges, [(1, 5), (8, 9)]);
    }
}
