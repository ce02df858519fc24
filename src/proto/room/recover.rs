//! What ordinary delivery does not mend: a branch that left beyond the horizon, a state that is lost. And what is due.

use std::collections::BTreeMap;

use super::branch::{Epoch, Intent, State};
use super::{Effect, EpochId, RoomError, Rooms, commit};
use crate::crypto::mls::Group;
use crate::proto::ctx::Ctx;
use crate::types::limits::{
    BRANCH_GRACE_MS, PARKED_EPOCH_TTL_MS, REISSUE_MS_MAX, REJOIN_DOUBLINGS_MAX, REJOIN_MS_MIN, STRANGE_DEVICES_MAX, UPDATE_QUIET_MS,
};
use crate::types::time::HOUR;
use crate::types::{AccountId, DeviceId, Millis, RoomId};

/// Rooms that this device asked to be added to again: not again before when (monotonic clock), and how often so far.
pub(super) type Asked = BTreeMap<RoomId, (Millis, usize)>;

/// Rooms that this device knows nothing of any more, and who was asked about them: not again before when (monotonic clock).
pub(super) type Stray = BTreeMap<(RoomId, AccountId), Millis>;

/// Devices in an epoch that is not on the way to ours, and wins.
pub(super) type Strange = BTreeMap<(RoomId, DeviceId), Sighting>;

/// Such a device.
pub(super) struct Sighting {
    /// Whose it is.
    account: AccountId,
    /// The epoch this device was in then.
    ours: EpochId,
    /// Since when (monotonic clock).
    since: Millis,
}

impl Rooms {
    /// The group of an epoch; when its values are damaged, this device will ask to be added again.
    pub(super) fn hold_or_lose(&mut self, ctx: &mut Ctx, room: &RoomId, epoch: &Epoch) -> Result<Group, RoomError> {
        if let Some(group) = self.hold(ctx, epoch) {
            return Ok(group);
        }
        if epoch.state == State::Here && self.rooms.get(room).is_some_and(|room| room.tip == epoch.id) {
            self.lose(ctx, room);
        }
        Err(RoomError::NoGroup)
    }

    /// Notes that the state of a room is damaged.
    pub(super) fn lose(&mut self, ctx: &Ctx, room: &RoomId) {
        if self.lost.insert(*room) {
            tracing::warn!(room = ?room, "the keys of a room are damaged; asking its members to be added again");
        }
        self.due_at(*room, Some(ctx.now.mono));
    }

    /// Nothing is known of a room any more but that this account is in it: asks whoever speaks of it to be added again, each for
    /// themselves, because it is not known who may.
    fn ask_stray(&mut self, ctx: &mut Ctx, id: &RoomId, from: &AccountId) -> Option<Effect> {
        let key = (*id, *from);
        if self.stray.get(&key).is_some_and(|not_before| ctx.now.mono < *not_before) {
            return None;
        }
        if self.stray.len() >= STRANGE_DEVICES_MAX {
            self.stray.clear();
        }
        self.stray.insert(key, ctx.now.mono + REJOIN_MS_MIN);
        let key_package = self.fresh_package(ctx);
        Some(Effect::Rejoin { room: *id, to: vec![self.account, *from], key_package, generation: 0 })
    }

    /// Asks to be added again, one account at a time: other devices of this account first, then the others in turn.
    fn ask(&mut self, ctx: &mut Ctx, id: &RoomId, mut whom: Vec<AccountId>) -> Option<Effect> {
        let (not_before, count) = self.asked.get(id).copied().unwrap_or_default();
        if ctx.now.mono < not_before {
            return None;
        }
        whom.sort_unstable_by_key(|account| (*account != self.account, *account));
        whom.dedup();
        let turn = *whom.get(count % whom.len().max(1))?;
        if self.asked.len() >= STRANGE_DEVICES_MAX {
            self.asked.clear();
        }
        let pause = REJOIN_MS_MIN << (count / whom.len()).min(REJOIN_DOUBLINGS_MAX);
        self.asked.insert(*id, (ctx.now.mono + ctx.rng.jitter(pause), count + 1));
        let generation = self.rooms.get(id).map_or(0, |room| room.info.generation);
        let key_package = self.fresh_package(ctx);
        Some(Effect::Rejoin { room: *id, to: vec![turn], key_package, generation })
    }

    /// Who can add this device again, as far as is known here.
    fn helpers(&self, id: &RoomId) -> Vec<AccountId> {
        let Some(room) = self.rooms.get(id) else { return Vec::new() };
        let others = room.members.iter().filter(|(_, device)| *device != self.device).map(|(account, _)| *account);
        others.filter(|account| commit::may(&room.info, account, &self.account)).collect()
    }

    /// See [`Rooms::handle_rejoin`].
    pub(super) fn swap(
        &mut self,
        ctx: &mut Ctx,
        from: &AccountId,
        id: &RoomId,
        key_package: &[u8],
        generation: u32,
    ) -> Result<Vec<Effect>, RoomError> {
        let room = self.rooms.get(id).ok_or(RoomError::NoGroup)?;
        let tip = room.here().cloned().ok_or(RoomError::NoGroup)?;
        let is_member = room.members.iter().any(|(account, _)| account == from);
        if generation > room.info.generation || !is_member {
            return Err(RoomError::NotAllowed);
        }
        let (we_may, they_may) = (commit::may(&room.info, &self.account, from), commit::may(&room.info, from, &self.account));
        let package = self.admit_package(from, key_package)?;
        let device = package.leaf.device;
        if device == self.device || !(we_may || they_may) {
            return Err(RoomError::NotAllowed);
        }
        if !we_may {
            // Nobody here can bring them in, they can bring us: the branch with the right to change the room goes on.
            return Ok(self.ask(ctx, id, vec![*from]).into_iter().collect());
        }
        if they_may && self.asked.contains_key(id) {
            // This device is about to leave this branch itself.
            return Err(RoomError::NotAllowed);
        }
        let group = self.hold_or_lose(ctx, id, &tip)?;
        let stale = group.encryption_key(&device);
        self.save(ctx, &tip, group);
        if stale.as_deref() == package.encryption_key().as_ref().map(|key| &key[..]) {
            return Ok(Vec::new());
        }
        self.commit(ctx, id, vec![Intent::Swap { account: *from, device, key_package: key_package.to_vec(), stale }])
    }

    /// See [`Rooms::handle_heads`]. The higher epoch wins, of two alike the lower id; who loses asks to be added again, after
    /// commits have had time to come and while this device's own epoch stands still.
    pub(super) fn compare(
        &mut self,
        ctx: &mut Ctx,
        id: &RoomId,
        from: &AccountId,
        device: &DeviceId,
        theirs: (u64, EpochId),
    ) -> Vec<Effect> {
        let Some(room) = self.rooms.get(id) else {
            return self.ask_stray(ctx, id, from).into_iter().collect();
        };
        // Whoever was taken out compares too: the branch that did it may have lost.
        let Some(tip) = room.epoch(&room.tip) else { return Vec::new() };
        let ours = (tip.number, tip.id);
        let is_behind = room.follows(&tip.id, &theirs.1);
        let wins = theirs.0 > ours.0 || (theirs.0 == ours.0 && theirs.1 < ours.1);
        let whose = (*id, *device);
        if is_behind || !wins {
            self.strange.remove(&whose);
            if !self.lost.contains(id) && self.sightings(id).next().is_none() {
                self.asked.remove(id);
            }
            return Vec::new();
        }
        if self.strange.len() >= STRANGE_DEVICES_MAX && !self.strange.contains_key(&whose) {
            self.strange.clear();
        }
        let seen = self.strange.entry(whose).or_insert(Sighting { account: *from, ours: ours.1, since: ctx.now.mono });
        if seen.ours != ours.1 {
            *seen = Sighting { account: *from, ours: ours.1, since: ctx.now.mono };
        }
        if ctx.now.mono.saturating_sub(seen.since) < BRANCH_GRACE_MS {
            return Vec::new();
        }
        // Only who is on the winning branch can bring this device there; best somebody who may.
        let info = self.rooms.get(id).map(|room| room.info.clone());
        let may = |account: &AccountId| info.as_ref().is_some_and(|info| commit::may(info, account, &self.account));
        let mut there: Vec<AccountId> = self.sightings(id).map(|seen| seen.account).collect();
        if there.iter().any(may) {
            there.retain(may);
        }
        self.ask(ctx, id, there).into_iter().collect()
    }

    fn sightings(&self, id: &RoomId) -> impl Iterator<Item = &Sighting> {
        let (first, last) = ((*id, DeviceId([0; 32])), (*id, DeviceId([0xff; 32])));
        self.strange.range(first..=last).map(|(_, seen)| seen)
    }

    /// See [`Rooms::on_deadline`].
    pub(super) fn work_off(&mut self, ctx: &mut Ctx) -> Vec<Effect> {
        let mut effects = Vec::new();
        let ready: Vec<RoomId> = self.due.0.iter().take_while(|(at, _)| *at <= ctx.now.mono).map(|(_, room)| *room).collect();
        for id in ready {
            self.due_at(id, None);
            if self.lost.contains(&id) {
                let helpers = self.helpers(&id);
                effects.extend(self.ask(ctx, &id, helpers));
            }
            effects.extend(self.expire(ctx, &id));
            effects.extend(self.make_anew(ctx, &id));
            effects.extend(self.renew(ctx, &id));
            self.schedule(ctx, &id);
        }
        effects
    }

    fn expire(&mut self, ctx: &mut Ctx, id: &RoomId) -> Vec<Effect> {
        match self.rooms.get(id).cloned() {
            Some(room) if oldest(&room.epochs).is_some_and(|at| at <= ctx.now.wall) => self.settle(ctx, room),
            _ => Vec::new(),
        }
    }

    /// Commits anew what own commits that lost were for.
    fn make_anew(&mut self, ctx: &mut Ctx, id: &RoomId) -> Vec<Effect> {
        let is_due = self.reissue.get(id).is_none_or(|at| *at <= ctx.now.mono) && !self.lost.contains(id);
        let Some(room) = self.rooms.get(id).filter(|room| is_due && !room.wanted.is_empty()) else { return Vec::new() };
        let mut room = room.clone();
        self.reissue.remove(id);
        let wanted = std::mem::take(&mut room.wanted);
        self.write(ctx, room);
        self.commit(ctx, id, wanted).unwrap_or_else(|error| {
            tracing::warn!(room = ?id, %error, "what a lost commit was for cannot be done any more");
            Vec::new()
        })
    }

    /// Fresh keys, when they are old and the room is quiet.
    fn renew(&mut self, ctx: &mut Ctx, id: &RoomId) -> Vec<Effect> {
        let Some(room) = self.rooms.get(id).filter(|room| room.here().is_some() && room.members.len() > 1) else { return Vec::new() };
        if room.update_due.max(room.committed.saturating_add(UPDATE_QUIET_MS)) > ctx.now.wall {
            return Vec::new();
        }
        self.commit(ctx, id, vec![Intent::Update]).unwrap_or_default()
    }

    /// Notes when a room has something due next.
    pub(super) fn schedule(&mut self, ctx: &Ctx, id: &RoomId) {
        let Some(room) = self.rooms.get(id) else { return };
        let mono = |wall: Millis| ctx.now.mono.saturating_add(wall.saturating_sub(ctx.now.wall));
        let expiry = oldest(&room.epochs).map(|at| mono(if at <= ctx.now.wall { ctx.now.wall + HOUR } else { at }));
        let update = room.update_due.max(room.committed.saturating_add(UPDATE_QUIET_MS));
        let update = (room.here().is_some() && room.members.len() > 1).then(|| mono(update));
        let again = (!room.wanted.is_empty() && !self.lost.contains(id))
            .then(|| self.reissue.get(id).copied().unwrap_or(ctx.now.mono + REISSUE_MS_MAX));
        let lost = self.lost.contains(id).then(|| self.asked.get(id).map_or(ctx.now.mono, |(at, _)| *at));
        let next = [expiry, update, again, lost].into_iter().flatten().min();
        self.due_at(*id, next);
    }

    /// Sets when a room is looked at next.
    pub(super) fn due_at(&mut self, id: RoomId, at: Option<Millis>) {
        let (order, rooms) = &mut self.due;
        if let Some(was) = rooms.remove(&id) {
            order.remove(&(was, id));
        }
        if let Some(at) = at {
            rooms.insert(id, at);
            order.insert((at, id));
        }
    }
}

/// When the first epoch that was left is to go (wall clock).
fn oldest(epochs: &[Epoch]) -> Option<Millis> {
    epochs.iter().filter_map(|epoch| epoch.left).min().map(|left| left.saturating_add(PARKED_EPOCH_TTL_MS))
}
