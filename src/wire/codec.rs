//! The only file that names bincode's configuration: always a limit, always the whole input, never a re-encoding of
//! what was signed.

use bincode::enc::write::Writer;
use bincode::error::EncodeError;
use bincode::{Decode, Encode, config};

use super::bound::Bounded;
use crate::types::limits::FRAME_BYTES_MAX;

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes do not follow the layout, or are longer than allowed in some part.
    #[error("malformed bytes")]
    Malformed,
    /// There are bytes after the end.
    #[error("bytes after the end")]
    Trailing,
    /// A number or a choice is written in another than its shortest form.
    #[error("not the one encoding of this value")]
    Form,
    /// A version this node does not know.
    #[error("unknown version {0}")]
    Version(u8),
    /// A kind this node does not know.
    #[error("unknown kind {0}")]
    Kind(u16),
    /// A signature does not fit, or something that must be signed together is not.
    #[error("a signature does not fit")]
    Signature,
}

/// Encodes a value. The types of `wire` have no failing encoder.
pub fn encode<T: Encode>(value: &T) -> Vec<u8> {
    bincode::encode_to_vec(value, config::standard()).unwrap_or_default()
}

/// Decodes a value of our own from exactly these bytes, with bounded memory.
pub fn decode<T: Decode<()>>(bytes: &[u8]) -> Result<T, DecodeError> {
    let limited = config::standard().with_limit::<{ 2 * FRAME_BYTES_MAX }>();
    let (value, used) = bincode::decode_from_slice(bytes, limited).map_err(|_| DecodeError::Malformed)?;
    if used == bytes.len() { Ok(value) } else { Err(DecodeError::Trailing) }
}

/// The value that some bytes begin with, whatever follows.
pub fn first<T: Decode<()>>(bytes: &[u8]) -> Result<T, DecodeError> {
    let limited = config::standard().with_limit::<{ 2 * FRAME_BYTES_MAX }>();
    bincode::decode_from_slice(bytes, limited).map(|(value, _)| value).map_err(|_| DecodeError::Malformed)
}

/// Decodes a value from elsewhere: every part within its limits, and the bytes are the one encoding of the value, so that what is
/// signed as fields cannot travel in two forms.
pub fn open<T: Decode<()> + Encode + Bounded>(bytes: &[u8]) -> Result<T, DecodeError> {
    let value: T = decode(bytes)?;
    if !value.is_bounded() {
        return Err(DecodeError::Malformed);
    }
    let mut expected = Same(bytes);
    let is_same = bincode::encode_into_writer(&value, &mut expected, config::standard()).is_ok() && expected.0.is_empty();
    if is_same { Ok(value) } else { Err(DecodeError::Form) }
}

/// Takes an encoding only as long as it is these bytes.
struct Same<'a>(&'a [u8]);

impl Writer for &mut Same<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0 = self.0.strip_prefix(bytes).ok_or(EncodeError::Other("another form"))?;
        Ok(())
    }
}
