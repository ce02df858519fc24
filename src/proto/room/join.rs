//! Coming into a room: making one, joining one, and the key packages that others add this device with.

use bincode::{Decode, Encode};

use super::branch::{By, Epoch, Hint, Room, State};
use super::commit::{may_return, next_update, welcome_effects};
use super::epoch::{destroy_bag, name};
use super::{Effect, EpochId, Joined, RoomError, RoomInfo, Rooms};
use crate::crypto::keys::{direct_room, notes_room};
use crate::crypto::mls::bag::Bag;
use crate::crypto::mls::package::{self, Package};
use crate::crypto::mls::{Group, Leaf};
use crate::proto::ctx::Ctx;
use crate::types::limits::{
    DIRECT_DEVICES_MAX, EXPIRED_EPOCHS_MAX, KEY_PACKAGE_RENEW_MS, KEY_PACKAGE_TTL_MS, OWN_KEY_PACKAGES_MAX, PARKED_EPOCHS_MAX,
    ROOM_DEVICES_MAX,
};
use crate::types::{AccountId, DeviceId, GroupId, Millis, RoomId, Scan, Table};
use crate::wire::codec;
use crate::wire::row::{Room as Listed, RoomKind};

/// What a welcome carries: the RFC 9420 Welcome, and where its epoch stands in the tree, so that a device that is welcomed
/// to two branches follows the one that everybody else follows.
#[derive(Encode, Decode)]
pub(super) struct Joining {
    /// The epoch itself first, then those it follows, as far back as its maker can still change branch.
    pub(super) ancestors: Vec<Ancestor>,
    /// For an account that was there already: hints of epochs that its new device never had, newest first, at most
    /// `EXPIRED_EPOCHS_MAX`. What is sealed in them waits for nothing.
    pub(super) gone: Vec<Hint>,
    /// The RFC 9420 Welcome.
    pub(super) welcome: Vec<u8>,
}

impl Joining {
    /// What a welcome to an epoch says to an account.
    pub(super) fn to(room: &Room, epoch: &Epoch, account: &AccountId, welcome: &[u8]) -> Self {
        let past = room.path(&epoch.id).into_iter().skip(1).filter(|past| past.state == State::Here).map(Epoch::hint);
        let past = past.chain(room.gone.iter().rev().copied()).take(EXPIRED_EPOCHS_MAX);
        let was_there = room.members.iter().any(|(member, _)| member == account);
        Self { ancestors: Ancestor::of(room, epoch), gone: if was_there { past.collect() } else { Vec::new() }, welcome: welcome.to_vec() }
    }
}

/// An epoch that a welcome tells of.
#[derive(Encode, Decode)]
pub(super) struct Ancestor {
    id: EpochId,
    number: u64,
    by: Option<By>,
}

impl Ancestor {
    /// An epoch and those it follows.
    pub(super) fn of(room: &Room, epoch: &Epoch) -> Vec<Self> {
        let path = room.path(&epoch.id).into_iter().take(PARKED_EPOCHS_MAX + 1);
        path.map(|epoch| Self { id: epoch.id, number: epoch.number, by: epoch.by.clone() }).collect()
    }
}

/// `Table::Group`: `packages`.
#[derive(Clone, Default, Encode, Decode)]
pub(super) struct Packages {
    /// When, where in `Table::Bag`, and the key package; newest last.
    list: Vec<(Millis, EpochId, Vec<u8>)>,
}

/// Where the key packages stand in `Table::Group`.
pub(super) const PACKAGES: &[u8] = b"packages";
/// The group under which their bags stand.
const PACKAGE_BAGS: GroupId = GroupId([0; 32]);

impl Rooms {
    /// The newest key package, or a new one when that is due.
    pub(super) fn current_package(&mut self, ctx: &mut Ctx) -> Vec<u8> {
        let newest = self.packages.list.last().cloned();
        // One that was made when this machine's clock was ahead would be handed out for too long; one from before that is out of date
        // by the card that came of it.
        let is_good = |made: Millis, package: &[u8]| {
            ctx.now.wall.abs_diff(made) < KEY_PACKAGE_RENEW_MS && self.date_package(&self.account, package, self.card).is_ok()
        };
        match newest {
            Some((made, _, package)) if is_good(made, &package) => package,
            _ => self.fresh_package(ctx),
        }
    }

    /// A new key package; the oldest make room.
    pub(super) fn fresh_package(&mut self, ctx: &mut Ctx) -> Vec<u8> {
        let Ok((bytes, mut bag)) = package::make(&self.engine, ctx.rng, ctx.keys, ctx.now.wall.max(self.card)) else {
            tracing::error!("a key package cannot be made");
            return Vec::new();
        };
        let slot: EpochId = ctx.rng.bytes();
        for (key, value) in bag.take_changes() {
            ctx.put_raw(Table::Bag, [&PACKAGE_BAGS.0[..], &slot, &key].concat(), value.unwrap_or_default());
        }
        self.packages.list.push((ctx.now.wall, slot, bytes.clone()));
        let over = self.packages.list.len().saturating_sub(OWN_KEY_PACKAGES_MAX);
        for (_, slot, _) in self.packages.list.drain(..over) {
            destroy_bag(ctx, &PACKAGE_BAGS, &slot);
        }
        ctx.put(Table::Group, PACKAGES, &self.packages);
        bytes
    }

    /// A key package that is what it says and belongs to the account.
    pub(super) fn open_package(&self, account: &AccountId, bytes: &[u8]) -> Option<Package> {
        Package::open(&self.engine, bytes).filter(|package| package.leaf.account == *account)
    }

    /// The same, with the reason.
    pub(super) fn admit_package(&self, account: &AccountId, bytes: &[u8]) -> Result<Package, RoomError> {
        self.open_package(account, bytes).ok_or(RoomError::Invalid("key package"))
    }

    /// See [`Rooms::check_key_package`].
    pub(super) fn date_package(&self, account: &AccountId, bytes: &[u8], card: u64) -> Result<(), RoomError> {
        let made = self.admit_package(account, bytes)?.made;
        if card <= made.saturating_add(KEY_PACKAGE_TTL_MS) { Ok(()) } else { Err(RoomError::OutOfDate) }
    }

    /// See [`Rooms::create`].
    pub(super) fn make(&mut self, ctx: &mut Ctx, mut info: RoomInfo, devices: &[(AccountId, Vec<u8>)]) -> Result<Vec<Effect>, RoomError> {
        info.admins.sort_unstable();
        info.admins.dedup();
        if self.rooms.get(&info.room).is_some_and(|room| room.info.generation >= info.generation) {
            return Err(RoomError::Invalid("generation"));
        }
        let mut adds: Vec<Package> = Vec::new();
        for (account, bytes) in devices {
            let package = self.admit_package(account, bytes)?;
            let is_new = package.leaf.device != self.device && adds.iter().all(|other| other.leaf.device != package.leaf.device);
            if is_new {
                adds.push(package);
            }
        }
        if adds.len() >= ROOM_DEVICES_MAX {
            return Err(RoomError::TooMany);
        }
        let added: Vec<(AccountId, DeviceId)> = adds.iter().map(|package| (package.leaf.account, package.leaf.device)).collect();
        let accounts: Vec<AccountId> = added.iter().map(|(account, _)| *account).collect();
        if !info.admins.contains(&self.account) {
            return Err(RoomError::NotAllowed);
        }
        is_sound(&info, &self.account, &self.account, &[&accounts[..], &[self.account]].concat(), false)?;
        let id = GroupId(ctx.rng.bytes());
        let mut group = Group::create(&self.engine, ctx.rng, ctx.keys, &id, &codec::encode(&info))?;
        let made = match adds.is_empty() {
            true => None,
            false => Some(group.commit(&self.engine, ctx.rng, ctx.keys, &adds, &[])?),
        };
        let epoch = self.first(&group, id, info.generation)?;
        let mut room = self.rooms.get(&info.room).cloned().unwrap_or_else(|| fresh(info, epoch.id));
        room.epochs.push(epoch.clone());
        room.committed = ctx.now.wall;
        room.update_due = next_update(ctx);
        let mut effects = made.map(|made| welcome_effects(&room, &epoch, &made, &added)).unwrap_or_default();
        self.save(ctx, &epoch, group);
        effects.extend(self.settle(ctx, room));
        Ok(effects)
    }

    fn first(&self, group: &Group, id: GroupId, generation: u32) -> Result<Epoch, RoomError> {
        Ok(Epoch {
            id: name(group)?,
            number: group.epoch(),
            group: id,
            generation,
            parent: None,
            by: None,
            state: State::Here,
            secret: group.export(&self.engine)?,
            left: None,
            intents: Vec::new(),
        })
    }

    /// See [`Rooms::join`].
    pub(super) fn enter_by(&mut self, ctx: &mut Ctx, from: &AccountId, room: &RoomId, bytes: &[u8]) -> Result<Joined, RoomError> {
        let joining: Joining = codec::decode(bytes).map_err(|_| RoomError::Invalid("welcome"))?;
        let (group, sender) = Group::join(&self.engine, ctx.rng, &self.package_bags(ctx), &joining.welcome)?;
        let info: RoomInfo = group.info().and_then(|info| codec::decode(info).ok()).ok_or(RoomError::Invalid("room"))?;
        if info.room != *room {
            return Err(RoomError::Invalid("room"));
        }
        // Asked for since this process began, or before it: the room is among those that the person has.
        let is_theirs = || ctx.row::<Listed>(Table::Room, &info.room.0).is_some_and(|row| row.members.contains(&self.account));
        let is_asked = self.asked.contains_key(&info.room) || is_theirs();
        self.check(from, &sender, &group, &info, is_asked)?;
        let id = group.id().ok_or(RoomError::Invalid("group"))?;
        let mut epoch = self.first(&group, id, info.generation)?;
        joining.check(&epoch)?;
        let was_there = !joining.gone.is_empty();
        if self.rooms.get(&info.room).is_some_and(|room| room.epoch(&epoch.id).is_some_and(|known| known.state == State::Here)) {
            return Ok(Joined { info, was_there, effects: Vec::new() });
        }
        let mut room = self.rooms.get(&info.room).cloned().unwrap_or_else(|| fresh(info.clone(), epoch.id));
        epoch.left = Some(ctx.now.wall);
        let (at, number) = (epoch.id, epoch.number);
        self.save(ctx, &epoch, group);
        room.graft(epoch, &joining.ancestors, ctx.now.wall);
        room.pass_over(&joining.gone);
        room.update_due = next_update(ctx);
        let room_id = room.info.room;
        self.lost.remove(&room_id);
        // Asked for, or further on than this device is: who was forgotten for long may be brought back by an old question.
        let is_further = room.epoch(&room.tip).is_some_and(|tip| tip.number < number);
        if self.asked.remove(&room_id).is_some() || is_further {
            room.anchor = Some(at);
        }
        let effects = self.settle(ctx, room);
        Ok(Joined { info, was_there, effects })
    }

    /// The secrets of all key packages of this device.
    fn package_bags(&self, ctx: &Ctx) -> Bag {
        let skip = PACKAGE_BAGS.0.len() + EpochId::default().len();
        let rows = ctx.scan(&Scan::prefix(Table::Bag, PACKAGE_BAGS.0));
        Bag::stored(rows.into_iter().filter_map(|(key, value)| Some((key.get(skip..)?.to_vec(), value))))
    }

    fn check(&self, from: &AccountId, sender: &Leaf, group: &Group, info: &RoomInfo, is_asked: bool) -> Result<(), RoomError> {
        let leaves = group.leaves();
        if sender.account != *from || !leaves.iter().any(|leaf| leaf.device == self.device) || leaves.len() > devices_max(info) {
            return Err(RoomError::Invalid("welcome"));
        }
        if self.rooms.get(&info.room).is_some_and(|room| room.info.generation > info.generation || room.info.kind != info.kind) {
            return Err(RoomError::Invalid("generation"));
        }
        // Who knows a room's id could make another group for it: only those who may change the room can.
        let accounts: Vec<AccountId> = leaves.iter().map(|leaf| leaf.account).collect();
        let known = self.rooms.get(&info.room);
        // The only admin is brought back by anybody: into the group they were in, or where nothing is known of it, when they asked.
        let is_asked = match known.and_then(|room| room.epoch(&room.tip)) {
            Some(tip) => group.id() == Some(tip.group),
            None => is_asked,
        };
        let returns = is_asked && may_return(info, accounts.iter().copied(), &self.account);
        let is_entitled = |known: &RoomInfo| known.kind != RoomKind::Group || *from == self.account || known.admins.contains(from);
        if known.is_some_and(|room| !(is_entitled(&room.info) || (returns && room.info == *info))) {
            return Err(RoomError::NotAllowed);
        }
        is_sound(info, from, &self.account, &accounts, returns)
    }
}

impl Joining {
    /// Whether it tells of this epoch, and of a plausible past.
    fn check(&self, epoch: &Epoch) -> Result<(), RoomError> {
        let numbers = self.ancestors.iter().map(|ancestor| ancestor.number);
        let is_line = numbers.zip((0..=epoch.number).rev()).all(|(has, wants)| has == wants);
        let is_it = self.ancestors.first().is_some_and(|first| first.id == epoch.id);
        let fits = is_line && is_it && self.ancestors.len() <= PARKED_EPOCHS_MAX + 1 && self.gone.len() <= EXPIRED_EPOCHS_MAX;
        if fits { Ok(()) } else { Err(RoomError::Invalid("welcome")) }
    }
}

impl Room {
    /// Epochs that this device never had, and never will.
    fn pass_over(&mut self, hints: &[Hint]) {
        let here: Vec<Hint> = self.epochs.iter().filter(|epoch| epoch.state == State::Here).map(Epoch::hint).collect();
        for hint in hints.iter().rev().filter(|hint| !here.contains(hint)) {
            if !self.gone.contains(hint) {
                self.gone.push(*hint);
            }
        }
        let over = self.gone.len().saturating_sub(EXPIRED_EPOCHS_MAX);
        self.gone.drain(..over);
    }

    /// Puts an epoch that a welcome opened into the tree, with what the welcome tells of those before it.
    fn graft(&mut self, epoch: Epoch, ancestors: &[Ancestor], wall: Millis) {
        let told: Vec<[u8; 32]> = ancestors.iter().filter_map(|ancestor| ancestor.by.as_ref()).map(|by| by.digest).collect();
        self.epochs.retain(|known| {
            let is_told = known.by.as_ref().is_some_and(|by| told.contains(&by.digest));
            known.id != epoch.id && !(known.state == State::Out && is_told)
        });
        let tip = self.tip;
        for (at, ancestor) in ancestors.iter().enumerate() {
            let parent = ancestors.get(at + 1).map(|parent| parent.id);
            if self.epoch(&ancestor.id).is_some() {
                continue;
            }
            let told = Epoch {
                id: ancestor.id,
                number: ancestor.number,
                parent,
                by: ancestor.by.clone(),
                state: State::Heard,
                secret: [0; 32],
                left: Some(wall),
                intents: Vec::new(),
                ..epoch.clone()
            };
            let is_it = ancestor.id == epoch.id;
            self.epochs.push(if is_it { Epoch { parent, by: ancestor.by.clone(), ..epoch.clone() } } else { told });
        }
        // Who welcomes us can change branch back to the oldest epoch it tells of, and no further. If the branch we were on left
        // before that, no commit can settle it any more: the two are compared as unconnected ones.
        let oldest = ancestors.last().map(|ancestor| ancestor.id);
        if let Some(oldest) = oldest.filter(|oldest| self.epoch(&tip).is_some() && !self.follows(&tip, oldest))
            && let Some(cut) = self.epochs.iter_mut().find(|known| known.id == oldest)
        {
            cut.parent = None;
        }
    }
}

#[cfg(test)]
impl Packages {
    pub(super) fn example() -> Self {
        Self { list: vec![(1_764_000_000_000, [0x51; 16], vec![1, 2, 3]), (1_764_000_001_000, [0x52; 16], vec![4])] }
    }
}

#[cfg(test)]
impl Joining {
    pub(super) fn example(room: &Room) -> Self {
        Self {
            ancestors: room.epochs.get(1).map(|epoch| Ancestor::of(room, epoch)).unwrap_or_default(),
            gone: vec![[7; 8]],
            welcome: vec![9, 8, 7],
        }
    }
}

fn fresh(info: RoomInfo, tip: EpochId) -> Room {
    Room {
        info,
        tip,
        anchor: None,
        epochs: Vec::new(),
        members: Vec::new(),
        gone: Vec::new(),
        wanted: Vec::new(),
        update_due: 0,
        committed: 0,
    }
}

/// How many devices a room may have.
pub(super) fn devices_max(info: &RoomInfo) -> usize {
    if info.kind == RoomKind::Group { ROOM_DEVICES_MAX } else { DIRECT_DEVICES_MAX }
}

/// Whether a group's claims fit together: its room is the one its kind derives, `from` may bring `own` in, and nobody is in
/// it who does not belong.
fn is_sound(info: &RoomInfo, from: &AccountId, own: &AccountId, accounts: &[AccountId], returns: bool) -> Result<(), RoomError> {
    let all_admins = accounts.iter().all(|account| info.admins.contains(account));
    let fits: Option<RoomId> = match (info.kind, &info.admins[..]) {
        (RoomKind::Direct, [one, other]) if one < other && info.admins.contains(own) && all_admins => Some(direct_room(one, other)),
        (RoomKind::Notes, [one]) if one == own && all_admins => Some(notes_room(own)),
        (RoomKind::Group, admins) if !admins.is_empty() && (from == own || admins.contains(from) || returns) => Some(info.room),
        _ => None,
    };
    let is_from_inside = accounts.contains(from) || from == own;
    if fits == Some(info.room) && is_from_inside { Ok(()) } else { Err(RoomError::Invalid("room")) }
}
