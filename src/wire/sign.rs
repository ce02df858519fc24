//! Which key signs what: the exact bytes under each signature, and how they are made and checked. A card and a knock are signed as
//! the bytes that travel; small values as the one encoding of their fields, the only form in which `codec::open` takes them.

use std::collections::BTreeSet;

use super::blob::BlobHeld;
use super::card::{self, Card};
use super::codec::{self, DecodeError};
use super::content::{self, Content, Knock};
use super::frame::{Delivered, Hello};
use super::mailbox::{Announcement, Held, LeaveInbox, OpenInbox, OpenToken, Register, Revoke, Token};
use crate::crypto::keys::{Keys, Signing, is_certified, verify};
use crate::crypto::label::Label;
use crate::types::limits::{CARD_BYTES_MAX, REQUEST_BYTES_MAX};
use crate::types::{AccountId, DeviceId, PeerId, RoomId};

impl Card {
    /// The bytes that travel, signed by the account.
    pub fn sign(&self, account: &Signing) -> Vec<u8> {
        let card = codec::encode(self);
        let signature = account.sign(Label::Card, &card);
        codec::encode(&card::Signed { card, signature })
    }
}

impl card::Signed {
    /// Opens untrusted bytes: within every bound, signed by the account that it names, each device certified by it, no device,
    /// transport key or mailbox twice.
    pub fn open(bytes: &[u8]) -> Result<Card, DecodeError> {
        if bytes.len() > CARD_BYTES_MAX {
            return Err(DecodeError::Malformed);
        }
        let signed: Self = codec::open(bytes)?;
        let card: Card = codec::open(&signed.card)?;
        if !are_distinct(&card) {
            return Err(DecodeError::Malformed);
        }
        let is_authentic = verify(&card.account.0, Label::Card, &signed.card, &signed.signature)
            && card.devices.iter().all(|device| is_certified(&card.account, &device.device, &device.peer, &device.certificate));
        if is_authentic { Ok(card) } else { Err(DecodeError::Signature) }
    }
}

fn are_distinct(card: &Card) -> bool {
    let devices: BTreeSet<_> = card.devices.iter().map(|device| device.device).collect();
    let peers: BTreeSet<_> = card.devices.iter().map(|device| device.peer).collect();
    let mailboxes: BTreeSet<_> = card.mailboxes.iter().map(|mailbox| mailbox.peer).collect();
    (devices.len(), peers.len(), mailboxes.len()) == (card.devices.len(), card.devices.len(), card.mailboxes.len())
}

impl Content {
    fn bytes(&self, room: &RoomId, device: &DeviceId) -> Vec<u8> {
        codec::encode(&(*room, *device, self.number, self.clock, self.is_back, &self.body))
    }

    /// With what the account alone can make of a message that its device numbered in a room.
    #[must_use]
    pub fn prove(mut self, room: &RoomId, device: &DeviceId, keys: &Keys) -> Self {
        self.proof = keys.proof(&self.bytes(room, device));
        self
    }

    /// Whether a device of this account numbered it in this room, and nothing of it was changed since.
    pub fn is_proven(&self, room: &RoomId, device: &DeviceId, keys: &Keys) -> bool {
        let wanted = keys.proof(&self.bytes(room, device));
        // Without a hint of how much of it fits.
        wanted.iter().zip(&self.proof).fold(0, |differs, (one, other)| differs | (one ^ other)) == 0
    }
}

impl content::Signed {
    /// What an account says to another from outside a room.
    pub fn new(card: &[u8], receiver: &AccountId, knock: &Knock, account: &Signing) -> Self {
        let knock = codec::encode(knock);
        let signature = account.sign(Label::Knock, &content::signed_bytes(receiver, &knock));
        Self { card: card.to_vec(), knock, signature, work: 0 }
    }

    /// Opens untrusted bytes that were sealed to `receiver`: the card is good, and its account signed the knock for this receiver.
    pub fn open(bytes: &[u8], receiver: &AccountId) -> Result<(Self, Card, Knock), DecodeError> {
        let signed: Self = codec::open(bytes)?;
        let card = card::Signed::open(&signed.card)?;
        if !verify(&card.account.0, Label::Knock, &content::signed_bytes(receiver, &signed.knock), &signed.signature) {
            return Err(DecodeError::Signature);
        }
        let knock = codec::open(&signed.knock)?;
        if matches!(knock, Knock::Request { .. }) && bytes.len() > REQUEST_BYTES_MAX {
            return Err(DecodeError::Malformed);
        }
        Ok((signed, card, knock))
    }
}

impl Hello {
    fn bytes(&self, sender: &PeerId, receiver: &PeerId) -> Vec<u8> {
        [&sender.0[..], &receiver.0, &self.account.0, &self.knows_number.to_be_bytes(), &self.wall.to_be_bytes()].concat()
    }

    /// With the device's proof for this connection.
    #[must_use]
    pub fn sign(mut self, sender: &PeerId, receiver: &PeerId, device: &Signing) -> Self {
        self.proof = device.sign(Label::Hello, &self.bytes(sender, receiver));
        self
    }

    /// Whether the device it names made it for this connection.
    pub fn is_signed(&self, sender: &PeerId, receiver: &PeerId) -> bool {
        verify(&self.device.0, Label::Hello, &self.bytes(sender, receiver), &self.proof)
    }
}

impl Delivered {
    /// With the device's signature.
    #[must_use]
    pub fn sign(mut self, device: &Signing) -> Self {
        self.signature = device.sign(Label::Delivered, &codec::encode(&self.envelopes));
        self
    }

    /// Whether the device it names signed it.
    pub fn is_signed(&self) -> bool {
        verify(&self.device.0, Label::Delivered, &codec::encode(&self.envelopes), &self.signature)
    }
}

impl Register {
    fn bytes(&self, mailbox: &PeerId) -> Vec<u8> {
        codec::encode(&(self.inbox, self.owner, &self.readers, &self.claim, *mailbox))
    }

    /// With the owner's signature for this mailbox.
    #[must_use]
    pub fn sign(mut self, mailbox: &PeerId, owner: &Signing) -> Self {
        self.signature = owner.sign(Label::Register, &self.bytes(mailbox));
        self
    }

    /// Whether the owner it names signed it for this mailbox.
    pub fn is_signed(&self, mailbox: &PeerId) -> bool {
        verify(&self.owner, Label::Register, &self.bytes(mailbox), &self.signature)
    }
}

impl Token {
    fn bytes(&self) -> Vec<u8> {
        codec::encode(&(self.inbox, self.id, self.holder, self.not_after))
    }

    /// With the inbox owner's signature.
    #[must_use]
    pub fn sign(mut self, owner: &Signing) -> Self {
        self.signature = owner.sign(Label::Token, &self.bytes());
        self
    }

    /// Whether this owner signed it.
    pub fn is_signed_by(&self, owner: &[u8; 32]) -> bool {
        verify(owner, Label::Token, &self.bytes(), &self.signature)
    }
}

impl OpenToken {
    fn bytes(&self, user: &PeerId, mailbox: &PeerId) -> Vec<u8> {
        codec::encode(&(*user, *mailbox, self.token.id, self.until))
    }

    /// With the holder's proof that `user` may use it at `mailbox`.
    #[must_use]
    pub fn sign(mut self, user: &PeerId, mailbox: &PeerId, holder: &Signing) -> Self {
        self.proof = holder.sign(Label::TokenUse, &self.bytes(user, mailbox));
        self
    }

    /// Whether the token's holder lets `user` use it at `mailbox`.
    pub fn is_signed(&self, user: &PeerId, mailbox: &PeerId) -> bool {
        verify(&self.token.holder, Label::TokenUse, &self.bytes(user, mailbox), &self.proof)
    }
}

impl OpenInbox {
    fn bytes(&self, reading: &PeerId, mailbox: &PeerId) -> Vec<u8> {
        codec::encode(&(*reading, *mailbox, self.inbox))
    }

    /// With the reader's proof for this connection.
    #[must_use]
    pub fn sign(mut self, reading: &PeerId, mailbox: &PeerId, reader: &Signing) -> Self {
        self.proof = reader.sign(Label::OpenInbox, &self.bytes(reading, mailbox));
        self
    }

    /// Whether the reader it names made it for this connection.
    pub fn is_signed(&self, reading: &PeerId, mailbox: &PeerId) -> bool {
        verify(&self.reader, Label::OpenInbox, &self.bytes(reading, mailbox), &self.proof)
    }
}

impl Held {
    fn bytes(&self) -> Vec<u8> {
        codec::encode(&(&self.entries, self.until))
    }

    /// With the mailbox's signature.
    #[must_use]
    pub fn sign(mut self, transport: &Signing) -> Self {
        self.signature = transport.sign(Label::Held, &self.bytes());
        self
    }

    /// Whether this mailbox signed it.
    pub fn is_signed_by(&self, mailbox: &PeerId) -> bool {
        verify(&mailbox.0, Label::Held, &self.bytes(), &self.signature)
    }
}

impl BlobHeld {
    fn bytes(&self) -> Vec<u8> {
        codec::encode(&(self.blob, self.inbox, self.until))
    }

    /// With the mailbox's signature.
    #[must_use]
    pub fn sign(mut self, transport: &Signing) -> Self {
        self.signature = transport.sign(Label::BlobHeld, &self.bytes());
        self
    }

    /// Whether this mailbox signed it.
    pub fn is_signed_by(&self, mailbox: &PeerId) -> bool {
        verify(&mailbox.0, Label::BlobHeld, &self.bytes(), &self.signature)
    }
}

impl Revoke {
    fn bytes(&self, mailbox: &PeerId) -> Vec<u8> {
        codec::encode(&(self.inbox, &self.tokens, *mailbox))
    }

    /// With the owner's signature for this mailbox.
    #[must_use]
    pub fn sign(mut self, mailbox: &PeerId, owner: &Signing) -> Self {
        self.signature = owner.sign(Label::Revoke, &self.bytes(mailbox));
        self
    }

    /// Whether this owner signed it for this mailbox.
    pub fn is_signed_by(&self, mailbox: &PeerId, owner: &[u8; 32]) -> bool {
        verify(owner, Label::Revoke, &self.bytes(mailbox), &self.signature)
    }
}

impl LeaveInbox {
    fn bytes(&self, mailbox: &PeerId) -> Vec<u8> {
        codec::encode(&(self.inbox, *mailbox))
    }

    /// With the owner's signature for this mailbox.
    #[must_use]
    pub fn sign(mut self, mailbox: &PeerId, owner: &Signing) -> Self {
        self.signature = owner.sign(Label::LeaveInbox, &self.bytes(mailbox));
        self
    }

    /// Whether this owner signed it for this mailbox.
    pub fn is_signed_by(&self, mailbox: &PeerId, owner: &[u8; 32]) -> bool {
        verify(owner, Label::LeaveInbox, &self.bytes(mailbox), &self.signature)
    }
}

impl Announcement {
    fn bytes(&self) -> Vec<u8> {
        codec::encode(&(self.peer, &self.addresses, &self.name, &self.limits, self.at, self.pause))
    }

    /// With the relay's signature.
    #[must_use]
    pub fn sign(mut self, transport: &Signing) -> Self {
        self.signature = transport.sign(Label::Relay, &self.bytes());
        self
    }

    /// Whether the relay it names signed it.
    pub fn is_signed(&self) -> bool {
        verify(&self.peer.0, Label::Relay, &self.bytes(), &self.signature)
    }
}
