//! Sealing to a public key: HPKE base mode (RFC 9180), DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305.

use crate::types::Rng;

/// What is wrong with a sealed text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot be opened with this key")]
pub struct SealError;

/// The public half of an X25519 secret (RFC 7748).
pub fn public(_secret: &[u8; 32]) -> [u8; 32] {
    todo!()
}

/// Seals for the holder of `receiver`'s secret, bound to `info`: `encapsulated key (32) | ciphertext`.
pub fn seal(_receiver: &[u8; 32], _info: &[u8], _plain: &[u8], _rng: &mut Rng) -> Result<Vec<u8>, SealError> {
    todo!()
}

/// Opens what was sealed to this secret with the same `info`.
pub fn open(_secret: &[u8; 32], _info: &[u8], _sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    todo!()
}
