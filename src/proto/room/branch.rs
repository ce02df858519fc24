//! What is known of a room: the epochs of its groups as a tree, as it is stored. A valid commit makes a child of the epoch it
//! leaves, whether it wins or loses, and every epoch of which this device has the state keeps that state, always at its
//! latest, so a late message opens on either branch and no state is ever rolled back.

use bincode::{Decode, Encode};

use super::commit::may_return;
use super::{EpochId, RoomInfo};
use crate::crypto::label::{Label, derive};
use crate::types::{AccountId, DeviceId, GroupId, Millis};

/// What this device has of an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(super) enum State {
    /// Its bag.
    Here,
    /// Nothing: the commit to it removed this device.
    Out,
    /// Nothing: a welcome told of it.
    Heard,
}

/// The commit that made an epoch.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct By {
    /// BLAKE3 of the commit.
    pub(super) digest: [u8; 32],
    /// Who committed.
    pub(super) committer: DeviceId,
    /// Whether it takes an account or device out of the room.
    pub(super) removes: bool,
}

/// What an own commit was for.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(super) enum Intent {
    /// Bring a device in.
    Add {
        /// Its account.
        account: AccountId,
        /// The device.
        device: DeviceId,
        /// What to add it with.
        key_package: Vec<u8>,
    },
    /// Give a device that lost its place a fresh one.
    Swap {
        /// Its account.
        account: AccountId,
        /// The device.
        device: DeviceId,
        /// What to add it with.
        key_package: Vec<u8>,
        /// The encryption key of its stale leaf, if it had one.
        stale: Option<Vec<u8>>,
    },
    /// Take a device out.
    Remove {
        /// Its account.
        account: AccountId,
        /// The device.
        device: DeviceId,
    },
    /// Take an account out, with devices that came in since.
    Expel(AccountId),
    /// Fresh keys for this device.
    Update,
}

/// One epoch of one branch.
#[derive(Clone, Encode, Decode)]
pub(super) struct Epoch {
    /// Its name.
    pub(super) id: EpochId,
    /// Its number in the group.
    pub(super) number: u64,
    /// The group.
    pub(super) group: GroupId,
    /// The generation of the group.
    pub(super) generation: u32,
    /// The epoch it follows; that one need not be known.
    pub(super) parent: Option<EpochId>,
    /// The commit that made it; none for the first of a group.
    pub(super) by: Option<By>,
    /// What is here of it.
    pub(super) state: State,
    /// The exported secret that hint, outer key and topic derive from.
    pub(super) secret: [u8; 32],
    /// Since when it is not the one the room is in.
    pub(super) left: Option<Millis>,
    /// What it was made for, if this device made it and it has not lost.
    pub(super) intents: Vec<Intent>,
}

impl Epoch {
    /// What tells a member that an envelope belongs to this epoch.
    pub(super) fn hint(&self) -> Hint {
        let [a, b, c, d, e, f, g, h, ..] = derive(Label::RoomHint, &[&self.secret]);
        [a, b, c, d, e, f, g, h]
    }

    /// The key of its envelopes.
    pub(super) fn outer(&self) -> [u8; 32] {
        derive(Label::RoomOuter, &[&self.secret])
    }

    /// The first key bytes of its values in `Table::Bag`.
    pub(super) fn bag(&self) -> Vec<u8> {
        [&self.group.0[..], &self.id[..]].concat()
    }
}

/// Names an epoch on the outside of an envelope, to its members only.
pub(super) type Hint = [u8; 8];

/// `Table::Group`: `room`.
#[derive(Clone, Encode, Decode)]
pub(super) struct Room {
    /// What all members agree on, of the group the room is in.
    pub(super) info: RoomInfo,
    /// The epoch the room is in.
    pub(super) tip: EpochId,
    /// The epoch that this device asked for when it was added again, or the oldest known before the tip since: branches
    /// that nothing connects with it are not gone back to.
    pub(super) anchor: Option<EpochId>,
    /// What is known.
    pub(super) epochs: Vec<Epoch>,
    /// Who is in it.
    pub(super) members: Vec<(AccountId, DeviceId)>,
    /// Hints of epochs that are gone, oldest first.
    pub(super) gone: Vec<Hint>,
    /// What own commits that lost were for.
    pub(super) wanted: Vec<Intent>,
    /// When this device's keys are to be renewed (wall clock).
    pub(super) update_due: Millis,
    /// When the last commit was taken (wall clock).
    pub(super) committed: Millis,
}

impl Room {
    /// A known epoch.
    pub(super) fn epoch(&self, id: &EpochId) -> Option<&Epoch> {
        self.epochs.iter().find(|epoch| epoch.id == *id)
    }

    /// The epoch the room is in, if this device has its state.
    pub(super) fn here(&self) -> Option<&Epoch> {
        self.epoch(&self.tip).filter(|epoch| epoch.state == State::Here)
    }

    /// Whether a commit is in the tree.
    pub(super) fn knows(&self, digest: &[u8; 32]) -> Option<&By> {
        self.epochs.iter().filter_map(|epoch| epoch.by.as_ref()).find(|by| by.digest == *digest)
    }

    /// The accounts in it, in order.
    pub(super) fn accounts(&self) -> Vec<AccountId> {
        let mut accounts: Vec<AccountId> = self.members.iter().map(|(account, _)| *account).collect();
        accounts.sort_unstable();
        accounts.dedup();
        accounts
    }

    /// See [`may_return`].
    pub(super) fn may_return(&self, account: &AccountId) -> bool {
        may_return(&self.info, self.members.iter().map(|(member, _)| *member), account)
    }

    /// Whether a device is in it.
    pub(super) fn has(&self, device: &DeviceId) -> bool {
        self.members.iter().any(|(_, member)| member == device)
    }
}
