//! Keys at rest. One root key seals every row and key file; it lies in a file that only the person can read, or is itself
//! sealed under a passphrase (Argon2id, RFC 9106).

use zeroize::Zeroizing;

use super::seal::SealError;
use crate::types::Table;

/// Seals rows: one key for each table, derived from the root key.
pub struct RowKeys {
    _keys: Vec<Zeroizing<[u8; 32]>>,
}

impl RowKeys {
    /// From the root key.
    pub fn new(_root: &[u8; 32]) -> Self {
        todo!()
    }

    /// `nonce (12) | ciphertext`, bound to table and key. The nonce is fresh from `random`.
    pub fn seal(&self, _table: Table, _key: &[u8], _value: &[u8], _random: [u8; 12]) -> Vec<u8> {
        todo!()
    }

    /// The value.
    pub fn open(&self, _table: Table, _key: &[u8], _sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        todo!()
    }
}

/// Seals 32 secret bytes for a key file: `version | salt | cost | nonce | ciphertext`.
pub fn wrap(_secret: &[u8; 32], _passphrase: &str, _salt: [u8; 16], _nonce: [u8; 12]) -> Vec<u8> {
    todo!()
}

/// Opens such a file; a wrong passphrase and a damaged file cannot be told apart.
pub fn unwrap(_wrapped: &[u8], _passphrase: &str) -> Result<Zeroizing<[u8; 32]>, SealError> {
    todo!()
}
