//! Tokens, deposits and custody receipts. A mailbox knows inboxes by opaque ids and keys; never accounts.

use bincode::{Decode, Encode};

use super::frame::Delivered;
use crate::types::{Address, EnvelopeId, InboxId, Millis, PeerId};

/// What a mailbox takes; the first thing it says.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Limits {
    /// Bytes of the largest envelope.
    pub envelope_bytes: u64,
    /// How long it holds.
    pub ttl_ms: Millis,
    /// Proof of work asked of strangers, in leading zero bits.
    pub work_bits: u8,
}

/// Why one may have a mailbox here.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub enum Claim {
    /// The secret of a relay link.
    Secret([u8; 32]),
    /// As a contact, known by an earlier hello on this connection.
    Contact,
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Secret(..)",
            Self::Contact => "Contact",
        })
    }
}

/// Asks for an inbox.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Register {
    /// Chosen by the owner.
    pub inbox: InboxId,
    /// The Ed25519 key that owns it.
    pub owner: [u8; 32],
    /// The devices that must acknowledge before an envelope is released.
    pub readers: Vec<[u8; 32]>,
    /// Why.
    pub claim: Claim,
    /// The owner's signature over the encoding of the fields before and the mailbox's peer id.
    pub signature: [u8; 64],
}

/// The inbox is there.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Registered {
    /// Which.
    pub inbox: InboxId,
    /// Bytes it may fill.
    pub quota_bytes: u64,
    /// How long envelopes are held.
    pub ttl_ms: Millis,
    /// What time it is at the mailbox.
    pub wall: Millis,
}

/// The right to deposit at one inbox, signed by its owner. Whoever holds the key can use it until it is revoked.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Token {
    /// The inbox.
    pub inbox: InboxId,
    /// Names the token when it is revoked, and in its quota.
    pub id: [u8; 16],
    /// The Ed25519 key of the holder.
    pub holder: [u8; 32],
    /// Until when.
    pub not_after: Millis,
    /// The owner's signature over the encoding of the fields before.
    pub signature: [u8; 64],
}

/// A token with the key to use it; travels only inside a seal.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Grant {
    /// The mailbox.
    pub mailbox: PeerId,
    /// The token.
    pub token: Token,
    /// Seed of the holder's key.
    pub seed: [u8; 32],
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Grant({:?})", self.token.inbox)
    }
}

/// Opens a token for this connection: later deposits on it need no signature.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OpenToken {
    /// The token.
    pub token: Token,
    /// Until when `user` may use it.
    pub until: Millis,
    /// The holder's signature over `using peer | mailbox peer | token id | until`: also lets a holder lend it to its own mailbox.
    pub proof: [u8; 64],
}

/// What a stranger's deposit pays for: `inbox | envelope id`.
pub fn work_text(inbox: &InboxId, envelope: &EnvelopeId) -> Vec<u8> {
    [&inbox.0[..], &envelope.0[..]].concat()
}

/// Which part of an inbox an envelope goes into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Lane {
    /// Messages.
    Chat,
    /// Commits and welcomes: a quota of their own, which chat cannot fill.
    Control,
    /// From someone without a token.
    Stranger,
}

/// Asks a mailbox to hold an envelope for some inboxes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Deposit {
    /// Where it goes.
    pub inboxes: Vec<(InboxId, Lane)>,
    /// A stranger's proof of work over `inbox | envelope id`, else 0.
    pub work: u64,
    /// The sealed bytes.
    pub envelope: Vec<u8>,
}

/// A custody receipt: what the mailbox has made durable, signed with its transport key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Held {
    /// What is held where.
    pub entries: Vec<(EnvelopeId, InboxId)>,
    /// Until when, by the mailbox's clock.
    pub until: Millis,
    /// Over the encoding of the fields before.
    pub signature: [u8; 64],
}

/// Why something is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Reason {
    /// No such inbox here.
    UnknownInbox,
    /// No token, or one that is expired or revoked.
    NoToken,
    /// The inbox, or this token's share of it, is full.
    Full,
    /// Larger than this mailbox takes.
    TooLarge,
    /// Proof of work missing or too small.
    Work,
    /// This node holds no mail for the one who asks.
    NotServed,
    /// The disk of the mailbox is full.
    Disk,
    /// A signature does not fit.
    Signature,
}

/// Not done, and why.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Refused {
    /// The envelope, when it was a deposit or a hand-over.
    pub envelope: Option<EnvelopeId>,
    /// The inbox; of a hand-over what stands for its receiver.
    pub inbox: InboxId,
    /// Why.
    pub reason: Reason,
}

/// Proves that a device may read an inbox, and asks for what waits there.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OpenInbox {
    /// The inbox.
    pub inbox: InboxId,
    /// The reader.
    pub reader: [u8; 32],
    /// The reader's signature over `reading peer | mailbox peer | inbox`.
    pub proof: [u8; 64],
}

/// An envelope that waited.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Mail {
    /// The inbox.
    pub inbox: InboxId,
    /// Its place there.
    pub sequence: u64,
    /// The sealed bytes.
    pub envelope: Vec<u8>,
}

/// These are durable on the reader's device.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct MailAck {
    /// The inbox.
    pub inbox: InboxId,
    /// Their places, at most `FRAME_IDS_MAX`.
    pub sequences: Vec<u64>,
}

/// Everything that waited was sent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct MailEnd {
    /// The inbox.
    pub inbox: InboxId,
}

/// Where a hand-over goes: a mailbox (with an opened token) or a device.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Target {
    /// The peer.
    pub peer: PeerId,
    /// Where to dial it.
    pub addresses: Vec<Address>,
    /// The inbox there with the token lent to this mailbox; none for a device.
    pub inbox: Option<(InboxId, OpenToken)>,
}

/// Asks the sender's own mailbox to deliver an envelope.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Handover {
    /// The sender's inbox, which pays for it.
    pub inbox: InboxId,
    /// Stands for the receiver, to this mailbox alone: the same in each hand-over to it. Receipts and refusals name it as the inbox.
    pub to: InboxId,
    /// Any of these will do.
    pub targets: Vec<Target>,
    /// Which part of an inbox at a mailbox it goes into: `Chat` or `Control`.
    pub lane: Lane,
    /// The sealed bytes.
    pub envelope: Vec<u8>,
}

/// Tells an owner what became of hand-overs. It has a place in the owner's inbox like an envelope, and is acknowledged like one.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Report {
    /// The inbox that paid for the hand-over.
    pub inbox: InboxId,
    /// Its place there, for [`MailAck`].
    pub sequence: u64,
    /// What became of it.
    pub done: HandoverDone,
}

/// What became of a hand-over: the receipt that the target gave, for the sender to verify. One receipt may cover several.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum HandoverDone {
    /// A mailbox holds it.
    Held {
        /// The mailbox that signed.
        by: PeerId,
        /// Its receipt.
        held: Held,
    },
    /// A device has it.
    Delivered(Delivered),
    /// This mailbox has given it up: no target took it in time, or none ever will.
    Expired {
        /// What.
        envelope: EnvelopeId,
        /// For whom, as the hand-over said.
        to: InboxId,
    },
}

/// What was handed over and need not be tried any more; given back by the mailbox once it is forgotten there.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Withdraw {
    /// The inbox that paid for the hand-overs.
    pub inbox: InboxId,
    /// What, and for whom, as the hand-overs said; at most `FRAME_IDS_MAX`.
    pub handovers: Vec<(EnvelopeId, InboxId)>,
}

/// A relay tells who it is (gossip, public mesh).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Announcement {
    /// The relay.
    pub peer: PeerId,
    /// Where it is reachable.
    pub addresses: Vec<Address>,
    /// What it calls itself.
    pub name: String,
    /// What it takes.
    pub limits: Limits,
    /// When it said so; newer replaces older.
    pub at: Millis,
    /// After how long it will say so again: the more relays there are, the longer.
    pub pause: Millis,
    /// The transport key's signature over the encoding of the fields before.
    pub signature: [u8; 64],
}

/// Tokens that are no longer good at an inbox.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Revoke {
    /// The inbox.
    pub inbox: InboxId,
    /// The tokens.
    pub tokens: Vec<[u8; 16]>,
    /// The owner's signature over the encoding of the fields before and the mailbox's peer id.
    pub signature: [u8; 64],
}

/// Forgets an inbox and what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LeaveInbox {
    /// The inbox.
    pub inbox: InboxId,
    /// The owner's signature over the inbox and the mailbox's peer id.
    pub signature: [u8; 64],
}
