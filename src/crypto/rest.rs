//! Keys at rest. One root key seals every row and key file; it lies in a file that only the person can read, or is itself
//! sealed under a passphrase (Argon2id, RFC 9106).

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use zeroize::Zeroizing;

use super::aead::{self, TAG_BYTES};
use super::label::{Label, derive};
use super::seal::SealError;
use crate::types::Table;
use crate::types::limits::{PASSPHRASE_MEMORY_KIB, PASSPHRASE_MEMORY_KIB_MAX, PASSPHRASE_PASSES, PASSPHRASE_PASSES_MAX};

/// A key that seals rows. XChaCha20-Poly1305, because its 24-byte nonce may be chosen at random for any number of rows.
#[derive(Clone)]
pub struct RowKey(Zeroizing<[u8; 32]>);

impl RowKey {
    /// From its bytes.
    pub fn new(secret: Zeroizing<[u8; 32]>) -> Self {
        Self(secret)
    }

    /// Its bytes, to be sealed under another key.
    pub fn secret(&self) -> &[u8; 32] {
        &self.0
    }

    /// `nonce (24) | ciphertext | tag (16)`, bound to table and key. The nonce is fresh from `random`.
    pub fn seal(&self, table: Table, key: &[u8], value: &[u8], random: [u8; 24]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(random.len() + value.len() + TAG_BYTES);
        sealed.extend_from_slice(&random);
        sealed.extend_from_slice(value);
        let text = &mut sealed[random.len()..];
        // The cipher refuses only what is longer than 256 GiB (RFC 8439 section 2.8): more than any memory here holds.
        match self.cipher().encrypt_inout_detached(&random.into(), &bound(table, key), text.into()) {
            Ok(tag) => sealed.extend_from_slice(&tag),
            Err(_) => sealed.clear(),
        }
        sealed
    }

    /// The value.
    pub fn open(&self, table: Table, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, sealed) = sealed.split_first_chunk::<24>().ok_or(SealError)?;
        let (text, tag) = sealed.split_last_chunk::<TAG_BYTES>().ok_or(SealError)?;
        let mut value = text.to_vec();
        let bound = bound(table, key);
        self.cipher().decrypt_inout_detached(nonce.into(), &bound, value[..].as_mut().into(), tag.into()).map_err(|_| SealError)?;
        Ok(value)
    }

    /// Making a cipher copies the key and nothing more, and the copy is wiped.
    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

impl std::fmt::Debug for RowKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RowKey(..)")
    }
}

/// One key for each table, derived from the root key.
pub struct RowKeys {
    keys: Vec<RowKey>,
}

impl RowKeys {
    /// From the root key.
    pub fn new(root: &[u8; 32]) -> Self {
        let key = |table: Table| RowKey::new(Zeroizing::new(derive(Label::RowKey, &[root, &[table as u8]])));
        Self { keys: Table::ALL.into_iter().map(key).collect() }
    }

    /// The key of a table.
    pub fn of(&self, table: Table) -> &RowKey {
        // Numbers of tables start at 1 and have no gaps.
        &self.keys[table as usize - 1]
    }
}

impl std::fmt::Debug for RowKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RowKeys(..)")
    }
}

fn bound(table: Table, key: &[u8]) -> Vec<u8> {
    [&[table as u8], key].concat()
}

/// The layout of a wrapped key.
const VERSION: u8 = 1;

/// `version (1) | memory in KiB (4) | passes (4) | salt (16) | nonce (12)`, numbers big endian.
const HEAD_BYTES: usize = 1 + 4 + 4 + 16 + 12;

/// Seals 32 secret bytes under a passphrase: `version (1) | memory in KiB (4) | passes (4) | salt (16) | nonce (12) |
/// ciphertext (48)`. Takes the memory and time of the limits `PASSPHRASE_…`.
///
/// # Panics
/// When the machine does not give that memory: there is nothing else to seal the secret with.
pub fn wrap(secret: &[u8; 32], passphrase: &str, salt: [u8; 16], nonce: [u8; 12]) -> Vec<u8> {
    let mut head = vec![VERSION];
    head.extend_from_slice(&PASSPHRASE_MEMORY_KIB.to_be_bytes());
    head.extend_from_slice(&PASSPHRASE_PASSES.to_be_bytes());
    head.extend_from_slice(&salt);
    head.extend_from_slice(&nonce);
    let key = stretch(passphrase, &salt, PASSPHRASE_MEMORY_KIB, PASSPHRASE_PASSES).expect("memory to stretch a passphrase in");
    let text = aead::seal(&key, &nonce, &head, secret);
    [head, text].concat()
}

/// Opens such bytes; a wrong passphrase and damaged bytes cannot be told apart. Bytes that ask for more memory or passes than the
/// limits `PASSPHRASE_…_MAX` are refused before any work is done.
pub fn unwrap(wrapped: &[u8], passphrase: &str) -> Result<Zeroizing<[u8; 32]>, SealError> {
    let (head, text) = wrapped.split_first_chunk::<HEAD_BYTES>().ok_or(SealError)?;
    let [version, m0, m1, m2, m3, p0, p1, p2, p3, rest @ ..] = head;
    let (memory, passes) = (u32::from_be_bytes([*m0, *m1, *m2, *m3]), u32::from_be_bytes([*p0, *p1, *p2, *p3]));
    if *version != VERSION || memory > PASSPHRASE_MEMORY_KIB_MAX || passes > PASSPHRASE_PASSES_MAX {
        return Err(SealError);
    }
    let (salt, nonce) = rest.split_first_chunk::<16>().ok_or(SealError)?;
    let nonce: &[u8; 12] = nonce.try_into().map_err(|_| SealError)?;
    let key = stretch(passphrase, salt, memory, passes).ok_or(SealError)?;
    secret(aead::open(&key, nonce, head, text)?)
}

/// Seals 32 secret bytes under the root key, bound to the name of their file: `nonce (12) | ciphertext (48)`.
pub fn seal_file_key(root: &[u8; 32], name: &str, secret: &[u8; 32], nonce: [u8; 12]) -> Vec<u8> {
    let text = aead::seal(&file_key(root, name), &nonce, name.as_bytes(), secret);
    [&nonce[..], &text].concat()
}

/// Opens such bytes. What was sealed for another name does not open.
pub fn open_file_key(root: &[u8; 32], name: &str, sealed: &[u8]) -> Result<Zeroizing<[u8; 32]>, SealError> {
    let (nonce, text) = sealed.split_first_chunk::<12>().ok_or(SealError)?;
    secret(aead::open(&file_key(root, name), nonce, name.as_bytes(), text)?)
}

/// Argon2id version 1.3 with one lane; `None` for parameters out of its bounds, or when there is not that much memory.
fn stretch(passphrase: &str, salt: &[u8; 16], memory_kib: u32, passes: u32) -> Option<Zeroizing<[u8; 32]>> {
    let params = Params::new(memory_kib, passes, 1, Some(32)).ok()?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(passphrase.as_bytes(), salt, &mut key[..]).ok()?;
    Some(key)
}

fn file_key(root: &[u8; 32], name: &str) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(derive(Label::FileKey, &[root, name.as_bytes()]))
}

fn secret(plain: Vec<u8>) -> Result<Zeroizing<[u8; 32]>, SealError> {
    let plain = Zeroizing::new(plain);
    plain.as_slice().try_into().map(Zeroizing::new).map_err(|_| SealError)
}
