//! Rooms as MLS groups. This module alone owns epoch state: nothing outside it knows of bags, parked epochs or branches.
//!
//! It seals and opens the contents of rooms and tells its caller, as [`Effect`]s, what must reach whom.
//!
//! | file | holds |
//! |---|---|
//! | `branch` | what is known of a room: a tree of epochs, as it is stored |
//! | `converge` | which branch the room follows: a pure function of that tree |
//! | `epoch` | one epoch at work: its group, its envelopes |
//! | `commit` | who may do what; own commits, and those of others |
//! | `settle` | what changes when the tree has changed |
//! | `join` | making and joining rooms, key packages |
//! | `recover` | being added again, what is due |
//!
//! `docs/protocol/rooms.md` has the formats and the rules.

mod branch;
mod commit;
mod converge;
mod epoch;
#[cfg(test)]
mod golden;
mod join;
mod recover;
mod settle;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use lru::LruCache;

use self::branch::{Hint, Intent, Room};
use self::epoch::{Outer, seal_outer};
use self::join::{PACKAGES, Packages};
use self::recover::{Asked, Steps, Strange};
use crate::crypto::keys::Keys;
use crate::crypto::label::{Label, derive};
use crate::crypto::mls::{self, Engine, Group, MlsError, OpenError};
use crate::proto::ctx::Ctx;
use crate::types::limits::LIVE_GROUPS_MAX;
use crate::types::{AccountId, DeviceId, GroupId, Millis, RoomId, Scan, Table, View};
use crate::wire::row::{self, RoomKind};

/// Names an epoch of one branch: the first bytes of its epoch authenticator.
pub type EpochId = [u8; 16];

/// What all members agree on about a room, in its group's context.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct RoomInfo {
    /// The room.
    pub room: RoomId,
    /// Its kind.
    pub kind: RoomKind,
    /// Which of the room's groups this is, counted from 1; a higher one replaces a lower one, of two alike the lower group id.
    pub generation: u32,
    /// Who may add and remove other accounts, in order. In a direct room both; in notes the account itself.
    pub admins: Vec<AccountId>,
}

/// A room that this device was welcomed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// What all members agree on.
    pub info: RoomInfo,
    /// Whether the welcome says that the account had other devices there before.
    pub was_there: bool,
    /// What follows.
    pub effects: Vec<Effect>,
}

/// What must be done after something happened to a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// This envelope (a commit) must reach every device of these accounts, other devices of this account included; control lane.
    Commit {
        /// Where.
        room: RoomId,
        /// To whom.
        to: Vec<AccountId>,
        /// The envelope, ready to travel.
        envelope: Vec<u8>,
    },
    /// A welcome for newly added devices of an account: the caller seals it to the account.
    Welcome {
        /// Where.
        room: RoomId,
        /// To whom.
        to: AccountId,
        /// The group.
        group: GroupId,
        /// Its generation.
        generation: u32,
        /// The RFC 9420 Welcome, and where its epoch stands among the branches; for [`Rooms::join`].
        welcome: Vec<u8>,
        /// The devices that it is for: they open nothing that was sealed before.
        devices: Vec<DeviceId>,
    },
    /// This device must ask to be added again: the caller seals a `Knock::Rejoin` to these accounts, siblings and admins first.
    Rejoin {
        /// Where.
        room: RoomId,
        /// Whom to ask.
        to: Vec<AccountId>,
        /// A fresh key package.
        key_package: Vec<u8>,
        /// The highest generation known here.
        generation: u32,
    },
    /// Own contents that were sealed in these epochs and are still owed must be sealed again, with the same message ids.
    /// Some members may have opened them already.
    Abandoned {
        /// Where.
        room: RoomId,
        /// The epochs of the losing branch.
        epochs: Vec<EpochId>,
    },
    /// All devices of these accounts were added by somebody else's commit: they open nothing that was sealed before, so what they are
    /// owed must be sealed again.
    Fresh {
        /// Where.
        room: RoomId,
        /// Whose.
        accounts: Vec<AccountId>,
    },
    /// The room has a new epoch: what was deferred may be opened now.
    Epoch {
        /// Where.
        room: RoomId,
    },
    /// Who is in the room has changed.
    Members {
        /// Where.
        room: RoomId,
        /// The accounts, in order.
        members: Vec<AccountId>,
    },
    /// This account is no longer in the room.
    Removed {
        /// Where.
        room: RoomId,
    },
}

/// A sealed content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The envelope, ready to travel.
    pub envelope: Vec<u8>,
    /// The epoch it is sealed in.
    pub epoch: EpochId,
}

/// What an envelope of a room turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// A content, authentic.
    Content {
        /// Where.
        room: RoomId,
        /// Who.
        sender: AccountId,
        /// From which device.
        device: DeviceId,
        /// The encoded content.
        content: Vec<u8>,
        /// Whether it was sealed in the epoch that the room is in here.
        is_present: bool,
    },
    /// A commit, taken into account (applied, or kept as the losing rival).
    Commit(RoomId),
    /// One of our own, come back.
    Own,
    /// Of an epoch that is not here (yet): keep it and try again after the next [`Effect::Epoch`].
    Deferred,
    /// Decrypted before.
    Duplicate(RoomId),
    /// Too old: its epoch is gone.
    Expired(RoomId),
    /// Not what an honest member sends; the commit or message is not taken.
    Misbehaved(RoomId),
}

/// Why a room operation is not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoomError {
    /// There is no group for this room (yet).
    #[error("the room has no group")]
    NoGroup,
    /// Only admins, or devices of the same account, may.
    #[error("not allowed")]
    NotAllowed,
    /// A key package that is too old.
    #[error("the key package is out of date")]
    OutOfDate,
    /// A key package, welcome or credential that does not hold.
    #[error("invalid {0}")]
    Invalid(&'static str),
    /// A welcome for a key package of this device that is gone.
    #[error("the welcome is for a key package that is not here")]
    NoKeyPackage,
    /// The room has as many devices as `ROOM_DEVICES_MAX`.
    #[error("too many devices")]
    TooMany,
    /// OpenMLS failed in a way that is a bug of ours.
    #[error("MLS: {0}")]
    Mls(&'static str),
}

impl From<MlsError> for RoomError {
    fn from(error: MlsError) -> Self {
        match error {
            MlsError::Invalid(what) => Self::Invalid(what),
            MlsError::NoKeyPackage => Self::NoKeyPackage,
            MlsError::OwnCommit => Self::Invalid("commit"),
            MlsError::Failed(what) => Self::Mls(what),
        }
    }
}

/// All rooms of this node.
pub struct Rooms {
    account: AccountId,
    device: DeviceId,
    engine: Engine,
    rooms: BTreeMap<RoomId, Room>,
    /// Which epoch an envelope belongs to.
    hints: BTreeMap<Hint, (RoomId, EpochId)>,
    /// Hints of epochs that are gone.
    gone: BTreeMap<Hint, RoomId>,
    /// Groups at hand, each equal to what is stored of it.
    live: LruCache<(GroupId, EpochId), Group>,
    packages: Packages,
    /// The number of this account's card: key packages are never dated before it.
    card: Millis,
    /// When there is something to do for which room (monotonic clock), both ways.
    due: (BTreeSet<(Millis, RoomId)>, BTreeMap<RoomId, Millis>),
    /// When own commits that lost are made anew (monotonic clock).
    reissue: BTreeMap<RoomId, Millis>,
    /// Rooms whose state here is damaged, and when this device last asked to be added again.
    lost: BTreeSet<RoomId>,
    asked: Asked,
    strange: Strange,
    /// What this device has sealed in the epoch that each room is in, as far as it was looked at.
    steps: BTreeMap<RoomId, Steps>,
}

impl Rooms {
    /// The indexes, read from the store.
    pub fn open(view: &dyn View, keys: &Keys) -> Self {
        let mut rooms = Self {
            account: keys.account_id(),
            device: keys.device_id(),
            engine: Engine::default(),
            rooms: BTreeMap::new(),
            hints: BTreeMap::new(),
            gone: BTreeMap::new(),
            live: LruCache::new(NonZeroUsize::new(LIVE_GROUPS_MAX).unwrap_or(NonZeroUsize::MIN)),
            packages: Packages::default(),
            card: 0,
            due: Default::default(),
            reissue: BTreeMap::new(),
            lost: BTreeSet::new(),
            asked: Asked::default(),
            strange: Strange::default(),
            steps: BTreeMap::new(),
        };
        for (key, value) in view.scan(&Scan::prefix(Table::Group, [])) {
            if key == PACKAGES {
                rooms.packages = row::decode(&value).unwrap_or_default();
            } else if let Ok(room) = row::decode::<Room>(&value) {
                rooms.due_at(room.info.room, Some(0));
                rooms.index(room);
            }
        }
        rooms
    }

    /// The account's card has this number. It can be ahead of the clock, where that was set back; others take both for one clock.
    pub fn note_card(&mut self, number: Millis) {
        self.card = self.card.max(number);
    }

    /// A key package of this device, for others to add it with. Good for several rooms (RFC 9420 section 16.8, last resort).
    pub fn key_package(&mut self, ctx: &mut Ctx) -> Vec<u8> {
        self.current_package(ctx)
    }

    /// Whether a key package is well-formed, of a device that its account certified, and of this account; and in date by the clock of
    /// who made it, which the number of the card shows that it came with. No other clock is asked: it may be wrong.
    pub fn check_key_package(&self, account: &AccountId, key_package: &[u8], card: u64) -> Result<(), RoomError> {
        self.date_package(account, key_package, card)
    }

    /// Makes the group of a room with these devices besides this one; the effects carry one welcome for each account.
    pub fn create(&mut self, ctx: &mut Ctx, info: RoomInfo, devices: &[(AccountId, Vec<u8>)]) -> Result<Vec<Effect>, RoomError> {
        self.make(ctx, info, devices)
    }

    /// Joins by a welcome that `from` sent. Every leaf of the tree is checked; the room of a direct group must be that of
    /// `from` (or of the other account, when a sibling device welcomes this one) and this account. A welcome of a lower
    /// generation than the one that is here is refused; of two groups of one generation both are kept for what was sealed in them,
    /// and the room follows the lower group id. A welcome that is here already has no effect; one to another room than `room` is refused.
    pub fn join(&mut self, ctx: &mut Ctx, from: &AccountId, room: &RoomId, welcome: &[u8]) -> Result<Joined, RoomError> {
        self.enter_by(ctx, from, room, welcome)
    }

    /// How many groups this device is in; of those that this account is an admin of, when one is given.
    pub fn groups(&self, admin: Option<&AccountId>) -> usize {
        let groups = self.rooms.values().filter(|room| room.info.kind == RoomKind::Group && room.here().is_some());
        groups.filter(|room| admin.is_none_or(|admin| room.info.admins.contains(admin))).count()
    }

    /// Whether a room has a group that this device is in.
    pub fn has(&self, room: &RoomId) -> bool {
        self.rooms.get(room).is_some_and(|room| room.here().is_some())
    }

    /// Whether a room has a group here, and an account is in it.
    pub fn has_member(&self, room: &RoomId, account: &AccountId) -> bool {
        self.rooms.get(room).is_some_and(|room| room.here().is_some() && room.members.iter().any(|(member, _)| member == account))
    }

    /// The rooms that have, or had, a group here.
    pub fn rooms(&self) -> Vec<RoomId> {
        self.rooms.keys().copied().collect()
    }

    /// The accounts in a room, in order.
    pub fn members(&self, room: &RoomId) -> Vec<AccountId> {
        self.rooms.get(room).map(Room::accounts).unwrap_or_default()
    }

    /// The devices in a room, in order.
    pub fn devices(&self, room: &RoomId) -> Vec<(AccountId, DeviceId)> {
        self.rooms.get(room).map(|room| room.members.clone()).unwrap_or_default()
    }

    /// What the members of a room agree on.
    pub fn info(&self, room: &RoomId) -> Option<&RoomInfo> {
        self.rooms.get(room).map(|room| &room.info)
    }

    /// The room's epoch: its number, and the branch.
    pub fn epoch(&self, room: &RoomId) -> Option<(u64, EpochId)> {
        self.rooms.get(room)?.here().map(|epoch| (epoch.number, epoch.id))
    }

    /// The gossip topic of the room's epoch.
    pub fn topic(&self, room: &RoomId) -> Option<[u8; 32]> {
        self.rooms.get(room)?.here().map(|epoch| derive(Label::RoomTopic, &[&epoch.secret]))
    }

    /// Seals a content for the room. The step of the ratchet is in the ctx's batch before this returns.
    pub fn seal(&mut self, ctx: &mut Ctx, room: &RoomId, content: &[u8]) -> Result<Sealed, RoomError> {
        let epoch = self.rooms.get(room).and_then(|room| room.here().cloned()).ok_or(RoomError::NoGroup)?;
        let mut group = self.hold_or_lose(ctx, room, &epoch)?;
        let message = group.seal(&self.engine, ctx.rng, ctx.keys, content)?;
        self.save(ctx, &epoch, group);
        self.count_step(ctx, room, &epoch);
        Ok(Sealed { envelope: seal_outer(ctx, &epoch, &message), epoch: epoch.id })
    }

    /// Whether such a device was in the epoch that somebody's envelope is sealed in, as far as that epoch is still here.
    pub fn could_open(&mut self, ctx: &mut Ctx, body: &[u8], such: impl Fn(&AccountId, &DeviceId) -> bool) -> Option<bool> {
        let (room, epoch) = self.hints.get(Outer::decode(body)?.hint).copied()?;
        let epoch = self.rooms.get(&room)?.epoch(&epoch)?.clone();
        let group = self.hold(ctx, &epoch)?;
        let is_in = group.leaves().iter().any(|leaf| such(&leaf.account, &leaf.device));
        self.save(ctx, &epoch, group);
        Some(is_in)
    }

    /// Whether the body of a room envelope is of an epoch that is gone here.
    pub fn is_past(&self, body: &[u8]) -> bool {
        Outer::decode(body).is_some_and(|outer| !self.hints.contains_key(outer.hint) && self.gone.contains_key(outer.hint))
    }

    /// Whether the body of a room envelope is of an epoch on a branch that the room has left.
    pub fn is_left(&self, body: &[u8]) -> bool {
        let known = Outer::decode(body).and_then(|outer| self.hints.get(outer.hint));
        let room = known.and_then(|(id, epoch)| Some((self.rooms.get(id)?, epoch)));
        room.is_some_and(|(room, epoch)| !room.follows(&room.tip, epoch))
    }

    /// Opens the body of a room envelope; of a commit, decides which branch the room follows.
    pub fn open_envelope(&mut self, ctx: &mut Ctx, body: &[u8]) -> (Opened, Vec<Effect>) {
        let nothing = |opened| (opened, Vec::new());
        let Some(outer) = Outer::decode(body) else { return nothing(Opened::Deferred) };
        let Some((room, epoch)) = self.hints.get(outer.hint).copied() else {
            return nothing(self.gone.get(outer.hint).map_or(Opened::Deferred, |room| Opened::Expired(*room)));
        };
        let Some(epoch) = self.rooms.get(&room).and_then(|room| room.epoch(&epoch).cloned()) else {
            return nothing(Opened::Deferred);
        };
        let Some(message) = outer.open(&epoch) else { return nothing(Opened::Misbehaved(room)) };
        match mls::group::kind(&message) {
            Some(mls::group::Kind::Commit) => self.take_commit(ctx, &room, &epoch, &message),
            Some(mls::group::Kind::Application) => (self.open_content(ctx, &room, &epoch, &message), Vec::new()),
            None => nothing(Opened::Misbehaved(room)),
        }
    }

    fn open_content(&mut self, ctx: &mut Ctx, room: &RoomId, epoch: &branch::Epoch, message: &[u8]) -> Opened {
        let Ok(mut group) = self.hold_or_lose(ctx, room, epoch) else { return Opened::Deferred };
        let opened = group.open(&self.engine, ctx.rng, message);
        self.save(ctx, epoch, group);
        match opened {
            Ok((leaf, content)) => {
                let is_present = self.rooms.get(room).is_some_and(|room| room.tip == epoch.id);
                Opened::Content { room: *room, sender: leaf.account, device: leaf.device, content, is_present }
            }
            Err(OpenError::Own) => Opened::Own,
            Err(OpenError::Reused) => Opened::Duplicate(*room),
            Err(OpenError::Old) => Opened::Expired(*room),
            Err(OpenError::Early) => Opened::Deferred,
            Err(OpenError::Invalid) => Opened::Misbehaved(*room),
        }
    }

    /// Adds devices; this account must be an admin, or the devices its own. Those that are in already are passed over.
    pub fn add(&mut self, ctx: &mut Ctx, room: &RoomId, devices: &[(AccountId, Vec<u8>)]) -> Result<Vec<Effect>, RoomError> {
        let info = self.rooms.get(room).map(|room| room.info.clone()).ok_or(RoomError::NoGroup)?;
        let mut intents = Vec::new();
        for (account, key_package) in devices {
            if !commit::may(&info, &self.account, account) {
                return Err(RoomError::NotAllowed);
            }
            let device = self.admit_package(account, key_package)?.leaf.device;
            intents.push(Intent::Add { account: *account, device, key_package: key_package.clone() });
        }
        self.commit(ctx, room, intents)
    }

    /// Removes all devices of an account, or some of its own. Not this device: nobody can commit their own removal.
    pub fn remove(&mut self, ctx: &mut Ctx, room: &RoomId, devices: &[DeviceId]) -> Result<Vec<Effect>, RoomError> {
        let state = self.rooms.get(room).ok_or(RoomError::NoGroup)?;
        let mut intents = Vec::new();
        for (account, device) in state.members.iter().filter(|(_, device)| devices.contains(device)) {
            if *device == self.device || !commit::may(&state.info, &self.account, account) {
                return Err(RoomError::NotAllowed);
            }
            let all = state.members.iter().filter(|(whose, _)| whose == account).all(|(_, device)| devices.contains(device));
            intents.push(if all { Intent::Expel(*account) } else { Intent::Remove { account: *account, device: *device } });
        }
        intents.dedup();
        self.commit(ctx, room, intents)
    }

    /// Fresh keys for this device.
    pub fn update(&mut self, ctx: &mut Ctx, room: &RoomId) -> Result<Vec<Effect>, RoomError> {
        self.commit(ctx, room, vec![Intent::Update])
    }

    /// A device that lost its place asks to be added again: its stale leaf goes and the fresh one comes in one commit. When
    /// this account may not do that but the other may add this one, this device asks in turn: the branch goes on that has the right to.
    pub fn handle_rejoin(
        &mut self,
        ctx: &mut Ctx,
        from: &AccountId,
        room: &RoomId,
        key_package: &[u8],
        generation: u32,
    ) -> Result<Vec<Effect>, RoomError> {
        self.swap(ctx, from, room, key_package, generation)
    }

    /// A member begins anew, with devices that have these key packages: brings them into the group, and takes out those that are no
    /// more. No effect where this device may not.
    pub fn bring_back(
        &mut self,
        ctx: &mut Ctx,
        room: &RoomId,
        account: &AccountId,
        key_packages: &[Vec<u8>],
    ) -> Result<Vec<Effect>, RoomError> {
        self.take_back(ctx, room, account, key_packages)
    }

    /// A device that comes from a backup asks the members of a room, of which nothing is here any more, to be added again.
    pub fn ask_back(&mut self, ctx: &mut Ctx, room: &RoomId, members: Vec<AccountId>) -> Vec<Effect> {
        self.ask_all(ctx, room, members)
    }

    /// The question to be added again was answered, if in vain: the next one need not wait.
    pub fn was_answered(&mut self, room: &RoomId) {
        self.asked.remove(room);
    }

    /// What another device says about its epoch (on meeting). Notices branches that ordinary delivery does not mend.
    pub fn handle_heads(
        &mut self,
        ctx: &mut Ctx,
        room: &RoomId,
        from: &AccountId,
        device: &DeviceId,
        epoch: u64,
        epoch_id: &EpochId,
    ) -> Vec<Effect> {
        self.compare(ctx, room, from, device, (epoch, *epoch_id))
    }

    /// Forgets which winning branches were seen: commits were not taken for a while, and may come yet.
    pub fn overlook(&mut self) {
        self.overlook_all();
    }

    /// Drops parked epochs that are too old, re-issues own commits that lost, renews keys that are due.
    pub fn on_deadline(&mut self, ctx: &mut Ctx) -> Vec<Effect> {
        self.work_off(ctx)
    }

    /// When [`on_deadline`](Self::on_deadline) has something to do, on the monotonic clock.
    pub fn next_deadline(&self) -> Option<Millis> {
        self.due.0.first().map(|(at, _)| *at)
    }
}
