//! Chance inside OpenMLS. All of it comes from the node's seeded generator, so that a run with one seed gives the same
//! bytes again; in a person's node that seed is the operating system's.
//!
//! HPKE (RFC 9180) is the one place where RustCrypto asks the system itself. There the suite is the library's, with another
//! generator behind it: for each encapsulation a fresh one, seeded from the operation's seed, the receiver and the text, so
//! that the order in which OpenMLS's threads seal does not matter.
//!
//! The library makes that generator itself and takes no argument for it, so the seed goes by way of the thread: it is laid down, the
//! library is called, and its first act on this thread is to take the seed away. Nothing runs in between, so calls cannot
//! nest there; a seed that was left behind, by a panic, is replaced by the next one before anything can take it; and a generator for which
//! none was laid down (the library makes one for each context, and draws nothing from it) gives nothing rather than what could be foreseen.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};

use hpke_rs::hpke_types::{AeadAlgorithm, KdfAlgorithm, KemAlgorithm};
use hpke_rs::{Hpke, HpkePublicKey, Mode};
use hpke_rs_crypto::error::Error as HpkeError;
use hpke_rs_crypto::{HpkeCrypto, HpkeTestRng, TryCryptoRng, TryRng};
use hpke_rs_rust_crypto::HpkeRustCrypto;
use openmls_rust_crypto::RustCrypto;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::random::OpenMlsRand;
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeCiphertext, HpkeConfig, HpkeKeyPair, KemOutput, SignatureScheme,
};
use tls_codec::SecretVLBytes;
use zeroize::Zeroize;

use super::SUITE;
use crate::crypto::label::{Label, derive};
use crate::types::Rng;

/// The node's seeded randomness, as OpenMLS wants it.
pub(super) struct Chance<'a>(pub(super) RefCell<&'a mut Rng>);

impl OpenMlsRand for Chance<'_> {
    type Error = Infallible;

    fn random_array<const N: usize>(&self) -> Result<[u8; N], Infallible> {
        Ok(self.0.borrow_mut().bytes())
    }

    fn random_vec(&self, len: usize) -> Result<Vec<u8>, Infallible> {
        let mut rng = self.0.borrow_mut();
        let mut bytes: Vec<u8> = (0..len.div_ceil(32)).flat_map(|_| rng.bytes::<32>()).collect();
        bytes.truncate(len);
        Ok(bytes)
    }
}

/// RustCrypto, but for the chance in its HPKE.
#[derive(Default)]
pub(super) struct Primitives {
    inner: RustCrypto,
    /// Of the operation that runs or ran last; none before the first.
    seed: Mutex<Option<[u8; 32]>>,
}

impl Primitives {
    /// Seeds the encapsulations of one operation.
    pub(super) fn seed(&self, seed: [u8; 32]) {
        *self.seed.lock().unwrap_or_else(PoisonError::into_inner) = Some(seed);
    }

    /// HPKE towards a receiver, with chance for this one encapsulation.
    fn sender(&self, pk_r: &[u8], info: &[u8], text: &[u8]) -> Result<Hpke<Seeded>, CryptoError> {
        let seed = *self.seed.lock().unwrap_or_else(PoisonError::into_inner);
        let seed = seed.ok_or(CryptoError::InsufficientRandomness)?;
        NEXT.set(Some(derive(Label::Encapsulation, &[&seed, pk_r, info, text])));
        Ok(Hpke::new(Mode::Base, KemAlgorithm::DhKem25519, KdfAlgorithm::HkdfSha256, AeadAlgorithm::ChaCha20Poly1305))
    }
}

thread_local! {
    /// The seed of the generator that [`Hpke::new`] is about to make on this thread.
    static NEXT: Cell<Option<[u8; 32]>> = const { Cell::new(None) };
}

impl OpenMlsCrypto for Primitives {
    fn supports(&self, ciphersuite: Ciphersuite) -> Result<(), CryptoError> {
        if ciphersuite == SUITE { Ok(()) } else { Err(CryptoError::UnsupportedCiphersuite) }
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        vec![SUITE]
    }

    fn hkdf_extract(&self, hash_type: HashType, salt: &[u8], ikm: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        self.inner.hkdf_extract(hash_type, salt, ikm)
    }

    fn hmac(&self, hash_type: HashType, key: &[u8], message: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        self.inner.hmac(hash_type, key, message)
    }

    fn hkdf_expand(&self, hash_type: HashType, prk: &[u8], info: &[u8], okm_len: usize) -> Result<SecretVLBytes, CryptoError> {
        self.inner.hkdf_expand(hash_type, prk, info, okm_len)
    }

    fn hash(&self, hash_type: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.inner.hash(hash_type, data)
    }

    fn aead_encrypt(&self, alg: AeadType, key: &[u8], data: &[u8], nonce: &[u8], aad: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.inner.aead_encrypt(alg, key, data, nonce, aad)
    }

    fn aead_decrypt(&self, alg: AeadType, key: &[u8], ct_tag: &[u8], nonce: &[u8], aad: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.inner.aead_decrypt(alg, key, ct_tag, nonce, aad)
    }

    fn signature_key_gen(&self, _: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        Err(CryptoError::UnsupportedSignatureScheme)
    }

    fn verify_signature(&self, alg: SignatureScheme, data: &[u8], pk: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        self.inner.verify_signature(alg, data, pk, signature)
    }

    fn sign(&self, alg: SignatureScheme, data: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.inner.sign(alg, data, key)
    }

    fn hpke_seal(&self, _: HpkeConfig, pk_r: &[u8], info: &[u8], aad: &[u8], ptxt: &[u8]) -> Result<HpkeCiphertext, CryptoError> {
        let sealed = self.sender(pk_r, info, ptxt)?.seal(&HpkePublicKey::from(pk_r), info, aad, ptxt, None, None, None);
        let (kem_output, ciphertext) = sealed.map_err(|_| CryptoError::HpkeEncryptionError)?;
        Ok(HpkeCiphertext { kem_output: kem_output.into(), ciphertext: ciphertext.into() })
    }

    fn hpke_open(&self, config: HpkeConfig, input: &HpkeCiphertext, sk_r: &[u8], info: &[u8], aad: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.inner.hpke_open(config, input, sk_r, info, aad)
    }

    fn hpke_setup_sender_and_export(
        &self,
        _: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        let sender = self.sender(pk_r, info, exporter_context)?.setup_sender(&HpkePublicKey::from(pk_r), info, None, None, None);
        let (kem_output, context) = sender.map_err(|_| CryptoError::SenderSetupError)?;
        let exported = context.export(exporter_context, exporter_length).map_err(|_| CryptoError::ExporterError)?;
        Ok((kem_output, exported.into()))
    }

    fn hpke_setup_receiver_and_export(
        &self,
        config: HpkeConfig,
        enc: &[u8],
        sk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<ExporterSecret, CryptoError> {
        self.inner.hpke_setup_receiver_and_export(config, enc, sk_r, info, exporter_context, exporter_length)
    }

    fn derive_hpke_keypair(&self, config: HpkeConfig, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError> {
        self.inner.derive_hpke_keypair(config, ikm)
    }
}

/// The library's HPKE primitives with a seeded generator.
#[derive(Debug)]
struct Seeded;

/// The generator of one encapsulation.
struct Generator(Option<Rng>);

impl Generator {
    /// # Panics
    /// Without a seed. The suite draws through `kem_key_gen` only, which refuses instead.
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        self.0.as_mut().expect("a seed for each encapsulation").bytes()
    }
}

impl TryRng for Generator {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.bytes()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.bytes()))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for part in out.chunks_mut(32) {
            let bytes: [u8; 32] = self.bytes();
            part.copy_from_slice(&bytes[..part.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Generator {}

impl HpkeTestRng for Generator {
    type Error = Infallible;

    fn try_fill_test_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.try_fill_bytes(out)
    }

    fn seed(&mut self, _: &[u8]) {}
}

impl Zeroize for Generator {
    fn zeroize(&mut self) {
        self.0 = None;
    }
}

impl HpkeCrypto for Seeded {
    type HpkePrng = Generator;

    fn name() -> String {
        HpkeRustCrypto::name()
    }

    fn supports_kdf(alg: KdfAlgorithm) -> Result<(), HpkeError> {
        HpkeRustCrypto::supports_kdf(alg)
    }

    fn supports_kem(alg: KemAlgorithm) -> Result<(), HpkeError> {
        HpkeRustCrypto::supports_kem(alg)
    }

    fn supports_aead(alg: AeadAlgorithm) -> Result<(), HpkeError> {
        HpkeRustCrypto::supports_aead(alg)
    }

    fn prng() -> Generator {
        Generator(NEXT.take().map(Rng::from_seed))
    }

    fn kdf_extract(alg: KdfAlgorithm, salt: &[u8], ikm: &[u8]) -> Result<Vec<u8>, HpkeError> {
        HpkeRustCrypto::kdf_extract(alg, salt, ikm)
    }

    fn kdf_expand(alg: KdfAlgorithm, prk: &[u8], info: &[u8], output_size: usize) -> Result<Vec<u8>, HpkeError> {
        HpkeRustCrypto::kdf_expand(alg, prk, info, output_size)
    }

    fn dh(alg: KemAlgorithm, pk: &[u8], sk: &[u8]) -> Result<Vec<u8>, HpkeError> {
        HpkeRustCrypto::dh(alg, pk, sk)
    }

    fn secret_to_public(alg: KemAlgorithm, sk: &[u8]) -> Result<Vec<u8>, HpkeError> {
        HpkeRustCrypto::secret_to_public(alg, sk)
    }

    fn kem_key_gen(alg: KemAlgorithm, prng: &mut Generator) -> Result<(Vec<u8>, Vec<u8>), HpkeError> {
        let secret: [u8; 32] = prng.0.as_mut().ok_or(HpkeError::InsufficientRandomness)?.bytes();
        Ok((HpkeRustCrypto::secret_to_public(alg, &secret)?, secret.to_vec()))
    }

    fn kem_key_gen_derand(alg: KemAlgorithm, seed: &[u8]) -> Result<(Vec<u8>, Vec<u8>), HpkeError> {
        HpkeRustCrypto::kem_key_gen_derand(alg, seed)
    }

    fn kem_encaps(_: KemAlgorithm, _: &[u8], _: &mut Generator) -> Result<(Vec<u8>, Vec<u8>), HpkeError> {
        Err(HpkeError::UnsupportedKemOperation)
    }

    fn kem_decaps(alg: KemAlgorithm, ct: &[u8], sk_r: &[u8]) -> Result<Vec<u8>, HpkeError> {
        HpkeRustCrypto::kem_decaps(alg, ct, sk_r)
    }

    fn dh_validate_sk(alg: KemAlgorithm, sk: &[u8]) -> Result<Vec<u8>, HpkeError> {
        HpkeRustCrypto::dh_validate_sk(alg, sk)
    }

    fn aead_seal(alg: AeadAlgorithm, key: &[u8], nonce: &[u8], aad: &[u8], msg: &[u8]) -> Result<Vec<u8>, HpkeError> {
        HpkeRustCrypto::aead_seal(alg, key, nonce, aad, msg)
    }

    fn aead_open(alg: AeadAlgorithm, key: &[u8], nonce: &[u8], aad: &[u8], msg: &[u8]) -> Result<Vec<u8>, HpkeError> {
        HpkeRustCrypto::aead_open(alg, key, nonce, aad, msg)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that fails says where.
mod tests {
    use super::*;

    const SUITE: HpkeConfig = HpkeConfig(
        openmls_traits::types::HpkeKemType::DhKem25519,
        openmls_traits::types::HpkeKdfType::HkdfSha256,
        openmls_traits::types::HpkeAeadType::ChaCha20Poly1305,
    );

    fn seal(primitives: &Primitives, text: &[u8]) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        let bob = primitives.derive_hpke_keypair(SUITE, &[9; 32]).unwrap();
        let sealed = primitives.hpke_seal(SUITE, &bob.public, b"info", b"aad", text)?;
        assert_eq!(primitives.hpke_open(SUITE, &sealed, &bob.private, b"info", b"aad").unwrap(), text);
        Ok((sealed.kem_output.as_slice().to_vec(), sealed.ciphertext.as_slice().to_vec()))
    }

    #[test]
    fn chance_comes_from_the_seed_alone_and_from_none_there_is_none() {
        let primitives = Primitives::default();
        assert_eq!(seal(&primitives, b"text"), Err(CryptoError::InsufficientRandomness), "no operation was begun");
        assert!(Seeded::kem_key_gen(KemAlgorithm::DhKem25519, &mut Seeded::prng()).is_err(), "no seed was laid down");
        primitives.seed([1; 32]);
        let first = seal(&primitives, b"text").unwrap();
        assert!(seal(&primitives, b"text").unwrap() == first && seal(&primitives, b"other").unwrap().0 != first.0);
        assert!(Seeded::kem_key_gen(KemAlgorithm::DhKem25519, &mut Seeded::prng()).is_err(), "each seed is taken once");
        primitives.seed([2; 32]);
        assert_ne!(seal(&primitives, b"text").unwrap().0, first.0);
        // What a broken-off call left behind serves nobody else.
        NEXT.set(Some([7; 32]));
        primitives.seed([1; 32]);
        assert_eq!(seal(&primitives, b"text").unwrap(), first);
        let bob = primitives.derive_hpke_keypair(SUITE, &[9; 32]).unwrap();
        let export = || primitives.hpke_setup_sender_and_export(SUITE, &bob.public, b"info", b"context", 32).unwrap();
        assert_eq!(export().0.as_slice(), export().0.as_slice());
    }
}
