//! The key files: `keys/root` (raw, or under a passphrase), and `keys/account`, `keys/device`, `keys/transport`, sealed under
//! the root key.
//!
//! They are written in this order, each whole or not at all, and nothing is used before the last one is durable. So a
//! directory with only the first few of them is one whose first start was cut short, and is completed; any other gap is a
//! loss that is told.
//!
//! A file is `magic (12) | version (1) | form (1) | body | checksum (8)`, so that a damaged file is not mistaken for a wrong
//! passphrase.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{DataDir, StoreError, file};
use crate::crypto::keys::Keys;
use crate::crypto::rest;
use crate::types::Rng;

/// The secrets of a data directory.
pub struct Vault {
    /// Keys of account, device and transport.
    pub keys: Keys,
    /// The root of all keys at rest.
    pub root: Zeroizing<[u8; 32]>,
    /// Whether they were made just now.
    pub is_new: bool,
    /// Whether a passphrase protects them.
    pub is_protected: bool,
}

/// The four secrets, in the order in which they are written.
pub(super) struct Secrets {
    /// Root of all keys at rest.
    pub(super) root: Zeroizing<[u8; 32]>,
    /// Entropy of the recovery phrase.
    pub(super) entropy: Zeroizing<[u8; 32]>,
    /// Seed of the device key.
    pub(super) device: Zeroizing<[u8; 32]>,
    /// Seed of the transport key.
    pub(super) transport: Zeroizing<[u8; 32]>,
}

impl Vault {
    /// The keys of a directory; a new directory gets new ones, or those of a recovery phrase.
    pub fn open(dir: &DataDir, passphrase: Option<&str>, entropy: Option<[u8; 32]>) -> Result<Self, StoreError> {
        let home = dir.path();
        let present = NAMES.map(|name| key_path(home, name).exists());
        let count = present.iter().filter(|is_there| **is_there).count();
        let is_start = present[..count].iter().all(|is_there| *is_there);
        let was_used = home.join("db").exists() || home.join("generation").exists();
        if count < NAMES.len() && (was_used || !is_start) {
            let missing = NAMES.iter().zip(present).find(|(_, is_there)| !is_there).map_or(NAMES[0], |(name, _)| name);
            return Err(StoreError::KeyMissing { path: key_path(home, missing) });
        }
        if count < NAMES.len() {
            return Self::complete(home, count, passphrase, entropy);
        }
        let (root, is_protected) = read_root(home, passphrase)?;
        let read = |name| read_sealed(home, name, &root);
        let secrets = Secrets { entropy: read(ACCOUNT)?, device: read(DEVICE)?, transport: read(TRANSPORT)?, root };
        if entropy.is_some_and(|wanted| wanted != *secrets.entropy) {
            return Err(StoreError::AccountExists { path: home.to_path_buf() });
        }
        Ok(Self::of(secrets, false, is_protected))
    }

    /// Whether the keys of a data directory lie under a passphrase.
    pub fn is_protected(home: &Path) -> Result<bool, StoreError> {
        read_key(&key_path(home, ROOT)).map(|(form, _)| form == PROTECTED)
    }

    /// Seals the root key under a passphrase, or lays it open again (`None`). Bytes of the former file may stay on the disk
    /// until it reuses them.
    pub fn set_passphrase(&self, dir: &DataDir, passphrase: Option<&str>) -> Result<(), StoreError> {
        write_root(dir.path(), &self.root, passphrase, &mut fresh_random()?)
    }

    /// A new device of the same account takes over this directory, because its rows went back in time: the ratchets and
    /// numbers in them may have been used further on already.
    pub fn renew_device(&mut self, dir: &DataDir) -> Result<(), StoreError> {
        let mut random = fresh_random()?;
        let secrets = Secrets {
            root: self.root.clone(),
            entropy: Zeroizing::new(*self.keys.entropy()),
            device: Zeroizing::new(random.bytes()),
            transport: self.keys.transport.seed(),
        };
        write_others(dir.path(), &secrets, &mut random)?;
        self.keys = Keys::new(&secrets.entropy, &secrets.device, &secrets.transport);
        Ok(())
    }

    /// Makes the key files of a directory that has none.
    pub(super) fn create(dir: &DataDir, secrets: Secrets, passphrase: Option<&str>) -> Result<Self, StoreError> {
        let mut random = fresh_random()?;
        write_root(dir.path(), &secrets.root, passphrase, &mut random)?;
        write_others(dir.path(), &secrets, &mut random)?;
        Ok(Self::of(secrets, true, passphrase.is_some()))
    }

    /// Nothing of the first `count` files was ever used: the root is kept, for its passphrase; the others are made anew.
    fn complete(home: &Path, count: usize, passphrase: Option<&str>, entropy: Option<[u8; 32]>) -> Result<Self, StoreError> {
        let mut random = fresh_random()?;
        let (root, is_protected) = if count == 0 {
            let root = Zeroizing::new(random.bytes());
            write_root(home, &root, passphrase, &mut random)?;
            (root, passphrase.is_some())
        } else {
            read_root(home, passphrase)?
        };
        let entropy = entropy.unwrap_or_else(|| random.bytes());
        let secrets = Secrets {
            root,
            entropy: Zeroizing::new(entropy),
            device: Zeroizing::new(random.bytes()),
            transport: Zeroizing::new(random.bytes()),
        };
        write_others(home, &secrets, &mut random)?;
        Ok(Self::of(secrets, true, is_protected))
    }

    fn of(secrets: Secrets, is_new: bool, is_protected: bool) -> Self {
        let keys = Keys::new(&secrets.entropy, &secrets.device, &secrets.transport);
        Self { keys, root: secrets.root, is_new, is_protected }
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(..)")
    }
}

/// Randomness from the operating system, stretched.
pub(super) fn fresh_random() -> Result<Rng, StoreError> {
    Ok(Rng::from_seed(*fresh_seed()?))
}

/// 32 bytes from the operating system.
pub(super) fn fresh_seed() -> Result<Zeroizing<[u8; 32]>, StoreError> {
    let mut seed = Zeroizing::new([0; 32]);
    let filled = getrandom::fill(&mut seed[..]);
    filled.map_err(|error| StoreError::io("take randomness from", Path::new("the system"), std::io::Error::other(error)))?;
    Ok(seed)
}

fn write_root(home: &Path, root: &[u8; 32], passphrase: Option<&str>, random: &mut Rng) -> Result<(), StoreError> {
    file::make_dir(&home.join("keys"))?;
    match passphrase {
        Some(passphrase) => write_key(home, ROOT, PROTECTED, &rest::wrap(root, passphrase, random.bytes(), random.bytes())),
        None => write_key(home, ROOT, RAW, root),
    }
}

fn write_others(home: &Path, secrets: &Secrets, random: &mut Rng) -> Result<(), StoreError> {
    for (name, secret) in [(ACCOUNT, &secrets.entropy), (DEVICE, &secrets.device), (TRANSPORT, &secrets.transport)] {
        write_key(home, name, SEALED, &rest::seal_file_key(&secrets.root, name, secret, random.bytes()))?;
    }
    Ok(())
}

fn read_root(home: &Path, passphrase: Option<&str>) -> Result<(Zeroizing<[u8; 32]>, bool), StoreError> {
    let path = key_path(home, ROOT);
    let (form, body) = read_key(&path)?;
    match (form, passphrase) {
        (RAW, _) => Ok((secret(&path, &body)?, false)),
        (PROTECTED, None) => Err(StoreError::PassphraseMissing { path: home.to_path_buf() }),
        (PROTECTED, Some(passphrase)) => {
            let root = rest::unwrap(&body, passphrase).map_err(|_| StoreError::PassphraseWrong { path: home.to_path_buf() })?;
            Ok((root, true))
        }
        _ => Err(StoreError::KeyDamaged { path }),
    }
}

fn read_sealed(home: &Path, name: &str, root: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, StoreError> {
    let path = key_path(home, name);
    let damaged = || StoreError::KeyDamaged { path: path.clone() };
    let (form, body) = read_key(&path)?;
    if form != SEALED {
        return Err(damaged());
    }
    rest::open_file_key(root, name, &body).map_err(|_| damaged())
}

fn secret(path: &Path, bytes: &[u8]) -> Result<Zeroizing<[u8; 32]>, StoreError> {
    bytes.try_into().map(Zeroizing::new).map_err(|_| StoreError::KeyDamaged { path: path.to_path_buf() })
}

fn write_key(home: &Path, name: &str, form: u8, body: &[u8]) -> Result<(), StoreError> {
    let mut bytes = Zeroizing::new([MAGIC, &[VERSION, form], body].concat());
    let sum = blake3::hash(&bytes);
    bytes.extend_from_slice(&sum.as_bytes()[..SUM_BYTES]);
    file::replace(&key_path(home, name), &bytes)
}

fn read_key(path: &Path) -> Result<(u8, Zeroizing<Vec<u8>>), StoreError> {
    let bytes = Zeroizing::new(file::read(path)?.ok_or_else(|| StoreError::KeyMissing { path: path.to_path_buf() })?);
    let parse = || {
        let (content, sum) = bytes.split_at_checked(bytes.len().checked_sub(SUM_BYTES)?)?;
        let rest = content.strip_prefix(MAGIC).filter(|_| blake3::hash(content).as_bytes()[..SUM_BYTES] == *sum)?;
        match rest {
            [VERSION, form, body @ ..] => Some((*form, Zeroizing::new(body.to_vec()))),
            _ => None,
        }
    };
    parse().ok_or_else(|| StoreError::KeyDamaged { path: path.to_path_buf() })
}

fn key_path(home: &Path, name: &str) -> PathBuf {
    home.join("keys").join(name)
}

const ROOT: &str = "root";
const ACCOUNT: &str = "account";
const DEVICE: &str = "device";
const TRANSPORT: &str = "transport";
/// In the order in which they are written.
const NAMES: [&str; 4] = [ROOT, ACCOUNT, DEVICE, TRANSPORT];
const MAGIC: &[u8] = b"tidings key\n";
const VERSION: u8 = 1;
const RAW: u8 = 1;
const PROTECTED: u8 = 2;
const SEALED: u8 = 3;
const SUM_BYTES: usize = 8;
