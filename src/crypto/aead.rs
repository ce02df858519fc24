//! Sealing under a shared key: ChaCha20-Poly1305 (RFC 8439), and padding to size classes.

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _};

use super::seal::SealError;

/// `ciphertext | tag`. A nonce is never used twice with one key.
pub fn seal(key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    // The library fails for texts beyond 256 GiB only.
    ChaCha20Poly1305::new(key.into()).encrypt(nonce.into(), Payload { msg: plain, aad }).unwrap_or_default()
}

/// Opens such a text.
pub fn open(key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    ChaCha20Poly1305::new(key.into()).decrypt(nonce.into(), Payload { msg: sealed, aad }).map_err(|_| SealError)
}

/// Bytes of the smallest class; each further one is twice as large.
const CLASS_MIN: usize = 64;
/// Above this, classes are multiples of [`CLASS_STEP`].
const CLASS_DOUBLING_MAX: usize = 64 * 1024;
/// Step between large classes.
const CLASS_STEP: usize = 16 * 1024;

/// `length (4) | bytes | zeros`, up to the next size class, so that a length tells little.
pub fn pad(bytes: &[u8]) -> Vec<u8> {
    let needed = bytes.len() + 4;
    let class = if needed <= CLASS_DOUBLING_MAX { needed.next_power_of_two().max(CLASS_MIN) } else { needed.next_multiple_of(CLASS_STEP) };
    let mut padded = Vec::with_capacity(class);
    padded.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    padded.extend_from_slice(bytes);
    padded.resize(class, 0);
    padded
}

/// The bytes inside a padded text; `None` when the length or a zero is wrong.
pub fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let (length, rest) = padded.split_first_chunk::<4>()?;
    let (bytes, zeros) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    zeros.iter().all(|byte| *byte == 0).then_some(bytes)
}
