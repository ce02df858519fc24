//! Sealing to a public key: HPKE base mode (RFC 9180), DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305.
//!
//! Opening is the library's own. Sealing takes its ephemeral key from the node's [`Rng`] (the same seed gives the same bytes),
//! which the library's sealing call has no place for: so the encapsulation of RFC 9180 section 4.1 is put together here, from the
//! library's key derivation and key schedule. That both ends agree, and agree with the RFC's vectors, is tested.

use hpke_rs::hpke_types::{AeadAlgorithm, KdfAlgorithm, KemAlgorithm};
use hpke_rs::{Hpke, HpkeError, HpkePrivateKey, Mode};
use hpke_rs_crypto::HpkeCrypto as _;
use hpke_rs_rust_crypto::HpkeRustCrypto;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::{aead, fake};
use crate::types::Rng;

/// What is wrong with a sealed text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot be opened with this key")]
pub struct SealError;

/// The public half of an X25519 secret (RFC 7748).
pub fn public(secret: &[u8; 32]) -> [u8; 32] {
    if fake::is_on() {
        return fake::public(secret);
    }
    PublicKey::from(&StaticSecret::from(*secret)).to_bytes()
}

/// Seals for the holder of `receiver`'s secret, bound to `info`: `encapsulated key (32) | ciphertext`. Fails for a public key of
/// small order, with which anybody could open it (RFC 7748 section 6.1).
pub fn seal(receiver: &[u8; 32], info: &[u8], plain: &[u8], rng: &mut Rng) -> Result<Vec<u8>, SealError> {
    if fake::is_on() {
        let encapsulated: [u8; 32] = rng.bytes();
        let key = fake::shared(receiver, &encapsulated, info).ok_or(SealError)?;
        return Ok([&encapsulated[..], &aead::seal(&key, &[0; 12], b"", plain)].concat());
    }
    let (encapsulated, shared) = encapsulate(receiver, &Zeroizing::new(rng.bytes()))?;
    let mut context = suite().key_schedule(&shared, info, &[], &[]).map_err(|_| SealError)?;
    let sealed = context.seal(b"", plain).map_err(|_| SealError)?;
    Ok([&encapsulated[..], &sealed].concat())
}

/// Opens what was sealed to this secret with the same `info`.
pub fn open(secret: &[u8; 32], info: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let (encapsulated, sealed) = sealed.split_first_chunk::<32>().ok_or(SealError)?;
    if fake::is_on() {
        let key = fake::shared(&fake::public(secret), encapsulated, info).ok_or(SealError)?;
        return aead::open(&key, &[0; 12], b"", sealed);
    }
    let secret = HpkePrivateKey::new(secret.to_vec());
    suite().open(encapsulated, &secret, info, b"", sealed, None, None, None).map_err(|_| SealError)
}

const KEM: KemAlgorithm = KemAlgorithm::DhKem25519;
const KDF: KdfAlgorithm = KdfAlgorithm::HkdfSha256;

fn suite() -> Hpke<HpkeRustCrypto> {
    Hpke::new(Mode::Base, KEM, KDF, AeadAlgorithm::ChaCha20Poly1305)
}

/// `Encap` with a given ephemeral secret (RFC 9180 section 4.1): the encapsulated key and the shared secret.
fn encapsulate(receiver: &[u8; 32], ephemeral: &[u8; 32]) -> Result<([u8; 32], Zeroizing<Vec<u8>>), SealError> {
    let encapsulated = public(ephemeral);
    let agreed = StaticSecret::from(*ephemeral).diffie_hellman(&PublicKey::from(*receiver));
    if !agreed.was_contributory() {
        return Err(SealError);
    }
    let shared = extract_and_expand(agreed.as_bytes(), &[encapsulated, *receiver].concat()).map_err(|_| SealError)?;
    Ok((encapsulated, shared))
}

/// `ExtractAndExpand` (RFC 9180 section 4.1) with the labels of section 4.
fn extract_and_expand(agreed: &[u8; 32], context: &[u8]) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
    const PROTOCOL: &[u8] = b"HPKE-v1";
    let suite: [u8; 5] = *b"KEM\x00\x20";
    let material = Zeroizing::new([PROTOCOL, &suite, b"eae_prk", agreed].concat());
    let extracted = Zeroizing::new(HpkeRustCrypto::kdf_extract(KDF, b"", &material)?);
    let info = [&32_u16.to_be_bytes(), PROTOCOL, &suite, b"shared_secret", context].concat();
    Ok(Zeroizing::new(HpkeRustCrypto::kdf_expand(KDF, &extracted, &info, 32)?))
}
