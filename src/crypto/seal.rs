//! Sealing to a public key: HPKE base mode (RFC 9180), DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305.
//!
//! The ephemeral key comes from the library's own generator: two seals of one text differ, also in a simulated world.

use hpke_rs::hpke_types::{AeadAlgorithm, KdfAlgorithm, KemAlgorithm};
use hpke_rs::{Hpke, HpkePrivateKey, HpkePublicKey, Mode};
use hpke_rs_rust_crypto::HpkeRustCrypto;
use x25519_dalek::{PublicKey, StaticSecret};

/// What is wrong with a sealed text or a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot be sealed or opened with this key")]
pub struct SealError;

/// Bytes of an encapsulated key.
const ENCAPSULATED: usize = 32;

fn suite() -> Hpke<HpkeRustCrypto> {
    Hpke::new(Mode::Base, KemAlgorithm::DhKem25519, KdfAlgorithm::HkdfSha256, AeadAlgorithm::ChaCha20Poly1305)
}

/// The public half of an X25519 secret (RFC 7748).
pub fn public(secret: &[u8; 32]) -> [u8; 32] {
    PublicKey::from(&StaticSecret::from(*secret)).to_bytes()
}

/// Seals for the holder of `receiver`'s secret, bound to `info`: `encapsulated key (32) | ciphertext`. A key of small order
/// is refused.
pub fn seal(receiver: &[u8; 32], info: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let (mut sealed, text) =
        suite().seal(&HpkePublicKey::from(&receiver[..]), info, &[], plain, None, None, None).map_err(|_| SealError)?;
    sealed.extend_from_slice(&text);
    Ok(sealed)
}

/// Opens what was sealed to this secret with the same `info`.
pub fn open(secret: &[u8; 32], info: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let (encapsulated, text) = sealed.split_at_checked(ENCAPSULATED).ok_or(SealError)?;
    suite().open(encapsulated, &HpkePrivateKey::from(&secret[..]), info, &[], text, None, None, None).map_err(|_| SealError)
}
