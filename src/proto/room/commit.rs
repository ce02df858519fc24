//! Commits: who may do what, own ones made, those of others taken.

use std::collections::BTreeSet;

use super::branch::{By, Epoch, Intent, Room, State};
use super::epoch::{name, seal_outer};
use super::join::{Joining, devices_max};
use super::{Effect, Opened, RoomError, RoomInfo, Rooms};
use crate::crypto::mls::package::Package;
use crate::crypto::mls::{Group, Made, MlsError, Staged};
use crate::proto::ctx::Ctx;
use crate::types::{AccountId, DeviceId, RoomId};
use crate::wire::codec;
use crate::wire::row::RoomKind;

/// Whether `by` may bring devices of `account` in, or take them out.
pub(super) fn may(info: &RoomInfo, by: &AccountId, account: &AccountId) -> bool {
    let belongs = info.kind == RoomKind::Group || info.admins.contains(account);
    belongs && (by == account || info.admins.contains(by))
}

/// Whether anybody in a group may bring devices of `account` back: it is in, and there is no other admin who could. Without this, a
/// group whose only admin lost their device would be without one for ever.
pub(super) fn may_return(info: &RoomInfo, members: impl Iterator<Item = AccountId>, account: &AccountId) -> bool {
    let is_admin = info.kind == RoomKind::Group && info.admins.contains(account);
    let (mut is_in, mut is_only) = (false, true);
    members.for_each(|member| {
        is_in |= member == *account;
        is_only &= member == *account || !info.admins.contains(&member);
    });
    is_admin && is_in && is_only
}

/// What a commit would do.
#[derive(Default)]
struct Plan {
    adds: Vec<Package>,
    removes: Vec<DeviceId>,
    intents: Vec<Intent>,
}

impl Rooms {
    /// What of these intents is still to be done in an epoch, and allowed.
    fn plan(&self, room: &Room, group: &Group, intents: Vec<Intent>) -> Plan {
        let mut plan = Plan::default();
        for intent in intents {
            let fits = match &intent {
                Intent::Add { account, device, key_package } => {
                    !room.has(device)
                        && (may(&room.info, &self.account, account) || room.may_return(account))
                        && plan.add(&self.open_package(account, key_package))
                }
                Intent::Swap { account, device, key_package, stale } => {
                    let is_stale = room.has(device) && group.encryption_key(device) == *stale;
                    let fits = (is_stale || !room.has(device))
                        && (may(&room.info, &self.account, account) || room.may_return(account))
                        && plan.add(&self.open_package(account, key_package));
                    if fits && is_stale {
                        plan.remove(room, |_, which| which == device);
                    }
                    fits
                }
                Intent::Remove { account, device } => {
                    plan.adds.retain(|package| package.leaf.device != *device);
                    may(&room.info, &self.account, account) && plan.remove(room, |whose, which| whose == account && which == device)
                }
                Intent::Expel(account) => {
                    plan.adds.retain(|package| package.leaf.account != *account);
                    may(&room.info, &self.account, account) && plan.remove(room, |whose, _| whose == account)
                }
                Intent::Update => true,
            };
            if fits {
                plan.intents.push(intent);
            }
        }
        plan
    }

    /// Commits what of the intents is still to be done, and adopts it at once. No effect when nothing is.
    pub(super) fn commit(&mut self, ctx: &mut Ctx, id: &RoomId, intents: Vec<Intent>) -> Result<Vec<Effect>, RoomError> {
        let mut room = self.rooms.get(id).cloned().ok_or(RoomError::NoGroup)?;
        let tip = room.here().cloned().ok_or(RoomError::NoGroup)?;
        let mut group = self.hold_or_lose(ctx, id, &tip)?;
        let plan = self.plan(&room, &group, intents);
        if plan.intents.is_empty() {
            self.save(ctx, &tip, group);
            return Ok(Vec::new());
        }
        if room.members.len() + plan.adds.len() > devices_max(&room.info) + plan.removes.len() {
            self.save(ctx, &tip, group);
            return Err(RoomError::TooMany);
        }
        let made = group.commit(&self.engine, ctx.rng, ctx.keys, &plan.adds, &plan.removes)?;
        let added: Vec<(AccountId, DeviceId)> = plan.adds.iter().map(|package| (package.leaf.account, package.leaf.device)).collect();
        let by = By {
            digest: *blake3::hash(&made.commit).as_bytes(),
            committer: self.device,
            removes: removes(&plan.removes, plan.adds.iter().map(|package| package.leaf.device)),
        };
        let child = self.child(&tip, &group, by, plan.intents)?;
        let mut effects = self.commit_effects(ctx, &room, &tip, &made);
        room.epochs.push(child.clone());
        effects.extend(welcome_effects(&room, &child, &made, &added));
        self.save(ctx, &child, group);
        room.committed = ctx.now.wall;
        room.update_due = next_update(ctx);
        effects.extend(self.settle(ctx, room));
        Ok(effects)
    }

    /// The epoch that a merged commit made.
    fn child(&self, parent: &Epoch, group: &Group, by: By, intents: Vec<Intent>) -> Result<Epoch, MlsError> {
        Ok(Epoch {
            id: name(group)?,
            number: group.epoch(),
            group: parent.group,
            generation: parent.generation,
            parent: Some(parent.id),
            by: Some(by),
            state: State::Here,
            secret: group.export(&self.engine)?,
            left: None,
            intents,
        })
    }

    /// The commit, for everybody who was in the epoch it leaves, other devices of this account included.
    fn commit_effects(&self, ctx: &mut Ctx, room: &Room, tip: &Epoch, made: &Made) -> Vec<Effect> {
        let others = room.members.iter().filter(|(_, device)| *device != self.device);
        let mut to: Vec<AccountId> = others.map(|(account, _)| *account).collect();
        to.sort_unstable();
        to.dedup();
        if to.is_empty() {
            return Vec::new();
        }
        vec![Effect::Commit { room: room.info.room, to, envelope: seal_outer(ctx, tip, &made.commit) }]
    }

    /// Takes somebody's commit to a known epoch into account.
    pub(super) fn take_commit(&mut self, ctx: &mut Ctx, id: &RoomId, parent: &Epoch, commit: &[u8]) -> (Opened, Vec<Effect>) {
        let digest = *blake3::hash(commit).as_bytes();
        let Some(mut room) = self.rooms.get(id).cloned() else { return (Opened::Deferred, Vec::new()) };
        if let Some(by) = room.knows(&digest) {
            return (if by.committer == self.device { Opened::Own } else { Opened::Duplicate(*id) }, Vec::new());
        }
        let Ok(mut group) = self.hold_or_lose(ctx, id, parent) else { return (Opened::Deferred, Vec::new()) };
        let staged = match group.stage(&self.engine, ctx.rng, commit) {
            Ok(staged) => staged,
            Err(MlsError::OwnCommit) => {
                self.lose(ctx, id);
                return (Opened::Expired(*id), Vec::new());
            }
            Err(_) => return (Opened::Misbehaved(*id), Vec::new()),
        };
        let Some(info) = group.info().and_then(|info| codec::decode::<RoomInfo>(info).ok()) else {
            return (Opened::Misbehaved(*id), Vec::new());
        };
        if !is_permitted(&info, &group, &staged) {
            return (Opened::Misbehaved(*id), Vec::new());
        }
        let is_swap = |device: &DeviceId| staged.added.iter().any(|leaf| leaf.device == *device);
        if staged.removes_us && is_swap(&self.device) {
            return (Opened::Deferred, Vec::new());
        }
        let by = By {
            digest,
            committer: staged.committer.device,
            removes: removes(
                &staged.removed.iter().map(|leaf| leaf.device).collect::<Vec<_>>(),
                staged.added.iter().map(|leaf| leaf.device),
            ),
        };
        let added: Vec<(AccountId, DeviceId)> = staged.added.iter().map(|leaf| (leaf.account, leaf.device)).collect();
        let mut fresh = Vec::new();
        let child = if staged.removes_us {
            out(parent, by)
        } else {
            let merged = group.merge(&self.engine, ctx.rng, staged).and_then(|()| self.child(parent, &group, by, Vec::new()));
            let Ok(child) = merged else {
                tracing::error!(room = ?id, "a valid commit does not merge");
                return (Opened::Misbehaved(*id), Vec::new());
            };
            fresh = all_new(&group, &added);
            self.save(ctx, &child, group);
            child
        };
        let is_new = child.state == State::Here;
        room.epochs.push(Epoch { left: Some(ctx.now.wall), ..child });
        room.committed = ctx.now.wall;
        let mut effects = self.settle(ctx, room);
        let epoch = Effect::Epoch { room: *id };
        if is_new && !effects.contains(&epoch) {
            effects.push(epoch);
        }
        if !fresh.is_empty() {
            effects.push(Effect::Fresh { room: *id, accounts: fresh });
        }
        (Opened::Commit(*id), effects)
    }
}

impl Plan {
    /// Takes out the devices that are meant; `false` when there are none.
    fn remove(&mut self, room: &Room, is_meant: impl Fn(&AccountId, &DeviceId) -> bool) -> bool {
        let meant: Vec<DeviceId> =
            room.members.iter().filter(|(account, device)| is_meant(account, device)).map(|(_, device)| *device).collect();
        let new: Vec<DeviceId> = meant.iter().filter(|device| !self.removes.contains(device)).copied().collect();
        self.removes.extend(new);
        !meant.is_empty()
    }

    fn add(&mut self, package: &Option<Package>) -> bool {
        let Some(package) = package else { return false };
        self.adds.retain(|other| other.leaf.device != package.leaf.device);
        self.adds.push(package.clone());
        true
    }
}

/// Whether a commit keeps the rules of the room: admins bring in and take out whom they like, others only devices of their own, or such
/// as bring the only admin back.
fn is_permitted(info: &RoomInfo, group: &Group, staged: &Staged) -> bool {
    let (leaves, by) = (group.leaves(), &staged.committer.account);
    let returns = |account: &AccountId| may_return(info, leaves.iter().map(|leaf| leaf.account), account);
    let is_swapped = |device: &DeviceId| staged.added.iter().any(|leaf| leaf.device == *device);
    let may_add = staged.added.iter().all(|leaf| may(info, by, &leaf.account) || returns(&leaf.account));
    let may_remove = staged.removed.iter().all(|leaf| may(info, by, &leaf.account) || (is_swapped(&leaf.device) && returns(&leaf.account)));
    may_add && may_remove && leaves.len() + staged.added.len() <= devices_max(info) + staged.removed.len()
}

/// Accounts all of whose devices in a group are among those that were added.
fn all_new(group: &Group, added: &[(AccountId, DeviceId)]) -> Vec<AccountId> {
    let leaves = group.leaves();
    let is_new =
        |account: &AccountId| leaves.iter().filter(|leaf| leaf.account == *account).all(|leaf| added.contains(&(*account, leaf.device)));
    let accounts: BTreeSet<AccountId> = added.iter().map(|(account, _)| *account).collect();
    accounts.into_iter().filter(is_new).collect()
}

/// Whether somebody is out after it: a device that is swapped is not.
fn removes(removed: &[DeviceId], added: impl Iterator<Item = DeviceId>) -> bool {
    let added: Vec<DeviceId> = added.collect();
    removed.iter().any(|device| !added.contains(device))
}

/// The epoch of a commit that removed this device: nobody here can know its name, so the commit's hash stands for it.
fn out(parent: &Epoch, by: By) -> Epoch {
    let mut id = [0; 16];
    id.copy_from_slice(&by.digest[..16]);
    Epoch {
        id,
        number: parent.number + 1,
        group: parent.group,
        generation: parent.generation,
        parent: Some(parent.id),
        by: Some(by),
        state: State::Out,
        secret: [0; 32],
        left: None,
        intents: Vec::new(),
    }
}

/// One welcome for each account that has new devices in an epoch.
pub(super) fn welcome_effects(room: &Room, epoch: &Epoch, made: &Made, added: &[(AccountId, DeviceId)]) -> Vec<Effect> {
    let Some(welcome) = &made.welcome else { return Vec::new() };
    let accounts: BTreeSet<AccountId> = added.iter().map(|(account, _)| *account).collect();
    let effect = |to: AccountId| Effect::Welcome {
        room: room.info.room,
        to,
        group: epoch.group,
        generation: epoch.generation,
        welcome: codec::encode(&Joining::to(room, epoch, &to, welcome)),
        devices: added.iter().filter(|(account, _)| *account == to).map(|(_, device)| *device).collect(),
    };
    accounts.into_iter().map(effect).collect()
}

/// When this device renews its keys next (wall clock).
pub(super) fn next_update(ctx: &mut Ctx) -> crate::types::Millis {
    use crate::types::limits::{UPDATE_JITTER_MS, UPDATE_MS_MIN};
    ctx.now.wall.saturating_add(UPDATE_MS_MIN).saturating_add(ctx.rng.below(UPDATE_JITTER_MS))
}
