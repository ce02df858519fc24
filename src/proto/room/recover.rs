//! What ordinary delivery does not mend: a branch that left beyond the horizon, a state that is lost. And what is due.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use super::branch::{Epoch, Intent, State};
use super::{Effect, EpochId, RoomError, Rooms, commit};
use crate::crypto::mls::Group;
use crate::proto::ctx::Ctx;
use crate::types::limits::{
    BRANCH_GRACE_MS, PARKED_EPOCH_TTL_MS, REISSUE_MS_MAX, REJOIN_DOUBLINGS_MAX, REJOIN_MS_MIN, STEPS_MAX, STRANGE_DEVICES_MAX,
    TIMERS_PER_TURN_MAX, UPDATE_QUIET_MS,
};
use crate::types::time::HOUR;
use crate::types::{AccountId, DeviceId, Millis, RoomId, Table};
use crate::wire::row::RoomKind;

/// Rooms that this device asked to be added to again: not again before when (monotonic clock), and how often so far.
pub(super) type Asked = BTreeMap<RoomId, (Millis, usize)>;

/// Devices in an epoch that is not on the way to ours, and wins.
pub(super) type Strange = BTreeMap<(RoomId, DeviceId), Sighting>;

/// How many contents this device sealed in an epoch. `Table::Meta`: `steps/ | room`.
#[derive(Clone, Copy, Debug, Encode, Decode)]
pub(super) struct Steps {
    epoch: EpochId,
    count: u32,
}

const STEPS: &[u8] = b"steps/";

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

    /// Asks to be added again, one account at a time: other devices of this account first, then the others in turn. Where
    /// nothing is known of the room any more, these and whom it was heard from at once.
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
        let to = if self.rooms.contains_key(id) { vec![turn] } else { whom };
        Some(Effect::Rejoin { room: *id, to, key_package, generation })
    }

    /// See [`Rooms::ask_back`].
    pub(super) fn ask_all(&mut self, ctx: &mut Ctx, id: &RoomId, whom: Vec<AccountId>) -> Vec<Effect> {
        self.ask(ctx, id, whom).into_iter().collect()
    }

    /// Who can add this device again, as far as is known here.
    fn helpers(&self, id: &RoomId) -> Vec<AccountId> {
        let Some(room) = self.rooms.get(id) else { return Vec::new() };
        let others = room.members.iter().filter(|(_, device)| *device != self.device).map(|(account, _)| *account);
        let is_only_admin = room.may_return(&self.account);
        others.filter(|account| is_only_admin || commit::may(&room.info, account, &self.account)).collect()
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
        let returns = room.may_return(from);
        if !we_may && !returns {
            // Nobody here can bring them in, they can bring us: the branch with the right to change the room goes on.
            return Ok(self.ask(ctx, id, vec![*from]).into_iter().collect());
        }
        if we_may && they_may && self.asked.contains_key(id) {
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

    /// See [`Rooms::bring_back`].
    pub(super) fn take_back(
        &mut self,
        ctx: &mut Ctx,
        id: &RoomId,
        account: &AccountId,
        key_packages: &[Vec<u8>],
    ) -> Result<Vec<Effect>, RoomError> {
        let room = self.rooms.get(id).ok_or(RoomError::NoGroup)?;
        let (may, is_in) = (commit::may(&room.info, &self.account, account), room.accounts().contains(account));
        if room.info.kind != RoomKind::Group || !is_in || !(may || room.may_return(account)) {
            return Ok(Vec::new());
        }
        let mut intents = Vec::new();
        let mut devices = Vec::new();
        for key_package in key_packages {
            let device = self.admit_package(account, key_package)?.leaf.device;
            devices.push(device);
            intents.push(Intent::Add { account: *account, device, key_package: key_package.clone() });
        }
        let gone = room.members.iter().filter(|(whose, device)| may && whose == account && !devices.contains(device));
        intents.extend(gone.map(|(_, device)| Intent::Remove { account: *account, device: *device }));
        self.commit(ctx, id, intents)
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
        let Some(room) = self.rooms.get(id) else { return Vec::new() };
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
        // Commits have some time to come; then this device asks, whether it hears of that epoch again or not.
        if ctx.now.mono.saturating_sub(seen.since) < BRANCH_GRACE_MS {
            self.schedule(ctx, id);
            return Vec::new();
        }
        self.ask_winners(ctx, id)
    }

    /// Branches that were seen while commits were not taken say nothing: those may come yet.
    pub(super) fn overlook_all(&mut self) {
        self.strange.clear();
    }

    /// Asks those who are on a branch that wins to be brought there.
    fn ask_winners(&mut self, ctx: &mut Ctx, id: &RoomId) -> Vec<Effect> {
        // Only who is on the winning branch can bring this device there; best somebody who may.
        let info = self.rooms.get(id).map(|room| room.info.clone());
        let may = |account: &AccountId| info.as_ref().is_some_and(|info| commit::may(info, account, &self.account));
        let mut there: Vec<AccountId> = self.sightings(id).map(|seen| seen.account).collect();
        if there.iter().any(may) {
            there.retain(may);
        }
        self.ask(ctx, id, there).into_iter().collect()
    }

    /// What was seen of a branch that wins, and did not come here by itself.
    fn follow(&mut self, ctx: &mut Ctx, id: &RoomId) -> Vec<Effect> {
        let Some(tip) = self.rooms.get(id).map(|room| room.tip) else { return Vec::new() };
        let (first, last) = ((*id, DeviceId([0; 32])), (*id, DeviceId([0xff; 32])));
        // Where this device has moved since, it compares again on the next meeting.
        let moved: Vec<_> = self.strange.range(first..=last).filter(|(_, seen)| seen.ours != tip).map(|(whose, _)| *whose).collect();
        moved.iter().for_each(|whose| _ = self.strange.remove(whose));
        let is_due = self.sightings(id).any(|seen| seen.since.saturating_add(BRANCH_GRACE_MS) <= ctx.now.mono);
        if is_due { self.ask_winners(ctx, id) } else { Vec::new() }
    }

    fn sightings(&self, id: &RoomId) -> impl Iterator<Item = &Sighting> {
        let (first, last) = ((*id, DeviceId([0; 32])), (*id, DeviceId([0xff; 32])));
        self.strange.range(first..=last).map(|(_, seen)| seen)
    }

    /// See [`Rooms::on_deadline`].
    pub(super) fn work_off(&mut self, ctx: &mut Ctx) -> Vec<Effect> {
        let mut effects = Vec::new();
        let ready: Vec<RoomId> =
            self.due.0.iter().take_while(|(at, _)| *at <= ctx.now.mono).take(TIMERS_PER_TURN_MAX).map(|(_, room)| *room).collect();
        for id in ready {
            self.due_at(id, None);
            if self.lost.contains(&id) {
                let helpers = self.helpers(&id);
                effects.extend(self.ask(ctx, &id, helpers));
            }
            effects.extend(self.expire(ctx, &id));
            effects.extend(self.follow(ctx, &id));
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

    /// Fresh keys, when they are old and the room is quiet, or have sealed so much that who missed it all could not follow.
    fn renew(&mut self, ctx: &mut Ctx, id: &RoomId) -> Vec<Effect> {
        let Some(room) = self.rooms.get(id).filter(|room| room.here().is_some() && room.members.len() > 1) else { return Vec::new() };
        let is_old = room.update_due.max(room.committed.saturating_add(UPDATE_QUIET_MS)) <= ctx.now.wall;
        if !is_old && !self.is_worn(id) {
            return Vec::new();
        }
        self.commit(ctx, id, vec![Intent::Update]).unwrap_or_default()
    }

    /// One more step of this device's ratchet in an epoch; counted in the store, so that no restart forgets any.
    pub(super) fn count_step(&mut self, ctx: &mut Ctx, id: &RoomId, epoch: &Epoch) {
        let key = [STEPS, &id.0[..]].concat();
        let before = self.steps.get(id).copied().or_else(|| ctx.row(Table::Meta, &key)).filter(|steps| steps.epoch == epoch.id);
        let steps = Steps { epoch: epoch.id, count: before.map_or(0, |steps| steps.count).saturating_add(1) };
        ctx.put(Table::Meta, key, &steps);
        self.steps.insert(*id, steps);
        if self.is_worn(id) {
            self.due_at(*id, Some(ctx.now.mono));
        }
    }

    fn is_worn(&self, id: &RoomId) -> bool {
        let here = self.rooms.get(id).and_then(|room| room.here());
        let is_alone = self.rooms.get(id).is_none_or(|room| room.members.len() <= 1);
        let steps = self.steps.get(id).filter(|steps| here.is_some_and(|here| here.id == steps.epoch));
        !is_alone && steps.is_some_and(|steps| steps.count >= STEPS_MAX)
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
        let asked = self.asked.get(id).map_or(0, |(at, _)| *at);
        let strange = self.sightings(id).map(|seen| seen.since.saturating_add(BRANCH_GRACE_MS).max(asked)).min();
        let next = [expiry, update, again, lost, strange].into_iter().flatten().min();
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
