//! What is inside an envelope: the messages of a room (inside MLS), and first contact (inside HPKE).

use bincode::{Decode, Encode};

use super::blob::Media;
use super::codec::{self, DecodeError};
use super::mailbox::Grant;
use crate::types::{AccountId, DeviceId, EnvelopeId, GroupId, MessageId, Millis, RoomId};

/// A hybrid logical clock (Kulkarni et al., 2014): wall time that never goes back within a room, and a count within one
/// millisecond. With the sender and the id it gives every message one place on every device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Clock {
    /// Milliseconds since the Unix epoch.
    pub ms: Millis,
    /// Ties within one millisecond.
    pub count: u32,
}

/// What a device seals for a room: a numbered message, or something aside that may get lost. A numbered one never changes: any device
/// of its account may seal it again, and gives it back to its account whoever has it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Content {
    /// Of a numbered message, what its account alone can make of all the rest (`Content::prove`); of anything else, chance. The id of
    /// the message follows from it, its room and its sender (`crypto::keys::message_id`).
    pub proof: [u8; 16],
    /// The device that numbered it, when another one of the same account seals it.
    pub device: Option<DeviceId>,
    /// That device's count of its messages in this room, from 1; 0 for what may get lost (receipts, cards).
    pub number: u64,
    /// Its place in the order.
    pub clock: Clock,
    /// Whether the device's clock was set back since its last message here: what it numbered before this one, and stamped later,
    /// comes before it all the same.
    pub is_back: bool,
    /// The encoded [`Body`], which may be of a kind that only later releases know.
    pub body: Vec<u8>,
}

/// How far the numbered messages of one device are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Head {
    /// Whose device.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
    /// Its highest number.
    pub number: u64,
}

/// What a message says. Append only.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Body {
    /// A text, perhaps in reply to another message.
    Text {
        /// The text.
        text: String,
        /// What it answers.
        reply: Option<MessageId>,
    },
    /// A reaction; an empty one takes it back.
    Reaction {
        /// To which message.
        target: MessageId,
        /// The emoji.
        emoji: String,
    },
    /// A new text for an own message.
    Edit {
        /// Which message.
        target: MessageId,
        /// The new text.
        text: String,
    },
    /// Takes an own message back.
    Recall {
        /// Which message.
        target: MessageId,
    },
    /// What this account has and has read. MLS has signed it.
    Receipt {
        /// Durable on the device.
        delivered: Vec<MessageId>,
        /// Seen by the person.
        read: Vec<MessageId>,
    },
    /// A newer card of the sender, and the tokens for its mailboxes.
    Card {
        /// The signed card.
        card: Vec<u8>,
        /// One grant for each mailbox in it.
        grants: Vec<Grant>,
        /// A key package for each device, to be added to rooms with.
        key_packages: Vec<Vec<u8>>,
    },
    /// Numbered messages of a device that are missing here: please give them again.
    Ask {
        /// Whose device.
        account: AccountId,
        /// Which device numbered them.
        device: DeviceId,
        /// Their numbers, at most `FRAME_IDS_MAX`.
        numbers: Vec<u64>,
    },
    /// Numbered messages of a device that the one who says so cannot give, or no better than it just did.
    Gone {
        /// Whose device.
        account: AccountId,
        /// Which device numbered them.
        device: DeviceId,
        /// Their numbers, at most `FRAME_IDS_MAX`.
        numbers: Vec<u64>,
    },
    /// How far this account has come in the room, said to one that may have lost something.
    Heads {
        /// Devices of either account, former ones too, at most `FRAME_IDS_MAX`.
        heads: Vec<Head>,
        /// The newest signed card of the account this goes to, when it was replaced by that of a device which may not have known it.
        card: Option<Vec<u8>>,
        /// Whether the same is asked for in return.
        asks: bool,
    },
    /// A numbered message of the account this goes to, given back to it.
    Copy {
        /// The encoded [`Content`], its device named.
        content: Vec<u8>,
    },
    /// Signed cards of members of this group, with tokens for their mailboxes that all of them may use: the sender's own, or passed on by an admin.
    Cards {
        /// At most `MEMBER_CARDS_MAX`.
        cards: Vec<(Vec<u8>, Vec<Grant>)>,
    },
    /// Envelopes of this room that lay in a mailbox of the sender, and that the sender can never open: nobody holds them any more.
    Lost {
        /// At most `FRAME_IDS_MAX`.
        envelopes: Vec<EnvelopeId>,
    },
    /// A photo, a voice note, a video or a file.
    Media(Box<Media>),
    /// The bodies of these messages of the account this goes to are here, whole.
    Had {
        /// At most `FRAME_IDS_MAX`.
        messages: Vec<MessageId>,
    },
}

impl Body {
    /// Kinds that this release knows: their numbers are below.
    pub const KINDS: u32 = 14;

    /// From the bytes in a content. [`DecodeError::Kind`] for one of a later release.
    pub fn open(bytes: &[u8]) -> Result<Self, DecodeError> {
        let kind: u32 = codec::first(bytes)?;
        if kind >= Self::KINDS {
            return Err(DecodeError::Kind(u16::try_from(kind).unwrap_or(u16::MAX)));
        }
        codec::open(bytes)
    }
}

/// First contact, and what goes with it: signed by the account, then sealed to the receiver's inbox key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Signed {
    /// The sender's signed card.
    pub card: Vec<u8>,
    /// The encoded [`Knock`].
    pub knock: Vec<u8>,
    /// The sending account's signature over `receiver account | knock`.
    pub signature: [u8; 64],
    /// Proof of work over the signature, asked of strangers; 0 from others.
    pub work: u64,
}

/// What someone outside the room says. Append only.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub enum Knock {
    /// May I be your contact?
    Request {
        /// The secret of an invite, or none from a stranger.
        secret: Option<[u8; 32]>,
        /// A key package for each device of the sender.
        key_packages: Vec<Vec<u8>>,
        /// Tokens for the sender's mailboxes, so that the answer finds its way.
        grants: Vec<Grant>,
        /// A few words for the person who decides.
        greeting: String,
    },
    /// Yes: here is the room.
    Welcome {
        /// The room.
        room: RoomId,
        /// The MLS group that carries it.
        group: GroupId,
        /// Which generation of the room's groups this is.
        generation: u32,
        /// The RFC 9420 Welcome.
        welcome: Vec<u8>,
        /// Tokens for the sender's mailboxes.
        grants: Vec<Grant>,
    },
    /// This device lost its place in the room: add it again.
    Rejoin {
        /// The room.
        room: RoomId,
        /// A fresh key package of the device.
        key_package: Vec<u8>,
        /// The highest generation the device knows.
        generation: u32,
    },
    /// You sent an older card than this one, which is yours too: whoever knows it takes only one with a higher number.
    Newer {
        /// The signed card.
        card: Vec<u8>,
    },
}

/// Neither the secret nor the greeting of a request.
impl std::fmt::Debug for Knock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Request { .. } => f.write_str("Request(..)"),
            Self::Welcome { room, generation, .. } => write!(f, "Welcome({room:?}, {generation})"),
            Self::Rejoin { room, generation, .. } => write!(f, "Rejoin({room:?}, {generation})"),
            Self::Newer { .. } => f.write_str("Newer(..)"),
        }
    }
}

/// The bytes an account signs under a [`Signed`].
pub fn signed_bytes(receiver: &AccountId, knock: &[u8]) -> Vec<u8> {
    [&receiver.0[..], knock].concat()
}
