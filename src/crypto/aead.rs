//! Sealing under a shared key: ChaCha20-Poly1305 (RFC 8439), and padding to size classes.

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _};

use super::seal::SealError;
use crate::types::limits::{ENVELOPE_BYTES_MAX, PADDED_BYTES_MAX};

/// Bytes of the tag behind a ciphertext.
pub const TAG_BYTES: usize = 16;

/// `ciphertext | tag`. A nonce is never used twice with one key.
pub fn seal(key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(plain.len() + TAG_BYTES);
    sealed.extend_from_slice(plain);
    let cipher = ChaCha20Poly1305::new(key.into());
    // The cipher refuses only what is longer than 256 GiB (RFC 8439 section 2.8): more than any memory here holds.
    match cipher.encrypt_inout_detached(nonce.into(), aad, sealed[..].as_mut().into()) {
        Ok(tag) => sealed.extend_from_slice(&tag),
        Err(_) => sealed.clear(),
    }
    sealed
}

/// Opens such a text.
pub fn open(key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let (text, tag) = sealed.split_last_chunk::<TAG_BYTES>().ok_or(SealError)?;
    let mut plain = text.to_vec();
    let cipher = ChaCha20Poly1305::new(key.into());
    cipher.decrypt_inout_detached(nonce.into(), aad, plain[..].as_mut().into(), tag.into()).map_err(|_| SealError)?;
    Ok(plain)
}

/// `length (4, big endian) | bytes | zeros`, up to the next size class, so that a length tells little. Classes: powers of two from
/// 64 bytes to 64 KiB, then multiples of 16 KiB, the last one cut so that it still fits an envelope. What is longer
/// than the last class fits no envelope; it is not padded, and refused where it would be sent.
pub fn pad(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() + LENGTH_BYTES;
    let mut padded = Vec::with_capacity(class(length));
    padded.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    padded.extend_from_slice(bytes);
    padded.resize(class(length), 0);
    padded
}

/// The bytes inside a padded text; `None` when the length or a zero is wrong.
pub fn unpad(padded: &[u8]) -> Option<&[u8]> {
    if padded.len() > ENVELOPE_BYTES_MAX {
        return None;
    }
    let (length, rest) = padded.split_first_chunk::<LENGTH_BYTES>()?;
    let (bytes, zeros) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    zeros.iter().all(|byte| *byte == 0).then_some(bytes)
}

const LENGTH_BYTES: usize = 4;

/// The size class of this many bytes.
fn class(length: usize) -> usize {
    match length {
        0..=64 => 64,
        65..=65_536 => length.next_power_of_two(),
        _ => length.next_multiple_of(16 * 1024).min(PADDED_BYTES_MAX).max(length),
    }
}
