//! Keys at rest. One root key seals every row and key file; it lies in a file that only the person can read, or is itself
//! sealed under a passphrase (Argon2id, RFC 9106).

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::aead;
use super::label::{Label, derive};
use super::seal::SealError;
use crate::types::Table;
use crate::types::limits::{PASSPHRASE_MEMORY_KIB, PASSPHRASE_MEMORY_KIB_MAX, PASSPHRASE_PASSES, PASSPHRASE_PASSES_MAX};

/// Seals rows: one key for each table, derived from the root key. XChaCha20-Poly1305, because its 24-byte nonce may be
/// chosen at random for any number of rows.
pub struct RowKeys {
    ciphers: Vec<XChaCha20Poly1305>,
}

impl RowKeys {
    /// From the root key.
    pub fn new(root: &[u8; 32]) -> Self {
        let cipher = |table: Table| {
            let key = Zeroizing::new(derive(Label::RowKey, &[root, &[table as u8]]));
            XChaCha20Poly1305::new((&*key).into())
        };
        Self { ciphers: Table::ALL.into_iter().map(cipher).collect() }
    }

    /// `nonce (24) | ciphertext`, bound to table and key. The nonce is fresh from `random`.
    pub fn seal(&self, table: Table, key: &[u8], value: &[u8], random: [u8; 24]) -> Vec<u8> {
        let payload = Payload { msg: value, aad: &bound(table, key) };
        // The library fails for texts beyond 256 GiB only.
        let text = self.cipher(table).encrypt(&XNonce::from(random), payload).unwrap_or_default();
        [&random[..], &text].concat()
    }

    /// The value.
    pub fn open(&self, table: Table, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, text) = sealed.split_first_chunk::<24>().ok_or(SealError)?;
        let payload = Payload { msg: text, aad: &bound(table, key) };
        self.cipher(table).decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError)
    }

    fn cipher(&self, table: Table) -> &XChaCha20Poly1305 {
        // Numbers of tables start at 1 and have no gaps.
        &self.ciphers[table as usize - 1]
    }
}

impl std::fmt::Debug for RowKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RowKeys(..)")
    }
}

fn bound(table: Table, key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(key.len() + 1);
    bytes.push(table as u8);
    bytes.extend_from_slice(key);
    bytes
}

/// The layout of a wrapped key.
const VERSION: u8 = 1;
/// `version (1) | memory in KiB (4) | passes (4) | salt (16) | nonce (12)`.
const HEAD: usize = 1 + 4 + 4 + 16 + 12;

/// Seals 32 secret bytes under a passphrase: `version | memory | passes | salt | nonce | ciphertext`.
pub fn wrap(secret: &[u8; 32], passphrase: &str, salt: [u8; 16], nonce: [u8; 12]) -> Vec<u8> {
    let mut head = vec![VERSION];
    head.extend_from_slice(&PASSPHRASE_MEMORY_KIB.to_be_bytes());
    head.extend_from_slice(&PASSPHRASE_PASSES.to_be_bytes());
    head.extend_from_slice(&salt);
    head.extend_from_slice(&nonce);
    // The parameters are constants within the algorithm's bounds.
    let key = stretch(passphrase, &salt, PASSPHRASE_MEMORY_KIB, PASSPHRASE_PASSES).unwrap_or_default();
    let text = aead::seal(&key, &nonce, &head, secret);
    [head, text].concat()
}

/// Opens such bytes; a wrong passphrase and damaged bytes cannot be told apart. What the bytes ask for in memory and time is bounded.
pub fn unwrap(wrapped: &[u8], passphrase: &str) -> Result<Zeroizing<[u8; 32]>, SealError> {
    let (head, text) = wrapped.split_first_chunk::<HEAD>().ok_or(SealError)?;
    let [version, m0, m1, m2, m3, p0, p1, p2, p3, rest @ ..] = head;
    let (memory, passes) = (u32::from_be_bytes([*m0, *m1, *m2, *m3]), u32::from_be_bytes([*p0, *p1, *p2, *p3]));
    if *version != VERSION || memory > PASSPHRASE_MEMORY_KIB_MAX || passes > PASSPHRASE_PASSES_MAX {
        return Err(SealError);
    }
    let (salt, nonce) = rest.split_first_chunk::<16>().ok_or(SealError)?;
    let nonce: &[u8; 12] = nonce.try_into().map_err(|_| SealError)?;
    let key = stretch(passphrase, salt, memory, passes).ok_or(SealError)?;
    let secret = Zeroizing::new(aead::open(&key, nonce, head, text)?);
    secret.as_slice().try_into().map(Zeroizing::new).map_err(|_| SealError)
}

fn stretch(passphrase: &str, salt: &[u8; 16], memory_kib: u32, passes: u32) -> Option<Zeroizing<[u8; 32]>> {
    let params = Params::new(memory_kib, passes, 1, Some(32)).ok()?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(passphrase.as_bytes(), salt, &mut key[..]).ok()?;
    Some(key)
}
