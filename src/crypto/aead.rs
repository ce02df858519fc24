//! Sealing under a shared key: ChaCha20-Poly1305 (RFC 8439), and padding to size classes.

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _};

use super::seal::SealError;

/// `ciphertext | tag`. A nonce is never used twice with one key.
pub fn seal(key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    ChaCha20Poly1305::new(key.into()).encrypt(nonce.into(), Payload { msg: plain, aad }).unwrap_or_default()
}

/// Opens such a text.
pub fn open(key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    ChaCha20Poly1305::new(key.into()).decrypt(nonce.into(), Payload { msg: sealed, aad }).map_err(|_| SealError)
}

/// `length (4) | bytes | zeros`, up to the next size class, so that a length tells little.
pub fn pad(bytes: &[u8]) -> Vec<u8> {
    let mut out = (bytes.len() as u32).to_be_bytes().to_vec();
    out.extend_from_slice(bytes);
    let size = out.len().max(256).next_multiple_of(256);
    out.resize(size, 0);
    out
}

/// The bytes inside a padded text; `None` when the length or a zero is wrong.
pub fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let (length, rest) = padded.split_first_chunk::<4>()?;
    let (bytes, zeros) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    zeros.iter().all(|byte| *byte == 0).then_some(bytes)
}
