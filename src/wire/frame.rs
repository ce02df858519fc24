//! What nodes say to each other: `kind (u16, big endian) | version (u8) | body`. The length prefix belongs to the stream.

use bincode::{Decode, Encode};

use super::blob;
use super::codec::{self, DecodeError};
use super::content::Head;
use super::mailbox as mail;
use crate::types::limits::FRAME_BYTES_MAX;
use crate::types::{AccountId, DeviceId, EnvelopeId, Millis, RoomId};

/// The version of every kind so far.
pub const VERSION: u8 = 1;

macro_rules! frames {
    ($($(#[$doc:meta])* $number:literal $name:ident($body:ty),)+) => {
        /// One frame.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Frame { $($(#[$doc])* $name($body)),+ }

        impl Frame {
            /// The bytes that go on the stream.
            pub fn encode(&self) -> Vec<u8> {
                let (kind, body): (u16, Vec<u8>) = match self { $(Self::$name(body) => ($number, codec::encode(body))),+ };
                let mut bytes = Vec::with_capacity(body.len() + 3);
                bytes.extend_from_slice(&kind.to_be_bytes());
                bytes.push(VERSION);
                bytes.extend_from_slice(&body);
                bytes
            }

            /// From the bytes of a stream. What is signed is not checked yet.
            pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
                let [high, low, version, body @ ..] = bytes else { return Err(DecodeError::Malformed) };
                let kind = u16::from_be_bytes([*high, *low]);
                if bytes.len() > FRAME_BYTES_MAX {
                    return Err(DecodeError::Malformed);
                }
                if *version != VERSION {
                    return Err(DecodeError::Version(*version));
                }
                match kind {
                    $($number => Ok(Self::$name(codec::open(body)?)),)+
                    other => Err(DecodeError::Kind(other)),
                }
            }

            /// Number and name, as the registry has them.
            pub fn kind(&self) -> (u16, &'static str) {
                match self { $(Self::$name(_) => ($number, stringify!($name))),+ }
            }

            /// Number and name of every kind this build decodes.
            pub const DECODED: &'static [(u16, &'static str)] = &[$(($number, stringify!($name))),+];
        }
    };
}

frames! {
    /// Who this device is.
    1 Hello(Hello),
    /// An envelope for the receiving device.
    2 Deliver(Vec<u8>),
    /// Durable on this device.
    3 Delivered(Delivered),
    /// Cannot be opened yet.
    4 Deferred(Vec<EnvelopeId>),
    /// How far a room is.
    5 Heads(Heads),
    /// Can never be opened here.
    6 Lost(Vec<EnvelopeId>),
    /// What this mailbox takes.
    16 MailLimits(mail::Limits),
    /// A mailbox, please.
    17 Register(mail::Register),
    /// Here it is.
    18 Registered(mail::Registered),
    /// I own this inbox.
    19 OpenInbox(mail::OpenInbox),
    /// What waited.
    20 Mail(mail::Mail),
    /// Release.
    21 MailAck(mail::MailAck),
    /// I hold this token.
    22 OpenToken(mail::OpenToken),
    /// Hold this.
    23 Deposit(mail::Deposit),
    /// Held.
    24 Held(mail::Held),
    /// Not held.
    25 Refused(mail::Refused),
    /// Try for me.
    26 Handover(mail::Handover),
    /// What became of it.
    27 HandoverDone(mail::Report),
    /// Tokens no longer good.
    28 Revoke(mail::Revoke),
    /// Forget an inbox.
    29 LeaveInbox(mail::LeaveInbox),
    /// Nothing more waits.
    30 MailEnd(mail::MailEnd),
    /// Try no more.
    31 Withdraw(mail::Withdraw),
    /// Pieces, please.
    32 Ask(blob::Ask),
    /// One.
    33 Piece(blob::Piece),
    /// Not here.
    34 Lack(blob::Lack),
    /// Hold this body.
    35 Offer(blob::Offer),
    /// Held.
    36 BlobHeld(blob::BlobHeld),
    /// Not held.
    37 BlobRefused(blob::BlobRefused),
    /// Hold it no longer.
    38 BlobDone(blob::BlobDone),
    /// Tried no more.
    39 Withdrawn(mail::Withdraw),
}

/// Sent by each side of a connection between contacts, and to nobody else. The transport proves the peer; the account's
/// certificate proves the device; `proof` binds both, so that no one can pass another's hello on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Hello {
    /// The account.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
    /// The account's signature over the device.
    pub certificate: [u8; 64],
    /// The device's signature over `sender peer | receiver peer | account | knows_number (8, big endian) | wall (8, big endian)`.
    pub proof: [u8; 64],
    /// Number of the receiver's card that the sender holds, so that a newer one is sent; 0 for none.
    pub knows_number: u64,
    /// What time it is at the sender's.
    pub wall: Millis,
}

/// Signed by the device that made these envelopes durable.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Delivered {
    /// The device.
    pub device: DeviceId,
    /// The envelopes, at most `FRAME_IDS_MAX`.
    pub envelopes: Vec<EnvelopeId>,
    /// Over the encoded list of envelopes.
    pub signature: [u8; 64],
}

/// How far a device is in a room.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Heads {
    /// The room; only ever named to its members' devices.
    pub room: RoomId,
    /// The MLS epoch.
    pub epoch: u64,
    /// The first bytes of the epoch authenticator: names the branch.
    pub epoch_id: [u8; 16],
    /// The highest number of each device that matters to the receiver: of this account's, and of its own former ones.
    pub heads: Vec<Head>,
}
