//! One epoch at work: its group in memory or from the store, its envelopes sealed and opened.

use super::branch::{Epoch, Hint, State};
use super::{EpochId, Rooms};
use crate::crypto::aead;
use crate::crypto::mls::bag::Bag;
use crate::crypto::mls::{Group, MlsError};
use crate::proto::ctx::Ctx;
use crate::types::{GroupId, Scan, Table};
use crate::wire::envelope::{Envelope, Kind};

/// An envelope's body, cut where its parts end.
pub(super) struct Outer<'a> {
    pub(super) hint: &'a Hint,
    nonce: &'a [u8; 12],
    sealed: &'a [u8],
}

impl<'a> Outer<'a> {
    /// Cuts `hint (8) | nonce (12) | ciphertext`.
    pub(super) fn decode(body: &'a [u8]) -> Option<Self> {
        let (hint, rest) = body.split_first_chunk()?;
        let (nonce, sealed) = rest.split_first_chunk()?;
        Some(Self { hint, nonce, sealed })
    }

    /// The MLS message inside.
    pub(super) fn open(&self, epoch: &Epoch) -> Option<Vec<u8>> {
        let padded = aead::open(&epoch.outer(), self.nonce, self.hint, self.sealed).ok()?;
        aead::unpad(&padded).map(<[u8]>::to_vec)
    }
}

/// An envelope that only members of this epoch open.
pub(super) fn seal_outer(ctx: &mut Ctx, epoch: &Epoch, message: &[u8]) -> Vec<u8> {
    let (hint, nonce) = (epoch.hint(), ctx.rng.bytes());
    let sealed = aead::seal(&epoch.outer(), &nonce, &hint, &aead::pad(message));
    Envelope::encode(Kind::Room, &[&hint[..], &nonce, &sealed].concat())
}

/// The name of a group's epoch.
pub(super) fn name(group: &Group) -> Result<EpochId, MlsError> {
    let authenticator = group.authenticator();
    authenticator.first_chunk().copied().ok_or(MlsError::Failed("naming an epoch"))
}

impl Rooms {
    /// Takes the group of an epoch into one's hands. Whoever changes it either saves it or lets it fall, so that what is in memory
    /// is always what the batch says. `None` when its stored values are not whole.
    pub(super) fn hold(&mut self, ctx: &mut Ctx, epoch: &Epoch) -> Option<Group> {
        if epoch.state != State::Here {
            return None;
        }
        if let Some(group) = self.live.pop(&(epoch.group, epoch.id)) {
            return Some(group);
        }
        let prefix = epoch.bag();
        let rows = ctx.scan(&Scan::prefix(Table::Bag, prefix.clone()));
        let values = rows.into_iter().filter_map(|(key, value)| Some((key.strip_prefix(&prefix[..])?.to_vec(), value)));
        let group = Group::load(&self.engine, ctx.rng, &epoch.group, Bag::stored(values))?;
        let is_it = name(&group).ok() == Some(epoch.id);
        is_it.then_some(group)
    }

    /// Writes what changed of an epoch's group, and keeps it at hand.
    pub(super) fn save(&mut self, ctx: &mut Ctx, epoch: &Epoch, mut group: Group) {
        let prefix = epoch.bag();
        for (key, value) in group.bag().take_changes() {
            let key = [&prefix[..], &key].concat();
            match value {
                Some(value) => ctx.put_raw(Table::Bag, key, value),
                None => ctx.delete(Table::Bag, key),
            }
        }
        self.live.put((epoch.group, epoch.id), group);
    }

    /// Forgets an epoch's secrets.
    pub(super) fn destroy(&mut self, ctx: &mut Ctx, epoch: &Epoch) {
        self.live.pop(&(epoch.group, epoch.id));
        if epoch.state == State::Here {
            destroy_bag(ctx, &epoch.group, &epoch.id);
        }
    }
}

/// Deletes the values of a bag.
pub(super) fn destroy_bag(ctx: &mut Ctx, group: &GroupId, slot: &EpochId) {
    let prefix = [&group.0[..], slot].concat();
    for (key, _) in ctx.scan(&Scan::prefix(Table::Bag, prefix)) {
        ctx.delete(Table::Bag, key);
    }
}
