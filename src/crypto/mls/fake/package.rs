//! Key packages of the fake suite.

use super::bytes::{Form, HASH, Reader, SIGNATURE, Writer, vector};
use super::tree::{Member, Source};
use crate::crypto::fake;
use crate::crypto::keys::{Keys, is_certified};
use crate::crypto::label::{Label, derive};
use crate::crypto::mls::Leaf;
use crate::crypto::mls::bag::Bag;
use crate::types::{Millis, Rng};

/// A key package whose signature holds.
#[derive(Clone)]
pub(in crate::crypto::mls) struct Package {
    pub(super) member: Member,
    /// The key that the welcome's secret is for.
    pub(super) init: [u8; 32],
    pub(super) made: Millis,
    /// As it came.
    pub(super) bytes: Vec<u8>,
}

/// The first byte of where a key package's secrets stand in a bag; its reference follows.
const SECRETS: u8 = 0xf3;

/// Bytes of a key package in a commit (RFC 9420 section 10): version and suite, the init key, the leaf, two extensions (that it is
/// a last resort, and when it was made), a signature.
pub(super) const IN_COMMIT: usize = 4 + HASH + Source::Package.leaf_bytes() + vector(2 + vector(0) + 2 + vector(8)) + SIGNATURE;
/// Bytes of one on its own.
const BYTES: usize = 4 + IN_COMMIT;

impl Package {
    pub(in crate::crypto::mls) fn leaf(&self) -> Leaf {
        self.member.leaf
    }

    pub(in crate::crypto::mls) fn made(&self) -> Millis {
        self.made
    }

    pub(in crate::crypto::mls) fn key(&self) -> [u8; 32] {
        self.member.key
    }

    /// Whether its account certified the device.
    pub(in crate::crypto::mls) fn is_certified(&self) -> bool {
        self.member.is_certified
    }

    /// What a welcome names it by (RFC 9420 section 5.2).
    pub(super) fn reference(&self) -> [u8; 32] {
        *blake3::hash(&self.bytes).as_bytes()
    }

    pub(in crate::crypto::mls) fn open(bytes: &[u8]) -> Option<Self> {
        let (text, signature) = bytes.split_last_chunk::<64>()?;
        let mut reader = Reader::of(Form::Package, bytes)?;
        let (init, key, leaf) = (reader.bytes()?, reader.bytes()?, reader.leaf()?);
        let certificate = reader.bytes()?;
        let made = u64::from_be_bytes(reader.bytes()?);
        if bytes.len() != BYTES || *signature != fake::sign(&leaf.device.0, &[text]) {
            return None;
        }
        let is_certified = is_certified(&leaf.account, &leaf.device, &leaf.peer, &certificate);
        let member = Member { leaf, is_certified, source: Source::Package, key };
        Some(Self { member, init, made, bytes: bytes.to_vec() })
    }

    /// The secret of a welcome, hidden for this key package or shown again.
    pub(super) fn mask(init: &[u8; 32], joiner: &[u8; 32]) -> [u8; 32] {
        let mask = derive(Label::FakeGroup, &[b"welcome", init]);
        std::array::from_fn(|at| mask[at] ^ joiner[at])
    }
}

/// The identity of this device's leaf.
pub(super) fn leaf(keys: &Keys) -> Leaf {
    Leaf { account: keys.account_id(), device: keys.device_id(), peer: keys.peer_id() }
}

/// Makes a key package of this device; its secrets are in the bag.
pub(in crate::crypto::mls) fn make(rng: &mut Rng, keys: &Keys, made: Millis) -> (Vec<u8>, Bag) {
    let secret: [u8; 32] = rng.bytes();
    let key: [u8; 32] = rng.bytes();
    let mut writer = Writer::new(Form::Package, BYTES);
    writer.bytes(&fake::public(&secret));
    writer.bytes(&key);
    writer.leaf(&leaf(keys));
    writer.bytes(&keys.certificate);
    writer.bytes(&made.to_be_bytes());
    writer.pad(BYTES - 64);
    let signature = fake::sign(&keys.device_id().0, &[&writer.0]);
    writer.bytes(&signature);
    let mut bag = Bag::default();
    bag.set([&[SECRETS][..], blake3::hash(&writer.0).as_bytes()].concat(), [secret, key].concat());
    (writer.0, bag)
}

/// The init secret and the leaf's key of an own key package, by its reference.
pub(super) fn secrets(packages: &Bag, reference: &[u8; 32]) -> Option<([u8; 32], [u8; 32])> {
    let mut reader = Reader::new(packages.value(&[&[SECRETS][..], reference].concat())?);
    Some((reader.bytes()?, reader.bytes()?))
}
