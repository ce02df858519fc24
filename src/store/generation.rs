//! How far the database was known to be. sled drops what it cannot read at the end of its log without a word; a number that
//! is kept in the database and, once durable there, in a file beside it, shows a database that went back.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::{StoreError, file};

/// Name of the number in the database.
pub(super) const NAME: &str = "generation";

const FILE: &str = "generation";

/// The file beside the database.
pub(super) struct Generation {
    path: PathBuf,
    file: File,
    number: u64,
}

impl Generation {
    /// The number in the file, if a database was ever here.
    pub(super) fn read(home: &Path) -> Result<Option<u64>, StoreError> {
        Ok(file::read(&home.join(FILE))?.and_then(|bytes| parse(&bytes)))
    }

    /// Opens the file of a database that is at `number`.
    pub(super) fn open(home: &Path, number: u64) -> Result<Self, StoreError> {
        let path = home.join(FILE);
        let is_new = !path.exists();
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|source| StoreError::io("write", &path, source))?;
        if is_new {
            file::sync_dir(home)?;
        }
        let mut generation = Self { path, file, number };
        generation.write()?;
        Ok(generation)
    }

    /// The number.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The next number is durable in the database: write it here too.
    pub(super) fn advance(&mut self) -> Result<(), StoreError> {
        self.number += 1;
        self.write()
    }

    fn write(&mut self) -> Result<(), StoreError> {
        let number = self.number.to_be_bytes();
        let bytes = [number, checksum(&number)].concat();
        let written = self.file.write_all_at(&bytes, 0).and_then(|()| self.file.sync_data());
        written.map_err(|source| StoreError::io("write", &self.path, source))
    }
}

fn parse(bytes: &[u8]) -> Option<u64> {
    let (number, sum) = bytes.split_first_chunk::<8>()?;
    (sum == checksum(number)).then(|| u64::from_be_bytes(*number))
}

fn checksum(number: &[u8; 8]) -> [u8; 8] {
    let mut sum = [0; 8];
    sum.copy_from_slice(&blake3::hash(number).as_bytes()[..8]);
    sum
}
