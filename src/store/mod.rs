//! Floor 4: rows on disk or in memory. Only [`sled`] names sled.

pub mod reader;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::crypto::keys::Keys;
use crate::types::{Batch, Row, Scan, Table, View};

/// A person's data directory, held by this process alone while this value lives.
pub struct DataDir {
    path: PathBuf,
}

/// The secrets of a data directory.
pub struct Vault {
    /// Keys of account, device and transport.
    pub keys: Keys,
    /// The root of all keys at rest.
    pub root: zeroize::Zeroizing<[u8; 32]>,
    /// Whether they were made just now.
    pub is_new: bool,
}

/// What is wrong with the store or the directory. The sentence is for the person.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it.
    #[error("{path} is in use by the tidings node with process id {pid}: stop that one first, or use another --data directory")]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process.
        pid: u32,
    },
}

impl DataDir {
    /// Makes the directory if it is not there, and locks it.
    pub fn open(_path: &Path) -> Result<Self, StoreError> {
        todo!()
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Vault {
    /// The keys of a directory; a new directory gets new ones, or those of a recovery phrase.
    pub fn open(_dir: &DataDir, _passphrase: Option<&str>, _entropy: Option<[u8; 32]>) -> Result<Self, StoreError> {
        todo!()
    }

    /// Seals the root key under a passphrase, or lays it open again (`None`).
    pub fn set_passphrase(&self, _dir: &DataDir, _passphrase: Option<&str>) -> Result<(), StoreError> {
        todo!()
    }
}

/// The rows of a data directory. Cheap to clone; every clone sees the same rows.
#[derive(Clone)]
pub struct Store {
    _inner: Arc<()>,
}

/// What happened when a store was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct OpenReport {
    /// Where a damaged database was moved, if it was.
    pub moved_aside: Option<PathBuf>,
    /// Rows restored from the last own snapshot after that.
    pub restored_rows: u64,
    /// Migrations that ran.
    pub migrated: Vec<String>,
}

impl Store {
    /// Opens (or makes) the rows of a directory. A damaged database is moved aside and rebuilt from the last snapshot.
    pub fn open(_dir: &DataDir, _root: &[u8; 32]) -> Result<(Self, OpenReport), StoreError> {
        todo!()
    }

    /// Rows in memory only, for tests and simulations.
    pub fn memory() -> Self {
        todo!()
    }

    /// Applies a batch, whole or not at all; visible at once to every clone, durable after the next [`flush`](Self::flush).
    pub fn apply(&self, _batch: &Batch) -> Result<(), StoreError> {
        todo!()
    }

    /// Makes everything applied so far durable. Blocking; may be called from another thread while batches are applied.
    pub fn flush(&self) -> Result<(), StoreError> {
        todo!()
    }

    /// Whether the disk is under the floor of free space: new work is refused then.
    pub fn is_disk_full(&self) -> bool {
        todo!()
    }

    /// The first read error, after which nothing read can be trusted and the node must stop.
    pub fn failure(&self) -> Option<StoreError> {
        todo!()
    }
}

impl View for Store {
    fn get(&self, _table: Table, _key: &[u8]) -> Option<Vec<u8>> {
        todo!()
    }

    fn scan(&self, _scan: &Scan) -> Vec<Row> {
        todo!()
    }
}
