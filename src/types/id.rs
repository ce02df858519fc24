//! Identifiers: fixed bytes with a type each, so that no two kinds can be mixed up.
//!
//! Every identifier prints as lower-case hex, except [`PeerId`], which prints as libp2p users know it (`12D3Koo…`).
//! `Debug` prints a short prefix, fit for logs.

use std::fmt;
use std::str::FromStr;

use bincode::{Decode, Encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a text is not an identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}: expected {expected}")]
pub struct ParseIdError {
    kind: &'static str,
    expected: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// The raw bytes.
            pub fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// From a slice of exactly [`Self::LEN`] bytes.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0[..4]))
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let error = ParseIdError { kind: stringify!($name), expected: $expected };
                let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| error.clone())?;
                Self::from_slice(&bytes).ok_or(error)
            }
        }

        id_serde!($name);
    };
}

macro_rules! id_serde {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

id!(
    /// A person: the Ed25519 public key of the account.
    AccountId, 32, "64 hex digits"
);
id!(
    /// One node of an account: the Ed25519 public key of the device.
    DeviceId, 32, "64 hex digits"
);
id!(
    /// A conversation. Derived from both accounts for a `direct` room, from the account for `notes`, random for a `group`.
    RoomId, 32, "64 hex digits"
);
id!(
    /// One MLS group. A room can go through several in its life (see `proto::room`).
    GroupId, 32, "64 hex digits"
);
id!(
    /// A message: follows from its room, its sender and what it says; the same in every re-sealing of it.
    MessageId, 16, "32 hex digits"
);
id!(
    /// A sealed envelope: the BLAKE3 hash of its bytes.
    EnvelopeId, 32, "64 hex digits"
);
id!(
    /// The body of a photo, a voice note, a video or a file: the BLAKE3 hash of its listing.
    BlobId, 32, "64 hex digits"
);
id!(
    /// Where envelopes for an account are addressed at one mailbox: opaque, not derivable from the account.
    InboxId, 32, "64 hex digits"
);

/// Another node on the wire: its Ed25519 transport public key. Prints as a libp2p peer id
/// (base58 of the identity multihash of the protobuf-encoded key, libp2p peer-ids spec).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct PeerId(pub [u8; 32]);

impl PeerId {
    /// Identity multihash (0x00, 36 bytes) of the protobuf `PublicKey { type: Ed25519, data: 32 bytes }`.
    const PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

    /// The raw transport public key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The bytes libp2p knows this peer by.
    pub fn to_multihash(&self) -> Vec<u8> {
        [&Self::PREFIX[..], &self.0[..]].concat()
    }

    /// From the bytes libp2p knows a peer by; `None` for key types other than Ed25519.
    pub fn from_multihash(bytes: &[u8]) -> Option<Self> {
        bytes.strip_prefix(&Self::PREFIX[..]).and_then(|key| key.try_into().ok()).map(Self)
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bs58::encode(self.to_multihash()).into_string())
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

impl FromStr for PeerId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let error = ParseIdError { kind: "PeerId", expected: "a libp2p Ed25519 peer id (12D3Koo…)" };
        if text.len() > 64 {
            return Err(error);
        }
        let bytes = bs58::decode(text).into_vec().map_err(|_| error.clone())?;
        Self::from_multihash(&bytes).ok_or(error)
    }
}

id_serde!(PeerId);

/// A multiaddr as text, without `/p2p/…`, for example `/ip4/127.0.0.1/tcp/4001`. Whether it parses and may be dialled
/// is decided in `net`, which knows addresses; here it is only bounded and printable.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Serialize)]
pub struct Address(String);

impl Address {
    /// A bounded printable address; `None` when it is longer than [`ADDRESS_BYTES_MAX`](crate::types::limits::ADDRESS_BYTES_MAX) or no multiaddr at all.
    pub fn new(text: &str) -> Option<Self> {
        let fits = text.len() <= crate::types::limits::ADDRESS_BYTES_MAX;
        (fits && text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(text.to_owned()))
    }

    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Addresses never reach a log.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(..)")
    }
}

impl<Context> Decode<Context> for Address {
    fn decode<D: bincode::de::Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, bincode::error::DecodeError> {
        let text = String::decode(decoder)?;
        Self::new(&text).ok_or(bincode::error::DecodeError::Other("not an address"))
    }
}

impl<'de, Context> bincode::BorrowDecode<'de, Context> for Address {
    fn borrow_decode<D: bincode::de::BorrowDecoder<'de, Context = Context>>(decoder: &mut D) -> Result<Self, bincode::error::DecodeError> {
        Self::decode(decoder)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).ok_or_else(|| de::Error::custom("not an address"))
    }
}
