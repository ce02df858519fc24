//! Completeness: every device numbers its messages in a room; a hole is noticed, asked for, and filled or given up.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::ctx::Ctx;
use super::lane::Other;
use super::message::numbered_key;
use super::node::State;
use super::seam::{Event, Misbehaviour, Outcome, Refusal};
use super::timer::Timer;
use crate::crypto::keys::direct_room;
use crate::types::limits::{ASK_AFTER_MS, FRAME_IDS_MAX, HEADS_MAX, HOLES_MAX, RETRY_MS_MAX};
use crate::types::{AccountId, DeviceId, Millis, PeerId, RoomId, Scan, Table, View};
use crate::wire::content::Body;
use crate::wire::frame::{self, Frame};
use crate::wire::row::{self, Cargo, RoomKind};

/// Rooms and devices with holes, and when to ask for them.
#[derive(Debug, Default)]
pub(super) struct Sync {
    holes: BTreeMap<(RoomId, DeviceId), Asked>,
}

/// What was asked already.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    at: Millis,
    times: u32,
}

impl Sync {
    /// As the store has it.
    pub(super) fn open(view: &dyn View) -> Self {
        let mut sync = Self::default();
        for (key, value) in view.scan(&Scan::prefix(Table::Heads, [])) {
            let heads = row::decode::<row::Heads>(&value).unwrap_or_default();
            if let (false, Some((room, device))) = (heads.holes.is_empty(), split_key(&key)) {
                sync.holes.insert((room, device), Asked::default());
            }
        }
        sync
    }

    pub(super) fn is_complete(&self) -> bool {
        self.holes.is_empty()
    }
}

fn heads_key(room: &RoomId, device: &DeviceId) -> Vec<u8> {
    [&room.0[..], &device.0[..]].concat()
}

fn split_key(key: &[u8]) -> Option<(RoomId, DeviceId)> {
    let (room, device) = key.split_at_checked(32)?;
    Some((RoomId::from_slice(room)?, DeviceId::from_slice(device)?))
}

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

/// Takes a number out of the holes; whether it was in one.
fn fill(heads: &mut row::Heads, number: u64) -> bool {
    let Some(at) = heads.holes.iter().position(|(first, last)| (*first..=*last).contains(&number)) else { return false };
    let (first, last) = heads.holes.remove(at);
    if number < last {
        heads.holes.insert(at, (number + 1, last));
    }
    if first < number {
        heads.holes.insert(at, (first, number - 1));
    }
    true
}

impl State {
    /// A numbered message of a device is here.
    pub(super) fn note_number(&mut self, ctx: &mut Ctx, room: &RoomId, device: &DeviceId, number: u64) {
        let key = heads_key(room, device);
        let stored = ctx.row::<row::Heads>(Table::Heads, &key);
        let is_new = stored.is_none();
        let mut heads = stored.unwrap_or_default();
        if is_new && self.starts_late(ctx, room) {
            heads.high = number.saturating_sub(1);
        }
        raise(&mut heads, number);
        fill(&mut heads, number);
        self.put_heads(ctx, room, device, &heads);
    }

    /// In a group one joins in the middle: what was sent before is not owed.
    fn starts_late(&self, ctx: &Ctx, room: &RoomId) -> bool {
        ctx.row::<row::Room>(Table::Room, &room.0).is_some_and(|row| row.kind == RoomKind::Group)
    }

    fn put_heads(&mut self, ctx: &mut Ctx, room: &RoomId, device: &DeviceId, heads: &row::Heads) {
        ctx.put(Table::Heads, heads_key(room, device), heads);
        if heads.holes.is_empty() {
            if self.sync.holes.remove(&(*room, *device)).is_some() {
                ctx.emit(Event::Room(*room));
            }
        } else if let Entry::Vacant(hole) = self.sync.holes.entry((*room, *device)) {
            let asked = hole.insert(Asked { at: ctx.now.mono + ASK_AFTER_MS, ..Asked::default() });
            self.timers.sooner(Timer::Ask, asked.at);
            ctx.emit(Event::Room(*room));
        }
    }

    /// The rooms shared with an account: the direct one first, groups up to a bound.
    pub(super) fn rooms_with(&self, ctx: &Ctx, account: &AccountId) -> Vec<RoomId> {
        let direct = direct_room(&ctx.keys.account_id(), account);
        let groups = self.rooms.rooms().into_iter().filter(|room| *room != direct && self.rooms.members(room).contains(account));
        [direct].into_iter().chain(groups).take(HEADS_MAX).collect()
    }

    /// Tells a member's device how far we are in a shared room.
    pub(super) fn send_heads(&mut self, ctx: &mut Ctx, to: PeerId, room: &RoomId) {
        let Some((epoch, epoch_id)) = self.rooms.epoch(room) else { return };
        let number = ctx.row::<row::Room>(Table::Room, &room.0).map_or(0, |row| row.number);
        let heads = vec![(ctx.keys.device_id(), number)];
        ctx.transmit(to, Frame::Heads(frame::Heads { room: *room, epoch, epoch_id, heads }));
    }

    /// A member's device tells how far it is.
    pub(super) fn handle_heads(&mut self, ctx: &mut Ctx, from: PeerId, heads: &frame::Heads) -> Outcome {
        let Some((account, device)) = self.contact_at(&from) else { return Outcome::Refused(Refusal::Unwanted) };
        if heads.heads.len() > FRAME_IDS_MAX {
            return Outcome::Misbehaved(Misbehaviour::Malformed);
        }
        // Where the group is lost, or the branch that took this device out, others still speak of the room: that is how it comes back.
        let members = match self.rooms.has(&heads.room) {
            true => self.rooms.members(&heads.room),
            false => ctx.row::<row::Room>(Table::Room, &heads.room.0).map(|row| row.members).unwrap_or_default(),
        };
        if !members.contains(&account) {
            return Outcome::Refused(Refusal::Unknown);
        }
        if self.rooms.epoch(&heads.room) == Some((heads.epoch, heads.epoch_id)) {
            self.on_there(ctx, &account, &heads.room);
        }
        let effects = self.rooms.handle_heads(ctx, &heads.room, &account, &device, heads.epoch, &heads.epoch_id);
        self.apply_effects(ctx, effects);
        // A device speaks for its own numbers only: nobody can make us ask for what never was.
        let number = heads.heads.iter().filter(|(of, _)| *of == device).map(|(_, number)| *number).max().unwrap_or(0);
        let stored = ctx.row::<row::Heads>(Table::Heads, &heads_key(&heads.room, &device));
        if number > 0 && (stored.is_some() || !self.starts_late(ctx, &heads.room)) {
            let mut stored = stored.unwrap_or_default();
            if number > stored.high {
                raise(&mut stored, number);
                self.put_heads(ctx, &heads.room, &device, &stored);
            }
        }
        Outcome::Accepted
    }

    /// Asks for holes whose time has come: the sender first, then other members in turn.
    pub(super) fn ask(&mut self, ctx: &mut Ctx) {
        let now = ctx.now.mono;
        let due: Vec<(RoomId, DeviceId)> = self.sync.holes.iter().filter(|(_, asked)| asked.at <= now).map(|(key, _)| *key).collect();
        for (room, device) in due {
            self.ask_one(ctx, &room, &device);
        }
        if let Some(next) = self.sync.holes.values().map(|asked| asked.at).min() {
            self.timers.set(Timer::Ask, next.max(now + 1));
        }
    }

    fn ask_one(&mut self, ctx: &mut Ctx, room: &RoomId, device: &DeviceId) {
        let me = ctx.keys.account_id();
        let Some(mut asked) = self.sync.holes.get(&(*room, *device)).copied() else { return };
        asked.times += 1;
        asked.at = ctx.now.mono + (ASK_AFTER_MS << asked.times.min(6)).min(RETRY_MS_MAX);
        let devices = self.rooms.devices(room);
        let owner = devices.iter().find(|(_, other)| other == device).map(|(account, _)| *account);
        let mut whom: Vec<AccountId> = owner.into_iter().chain(self.rooms.members(room)).filter(|account| *account != me).collect();
        whom.dedup();
        let heads: row::Heads = ctx.row(Table::Heads, &heads_key(room, device)).unwrap_or_default();
        let numbers: Vec<u64> = heads.holes.iter().flat_map(|(first, last)| *first..=*last).take(FRAME_IDS_MAX).collect();
        if !whom.is_empty() && !numbers.is_empty() {
            // Whom the question has not reached yet is not asked it twice.
            let account = whom[(asked.times as usize - 1) % whom.len()];
            if !self.outbox.owes(&account, Other::Ask(*room, *device)) {
                self.send_aside(ctx, room, &account, Body::Ask { device: *device, numbers });
            }
        }
        self.sync.holes.insert((*room, *device), asked);
    }

    /// A member lacks numbered messages: ours are sealed again, others' are passed on as they came.
    pub(super) fn handle_ask(&mut self, ctx: &mut Ctx, room: &RoomId, from: &AccountId, device: &DeviceId, numbers: &[u64]) -> Outcome {
        // Who is out of the room could open nothing. Who is owed too much already asks again later.
        if !self.rooms.has_member(room, from) {
            return Outcome::Accepted;
        }
        let is_ours = *device == ctx.keys.device_id();
        let mut gone = Vec::new();
        for number in numbers.iter().take(FRAME_IDS_MAX) {
            if !self.outbox.takes_message(from) {
                break;
            }
            let numbered: Option<row::Numbered> = ctx.row(Table::Numbered, &numbered_key(room, device, *number));
            let is_served = match numbered {
                Some(numbered) if is_ours => self.serve_own(ctx, room, from, &numbered),
                Some(numbered) if !numbered.envelope.is_empty() => {
                    // Asked for again while the first copy is on its way: two rows would share, and drop, the same bytes.
                    if self.order_in(ctx, from, &super::outbox::id_of(&numbered.envelope)).is_none() {
                        self.owe(ctx, from, Cargo::Copy, Some(&numbered.envelope), [0; 16], true);
                    }
                    true
                }
                _ => false,
            };
            if !is_served && is_ours {
                gone.push(*number);
            }
        }
        if !gone.is_empty() {
            self.send_aside(ctx, room, from, Body::Gone { device: *device, numbers: gone });
        }
        self.pump(ctx, from);
        Outcome::Accepted
    }

    fn serve_own(&mut self, ctx: &mut Ctx, room: &RoomId, to: &AccountId, numbered: &row::Numbered) -> bool {
        let Some(mut index) = ctx.row::<row::Index>(Table::Index, &numbered.message.0) else { return false };
        let Some((_, custody)) = index.custody.iter_mut().find(|(account, _)| account == to) else { return false };
        let cargo = Cargo::Message { room: *room, message: numbered.message };
        let order = custody.order;
        let Some(content) = self.stored_content(ctx, &numbered.message) else { return false };
        let Ok(sealed) = self.rooms.seal(ctx, room, &crate::wire::codec::encode(&content)) else { return false };
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

    /// The sender says that these can no longer come. Only about its own numbers does it know.
    pub(super) fn handle_gone(&mut self, ctx: &mut Ctx, room: &RoomId, from: &DeviceId, of: &DeviceId, numbers: &[u64]) -> Outcome {
        if from != of {
            return Outcome::Misbehaved(Misbehaviour::Right);
        }
        let Some(mut heads) = ctx.row::<row::Heads>(Table::Heads, &heads_key(room, of)) else { return Outcome::Accepted };
        for number in numbers {
            if fill(&mut heads, *number) {
                heads.gone += 1;
            }
        }
        self.put_heads(ctx, room, of, &heads);
        Outcome::Accepted
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
            fill(&mut heads, number);
        }
        assert_eq!(heads.holes, [(3, 3), (5, 5)]);
        assert!(fill(&mut heads, 3) && !fill(&mut heads, 3) && fill(&mut heads, 5));
        assert_eq!((heads.high, heads.holes.len()), (6, 0));
    }
}
