//! Stored values: `version (1) | body`. The node writes them, readers of the store read them; both find them here.

use bincode::{Decode, Encode};

use super::codec::{self, DecodeError};
use super::content::{Body, Clock};
use super::mailbox::Grant;
use crate::types::{AccountId, Address, DeviceId, EnvelopeId, GroupId, InboxId, MessageId, Millis, PeerId, RoomId};

/// The version of every row so far.
pub const VERSION: u8 = 1;

/// A stored value.
pub fn encode<T: Encode>(value: &T) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend(codec::encode(value));
    bytes
}

/// From a stored value.
pub fn decode<T: Decode<()>>(bytes: &[u8]) -> Result<T, DecodeError> {
    match bytes {
        [VERSION, body @ ..] => codec::decode(body),
        [version, ..] => Err(DecodeError::Version(*version)),
        [] => Err(DecodeError::Malformed),
    }
}

/// Where a contact stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ContactState {
    /// We asked; no answer yet.
    Requested,
    /// They asked; the person has not decided.
    Pending,
    /// Both agreed.
    Accepted,
    /// The person said no.
    Declined,
    /// Nothing of theirs is taken.
    Blocked,
}

impl ContactState {
    /// The word scripts see.
    pub fn word(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Blocked => "blocked",
        }
    }
}

/// `Table::Contact`: `account`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Contact {
    /// What this person calls them.
    pub name: String,
    /// Where it stands.
    pub state: ContactState,
    /// Whether the words were compared.
    pub verified: bool,
    /// Their signed card.
    pub card: Vec<u8>,
    /// Tokens for their mailboxes.
    pub grants: Vec<Grant>,
    /// Number of our card they were last sent.
    pub card_sent: u64,
    /// Their key packages from a request, until the room is made.
    pub key_packages: Vec<Vec<u8>>,
    /// What they wrote with their request.
    pub greeting: String,
    /// The secret of their invite, until they answered.
    pub secret: Option<[u8; 32]>,
    /// Since when.
    pub since: Millis,
}

/// `Table::Invite`: `hash of the secret`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Invite {
    /// Until when.
    pub not_after: Millis,
    /// Who used it.
    pub used_by: Option<AccountId>,
}

/// The kind of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum RoomKind {
    /// Two accounts.
    Direct,
    /// One account with itself.
    Notes,
    /// Any number.
    Group,
}

/// `Table::Room`: `room`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Room {
    /// Its kind.
    pub kind: RoomKind,
    /// What the person calls it; a direct room goes by the contact's name.
    pub name: String,
    /// The accounts in it, this one included.
    pub members: Vec<AccountId>,
    /// The MLS group that carries it now, once there is one.
    pub group: Option<GroupId>,
    /// Generation of that group.
    pub generation: u32,
    /// The latest clock seen.
    pub clock: Clock,
    /// The last number this device gave a message here.
    pub number: u64,
}

/// The key of a message in `Table::Message`: the key order is the room's one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Place {
    /// The room.
    pub room: RoomId,
    /// Its clock.
    pub clock: Clock,
    /// Who sent it.
    pub sender: AccountId,
    /// Which it is.
    pub message: MessageId,
}

impl Place {
    /// `room (32) | ms (8) | count (4) | sender (32) | message (16)`.
    pub fn key(&self) -> Vec<u8> {
        let mut key = Vec::with_capacity(92);
        key.extend_from_slice(&self.room.0);
        key.extend_from_slice(&self.clock.ms.to_be_bytes());
        key.extend_from_slice(&self.clock.count.to_be_bytes());
        key.extend_from_slice(&self.sender.0);
        key.extend_from_slice(&self.message.0);
        key
    }

    /// From such a key.
    pub fn from_key(key: &[u8]) -> Option<Self> {
        let (room, rest) = key.split_first_chunk::<32>()?;
        let (ms, rest) = rest.split_first_chunk::<8>()?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let (sender, rest) = rest.split_first_chunk::<32>()?;
        let message: [u8; 16] = rest.try_into().ok()?;
        let clock = Clock { ms: u64::from_be_bytes(*ms), count: u32::from_be_bytes(*count) };
        Some(Self { room: RoomId(*room), clock, sender: AccountId(*sender), message: MessageId(message) })
    }
}

/// `Table::Message`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Message {
    /// The device that sent it.
    pub device: DeviceId,
    /// That device's number for it.
    pub number: u64,
    /// What it says.
    pub body: Body,
    /// When this device had it.
    pub arrived: Millis,
    /// Whether later messages of the room were here before it.
    pub late: bool,
}

/// `Table::Index`: `message`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Index {
    /// Where it stands.
    pub place: Place,
    /// Its custody, for each account it goes to; empty for messages of others.
    pub custody: Vec<(AccountId, Custody)>,
}

/// What receipts say about a message on its way to one account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Custody {
    /// Mailboxes that hold it, and until when.
    pub held: Vec<(PeerId, Millis)>,
    /// When its receipt came.
    pub delivered: Option<Millis>,
    /// When its read receipt came.
    pub read: Option<Millis>,
    /// Whether it can no longer arrive.
    pub expired: bool,
}

/// `Table::Mark`: `target message | sender | clock`: what was said about a message.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Mark {
    /// Who said it.
    pub sender: AccountId,
    /// When.
    pub clock: Clock,
    /// A reaction, an edit or a recall.
    pub body: Body,
}

/// `Table::Heads`: `room | device`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Heads {
    /// The highest number known of.
    pub high: u64,
    /// Numbers up to it that are not here: `(first, last)`.
    pub holes: Vec<(u64, u64)>,
}

/// `Table::Outbox`: `message or envelope order | account`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Outbox {
    /// The message, if it is one that a person sees.
    pub message: Option<MessageId>,
    /// Its room, to seal it once the room is there.
    pub room: Option<RoomId>,
    /// The sealed bytes, once sealed.
    pub envelope: Option<EnvelopeId>,
    /// To whom.
    pub account: AccountId,
    /// Whether it goes into the control lane of a mailbox.
    pub control: bool,
    /// Since when it is owed.
    pub since: Millis,
    /// Mailboxes that hold it.
    pub held: Vec<(PeerId, Millis)>,
    /// Devices that have it.
    pub delivered: Vec<DeviceId>,
}

/// `Table::Mailbox`: `peer`: one of our own mailboxes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Mailbox {
    /// Where it is reachable.
    pub addresses: Vec<Address>,
    /// Our inbox there.
    pub inbox: InboxId,
    /// Whether it confirmed.
    pub registered: bool,
    /// The secret to register with; none for a neighbour.
    pub secret: Option<[u8; 32]>,
    /// The contact whose node it is, if it is a neighbour.
    pub neighbour: Option<AccountId>,
    /// What it said it takes.
    pub envelope_bytes: u64,
    /// How long it holds.
    pub ttl_ms: Millis,
    /// Proof of work it asks of strangers.
    pub work_bits: u8,
    /// Bytes it holds for us at most.
    pub quota_bytes: u64,
}
