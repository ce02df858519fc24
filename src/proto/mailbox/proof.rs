//! The signatures of this service: which key, under which label, over which bytes.

use crate::crypto::keys::{Signing, verify};
use crate::crypto::label::Label;
use crate::types::{EnvelopeId, InboxId, Millis, PeerId};
use crate::wire::codec;
use crate::wire::frame::Delivered;
use crate::wire::mailbox::{Announcement, Held, LeaveInbox, OpenInbox, OpenToken, Register, Revoke, Token};

/// Whether the owner named in a registration signed it for this mailbox.
pub(super) fn is_registered_by_owner(register: &Register, mailbox: &PeerId) -> bool {
    verify(&register.owner, Label::Register, &register_bytes(register, mailbox), &register.signature)
}

/// Whether this owner signed the token.
pub(super) fn is_token_of(token: &Token, owner: &[u8; 32]) -> bool {
    verify(owner, Label::Token, &token_bytes(token), &token.signature)
}

/// Whether the token's holder lets this peer use it at this mailbox.
pub(super) fn is_lent_to(open: &OpenToken, user: &PeerId, mailbox: &PeerId) -> bool {
    verify(&open.token.holder, Label::TokenUse, &use_bytes(&open.token.id, open.until, user, mailbox), &open.proof)
}

/// Whether the reader it names opened this inbox from this peer.
pub(super) fn is_opened_by_reader(open: &OpenInbox, reader: &PeerId, mailbox: &PeerId) -> bool {
    verify(&open.reader, Label::OpenInbox, &open_bytes(&open.inbox, reader, mailbox), &open.proof)
}

/// Whether this owner revoked.
pub(super) fn is_revoked_by(revoke: &Revoke, owner: &[u8; 32], mailbox: &PeerId) -> bool {
    verify(owner, Label::Revoke, &revoke_bytes(revoke, mailbox), &revoke.signature)
}

/// Whether this owner leaves.
pub(super) fn is_left_by(leave: &LeaveInbox, owner: &[u8; 32], mailbox: &PeerId) -> bool {
    verify(owner, Label::LeaveInbox, &leave_bytes(&leave.inbox, mailbox), &leave.signature)
}

/// Whether this mailbox signed the receipt.
pub(super) fn is_held_by(held: &Held, mailbox: &PeerId) -> bool {
    verify(&mailbox.0, Label::Held, &held_bytes(&held.entries, held.until), &held.signature)
}

/// Whether the device it names signed the receipt.
pub(super) fn is_delivered_by_device(delivered: &Delivered) -> bool {
    verify(&delivered.device.0, Label::Delivered, &codec::encode(&delivered.envelopes), &delivered.signature)
}

/// Whether the relay it names signed the announcement.
pub(super) fn is_announced_by_relay(announcement: &Announcement) -> bool {
    verify(&announcement.peer.0, Label::Relay, &announcement_bytes(announcement), &announcement.signature)
}

/// A receipt for these entries.
pub(super) fn held(transport: &Signing, entries: Vec<(EnvelopeId, InboxId)>, until: Millis) -> Held {
    let signature = transport.sign(Label::Held, &held_bytes(&entries, until));
    Held { entries, until, signature }
}

/// The announcement with its signature.
pub(super) fn announced(transport: &Signing, mut announcement: Announcement) -> Announcement {
    announcement.signature = transport.sign(Label::Relay, &announcement_bytes(&announcement));
    announcement
}

/// What an owner signs to register.
pub fn register_bytes(register: &Register, mailbox: &PeerId) -> Vec<u8> {
    let Register { inbox, owner, readers, claim, .. } = register;
    [codec::encode(&(inbox, owner, readers, claim)), mailbox.0.to_vec()].concat()
}

/// What an owner signs to make a token.
pub fn token_bytes(token: &Token) -> Vec<u8> {
    let Token { inbox, id, holder, not_after, .. } = token;
    codec::encode(&(inbox, id, holder, not_after))
}

/// What a holder signs to let a peer use a token at a mailbox.
pub fn use_bytes(token: &[u8; 16], until: Millis, user: &PeerId, mailbox: &PeerId) -> Vec<u8> {
    codec::encode(&(user, mailbox, token, until))
}

/// What a reader signs to open an inbox.
pub fn open_bytes(inbox: &InboxId, reader: &PeerId, mailbox: &PeerId) -> Vec<u8> {
    codec::encode(&(reader, mailbox, inbox))
}

/// What an owner signs to revoke tokens.
pub fn revoke_bytes(revoke: &Revoke, mailbox: &PeerId) -> Vec<u8> {
    codec::encode(&(&revoke.inbox, &revoke.tokens, mailbox))
}

/// What an owner signs to leave.
pub fn leave_bytes(inbox: &InboxId, mailbox: &PeerId) -> Vec<u8> {
    codec::encode(&(inbox, mailbox))
}

fn held_bytes(entries: &Vec<(EnvelopeId, InboxId)>, until: Millis) -> Vec<u8> {
    codec::encode(&(entries, until))
}

fn announcement_bytes(announcement: &Announcement) -> Vec<u8> {
    let Announcement { peer, addresses, name, limits, at, .. } = announcement;
    codec::encode(&(peer, addresses, name, limits, at))
}
