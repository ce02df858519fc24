//! The sealed unit that travels: `version (1) | kind (1) | body`. Its id is the BLAKE3 hash of all its bytes.

use super::codec::DecodeError;
use crate::types::limits::ENVELOPE_BYTES_MAX;

/// The version of the layout.
pub const VERSION: u8 = 1;

/// What the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// An MLS message under a room's outer seal: `hint (8) | nonce (12) | ciphertext`.
    Room = 1,
    /// Sealed to an account's inbox key (HPKE, RFC 9180): first contact, welcomes.
    Sealed = 2,
}

/// A bounded envelope with a known kind; what is inside is still sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// What the body is.
    pub kind: Kind,
    /// The sealed body.
    pub body: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Looks at untrusted bytes.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let [version, kind, body @ ..] = bytes else { return Err(DecodeError::Malformed) };
        if *version != VERSION {
            return Err(DecodeError::Version(*version));
        }
        if bytes.len() > ENVELOPE_BYTES_MAX {
            return Err(DecodeError::Malformed);
        }
        let kind = match kind {
            1 => Kind::Room,
            2 => Kind::Sealed,
            other => return Err(DecodeError::Kind(u16::from(*other))),
        };
        Ok(Self { kind, body })
    }

    /// The bytes that travel.
    pub fn encode(kind: Kind, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(body.len() + 2);
        bytes.extend_from_slice(&[VERSION, kind as u8]);
        bytes.extend_from_slice(body);
        bytes
    }
}
