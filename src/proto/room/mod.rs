//! Rooms as MLS groups. This module alone owns epoch state: nothing outside it knows of bags, parked epochs or branches.
//!
//! It seals and opens the contents of rooms and tells its caller, as [`Effect`]s, what must reach whom.

use crate::proto::ctx::Ctx;
use crate::types::{AccountId, DeviceId, GroupId, Millis, RoomId};
use crate::wire::row::RoomKind;

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
    /// Who may add and remove other accounts. In a direct room both; in notes the account itself.
    pub admins: Vec<AccountId>,
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
        /// The RFC 9420 Welcome.
        welcome: Vec<u8>,
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
    Abandoned {
        /// Where.
        room: RoomId,
        /// The epochs of the losing branch.
        epochs: Vec<EpochId>,
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
    },
    /// A commit, taken into account (applied, or kept as the losing rival).
    Commit(RoomId),
    /// One of our own, come back.
    Own,
    /// Of an epoch that is not here (yet): keep it and try again after the next [`Effect::Epoch`].
    Deferred,
    /// Decrypted before.
    Duplicate,
    /// Too old: its epoch is gone.
    Expired,
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
    /// A key package, welcome or credential that does not hold.
    #[error("invalid {0}")]
    Invalid(&'static str),
    /// The room has as many devices as `ROOM_DEVICES_MAX`.
    #[error("too many devices")]
    TooMany,
    /// OpenMLS failed in a way that is a bug of ours.
    #[error("MLS: {0}")]
    Mls(&'static str),
}

/// All rooms of this node.
pub struct Rooms {}

impl Rooms {
    /// The indexes, read from the store.
    pub fn open(_view: &dyn crate::types::View, _keys: &crate::crypto::keys::Keys) -> Self {
        todo!()
    }

    /// A key package of this device, for others to add it with. Good for several rooms (RFC 9420 section 16.8, last resort).
    pub fn key_package(&mut self, _ctx: &mut Ctx) -> Vec<u8> {
        todo!()
    }

    /// Whether a key package is well-formed, in date, of a device that its account certified, and of this account.
    pub fn check_key_package(&self, _ctx: &Ctx, _account: &AccountId, _key_package: &[u8]) -> bool {
        todo!()
    }

    /// Makes the group of a room with these devices besides this one; the effects carry one welcome for each account.
    pub fn create(&mut self, _ctx: &mut Ctx, _info: RoomInfo, _devices: &[(AccountId, Vec<u8>)]) -> Result<Vec<Effect>, RoomError> {
        todo!()
    }

    /// Joins by a welcome that `from` sent. Every leaf of the tree is checked; the room of a direct group must be that of
    /// `from` and this account. A welcome of a lower generation than the one that is here is refused.
    pub fn join(&mut self, _ctx: &mut Ctx, _from: &AccountId, _welcome: &[u8]) -> Result<(RoomInfo, Vec<Effect>), RoomError> {
        todo!()
    }

    /// Whether a room has a group.
    pub fn has(&self, _room: &RoomId) -> bool {
        todo!()
    }

    /// The accounts in a room, in order.
    pub fn members(&self, _room: &RoomId) -> Vec<AccountId> {
        todo!()
    }

    /// The devices in a room, in order.
    pub fn devices(&self, _room: &RoomId) -> Vec<(AccountId, DeviceId)> {
        todo!()
    }

    /// The room's epoch: its number, and the branch.
    pub fn epoch(&self, _room: &RoomId) -> Option<(u64, EpochId)> {
        todo!()
    }

    /// The gossip topic of the room's epoch.
    pub fn topic(&self, _room: &RoomId) -> Option<[u8; 32]> {
        todo!()
    }

    /// Seals a content for the room. The step of the ratchet is in the ctx's batch before this returns.
    pub fn seal(&mut self, _ctx: &mut Ctx, _room: &RoomId, _content: &[u8]) -> Result<Sealed, RoomError> {
        todo!()
    }

    /// Opens the body of a room envelope; of a commit, decides which branch the room follows.
    pub fn open_envelope(&mut self, _ctx: &mut Ctx, _body: &[u8]) -> (Opened, Vec<Effect>) {
        todo!()
    }

    /// Adds devices; this account must be an admin, or the devices its own.
    pub fn add(&mut self, _ctx: &mut Ctx, _room: &RoomId, _devices: &[(AccountId, Vec<u8>)]) -> Result<Vec<Effect>, RoomError> {
        todo!()
    }

    /// Removes all devices of an account, or some of its own.
    pub fn remove(&mut self, _ctx: &mut Ctx, _room: &RoomId, _devices: &[DeviceId]) -> Result<Vec<Effect>, RoomError> {
        todo!()
    }

    /// Fresh keys for this device.
    pub fn update(&mut self, _ctx: &mut Ctx, _room: &RoomId) -> Result<Vec<Effect>, RoomError> {
        todo!()
    }

    /// A device that lost its place asks to be added again.
    pub fn handle_rejoin(
        &mut self,
        _ctx: &mut Ctx,
        _from: &AccountId,
        _room: &RoomId,
        _key_package: &[u8],
        _generation: u32,
    ) -> Result<Vec<Effect>, RoomError> {
        todo!()
    }

    /// What another device says about its epoch (on meeting). Notices branches that ordinary delivery does not mend.
    pub fn handle_heads(
        &mut self,
        _ctx: &mut Ctx,
        _room: &RoomId,
        _from: &AccountId,
        _device: &DeviceId,
        _epoch: u64,
        _epoch_id: &EpochId,
    ) -> Vec<Effect> {
        todo!()
    }

    /// Drops parked epochs that are too old, re-issues own commits that lost, renews keys that are due.
    pub fn on_deadline(&mut self, _ctx: &mut Ctx) -> Vec<Effect> {
        todo!()
    }

    /// When [`on_deadline`](Self::on_deadline) has something to do, on the monotonic clock.
    pub fn next_deadline(&self) -> Option<Millis> {
        todo!()
    }
}
