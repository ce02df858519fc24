//! The signed, numbered record of an account, and the invite that leads to one.

use bincode::{Decode, Encode};

use super::codec;
use super::mailbox::Grant;
use crate::types::limits::LINK_BYTES_MAX;
use crate::types::{AccountId, Address, DeviceId, InboxId, Millis, PeerId};

/// What an account tells its contacts about itself. Only [`Signed`] ones travel.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Card {
    /// The account.
    pub account: AccountId,
    /// Higher replaces lower.
    pub number: u64,
    /// What the person calls themselves.
    pub name: String,
    /// The X25519 key that first contact and welcomes are sealed to.
    pub seal: [u8; 32],
    /// The account's devices.
    pub devices: Vec<Device>,
    /// Where mail for the account is held.
    pub mailboxes: Vec<Mailbox>,
}

/// One device in a card.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Device {
    /// The device's key.
    pub device: DeviceId,
    /// Its transport key.
    pub peer: PeerId,
    /// Where it was last reachable.
    pub addresses: Vec<Address>,
    /// The account's signature over the device.
    pub certificate: [u8; 64],
}

/// One mailbox in a card.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Mailbox {
    /// The node that holds the mail.
    pub peer: PeerId,
    /// Where it is reachable.
    pub addresses: Vec<Address>,
    /// The account's inbox there.
    pub inbox: InboxId,
    /// Bytes of the largest envelope it takes.
    pub envelope_bytes: u64,
    /// Proof of work it asks of strangers.
    pub work_bits: u8,
}

/// A card as it travels: the bytes that were signed, never a re-encoding.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Signed {
    /// The encoded [`Card`].
    pub card: Vec<u8>,
    /// The account's signature over them.
    pub signature: [u8; 64],
}

/// Leads to a card, with a one-time secret and the tokens to reach its owner's mailboxes.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Invite {
    /// The signed card.
    pub card: Vec<u8>,
    /// Accepted once, without a second step; none in a public link, whose users ask as strangers do.
    pub secret: Option<[u8; 32]>,
    /// Until when.
    pub not_after: Millis,
    /// Tokens for the mailboxes.
    pub grants: Vec<Grant>,
}

impl std::fmt::Debug for Invite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invite").field("not_after", &self.not_after).field("grants", &self.grants).finish_non_exhaustive()
    }
}

/// Leads to a relay that serves mailboxes.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct RelayInvite {
    /// The relay.
    pub peer: PeerId,
    /// Where it is reachable.
    pub addresses: Vec<Address>,
    /// What it asks for at registration.
    pub secret: [u8; 32],
}

impl std::fmt::Debug for RelayInvite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RelayInvite").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// Why a text is no link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It does not start as a link of this kind does.
    #[error("this is not a {0} link, which begins with `{0}:`: copy all of it, or ask for it again")]
    Scheme(&'static str),
    /// It is cut off or changed.
    #[error("the link is incomplete or damaged: copy all of it")]
    Damaged,
}

macro_rules! link {
    ($name:ident, $scheme:literal) => {
        impl $name {
            /// What its link starts with.
            pub const SCHEME: &'static str = concat!($scheme, ":");

            /// The link, ending in four bytes of checksum against a cut copy.
            pub fn to_link(&self) -> String {
                let mut bytes = codec::encode(self);
                let sum = blake3::hash(&bytes);
                bytes.extend_from_slice(&sum.as_bytes()[..4]);
                format!("{}{}", Self::SCHEME, data_encoding::BASE64URL_NOPAD.encode(&bytes))
            }

            /// From a link that a person pasted; spaces around it do not matter.
            pub fn from_link(link: &str) -> Result<Self, LinkError> {
                let text = link.trim().strip_prefix(Self::SCHEME).ok_or(LinkError::Scheme($scheme))?;
                if text.len() > LINK_BYTES_MAX {
                    return Err(LinkError::Damaged);
                }
                let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| LinkError::Damaged)?;
                let (body, sum) = bytes.split_last_chunk::<4>().ok_or(LinkError::Damaged)?;
                if blake3::hash(body).as_bytes()[..4] != sum[..] {
                    return Err(LinkError::Damaged);
                }
                codec::open(body).map_err(|_| LinkError::Damaged)
            }
        }
    };
}

link!(Invite, "tidings");
link!(RelayInvite, "tidings-relay");
