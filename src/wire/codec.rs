//! The only file that names bincode's configuration: always a limit, always the whole input, never a re-encoding of
//! what was signed.

use bincode::{Decode, Encode, config};

use crate::types::limits::FRAME_BYTES_MAX;

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes do not follow the layout, or claim to be longer than allowed.
    #[error("malformed bytes")]
    Malformed,
    /// There are bytes after the end.
    #[error("bytes after the end")]
    Trailing,
    /// A version this node does not know.
    #[error("unknown version {0}")]
    Version(u8),
    /// A kind this node does not know.
    #[error("unknown kind {0}")]
    Kind(u16),
}

/// Encodes a value. The types of `wire` have no failing encoder.
pub fn encode<T: Encode>(value: &T) -> Vec<u8> {
    bincode::encode_to_vec(value, config::standard()).unwrap_or_default()
}

/// Decodes a value from exactly these bytes, with bounded memory.
pub fn decode<T: Decode<()>>(bytes: &[u8]) -> Result<T, DecodeError> {
    let limited = config::standard().with_limit::<{ 2 * FRAME_BYTES_MAX }>();
    let (value, used) = bincode::decode_from_slice(bytes, limited).map_err(|_| DecodeError::Malformed)?;
    if used == bytes.len() { Ok(value) } else { Err(DecodeError::Trailing) }
}
