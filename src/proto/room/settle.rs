//! Following the best branch: what changes when the tree of a room has changed, and what that means for everybody else.

use super::branch::{Room, State};
use super::{Effect, EpochId, RoomInfo, Rooms};
use crate::proto::ctx::Ctx;
use crate::types::limits::REISSUE_MS_MAX;
use crate::types::{AccountId, DeviceId, RoomId, Table};
use crate::wire::codec;

impl Rooms {
    /// Moves a room to the best of its known epochs, drops what is beyond the horizon, and writes it.
    pub(super) fn settle(&mut self, ctx: &mut Ctx, mut room: Room) -> Vec<Effect> {
        let id = room.info.room;
        let mut effects = Vec::new();
        let before = self.rooms.get(&id).map(|room| (room.tip, room.here().is_some(), room.accounts()));
        if let Some(best) = room.choose() {
            let was = std::mem::replace(&mut room.tip, best);
            if before.as_ref().is_none_or(|(tip, _, _)| *tip != best) {
                self.enter(ctx, &mut room);
                effects.extend(abandoned(&room, &was));
                effects.push(Effect::Epoch { room: id });
                let (was_here, accounts) = before.map(|(_, here, accounts)| (here, accounts)).unwrap_or_default();
                match room.here() {
                    Some(_) if room.accounts() != accounts => effects.push(Effect::Members { room: id, members: room.accounts() }),
                    None if was_here => effects.push(Effect::Removed { room: id }),
                    _ => {}
                }
            }
        }
        let lost = room.take_lost();
        if !lost.is_empty() {
            room.wanted.extend(lost);
            self.reissue.entry(id).or_insert(ctx.now.mono + ctx.rng.below(REISSUE_MS_MAX));
        }
        for epoch in room.prune(ctx.now.wall) {
            self.destroy(ctx, &epoch);
        }
        self.write(ctx, room);
        effects
    }

    /// Reads from the new tip who is in it and what they agree on.
    fn enter(&mut self, ctx: &mut Ctx, room: &mut Room) {
        let tip = room.tip;
        for epoch in &mut room.epochs {
            let left = epoch.left.unwrap_or(ctx.now.wall);
            epoch.left = (epoch.id != tip).then_some(left);
        }
        let Some(epoch) = room.epoch(&tip).cloned() else { return };
        if epoch.state != State::Here {
            room.members.clear();
            return;
        }
        let Some(group) = self.hold(ctx, &epoch) else {
            self.lose(ctx, &room.info.room);
            return;
        };
        if let Some(info) = group.info().and_then(|info| codec::decode::<RoomInfo>(info).ok()) {
            room.info = info;
        }
        let mut members: Vec<(AccountId, DeviceId)> = group.leaves().into_iter().map(|leaf| (leaf.account, leaf.device)).collect();
        members.sort_unstable();
        room.members = members;
        self.save(ctx, &epoch, group);
    }

    /// Writes a room and brings the indexes up to it.
    pub(super) fn write(&mut self, ctx: &mut Ctx, room: Room) {
        let id = room.info.room;
        ctx.put(Table::Group, id.0, &room);
        if let Some(old) = self.rooms.remove(&id) {
            self.forget(&old);
        }
        self.index(room);
        self.schedule(ctx, &id);
    }

    fn forget(&mut self, room: &Room) {
        for epoch in room.epochs.iter().filter(|epoch| epoch.state == State::Here) {
            self.hints.remove(&epoch.hint());
        }
        room.gone.iter().for_each(|hint| {
            self.gone.remove(hint);
        });
    }

    /// Puts a room into the indexes.
    pub(super) fn index(&mut self, room: Room) {
        let id: RoomId = room.info.room;
        self.gone.extend(room.gone.iter().map(|hint| (*hint, id)));
        for epoch in room.epochs.iter().filter(|epoch| epoch.state == State::Here) {
            self.hints.insert(epoch.hint(), (id, epoch.id));
        }
        self.rooms.insert(id, room);
    }
}

/// The epochs that are no longer on the way to the room's tip.
fn abandoned(room: &Room, was: &EpochId) -> Option<Effect> {
    let way: Vec<EpochId> = room.path(&room.tip).iter().map(|epoch| epoch.id).collect();
    let left = room.path(was).into_iter().filter(|epoch| epoch.state == State::Here && !way.contains(&epoch.id));
    let epochs: Vec<EpochId> = left.map(|epoch| epoch.id).collect();
    (!epochs.is_empty()).then_some(Effect::Abandoned { room: room.info.room, epochs })
}
