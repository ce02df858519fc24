//! One epoch of a group. A commit turns the value into the next epoch; the epoch it leaves stays what was stored of it.

use openmls::group::StagedCommit;

use super::bag::Bag;
use super::package::{self, Package};
use super::{Engine, Leaf, MlsError, fake, real};
use crate::crypto::fake as suite;
use crate::crypto::keys::Keys;
use crate::types::{DeviceId, GroupId, Rng};

/// A group in one of its epochs.
pub struct Group(Inner);

/// Which suite a group belongs to is settled when it is made, joined or loaded.
enum Inner {
    Real(Box<real::Group>),
    Fake(Box<fake::Group>),
}

/// An own commit.
pub struct Made {
    /// The commit, for the members of the epoch it leaves.
    pub commit: Vec<u8>,
    /// The welcome, when devices were added.
    pub welcome: Option<Vec<u8>>,
}

/// Somebody's commit, valid as MLS has it, with leaves that their accounts certified; not merged.
pub struct Staged {
    /// Who committed.
    pub committer: Leaf,
    /// Whose leaves it adds.
    pub added: Vec<Leaf>,
    /// Whose leaves it removes.
    pub removed: Vec<Leaf>,
    /// Whether this device is among the removed.
    pub removes_us: bool,
    pub(super) inner: Next,
}

/// Why a message gives no content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// It is our own.
    Own,
    /// It was opened before.
    Reused,
    /// Its key is gone: more than `OUT_OF_ORDER_MAX` later ones of its sender were opened.
    Old,
    /// More than `FORWARD_DISTANCE_MAX` messages of its sender are missing before it.
    Early,
    /// Not what an honest member sends.
    Invalid,
}

/// What kind of message some bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A content.
    Application,
    /// A commit by a member.
    Commit,
}

/// What a commit leads to, in the suite of its group.
pub(super) enum Next {
    Real(Box<StagedCommit>),
    Fake(Box<fake::After>),
}

impl From<fake::After> for Next {
    fn from(after: fake::After) -> Self {
        Self::Fake(Box::new(after))
    }
}

/// The kind of a message; `None` for what no member sends.
pub fn kind(bytes: &[u8]) -> Option<Kind> {
    if suite::is_on() { fake::kind(bytes) } else { real::kind(bytes) }
}

impl Group {
    /// A new group with this device alone in it. `info` is what all later members agree on.
    pub fn create(engine: &Engine, rng: &mut Rng, keys: &Keys, id: &GroupId, info: &[u8]) -> Result<Self, MlsError> {
        if suite::is_on() {
            return Ok(Self(Inner::Fake(Box::new(fake::Group::create(rng, keys, id, info)))));
        }
        real::Group::create(engine, rng, keys, id, info).map(Self::real)
    }

    /// Joins by a welcome with one of these key packages. Every leaf of the tree is verified. Gives the leaf of who welcomed us.
    pub fn join(engine: &Engine, rng: &mut Rng, packages: &Bag, welcome: &[u8]) -> Result<(Self, Leaf), MlsError> {
        if suite::is_on() {
            return fake::Group::join(packages, welcome).map(|(group, sender)| (Self(Inner::Fake(Box::new(group))), sender));
        }
        real::Group::join(engine, rng, packages, welcome).map(|(group, sender)| (Self::real(group), sender))
    }

    /// From its stored values; `None` when they are not whole.
    pub fn load(engine: &Engine, rng: &mut Rng, id: &GroupId, bag: Bag) -> Option<Self> {
        if suite::is_on() {
            return fake::Group::load(id, bag).map(|group| Self(Inner::Fake(Box::new(group))));
        }
        real::Group::load(engine, rng, id, bag).map(Self::real)
    }

    fn real(group: real::Group) -> Self {
        Self(Inner::Real(Box::new(group)))
    }

    /// The stored values and what of them changed.
    pub fn bag(&mut self) -> &mut Bag {
        match &mut self.0 {
            Inner::Real(group) => group.bag(),
            Inner::Fake(group) => group.bag(),
        }
    }

    /// Its id; `None` for one that is not ours in form.
    pub fn id(&self) -> Option<GroupId> {
        match &self.0 {
            Inner::Real(group) => group.id(),
            Inner::Fake(group) => Some(group.id()),
        }
    }

    /// The number of the epoch.
    pub fn epoch(&self) -> u64 {
        match &self.0 {
            Inner::Real(group) => group.epoch(),
            Inner::Fake(group) => group.epoch(),
        }
    }

    /// The epoch authenticator (RFC 9420 section 8.7): alike for all who share the epoch.
    pub fn authenticator(&self) -> Vec<u8> {
        match &self.0 {
            Inner::Real(group) => group.authenticator(),
            Inner::Fake(group) => group.authenticator(),
        }
    }

    /// A secret that all members of the epoch share, and nobody else (RFC 9420 section 8.5).
    pub fn export(&self, engine: &Engine) -> Result<[u8; 32], MlsError> {
        match &self.0 {
            Inner::Real(group) => group.export(engine),
            Inner::Fake(group) => Ok(group.export()),
        }
    }

    /// What all members agree on.
    pub fn info(&self) -> Option<&[u8]> {
        match &self.0 {
            Inner::Real(group) => group.info(),
            Inner::Fake(group) => Some(group.info()),
        }
    }

    /// The members' leaves, in the order of the tree.
    pub fn leaves(&self) -> Vec<Leaf> {
        match &self.0 {
            Inner::Real(group) => group.leaves(),
            Inner::Fake(group) => group.leaves(),
        }
    }

    /// The encryption key of a device's leaf.
    pub fn encryption_key(&self, device: &DeviceId) -> Option<Vec<u8>> {
        match &self.0 {
            Inner::Real(group) => group.encryption_key(device),
            Inner::Fake(group) => group.encryption_key(device),
        }
    }

    /// Commits: removes these devices, adds those, with fresh keys for this one. This value is then the new epoch, all of
    /// it changed. After an error it is neither: forget it.
    pub fn commit(
        &mut self,
        engine: &Engine,
        rng: &mut Rng,
        keys: &Keys,
        adds: &[Package],
        removes: &[DeviceId],
    ) -> Result<Made, MlsError> {
        let failed = MlsError::Failed("committing");
        match &mut self.0 {
            Inner::Real(group) if !suite::is_on() => group.commit(engine, rng, keys, package::real(adds).ok_or(failed)?, removes),
            Inner::Fake(group) if suite::is_on() => group.commit(rng, keys, package::fake(adds).ok_or(failed)?, removes),
            _ => Err(failed),
        }
    }

    /// Checks somebody's commit to this epoch. Changes nothing, and keeps nothing of it.
    pub fn stage(&mut self, engine: &Engine, rng: &mut Rng, commit: &[u8]) -> Result<Staged, MlsError> {
        match &mut self.0 {
            Inner::Real(group) if !suite::is_on() => group.stage(engine, rng, commit),
            Inner::Fake(group) if suite::is_on() => group.stage(commit),
            _ => Err(MlsError::Failed("staging")),
        }
    }

    /// Merges a commit that was staged on this value, which is then the new epoch, all of it changed. After an error it is
    /// neither: forget it.
    pub fn merge(&mut self, engine: &Engine, rng: &mut Rng, staged: Staged) -> Result<(), MlsError> {
        match (&mut self.0, staged.inner) {
            (Inner::Real(group), Next::Real(staged)) if !suite::is_on() => group.merge(engine, rng, *staged),
            (Inner::Fake(group), Next::Fake(after)) if suite::is_on() => group.merge(*after),
            _ => Err(MlsError::Failed("merging")),
        }
    }

    /// Seals a content; the step of the ratchet is among the changes of the bag.
    pub fn seal(&mut self, engine: &Engine, rng: &mut Rng, keys: &Keys, content: &[u8]) -> Result<Vec<u8>, MlsError> {
        match &mut self.0 {
            Inner::Real(group) if !suite::is_on() => group.seal(engine, rng, keys, content),
            Inner::Fake(group) if suite::is_on() => group.seal(keys, content),
            _ => Err(MlsError::Failed("sealing")),
        }
    }

    /// Opens a content; the step of the ratchet is among the changes of the bag. A message that does not open changes nothing.
    pub fn open(&mut self, engine: &Engine, rng: &mut Rng, bytes: &[u8]) -> Result<(Leaf, Vec<u8>), OpenError> {
        match &mut self.0 {
            Inner::Real(group) if !suite::is_on() => group.open(engine, rng, bytes),
            Inner::Fake(group) if suite::is_on() => group.open(bytes),
            _ => Err(OpenError::Invalid),
        }
    }
}
