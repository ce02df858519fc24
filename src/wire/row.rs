//! Stored values: `version (1) | body`. The node writes them, readers of the store read them; both find them here.

use bincode::{Decode, Encode};

use super::codec::{self, DecodeError};
use super::content::{Body, Clock};
use super::mailbox::{Grant, Reason};
use super::media::MediaKind;
use crate::types::{AccountId, Address, DeviceId, EnvelopeId, InboxId, MessageId, Millis, PeerId, RoomId};

/// Name in `Table::Meta` of the schema of all rows; the store alone writes it.
pub const META_SCHEMA: &[u8] = b"store schema";

/// Begin of the names in `Table::Meta` of messages of a kind that this release does not know: followed by the key of the place.
pub const META_LATER: &[u8] = b"later ";

/// Name in `Table::Meta` of the moment (milliseconds since the Unix epoch, 8 bytes, big-endian) at which the rows were restored from an
/// older copy. The store writes it; the node fetches anew what is missing, never sends from MLS state that was restored, and
/// then deletes it.
pub const META_RESTORED: &[u8] = b"store restored";

/// Name in `Table::Meta` of a [`Skew`]; not there when the clock is right as far as is known.
pub const META_SKEW: &[u8] = b"skew";

/// Name in `Table::Meta` of the bytes (u64) up to which the body of a message is fetched at once, in a room or elsewhere, of a kind or of any.
pub fn media_policy(room: Option<&RoomId>, kind: Option<MediaKind>) -> Vec<u8> {
    let (room, kind) = (room.map(|room| &room.0[..]).unwrap_or_default(), kind.map_or("", MediaKind::word));
    [b"media at once ", room, kind.as_bytes()].concat()
}

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

/// How far this machine's clock is from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Skew {
    /// How far it is ahead, in milliseconds; negative when it is behind.
    pub ahead_ms: i64,
    /// Of how many nodes' clocks this one is in the middle.
    pub witnesses: u64,
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
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
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
    /// The secret of their invite and until when it is good, until they answered or it is over.
    pub secret: Option<([u8; 32], Millis)>,
    /// How often their tokens were revoked; the next ones differ.
    pub grant_round: u32,
    /// BLAKE3 of the key packages they were last welcomed with: another one means that they start anew.
    pub welcomed: Option<[u8; 32]>,
    /// Since when.
    pub since: Millis,
}

/// Neither the secret nor what the person calls them.
impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Contact");
        shown.field("state", &self.state).field("verified", &self.verified).field("card_sent", &self.card_sent);
        shown.field("grants", &self.grants).field("since", &self.since).finish_non_exhaustive()
    }
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
    /// Generation of the MLS group that carries it; 0 before there is one.
    pub generation: u32,
    /// The latest clock seen.
    pub clock: Clock,
    /// The last number this device gave a message here.
    pub number: u64,
    /// Whether this device came when others had been here for a while: what they said before is not owed to it.
    pub is_late: bool,
}

impl Room {
    /// A room without a group yet.
    pub fn new(kind: RoomKind, name: String, members: Vec<AccountId>) -> Self {
        Self { kind, name, members, generation: 0, clock: Clock::default(), number: 0, is_late: false }
    }
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
    /// What it says, as it was encoded: a later release may understand what this one does not.
    pub body: Vec<u8>,
    /// When this device had it.
    pub arrived: Millis,
    /// Whether later messages of the room were here before it.
    pub late: bool,
}

impl Message {
    /// What it says; `None` for a kind of a later release.
    pub fn body(&self) -> Option<Body> {
        Body::open(&self.body).ok()
    }
}

/// `Table::Index`: `message`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Index {
    /// Where it stands.
    pub place: Place,
    /// The message it is about, for a reaction, edit or recall: it is a [`Mark`] of that one.
    pub target: Option<MessageId>,
    /// Its custody, for each account it goes to; empty for messages of others.
    pub custody: Vec<(AccountId, Custody)>,
    /// When the person read it, for messages of others.
    pub read_at: Option<Millis>,
}

/// What receipts say about a message on its way to one account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Custody {
    /// Its place in the account's outbox.
    pub order: u64,
    /// Mailboxes that hold it, and until when.
    pub held: Vec<(PeerId, Millis)>,
    /// When its receipt came.
    pub delivered: Option<Millis>,
    /// When its read receipt came.
    pub read: Option<Millis>,
    /// Whether it can no longer arrive.
    pub expired: bool,
}

/// `Table::Mark`: [`mark_key`]: what was said about a message, in its room.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Mark {
    /// Its own id.
    pub message: MessageId,
    /// Who said it. An edit or recall by anyone but the target's sender means nothing.
    pub sender: AccountId,
    /// From which device.
    pub device: DeviceId,
    /// That device's number for it.
    pub number: u64,
    /// When.
    pub clock: Clock,
    /// An encoded reaction, edit or recall.
    pub body: Vec<u8>,
}

impl Mark {
    /// What was said.
    pub fn body(&self) -> Option<Body> {
        Body::open(&self.body).ok()
    }
}

/// The key of a mark with this place: `room (32) | target message (16) | ms (8) | count (4) | sender (32) | message (16)`. Those of one message
/// lie together, in the room's one order; what is said elsewhere is not said about it.
pub fn mark_key(target: &MessageId, place: &Place) -> Vec<u8> {
    let key = place.key();
    let (room, rest) = key.split_at(RoomId::LEN);
    [room, &target.0, rest].concat()
}

/// What the keys of all marks of a message begin with.
pub fn marks_of(place: &Place) -> Vec<u8> {
    [&place.room.0[..], &place.message.0].concat()
}

/// The numbered messages of one device of an account in a room. By account too: whoever speaks of a device speaks of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    /// The room.
    pub room: RoomId,
    /// Whose messages.
    pub account: AccountId,
    /// The device that numbered them.
    pub device: DeviceId,
}

impl Series {
    /// `room (32) | account (32) | device (32)`.
    pub fn key(&self) -> Vec<u8> {
        [&self.room.0[..], &self.account.0, &self.device.0].concat()
    }

    /// From such a key.
    pub fn from_key(key: &[u8]) -> Option<Self> {
        let (room, rest) = key.split_first_chunk::<32>()?;
        let (account, rest) = rest.split_first_chunk::<32>()?;
        Some(Self { room: RoomId(*room), account: AccountId(*account), device: DeviceId::from_slice(rest)? })
    }

    /// `room (32) | account (32) | device (32) | number (8)`.
    pub fn numbered(&self, number: u64) -> Vec<u8> {
        [&self.room.0[..], &self.account.0, &self.device.0, &number.to_be_bytes()].concat()
    }
}

/// `Table::Heads`: a [`Series`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Heads {
    /// The highest number known of.
    pub high: u64,
    /// Numbers up to it that are not here and may still come: `(first, last)`, in order.
    pub holes: Vec<(u64, u64)>,
    /// Those that can no longer come, in the same form.
    pub gone: Vec<(u64, u64)>,
    /// How many more can no longer come, whose numbers were not kept.
    pub gone_more: u64,
    /// Numbers at which the device's clock was set back, and to what.
    pub backs: Vec<(u64, Clock)>,
}

/// `Table::Numbered`: a [`Series`] and `number (8)`. What a content has beside its message, to give it again as it was.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Numbered {
    /// Which message that is.
    pub message: MessageId,
    /// Its proof.
    pub proof: [u8; 16],
    /// Its clock, where its place in the order is another one.
    pub stamp: Option<Clock>,
    /// Whether its sender's clock was set back before it.
    pub is_back: bool,
    /// Its envelope, kept to serve it to other members; empty in rooms of two devices.
    pub envelope: Vec<u8>,
}

/// `Table::Seen`: `envelope`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Seen {
    /// Until when a copy can still come.
    pub until: Millis,
    /// The message in it and its sender, when a receipt is owed for it.
    pub about: Option<(RoomId, MessageId, AccountId)>,
}

/// `Table::Owed`: `account | message`: a receipt that goes out with the next ones.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Owed {
    /// The room of the message.
    pub room: RoomId,
    /// Whether the person has read it.
    pub read: bool,
}

/// `Table::Outbox`: `account (32) | order (8)`: one envelope owed to one account.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Outbox {
    /// What it is for.
    pub cargo: Cargo,
    /// The sealed bytes, once sealed.
    pub envelope: Option<EnvelopeId>,
    /// The epoch they are sealed in, for those of a room.
    pub epoch: [u8; 16],
    /// Whether other accounts are owed the same envelope.
    pub shared: bool,
    /// Since when it is owed.
    pub since: Millis,
    /// Mailboxes that hold it, and until when; 0 for an own one that may be trying it and has not said that it holds it.
    pub held: Vec<(PeerId, Millis)>,
    /// Devices that have it.
    pub delivered: Vec<DeviceId>,
}

impl Outbox {
    /// The mailboxes that said that they hold it, and until when.
    pub fn holders(&self) -> impl Iterator<Item = &(PeerId, Millis)> {
        self.held.iter().filter(|(_, until)| *until > 0)
    }
}

/// The account that is owed an envelope alone, and its order in the outbox of that account.
pub type Sole = (AccountId, u64);

/// `Table::Envelope`: `envelope`: `1 | account (32) | order (8) | bytes` for what one account alone is owed, `0 | bytes` for what several
/// are; each of these has its order (8, big-endian) at `envelope | account`.
pub fn sealed_row(sole: Option<Sole>, bytes: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(1 + 32 + 8 + bytes.len());
    row.push(u8::from(sole.is_some()));
    if let Some((account, order)) = sole {
        row.extend_from_slice(&account.0);
        row.extend_from_slice(&order.to_be_bytes());
    }
    row.extend_from_slice(bytes);
    row
}

/// Such a row: the account that is owed it alone, with its order there, and the sealed bytes.
pub fn sealed(row: &[u8]) -> Option<(Option<Sole>, &[u8])> {
    match row {
        [0, bytes @ ..] => Some((None, bytes)),
        [1, rest @ ..] => {
            let (account, rest) = rest.split_first_chunk()?;
            let (order, bytes) = rest.split_first_chunk()?;
            Some((Some((AccountId(*account), u64::from_be_bytes(*order))), bytes))
        }
        _ => None,
    }
}

/// What an envelope in the outbox is for: enough to seal it again.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Cargo {
    /// A numbered message, stored in its place.
    Message {
        /// Its room.
        room: RoomId,
        /// Which.
        message: MessageId,
    },
    /// A content that is stored nowhere else (receipts, cards, questions).
    Content {
        /// Its room.
        room: RoomId,
        /// The encoded content.
        content: Vec<u8>,
    },
    /// A commit: only as it was sealed.
    Commit {
        /// Its room.
        room: RoomId,
    },
    /// First contact, and the welcome that answers it: sealed to the account.
    Knock,
    /// Somebody else's envelope, served to a member who lacks it.
    Copy,
    /// A welcome to a group: sealed to the account.
    Welcome {
        /// Its room.
        room: RoomId,
    },
    /// A request to be added to a room again: sealed to the account.
    Rejoin {
        /// The room.
        room: RoomId,
    },
}

impl Cargo {
    /// The room in whose epochs it is sealed; none for what is sealed to an account, or was sealed by somebody else.
    pub fn room(&self) -> Option<RoomId> {
        match self {
            Self::Message { room, .. } | Self::Content { room, .. } | Self::Commit { room } => Some(*room),
            Self::Knock | Self::Copy | Self::Welcome { .. } | Self::Rejoin { .. } => None,
        }
    }
}

/// `Table::Member`: `room | account`: how a member of a group can be reached. The row of this account itself says what the others were told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Member {
    /// Its signed card; empty while it has not told it, and for this account.
    pub card: Vec<u8>,
    /// Tokens for its mailboxes that all members of the room may use.
    pub grants: Vec<Grant>,
    /// Number of the card that this device told the others: its own, or as an admin that of this member.
    pub told: u64,
    /// Whether this device, as an admin, told it the others' cards.
    pub is_told: bool,
    /// For this account: how often the tokens of this room were revoked; the next ones differ.
    pub round: u32,
}

/// `Table::Mailbox`: `peer`: one of our own mailboxes.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
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
    /// Why it does not serve us, when it said so.
    pub refused: Option<Reason>,
}

/// Not the secret.
impl std::fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Mailbox");
        shown.field("inbox", &self.inbox).field("registered", &self.registered).field("refused", &self.refused).finish_non_exhaustive()
    }
}
