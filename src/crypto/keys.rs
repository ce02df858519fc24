//! Account, device and transport keys: three kinds of Ed25519 key (RFC 8032), none derivable from another by an outsider.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use super::fake;
use super::label::{Label, derive};
use crate::types::{AccountId, DeviceId, MessageId, PeerId, RoomId};

/// A secret Ed25519 key that signs under labels.
#[derive(Clone)]
pub struct Signing(Secret);

/// Which suite a key belongs to is settled when it is made.
#[derive(Clone)]
enum Secret {
    Real(SigningKey),
    Fake { seed: Zeroizing<[u8; 32]>, public: [u8; 32] },
}

impl Signing {
    /// From 32 secret bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        match fake::is_on() {
            true => Self(Secret::Fake { seed: Zeroizing::new(*seed), public: fake::public(seed) }),
            false => Self(Secret::Real(SigningKey::from_bytes(seed))),
        }
    }

    /// The public half.
    pub fn public(&self) -> [u8; 32] {
        match &self.0 {
            Secret::Real(key) => key.verifying_key().to_bytes(),
            Secret::Fake { public, .. } => *public,
        }
    }

    /// The 32 secret bytes, for a key file or a library that wants them.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        match &self.0 {
            Secret::Real(key) => Zeroizing::new(key.to_bytes()),
            Secret::Fake { seed, .. } => seed.clone(),
        }
    }

    /// Signs `label | 0 | message`.
    pub fn sign(&self, label: Label, message: &[u8]) -> [u8; 64] {
        match &self.0 {
            Secret::Real(key) if !fake::is_on() => key.sign(&labelled(label, message)).to_bytes(),
            _ => fake::sign(&self.public(), &[label.text().as_bytes(), &[0], message]),
        }
    }

    /// Signs bytes of a protocol that brings its own labels (MLS, RFC 9420 section 5.1.2).
    pub fn sign_raw(&self, message: &[u8]) -> [u8; 64] {
        match &self.0 {
            Secret::Real(key) if !fake::is_on() => key.sign(message).to_bytes(),
            _ => fake::sign(&self.public(), &[message]),
        }
    }
}

impl std::fmt::Debug for Signing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signing(..)")
    }
}

/// Whether `public` signed `message` under `label` (strict: no weak keys, RFC 8032 cofactorless).
pub fn verify(public: &[u8; 32], label: Label, message: &[u8], signature: &[u8; 64]) -> bool {
    if fake::is_on() {
        return *signature == fake::sign(public, &[label.text().as_bytes(), &[0], message]);
    }
    VerifyingKey::from_bytes(public)
        .is_ok_and(|key| key.verify_strict(&labelled(label, message), &Signature::from_bytes(signature)).is_ok())
}

fn labelled(label: Label, message: &[u8]) -> Vec<u8> {
    [label.text().as_bytes(), &[0], message].concat()
}

/// Everything a node of a person signs and opens with.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The account's key.
    pub account: Signing,
    /// This device's key.
    pub device: Signing,
    /// The transport key; its public half is the libp2p peer id.
    pub transport: Signing,
    /// The account's signature over this device.
    pub certificate: [u8; 64],
    entropy: Zeroizing<[u8; 32]>,
}

impl Keys {
    /// From the entropy of the recovery phrase and the seeds of device and transport.
    pub fn new(entropy: &[u8; 32], device: &[u8; 32], transport: &[u8; 32]) -> Self {
        let account = Signing::from_seed(&derive(Label::AccountKey, &[entropy]));
        let (device, transport) = (Signing::from_seed(device), Signing::from_seed(transport));
        let certificate = account.sign(Label::DeviceCertificate, &certified(&DeviceId(device.public()), &PeerId(transport.public())));
        Self { account, device, transport, certificate, entropy: Zeroizing::new(*entropy) }
    }

    /// The account.
    pub fn account_id(&self) -> AccountId {
        AccountId(self.account.public())
    }

    /// This device.
    pub fn device_id(&self) -> DeviceId {
        DeviceId(self.device.public())
    }

    /// This node on the wire.
    pub fn peer_id(&self) -> PeerId {
        PeerId(self.transport.public())
    }

    /// Secret half of the X25519 key that first contact is sealed to; the same on every device of the account.
    pub fn seal_secret(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(derive(Label::InboxSeal, &[&self.entropy[..]]))
    }

    /// Public half of it.
    pub fn seal_public(&self) -> [u8; 32] {
        super::seal::public(&self.seal_secret())
    }

    /// The key that owns this account's inbox at a mailbox; unlinkable between mailboxes.
    pub fn inbox_owner(&self, mailbox: &PeerId) -> Signing {
        Signing::from_seed(&derive(Label::InboxOwner, &[&self.entropy[..], &mailbox.0]))
    }

    /// The key with which this device reads the inbox at a mailbox.
    pub fn inbox_reader(&self, mailbox: &PeerId) -> Signing {
        Signing::from_seed(&derive(Label::InboxReader, &[&self.device.seed()[..], &mailbox.0]))
    }

    /// What only this account can make of some bytes, on any of its devices: by it the account knows its own messages again.
    pub fn proof(&self, bytes: &[u8]) -> [u8; 16] {
        first_half(derive(Label::Proof, &[&self.entropy[..], bytes]))
    }

    /// The entropy of the recovery phrase.
    pub fn entropy(&self) -> &[u8; 32] {
        &self.entropy
    }
}

/// Whether `account` certified this device with this transport key.
pub fn is_certified(account: &AccountId, device: &DeviceId, peer: &PeerId, certificate: &[u8; 64]) -> bool {
    verify(&account.0, Label::DeviceCertificate, &certified(device, peer), certificate)
}

fn certified(device: &DeviceId, peer: &PeerId) -> Vec<u8> {
    [&device.0[..], &peer.0[..]].concat()
}

/// The room of two accounts, the same from both sides.
pub fn direct_room(one: &AccountId, other: &AccountId) -> RoomId {
    let (low, high) = if one <= other { (one, other) } else { (other, one) };
    RoomId(derive(Label::DirectRoom, &[&low.0, &high.0]))
}

/// The id of a message. It is bound to room and sender: nobody can send another message under it.
pub fn message_id(room: &RoomId, sender: &AccountId, proof: &[u8; 16]) -> MessageId {
    MessageId(first_half(derive(Label::Message, &[&room.0, &sender.0, proof])))
}

fn first_half(bytes: [u8; 32]) -> [u8; 16] {
    std::array::from_fn(|at| bytes[at])
}

/// The room an account shares with itself.
pub fn notes_room(account: &AccountId) -> RoomId {
    RoomId(derive(Label::NotesRoom, &[&account.0]))
}
