//! The values of one epoch. OpenMLS writes a dozen values for one commit and knows no transactions, so it writes into a
//! map; the caller puts what changed into the same batch as everything else that the operation means.
//!
//! A bag belongs to one epoch of one group, so neither is part of a key: `tag (1) | CBOR of the rest`. Values are CBOR:
//! OpenMLS needs a format that describes itself.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use openmls_traits::storage::{CURRENT_VERSION as V, Entity, Key, StorageProvider, traits as t};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cbor::encode as cbor;

/// The values of one epoch.
#[derive(Clone, Default)]
pub struct Bag {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    changed: BTreeSet<Vec<u8>>,
    /// Whether its owner keeps the values elsewhere, and it holds those only that are to be written.
    is_scratch: bool,
}

impl Bag {
    /// One that forgets its values when they are taken as changed.
    pub(super) fn scratch() -> Self {
        Self { is_scratch: true, ..Self::default() }
    }

    /// As it was stored.
    pub fn stored(rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        Self { values: rows.into_iter().collect(), ..Self::default() }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Keys whose value is not the stored one, with the value; `None` where it is gone. Counts as stored afterwards.
    pub fn take_changes(&mut self) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let changed = std::mem::take(&mut self.changed);
        let changes = changed.into_iter().map(|key| (self.values.get(&key).cloned(), key)).map(|(value, key)| (key, value)).collect();
        if self.is_scratch {
            self.values.clear();
        }
        changes
    }

    /// Makes everything count as changed, for a bag that goes to a new place.
    pub(super) fn move_away(&mut self) {
        self.changed = self.values.keys().cloned().collect();
    }

    /// Takes the values under a tag out.
    pub(super) fn take(&mut self, tag: u8) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let (taken, left) = std::mem::take(&mut self.values).into_iter().partition(|(key, _)| key.first() == Some(&tag));
        self.values = left;
        self.changed.retain(|key| key.first() != Some(&tag));
        taken
    }

    /// Lays the values of another bag into this one.
    pub(super) fn extend(&mut self, other: &Self) {
        self.values.extend(other.values.iter().map(|(key, value)| (key.clone(), value.clone())));
    }

    pub(super) fn value(&self, key: &[u8]) -> Option<&[u8]> {
        self.values.get(key).map(Vec::as_slice)
    }

    pub(super) fn set(&mut self, key: Vec<u8>, value: Vec<u8>) {
        if self.values.get(&key) != Some(&value) {
            self.changed.insert(key.clone());
            self.values.insert(key, value);
        }
    }

    fn unset(&mut self, key: Vec<u8>) {
        if self.values.remove(&key).is_some() {
            self.changed.insert(key);
        }
    }
}

/// A value that is not CBOR of what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored MLS value is damaged")]
pub(super) struct Damaged;

/// A bag, as OpenMLS reads and writes it.
pub(super) struct Shelf<'a>(pub(super) RefCell<&'a mut Bag>);

/// What a value is. On disk for ever. From 0xf0 on stand those of the simulated world, which are on no disk.
mod tag {
    pub(super) const CONFIG: u8 = 1;
    pub(super) const OWN_LEAVES: u8 = 2;
    pub(super) const PROPOSAL: u8 = 3;
    pub(super) const TREE: u8 = 4;
    pub(super) const TRANSCRIPT: u8 = 5;
    pub(super) const CONTEXT: u8 = 6;
    pub(super) const CONFIRMATION: u8 = 7;
    pub(super) const STATE: u8 = 8;
    pub(super) const MESSAGE_SECRETS: u8 = 9;
    pub(super) const RESUMPTION: u8 = 10;
    pub(super) const LEAF_INDEX: u8 = 11;
    pub(super) const EPOCH_SECRETS: u8 = 12;
    pub(super) const SIGNATURE_KEY: u8 = 13;
    pub(super) const ENCRYPTION_KEY: u8 = 14;
    pub(super) const EPOCH_KEYS: u8 = 15;
    pub(super) const PSK: u8 = 17;
}

/// The tag of key packages: they wait in bags of their own, and are laid into a group's bag while it is joined.
pub(super) const KEY_PACKAGE: u8 = 16;

fn from_cbor<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Damaged> {
    ciborium::from_reader(bytes).map_err(|_| Damaged)
}

fn key<K: Serialize + ?Sized>(tag: u8, rest: &K) -> Result<Vec<u8>, Damaged> {
    let mut key = vec![tag];
    ciborium::into_writer(rest, &mut key).map_err(|_| Damaged)?;
    Ok(key)
}

impl Shelf<'_> {
    fn set<T: Serialize + ?Sized>(&self, key: Vec<u8>, value: &T) -> Result<(), Damaged> {
        self.0.borrow_mut().set(key, cbor(value)?);
        Ok(())
    }

    fn get<T: Entity<V>>(&self, key: &[u8]) -> Result<Option<T>, Damaged> {
        self.0.borrow().values.get(key).map(|bytes| from_cbor(bytes)).transpose()
    }

    fn unset(&self, key: Vec<u8>) -> Result<(), Damaged> {
        self.0.borrow_mut().unset(key);
        Ok(())
    }

    /// The queued proposals. The node commits inline proposals only and never queues one, so this is empty in practice.
    fn proposals<R: Entity<V>, P: Entity<V>>(&self) -> Result<Vec<(R, P)>, Damaged> {
        let bag = self.0.borrow();
        bag.values.range(vec![tag::PROPOSAL]..vec![tag::PROPOSAL + 1]).map(|(_, bytes)| from_cbor(bytes)).collect()
    }
}

/// Values of which a group has one each.
macro_rules! one_each {
    ($($tag:ident: $write:ident($kind:ident), $read:ident;)+) => {
        $(
            fn $write<G: t::GroupId<V>, T: t::$kind<V>>(&self, _: &G, value: &T) -> Result<(), Damaged> {
                self.set(vec![tag::$tag], value)
            }

            fn $read<G: t::GroupId<V>, T: t::$kind<V>>(&self, _: &G) -> Result<Option<T>, Damaged> {
                self.get(&[tag::$tag])
            }
        )+
    };
}

/// Deleting such values.
macro_rules! delete_each {
    ($($tag:ident: $delete:ident;)+) => {
        $(fn $delete<G: t::GroupId<V>>(&self, _: &G) -> Result<(), Damaged> {
            self.unset(vec![tag::$tag])
        })+
    };
}

/// Writing and deleting values with a key of their own.
macro_rules! keyed {
    ($($tag:expr, $write:ident, $delete:ident($key:ident -> $kind:ident);)+) => {
        $(
            fn $write<K: t::$key<V>, T: t::$kind<V>>(&self, of: &K, value: &T) -> Result<(), Damaged> {
                self.set(key($tag, of)?, value)
            }

            fn $delete<K: t::$key<V>>(&self, of: &K) -> Result<(), Damaged> {
                self.unset(key($tag, of)?)
            }
        )+
    };
}

impl StorageProvider<V> for Shelf<'_> {
    type Error = Damaged;

    one_each! {
        CONFIG: write_mls_join_config(MlsGroupJoinConfig), mls_group_join_config;
        TREE: write_tree(TreeSync), tree;
        TRANSCRIPT: write_interim_transcript_hash(InterimTranscriptHash), interim_transcript_hash;
        CONTEXT: write_context(GroupContext), group_context;
        CONFIRMATION: write_confirmation_tag(ConfirmationTag), confirmation_tag;
        MESSAGE_SECRETS: write_message_secrets(MessageSecrets), message_secrets;
        RESUMPTION: write_resumption_psk_store(ResumptionPskStore), resumption_psk_store;
        LEAF_INDEX: write_own_leaf_index(LeafNodeIndex), own_leaf_index;
        EPOCH_SECRETS: write_group_epoch_secrets(GroupEpochSecrets), group_epoch_secrets;
    }

    delete_each! {
        CONFIG: delete_group_config;
        OWN_LEAVES: delete_own_leaf_nodes;
        TREE: delete_tree;
        TRANSCRIPT: delete_interim_transcript_hash;
        CONTEXT: delete_context;
        CONFIRMATION: delete_confirmation_tag;
        STATE: delete_group_state;
        MESSAGE_SECRETS: delete_message_secrets;
        RESUMPTION: delete_all_resumption_psk_secrets;
        LEAF_INDEX: delete_own_leaf_index;
        EPOCH_SECRETS: delete_group_epoch_secrets;
    }

    keyed! {
        tag::SIGNATURE_KEY, write_signature_key_pair, delete_signature_key_pair(SignaturePublicKey -> SignatureKeyPair);
        tag::ENCRYPTION_KEY, write_encryption_key_pair, delete_encryption_key_pair(EncryptionKey -> HpkeKeyPair);
        KEY_PACKAGE, write_key_package, delete_key_package(HashReference -> KeyPackage);
        tag::PSK, write_psk, delete_psk(PskId -> PskBundle);
    }

    fn signature_key_pair<K: t::SignaturePublicKey<V>, T: t::SignatureKeyPair<V>>(&self, of: &K) -> Result<Option<T>, Damaged> {
        self.get(&key(tag::SIGNATURE_KEY, of)?)
    }

    fn encryption_key_pair<T: t::HpkeKeyPair<V>, K: t::EncryptionKey<V>>(&self, of: &K) -> Result<Option<T>, Damaged> {
        self.get(&key(tag::ENCRYPTION_KEY, of)?)
    }

    fn key_package<K: t::HashReference<V>, T: t::KeyPackage<V>>(&self, of: &K) -> Result<Option<T>, Damaged> {
        self.get(&key(KEY_PACKAGE, of)?)
    }

    fn psk<T: t::PskBundle<V>, K: t::PskId<V>>(&self, of: &K) -> Result<Option<T>, Damaged> {
        self.get(&key(tag::PSK, of)?)
    }

    fn write_group_state<T: t::GroupState<V>, G: t::GroupId<V>>(&self, _: &G, value: &T) -> Result<(), Damaged> {
        self.set(vec![tag::STATE], value)
    }

    fn group_state<T: t::GroupState<V>, G: t::GroupId<V>>(&self, _: &G) -> Result<Option<T>, Damaged> {
        self.get(&[tag::STATE])
    }

    fn append_own_leaf_node<G: t::GroupId<V>, T: t::LeafNode<V>>(&self, group: &G, leaf: &T) -> Result<(), Damaged> {
        let mut leaves: Vec<T> = self.own_leaf_nodes(group)?;
        leaves.push(from_cbor(&cbor(leaf)?)?);
        self.set(vec![tag::OWN_LEAVES], &leaves)
    }

    fn own_leaf_nodes<G: t::GroupId<V>, T: t::LeafNode<V>>(&self, _: &G) -> Result<Vec<T>, Damaged> {
        let bag = self.0.borrow();
        bag.values.get(&[tag::OWN_LEAVES][..]).map_or(Ok(Vec::new()), |bytes| from_cbor(bytes))
    }

    fn queue_proposal<G: t::GroupId<V>, R: t::ProposalRef<V>, P: t::QueuedProposal<V>>(
        &self,
        _: &G,
        reference: &R,
        proposal: &P,
    ) -> Result<(), Damaged> {
        self.set(key(tag::PROPOSAL, reference)?, &(reference, proposal))
    }

    fn queued_proposal_refs<G: t::GroupId<V>, R: t::ProposalRef<V>>(&self, _: &G) -> Result<Vec<R>, Damaged> {
        let bag = self.0.borrow();
        let keys = bag.values.range(vec![tag::PROPOSAL]..vec![tag::PROPOSAL + 1]);
        keys.map(|(key, _)| from_cbor(key.get(1..).unwrap_or_default())).collect()
    }

    fn queued_proposals<G: t::GroupId<V>, R: t::ProposalRef<V>, P: t::QueuedProposal<V>>(&self, _: &G) -> Result<Vec<(R, P)>, Damaged> {
        self.proposals()
    }

    fn remove_proposal<G: t::GroupId<V>, R: t::ProposalRef<V>>(&self, _: &G, reference: &R) -> Result<(), Damaged> {
        self.unset(key(tag::PROPOSAL, reference)?)
    }

    fn clear_proposal_queue<G: t::GroupId<V>, R: t::ProposalRef<V>>(&self, _: &G) -> Result<(), Damaged> {
        let mut bag = self.0.borrow_mut();
        let keys: Vec<Vec<u8>> = bag.values.range(vec![tag::PROPOSAL]..vec![tag::PROPOSAL + 1]).map(|(key, _)| key.clone()).collect();
        keys.into_iter().for_each(|key| bag.unset(key));
        Ok(())
    }

    fn write_encryption_epoch_key_pairs<G: t::GroupId<V>, E: t::EpochKey<V>, T: t::HpkeKeyPair<V>>(
        &self,
        _: &G,
        epoch: &E,
        leaf: u32,
        pairs: &[T],
    ) -> Result<(), Damaged> {
        self.set(epoch_key(epoch, leaf)?, pairs)
    }

    fn encryption_epoch_key_pairs<G: t::GroupId<V>, E: t::EpochKey<V>, T: t::HpkeKeyPair<V>>(
        &self,
        _: &G,
        epoch: &E,
        leaf: u32,
    ) -> Result<Vec<T>, Damaged> {
        let bag = self.0.borrow();
        bag.values.get(&epoch_key(epoch, leaf)?).map_or(Ok(Vec::new()), |bytes| from_cbor(bytes))
    }

    fn delete_encryption_epoch_key_pairs<G: t::GroupId<V>, E: t::EpochKey<V>>(&self, _: &G, epoch: &E, leaf: u32) -> Result<(), Damaged> {
        self.unset(epoch_key(epoch, leaf)?)
    }
}

fn epoch_key<E: Key<V>>(epoch: &E, leaf: u32) -> Result<Vec<u8>, Damaged> {
    key(tag::EPOCH_KEYS, &(epoch, leaf))
}
