//! Room groups: RFC 9420 by OpenMLS, behind plain bytes. What stands here is which suite, which options, what a leaf
//! must prove, and how the many small values that OpenMLS writes become one [`Bag`] for each epoch.
//!
//! | file | holds |
//! |---|---|
//! | `chance` | where OpenMLS gets its randomness |
//! | [`bag`] | the values of one epoch, and which of them changed |
//! | `cbor` | these values as bytes |
//! | [`group`] | one epoch of a group: commit, merge, seal, open |
//! | `real` | the same by OpenMLS |
//! | `fake` | the same without any secret, for the simulated world |
//! | [`package`] | key packages |
//!
//! OpenMLS has ed25519-dalek 2, the rest of the node 3: only bytes pass between them.

pub mod bag;
mod cbor;
mod chance;
mod fake;
pub mod group;
pub mod package;
mod real;

use std::cell::RefCell;

use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, Credential, CredentialType, CredentialWithKey, ExtensionType, SignatureScheme,
};
use openmls_traits::signatures::{Signer, SignerError};

use self::bag::{Bag, Shelf};
use self::chance::{Chance, Primitives};
use super::keys::{self, Keys, Signing};
use crate::types::{AccountId, DeviceId, PeerId, Rng};

pub use self::group::{Group, Made, OpenError, Staged};

/// The suite of every group: the node's own primitives (RFC 9420 section 17.1, 0x0003).
const SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519;
/// The group context extension with what all members agree on (RFC 9420 section 17.3, private use).
const INFO: u16 = 0xf7a1;
/// The key package extension that says when it was made.
const MADE: u16 = 0xf7a2;

/// Why an MLS operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MlsError {
    /// Bytes from elsewhere that do not hold.
    #[error("invalid {0}")]
    Invalid(&'static str),
    /// No key package here fits the welcome.
    #[error("no key package for this welcome")]
    NoKeyPackage,
    /// A commit in this device's name that is not its own: its state was lost or copied.
    #[error("an own commit that is not known here")]
    OwnCommit,
    /// OpenMLS refused what we asked of it.
    #[error("{0} failed")]
    Failed(&'static str),
}

/// What OpenMLS computes with. One for all groups.
#[derive(Default)]
pub struct Engine {
    crypto: Primitives,
}

impl Engine {
    fn provider<'a>(&'a self, rng: &'a mut Rng, bag: &'a mut Bag) -> Provider<'a> {
        self.crypto.seed(rng.bytes());
        Provider { crypto: &self.crypto, rng: Chance(RefCell::new(rng)), shelf: Shelf(RefCell::new(bag)) }
    }
}

/// What OpenMLS asks for during one operation.
struct Provider<'a> {
    crypto: &'a Primitives,
    rng: Chance<'a>,
    shelf: Shelf<'a>,
}

impl<'a> openmls_traits::OpenMlsProvider for Provider<'a> {
    type CryptoProvider = Primitives;
    type RandProvider = Chance<'a>;
    type StorageProvider = Shelf<'a>;

    fn storage(&self) -> &Shelf<'a> {
        &self.shelf
    }

    fn crypto(&self) -> &Primitives {
        self.crypto
    }

    fn rand(&self) -> &Chance<'a> {
        &self.rng
    }
}

/// A device key as OpenMLS wants it.
struct DeviceSigner<'a>(&'a Signing);

impl Signer for DeviceSigner<'_> {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.0.sign_raw(payload).to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// Whose leaf it is: what a certificate by the account proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leaf {
    /// The account.
    pub account: AccountId,
    /// Its device; the leaf's signature key.
    pub device: DeviceId,
    /// The device on the wire.
    pub peer: PeerId,
}

impl Leaf {
    /// Bytes of an identity: `account (32) | device (32) | peer (32) | certificate (64)`.
    const LEN: usize = 160;

    /// The identity that goes into this device's leaves.
    fn credential(keys: &Keys) -> CredentialWithKey {
        let mut identity = Vec::with_capacity(Self::LEN);
        identity.extend_from_slice(&keys.account_id().0);
        identity.extend_from_slice(&keys.device_id().0);
        identity.extend_from_slice(&keys.peer_id().0);
        identity.extend_from_slice(&keys.certificate);
        CredentialWithKey { credential: BasicCredential::new(identity).into(), signature_key: keys.device.public().to_vec().into() }
    }

    /// The identity of a leaf: certified by its account, and its device key is the one that signs.
    fn verify(credential: &Credential, signature_key: &[u8]) -> Option<Self> {
        let (leaf, certificate) = Self::read(credential)?;
        let holds = signature_key == leaf.device.0 && keys::is_certified(&leaf.account, &leaf.device, &leaf.peer, &certificate);
        holds.then_some(leaf)
    }

    /// The identity of a leaf that was verified when it came in.
    fn read(credential: &Credential) -> Option<(Self, [u8; 64])> {
        if credential.credential_type() != CredentialType::Basic {
            return None;
        }
        let identity: &[u8; Self::LEN] = credential.serialized_content().try_into().ok()?;
        let (account, rest) = identity.split_first_chunk::<32>()?;
        let (device, rest) = rest.split_first_chunk::<32>()?;
        let (peer, certificate) = rest.split_first_chunk::<32>()?;
        let leaf = Self { account: AccountId(*account), device: DeviceId(*device), peer: PeerId(*peer) };
        Some((leaf, certificate.try_into().ok()?))
    }
}

fn capabilities() -> Capabilities {
    let extensions = [ExtensionType::Unknown(INFO), ExtensionType::Unknown(MADE), ExtensionType::LastResort];
    Capabilities::new(None, Some(&[SUITE]), Some(&extensions), Some(&[]), Some(&[CredentialType::Basic]))
}
